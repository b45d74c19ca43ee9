package keys

import (
	"fmt"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// The entries of documents with arrays, as mongod's BtreeKeyGenerator makes them. All fields of an index that meet an
// array must meet the same one. It is expanded: for each of its elements the fields go on from there, and may meet the next
// array inside it.

// fieldState is how far one field of the index has come.
type fieldState struct {
	value  document.Value // found, if done; missing stands for null
	rest   string         // the path from here
	done   bool
	array  bool       // the path meets the array that is to be expanded
	nested bool       // that array is an element of the one before, named by its position: it is a value itself
	at     positional // where a number in the path names an element of the array expanded last
}

// positional is what a path whose next part is the position of an array's element leads to.
type positional struct {
	named bool // there is such an element
	array document.Doc
	inner document.Value // the element is an array itself
	value document.Value // where the path leads from there: its end or an array
	rest  string
}

// expansion is one call of appendExpanded.
type expansion struct {
	ix  *Index
	dst *Entries
	rid uint64
}

func (ix *Index) appendExpanded(dst *Entries, doc document.Doc, rid uint64) error {
	x := expansion{ix: ix, dst: dst, rid: rid}
	dst.state = dst.state[:0]
	for _, f := range ix.Fields {
		dst.state = append(dst.state, fieldState{rest: f.Path})
	}
	return x.expand(dst.state, doc, 0)
}

// expand follows each field's path from d on to its end or to an array, and then makes the entry or expands the array.
// It overwrites fields.
func (x *expansion) expand(fields []fieldState, d document.Doc, missing int) error {
	var array document.Value
	var arrayField int
	for i := range fields {
		f := &fields[i]
		f.array, f.nested = false, false
		if f.done {
			continue
		}
		v, nested, err := f.next(d)
		if err != nil {
			return err
		}
		switch {
		case v.IsMissing():
			f.done, f.value = true, document.Null
			missing++
		case v.Type != document.TypeArray:
			f.done, f.value = true, v
		case array.IsMissing():
			array, arrayField, f.array = v, i, true
		case &v.Data[0] != &array.Data[0]:
			return &Error{Code: CodeCannotIndexParallelArrays, Message: fmt.Sprintf("cannot index parallel arrays [%s] [%s]",
				x.met(i, f.rest), x.met(arrayField, fields[arrayField].rest))}
		default:
			f.array = true
		}
		f.nested = f.array && nested
	}
	if array.IsMissing() {
		x.add(fields, missing)
		return nil
	}
	return x.elements(fields, array, missing)
}

// met returns the name of the field at which the path of field i met an array.
func (x *expansion) met(i int, rest string) string {
	path := x.ix.Fields[i].Path
	path = strings.TrimSuffix(path[:len(path)-len(rest)], ".")
	return path[strings.LastIndexByte(path, '.')+1:]
}

// next follows the path of f from d on, or from the element that its next part named.
func (f *fieldState) next(d document.Doc) (v document.Value, nested bool, err error) {
	first, _, _ := strings.Cut(f.rest, ".")
	found := !d.Lookup(first).IsMissing()
	switch {
	case found && f.at.named:
		return v, false, &Error{Code: CodeAmbiguousField, Message: fmt.Sprintf("Ambiguous field name found in array (do not use numeric field "+
			"names in embedded elements in an array), field: '%s' for array: %s", first, f.at.array.Shell())}
	case found:
		v, f.rest = lookup(d, f.rest)
		return v, false, nil
	case f.at.named:
		f.rest = f.at.rest
		return f.at.value, f.at.inner.Type == document.TypeArray, nil
	}
	return document.Value{}, false, nil
}

// elements expands array. Fields whose path ends at it take the element, the others go on inside it.
func (x *expansion) elements(fields []fieldState, array document.Value, missing int) error {
	d := document.Doc(array.Data)
	whole := false // the array is a value itself
	for i := range fields {
		f := &fields[i]
		f.at = positional{}
		if !f.done && f.rest != "" {
			f.at = position(d, f.rest)
		}
		switch {
		case f.nested && f.rest == "":
			whole = true
		case f.nested && d.IsEmpty():
		case f.array && !f.at.named:
			x.dst.Multikey |= 1 << i
		}
	}
	if d.IsEmpty() {
		undefined := document.Value{Type: document.TypeUndefined}
		return x.element(fields, undefined, undefined, missing)
	}
	for it := d.Iter(); it.Next(); {
		value := it.Value()
		if whole {
			value = array
		}
		if err := x.element(fields, it.Value(), value, missing); err != nil {
			return err
		}
	}
	return nil
}

func (x *expansion) element(fields []fieldState, element, value document.Value, missing int) error {
	stack := len(x.dst.state)
	x.dst.state = append(x.dst.state, fields...)
	inner := x.dst.state[stack:]
	for i := range inner {
		if f := &inner[i]; f.array && f.rest == "" {
			f.done, f.value = true, value
		}
	}
	var d document.Doc
	if element.Type == document.TypeDocument {
		d = document.Doc(element.Data)
	}
	err := x.expand(inner, d, missing)
	x.dst.state = x.dst.state[:stack]
	return err
}

// position looks whether the first part of path is the position of an element of array.
func position(array document.Doc, path string) positional {
	first, _, _ := strings.Cut(path, ".")
	v := array.Lookup(first)
	if v.IsMissing() {
		return positional{}
	}
	p := positional{named: true, array: array, inner: v}
	p.value, p.rest = lookup(array, path)
	return p
}

func (x *expansion) add(fields []fieldState, missing int) {
	if x.ix.Sparse && missing == len(fields) {
		return
	}
	x.dst.buf = AppendIndexPrefix(x.dst.buf, x.ix.Number)
	for i := range fields {
		x.dst.buf = x.ix.AppendValue(x.dst.buf, i, fields[i].value)
		x.dst.notes = append(x.dst.notes, noteLost) // which element it was of which array
	}
	x.ix.endEntry(x.dst, x.rid)
}
