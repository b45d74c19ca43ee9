package plan

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
)

// describe returns the bounds in the words of mongod's explain: "[1, 1]", "(5, inf.0]"; in the order in which the values come.
func (a *access) describe(reverse bool) []FieldBounds {
	list := make([]FieldBounds, len(a.index.Key))
	for i, k := range a.index.Key {
		set := everything
		if i < len(a.fields) {
			set = a.fields[i].set
		}
		list[i].Path = k.Path
		down := k.Descending != reverse
		for _, v := range set {
			list[i].Intervals = append(list[i].Intervals, v.text(a.index.Collator != nil, down))
		}
		if down {
			slices.Reverse(list[i].Intervals)
		}
		if len(set) == 1 {
			list[i].setEnds(set[0], down)
		}
	}
	return list
}

// text returns the interval with its ends: [ and ] belong to it, ( and ) do not. collated: its strings are sort keys.
func (i interval) text(collated, down bool) string {
	lo, atLo := boundary(i.lo, collated)
	hi, atHi := boundary(i.hi, collated)
	if down {
		lo, hi, atLo, atHi = hi, lo, !atHi, !atLo
	}
	text := "(" + lo + ", "
	if atLo {
		text = "[" + lo + ", "
	}
	if atHi {
		return text + hi + ")"
	}
	return text + hi + "]"
}

// setEnds says the only interval's ends as values.
func (f *FieldBounds) setEnds(i interval, down bool) {
	lo, atLo := boundaryValue(i.lo)
	hi, atHi := boundaryValue(i.hi)
	f.Start, f.StartIn, f.End, f.EndIn = lo, atLo, hi, !atHi
	if down {
		f.Start, f.StartIn, f.End, f.EndIn = hi, !atHi, lo, atLo
	}
}

// typeBoundaries are the boundaries between kinds of values that mongod shows as values.
var typeBoundaries = func() map[string]string {
	names := map[string]string{}
	for _, t := range []struct {
		t      document.Type
		lo, hi string
	}{{document.TypeInt32, "nan.0", "inf.0"}, {document.TypeString, `""`, "{}"}, {document.TypeDocument, "{}", "[]"}, {document.TypeArray, "[]", "BinData(0, )"}} {
		lo, hi := keys.AppendTypeRange(nil, nil, t.t.Order())
		names[string(lo)], names[string(hi)] = t.lo, t.hi
	}
	return names
}()

// boundaryValue is [boundary] for a value.
func boundaryValue(b []byte) (v document.Value, before bool) {
	switch {
	case bytes.Equal(b, lowest):
		return document.Value{Type: document.TypeMinKey}, true
	case bytes.Equal(b, highest):
		return document.Value{Type: document.TypeMaxKey}, false
	}
	if v, rest, err := keys.DecodeValue(b); err == nil && len(rest) == 0 {
		return v, true
	}
	after := bytes.Clone(b)
	after[len(after)-1]--
	if v, rest, err := keys.DecodeValue(after); err == nil && len(rest) == 0 {
		return v, false
	}
	return document.Null, true
}

// boundary returns the value at a boundary, and whether the boundary is before it (or, else, after it).
func boundary(b []byte, collated bool) (text string, before bool) {
	show := document.Value.Shell
	if collated {
		show = shownKey
	}
	switch {
	case bytes.Equal(b, lowest):
		return "MinKey", true
	case bytes.Equal(b, highest):
		return "MaxKey", false
	}
	if v, rest, err := keys.DecodeValue(b); err == nil && len(rest) == 0 {
		return show(v), true
	}
	after := bytes.Clone(b)
	after[len(after)-1]--
	if v, rest, err := keys.DecodeValue(after); err == nil && len(rest) == 0 {
		return show(v), false
	}
	if text := typeBoundaries[string(b)]; text != "" {
		return text, text[0] != 'i'
	}
	for t := range 256 {
		if lo, _ := keys.AppendTypeRange(nil, nil, document.Type(t).Order()); bytes.Equal(lo, b) {
			return "first " + document.Type(t).String(), true
		}
	}
	return fmt.Sprintf("%x", b), true
}
