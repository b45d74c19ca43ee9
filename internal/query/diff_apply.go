package query

import (
	"fmt"
	"strconv"

	"github.com/mortondb/morton/internal/document"
)

// ApplyDiff applies what Diff returned to old. The error is for diffs that Diff does not return.
func ApplyDiff(old, diff document.Doc) (document.Doc, error) {
	if v, _ := diff.Lookup("$v").AsInt64(); v != 2 {
		return nil, fmt.Errorf("query: a diff of version %v, not 2", diff.Lookup("$v"))
	}
	out, err := applyDocDiff(make([]byte, 0, len(old)+len(diff)), old, diff.Lookup("diff").Doc())
	return document.Doc(out), err
}

// docDiff is the parsed diff of a document: what becomes of each field by name.
type docDiff struct {
	few  []fieldDiff          // while there are few
	many map[string]fieldDiff // nil then
	news document.Doc
}

type fieldDiff struct {
	name  string
	kind  changeKind
	value document.Value
}

const fewFields = 8

func parseDocDiff(diff document.Doc) (*docDiff, error) {
	d := &docDiff{}
	for it := diff.Iter(); it.Next(); {
		section, name := it.Value().Doc(), it.Key()
		switch {
		case section == nil:
			return nil, fmt.Errorf("query: section %q of a diff is not a document", name)
		case name == "d":
			d.addAll(section, fieldGone)
		case name == "u":
			d.addAll(section, fieldChanged)
		case name == "i":
			d.addAll(section, fieldMoved)
			d.news = section
		case len(name) > 0 && name[0] == 's':
			d.add(fieldDiff{name[1:], fieldInside, it.Value()})
		default:
			return nil, fmt.Errorf("query: unknown section %q of a diff", name)
		}
	}
	return d, nil
}

func (d *docDiff) addAll(section document.Doc, kind changeKind) {
	for it := section.Iter(); it.Next(); {
		d.add(fieldDiff{it.Key(), kind, it.Value()})
	}
}

func (d *docDiff) add(f fieldDiff) {
	if d.many == nil && len(d.few) < fewFields {
		d.few = append(d.few, f)
		return
	}
	if d.many == nil {
		d.many = map[string]fieldDiff{}
		for _, f := range d.few {
			d.many[f.name] = f
		}
	}
	d.many[f.name] = f
}

func (d *docDiff) find(name string) (fieldDiff, bool) {
	if d.many != nil {
		f, ok := d.many[name]
		return f, ok
	}
	for _, f := range d.few {
		if f.name == name {
			return f, true
		}
	}
	return fieldDiff{}, false
}

func applyDocDiff(dst []byte, old, diff document.Doc) ([]byte, error) {
	d, err := parseDocDiff(diff)
	if err != nil {
		return nil, err
	}
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for it := old.Iter(); it.Next(); {
		f, found := d.find(it.Key())
		switch {
		case !found:
			dst = appendElement(dst, it.Key(), it.Value())
		case f.kind == fieldChanged:
			dst = appendElement(dst, it.Key(), f.value)
		case f.kind == fieldInside:
			if dst, err = applyInside(dst, it.Key(), it.Value(), f.value.Doc()); err != nil {
				return nil, err
			}
		}
	}
	for it := d.news.Iter(); it.Next(); {
		dst = appendElement(dst, it.Key(), it.Value())
	}
	return endDoc(dst, at), nil
}

// applyInside appends the field called key with the diff of its document or array applied.
func applyInside(dst []byte, key string, old document.Value, diff document.Doc) ([]byte, error) {
	isArray := diff.First().Key == "a"
	switch {
	case isArray && old.Type == document.TypeArray:
		return applyArrayDiff(appendKey(dst, old.Type, key), old.Doc(), diff)
	case !isArray && old.Type == document.TypeDocument:
		return applyDocDiff(appendKey(dst, old.Type, key), old.Doc(), diff)
	}
	return nil, fmt.Errorf("query: the diff of %q does not fit a value of type %v", key, old.Type)
}

func applyArrayDiff(dst []byte, old, diff document.Doc) ([]byte, error) {
	it := diff.Iter()
	it.Next() // a: true
	more := it.Next()
	size := -1
	if more && it.Key() == "l" {
		n, exact := it.Value().AsInt64()
		if !exact || n < 0 {
			return nil, fmt.Errorf("query: the diff of an array gives it the length %v", it.Value())
		}
		size, more = int(min(n, document.MaxSize)), it.Next()
	}
	at, i := len(dst), 0
	dst = append(dst, 0, 0, 0, 0)
	o := old.Iter()
	for ; more; more = it.Next() {
		kind, index, err := parseArrayChange(it.Key(), i)
		if err != nil {
			return nil, err
		}
		for ; i < index; i++ {
			if o.Next() {
				dst = appendElement(dst, document.Index(i), o.Value())
			} else {
				dst = appendElement(dst, document.Index(i), document.Null)
			}
		}
		has := o.Next()
		switch {
		case kind == 'u':
			dst = appendElement(dst, document.Index(i), it.Value())
		case !has:
			return nil, fmt.Errorf("query: the diff of an array changes its element %d, which is not there", i)
		default:
			if dst, err = applyInside(dst, document.Index(i), o.Value(), it.Value().Doc()); err != nil {
				return nil, err
			}
		}
		i++
	}
	for ; (size < 0 || i < size) && o.Next(); i++ {
		dst = appendElement(dst, document.Index(i), o.Value())
	}
	return endDoc(dst, at), nil
}

// maxElements is more than an array in a document of the largest size has.
const maxElements = document.MaxSize / 4

// parseArrayChange takes u12 or s12 apart. Indexes ascend; from is the first that may come.
func parseArrayChange(name string, from int) (kind byte, index int, err error) {
	if len(name) < 2 || name[0] != 'u' && name[0] != 's' || !isIndex(name[1:]) {
		return 0, 0, fmt.Errorf("query: unknown section %q of the diff of an array", name)
	}
	index, err = strconv.Atoi(name[1:])
	if err != nil || index < from || index-from > maxBackfill || index > maxElements {
		return 0, 0, fmt.Errorf("query: index %q of the diff of an array is out of order or too large", name)
	}
	return name[0], index, nil
}
