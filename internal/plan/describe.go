package plan

import (
	"bytes"
	"fmt"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
)

// describe returns the bounds in the words of mongod's explain: "[1, 1]", "(5, Infinity]".
func (a *access) describe() []FieldBounds {
	list := make([]FieldBounds, len(a.index.Key))
	for i, k := range a.index.Key {
		set := everything
		if i < len(a.fields) {
			set = a.fields[i].set
		}
		list[i].Path = k.Path
		for _, v := range set {
			list[i].Intervals = append(list[i].Intervals, v.text(a.index.Collator != nil))
		}
	}
	return list
}

// text returns the interval with its ends: [ and ] belong to it, ( and ) do not. collated: its strings are sort keys.
func (i interval) text(collated bool) string {
	lo, atLo := boundary(i.lo, collated)
	hi, atHi := boundary(i.hi, collated)
	text := "(" + lo + ", "
	if atLo {
		text = "[" + lo + ", "
	}
	if atHi {
		return text + hi + ")"
	}
	return text + hi + "]"
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
	for t := range 256 {
		if lo, _ := keys.AppendTypeRange(nil, nil, document.Type(t).Order()); bytes.Equal(lo, b) {
			return "first " + document.Type(t).String(), true
		}
	}
	return fmt.Sprintf("%x", b), true
}
