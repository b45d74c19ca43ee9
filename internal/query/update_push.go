package query

import (
	"math"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// $push with $each, $position, $slice, $sort: elements into arrays.

type push struct {
	values   []document.Value
	position int64 // from the front; from the end if negative
	slice    int64 // keep this many of the first, of the last if negative
	sort     *pushSort
}

const (
	atEnd   = math.MaxInt64
	noSlice = math.MaxInt64
)

func (op *push) apply(a *applier, old document.Value) (document.Value, effect, error) {
	switch {
	case old.IsMissing():
		old = emptyArray
	case old.Type != document.TypeArray:
		return old, unchanged, badValue("The field '%s' must be an array but is of type %v in document {%s}", a.pathText(), old.Type, a.idText())
	case op.appends():
		return a.appended(old, op.values), stored, nil
	}
	list := arrayValues(old)
	list = slices.Insert(list, insertAt(op.position, len(list)), op.values...)
	if op.sort != nil {
		slices.SortStableFunc(list, func(x, y document.Value) int { return op.sort.compare(a.collator, x, y) })
	}
	return a.newArray(op.sliced(list)), stored, nil
}

// appends reports whether the operator only adds elements at the end.
func (op *push) appends() bool { return op.position == atEnd && op.slice == noSlice && op.sort == nil }

var emptyArray = document.Value{Type: document.TypeArray, Data: document.Empty}

func insertAt(position int64, size int) int {
	if position < 0 {
		return int(max(0, int64(size)+position))
	}
	return int(min(position, int64(size)))
}

func (op *push) sliced(list []document.Value) []document.Value {
	n := int64(len(list))
	if op.slice < 0 {
		return list[max(0, n+op.slice):]
	}
	return list[:min(n, op.slice)]
}

func arrayValues(array document.Value) []document.Value {
	var list []document.Value
	for it := array.Doc().Iter(); it.Next(); {
		list = append(list, it.Value())
	}
	return list
}

// appended returns array with values at its end.
func (a *applier) appended(array document.Value, values []document.Value) document.Value {
	n := array.Doc().Len()
	a.buf = append(a.buf[:0], array.Data[:len(array.Data)-1]...)
	for i, v := range values {
		a.buf = appendElement(a.buf, document.Index(n+i), v)
	}
	a.buf = endDoc(a.buf, 0)
	return document.Value{Type: document.TypeArray, Data: a.buf}
}

// newArray returns an array of values, which may alias everything but a.buf.
func (a *applier) newArray(values []document.Value) document.Value {
	return a.appended(emptyArray, values)
}

// pushSort is the $sort of a $push: by whole elements, or by paths in them.
type pushSort struct {
	descending bool
	fields     []SortField
}

func (s *pushSort) compare(c document.Collator, x, y document.Value) int {
	if len(s.fields) == 0 {
		return directed(document.CompareWith(c, x, y), s.descending)
	}
	for _, f := range s.fields {
		if order := document.CompareWith(c, f.of(x), f.of(y)); order != 0 {
			return directed(order, f.Descending)
		}
	}
	return 0
}

func directed(order int, descending bool) int {
	if descending {
		return -order
	}
	return order
}

// of returns what an element has at the field's path; null if it has nothing or is no document.
func (f *SortField) of(v document.Value) document.Value {
	if v.Type == document.TypeDocument {
		if v = v.Doc().LookupPath(f.Path); !v.IsMissing() {
			return v
		}
	}
	return document.Null
}

func parsePush(_ string, operand document.Value) (operator, error) {
	op := &push{position: atEnd, slice: noSlice}
	if operand.Type != document.TypeDocument || operand.Doc().Lookup("$each").IsMissing() {
		op.values = []document.Value{operand}
		return op, nil
	}
	for it := operand.Doc().Iter(); it.Next(); {
		if err := op.clause(it.Key(), it.Value()); err != nil {
			return nil, err
		}
	}
	return op, nil
}

func (op *push) clause(name string, v document.Value) (err error) {
	switch name {
	case "$each":
		if v.Type != document.TypeArray {
			return badValue("The argument to $each in $push must be an array but it was of type: %v", v.Type)
		}
		op.values = arrayValues(v)
	case "$slice":
		n, exact := v.AsInt64()
		if !exact {
			return badValue("The value for $slice must be an integer value but was given type: %v", v.Type)
		}
		op.slice = n
	case "$position":
		n, exact := v.AsInt64()
		if !exact {
			return badValue("The value for $position must be an integer value, not of type: %v", v.Type)
		}
		op.position = n
	case "$sort":
		op.sort, err = parsePushSort(v)
	default:
		return badValue("Unrecognized clause in $push: %s", name)
	}
	return err
}

func parsePushSort(v document.Value) (*pushSort, error) {
	switch {
	case v.IsNumber():
		n, exact := v.AsInt64()
		if !exact || n != 1 && n != -1 {
			return nil, badValue("The $sort element value must be either 1 or -1")
		}
		return &pushSort{descending: n < 0}, nil
	case v.Type != document.TypeDocument:
		return nil, badValue("The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to sort embedded fields")
	case v.Doc().IsEmpty():
		return nil, badValue("The sort pattern is empty when it should be a set of fields.")
	}
	s := &pushSort{}
	for it := v.Doc().Iter(); it.Next(); {
		path := it.Key()
		n, exact := it.Value().AsInt64()
		switch {
		case !exact || n != 1 && n != -1:
			return nil, badValue("The sort element value must be either 1 or -1")
		case path == "":
			return nil, badValue("The sort field cannot be empty")
		}
		for part := range strings.SplitSeq(path, ".") {
			if part == "" {
				return nil, badValue("The sort field is a dotted field but has an empty part: %s", path)
			}
		}
		s.fields = append(s.fields, SortField{Path: path, Descending: n < 0})
	}
	return s, nil
}
