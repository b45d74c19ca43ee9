package query

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
)

// Computed is fields that are calculated, at dotted paths: the computed part of a projection, and all of $addFields. Immutable.
type Computed struct{ root computedNode }

// computedNode is the computed fields of one level, in the order in which they were given.
type computedNode struct{ fields []computedField }

type computedField struct {
	name  string
	value *expr.Expression // nil: sub goes on
	sub   *computedNode
}

func (c *Computed) empty() bool { return c == nil || len(c.root.fields) == 0 }

// add puts an expression at a path.
func (c *Computed) add(path string, value *expr.Expression) {
	level := &c.root
	for {
		part, rest, dotted := strings.Cut(path, ".")
		if !dotted {
			level.fields = append(level.fields, computedField{name: part, value: value})
			return
		}
		level = level.below(part)
		path = rest
	}
}

// below returns the level below a field.
func (n *computedNode) below(name string) *computedNode {
	for i := range n.fields {
		if n.fields[i].name == name && n.fields[i].sub != nil {
			return n.fields[i].sub
		}
	}
	sub := &computedNode{}
	n.fields = append(n.fields, computedField{name: name, sub: sub})
	return sub
}

// Apply appends doc with the computed fields set. What they are calculated from is the document that x has begun, which need not be
// doc. Fields that doc has keep their place; a field whose result is missing is removed.
func (c *Computed) Apply(dst []byte, doc document.Doc, x *expr.Evaluator) ([]byte, error) {
	return c.root.appendDoc(dst, doc, x)
}

func (n *computedNode) appendDoc(dst []byte, doc document.Doc, x *expr.Evaluator) ([]byte, error) {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	var err error
	done := make([]bool, len(n.fields))
	for it := doc.Iter(); it.Next(); {
		i := n.index(it.Key())
		if i < 0 {
			dst = appendElement(dst, it.Key(), it.Value())
			continue
		}
		done[i] = true
		if dst, err = n.fields[i].append(dst, it.Value(), x); err != nil {
			return nil, err
		}
	}
	for i := range n.fields {
		if done[i] {
			continue
		}
		if dst, err = n.fields[i].append(dst, document.Value{}, x); err != nil {
			return nil, err
		}
	}
	return endDoc(dst, at), nil
}

func (n *computedNode) index(name string) int {
	for i := range n.fields {
		if n.fields[i].name == name {
			return i
		}
	}
	return -1
}

// append appends the field, where old is what was there.
func (f *computedField) append(dst []byte, old document.Value, x *expr.Evaluator) ([]byte, error) {
	if f.sub == nil {
		v, err := f.value.Eval(x)
		if err != nil || v.IsMissing() {
			return dst, err
		}
		return appendElement(dst, f.name, v), nil
	}
	return f.sub.appendInto(dst, f.name, old, x)
}

// appendInto appends a field with n's fields in it: in each element of an array; a value that is no document gives way to one.
func (n *computedNode) appendInto(dst []byte, name string, old document.Value, x *expr.Evaluator) ([]byte, error) {
	if old.Type != document.TypeArray {
		doc := old.Doc()
		if doc == nil {
			doc = document.Empty
		}
		return n.appendDoc(appendKey(dst, document.TypeDocument, name), doc, x)
	}
	dst = appendKey(dst, document.TypeArray, name)
	at, i := len(dst), 0
	dst = append(dst, 0, 0, 0, 0)
	var err error
	for it := old.Doc().Iter(); it.Next(); i++ {
		if dst, err = n.appendInto(dst, document.Index(i), it.Value(), x); err != nil {
			return nil, err
		}
	}
	return endDoc(dst, at), nil
}
