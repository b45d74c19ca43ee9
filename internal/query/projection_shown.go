package query

import (
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
)

// ShownProjection returns a projection as mongod's explain shows that of a stage. An inclusion has _id first if it is in it and last if not, and in between fields, what
// is nested, and what is computed; an exclusion is in the order in which it was sent.
func ShownProjection(spec document.Doc) document.Doc {
	t := &shownTree{}
	t.add("", spec)
	id := t.find("_id")
	if !t.includes() {
		if id == nil {
			t.fields = append(t.fields, &shownField{name: "_id", value: document.Bool(true)})
		}
		return t.doc(shownSwitch)
	}
	if id == nil {
		t.fields = append(t.fields, &shownField{name: "_id", value: document.Bool(true)})
	}
	t.sort()
	return t.doc(shownSwitch)
}

// ShownFields returns the fields that $addFields computes, as mongod's explain shows them.
func ShownFields(spec document.Doc) document.Doc {
	t := &shownTree{}
	t.add("", spec)
	return t.doc(expr.Shown)
}

// shownTree is fields by the parts of their paths.
type shownTree struct{ fields []*shownField }

type shownField struct {
	name  string
	value document.Value
	sub   *shownTree
}

func (t *shownTree) add(prefix string, spec document.Doc) {
	for it := spec.Iter(); it.Next(); {
		v := it.Value()
		if inside := v.Doc(); v.Type == document.TypeDocument && !strings.HasPrefix(inside.First().Key, "$") && !inside.IsEmpty() {
			t.add(prefix+it.Key()+".", inside)
			continue
		}
		at := t
		parts := strings.Split(prefix+it.Key(), ".")
		for _, part := range parts[:len(parts)-1] {
			at = at.below(part)
		}
		at.fields = append(at.fields, &shownField{name: parts[len(parts)-1], value: v})
	}
}

func (t *shownTree) below(name string) *shownTree {
	for _, f := range t.fields {
		if f.name == name && f.sub != nil {
			return f.sub
		}
	}
	f := &shownField{name: name, sub: &shownTree{}}
	t.fields = append(t.fields, f)
	return f.sub
}

// find returns a field; nil if there is none.
func (t *shownTree) find(name string) *shownField {
	if i := slices.IndexFunc(t.fields, func(f *shownField) bool { return f.name == name }); i >= 0 {
		return t.fields[i]
	}
	return nil
}

// includes reports whether fields say that they are in, or how they are computed; _id alone may say so, too.
func (t *shownTree) includes() bool {
	return slices.ContainsFunc(t.fields, func(f *shownField) bool {
		switch {
		case f.sub != nil:
			return f.sub.includes()
		case f.name == "_id" && len(t.fields) > 1:
			return false
		}
		return !isSwitch(f.value) || f.value.Truthy()
	})
}

func (t *shownTree) sort() {
	slices.SortStableFunc(t.fields, func(a, b *shownField) int { return a.order() - b.order() })
	for _, f := range t.fields {
		if f.sub != nil {
			f.sub.sort()
		}
	}
}

// order is a field's place in an inclusion.
func (f *shownField) order() int {
	switch {
	case f.sub != nil:
		return 2
	case !isSwitch(f.value):
		return 3
	case f.name == "_id" && !f.value.Truthy():
		return 4
	case f.name == "_id":
		return 0
	}
	return 1
}

func isSwitch(v document.Value) bool { return v.IsNumber() || v.Type == document.TypeBool }

// shownSwitch shows what is in or out, or computed.
func shownSwitch(v document.Value) document.Value {
	if isSwitch(v) {
		return document.Bool(v.Truthy())
	}
	return expr.Shown(v)
}

func (t *shownTree) doc(shown func(document.Value) document.Value) document.Doc {
	var b document.Builder
	for _, f := range t.fields {
		if f.sub != nil {
			b.AppendDoc(f.name, f.sub.doc(shown))
		} else {
			b.AppendValue(f.name, shown(f.value))
		}
	}
	return b.Finish()
}
