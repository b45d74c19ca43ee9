package query

import (
	"encoding/binary"

	"github.com/mortondb/morton/internal/document"
)

// Projection is a compiled projection. Immutable.
//
// It is a tree of field names. Its rule is inclusion or exclusion: what happens to fields that are not in the tree.
// Fields keep their order; the results of $elemMatch in an inclusion come after all others, as in mongod.
type Projection struct {
	exclusion  bool
	identity   bool
	root       projectionNode
	positional *positional
}

type projectionNode struct {
	fields []*projectionField
	byName map[string]*projectionField // nil while there are few
}

type projectionField struct {
	name  string
	sub   *projectionNode // of a path that goes on; nil at its end
	drop  bool
	slice *sliceRange
	elem  predicate // $elemMatch
}

// IsIdentity reports whether the projection returns every document as it is.
func (p *Projection) IsIdentity() bool { return p.identity }

// Apply appends the projected document to dst.
func (p *Projection) Apply(dst []byte, doc document.Doc) ([]byte, error) {
	if p.identity {
		return append(dst, doc...), nil
	}
	if p.positional != nil {
		var err error
		if doc, err = p.positional.apply(doc); err != nil {
			return nil, err
		}
	}
	return p.appendDoc(dst, doc, &p.root, true, true), nil
}

func (n *projectionNode) field(name string) *projectionField {
	if n.byName != nil {
		return n.byName[name]
	}
	for _, f := range n.fields {
		if f.name == name {
			return f
		}
	}
	return nil
}

func (n *projectionNode) add(f *projectionField) {
	n.fields = append(n.fields, f)
	switch {
	case n.byName != nil:
		n.byName[f.name] = f
	case len(n.fields) > manyChildren:
		n.byName = map[string]*projectionField{}
		for _, f := range n.fields {
			n.byName[f.name] = f
		}
	}
}

// appendDoc appends what n leaves of doc. slice says whether $slice applies here: not in an array directly inside another.
func (p *Projection) appendDoc(dst []byte, doc document.Doc, n *projectionNode, top, slice bool) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for it := doc.Iter(); it.Next(); {
		switch f := n.field(it.Key()); {
		case f == nil:
			if p.exclusion {
				dst = appendElement(dst, it.Key(), it.Value())
			}
		case f.elem != nil:
			if p.exclusion {
				dst = f.appendElemMatch(dst, it.Value())
			}
		case !f.drop:
			dst = p.appendField(dst, &it, f, slice)
		}
	}
	if top && !p.exclusion {
		for _, f := range n.fields {
			if f.elem != nil {
				dst = f.appendElemMatch(dst, doc.Lookup(f.name))
			}
		}
	}
	return endDoc(dst, at)
}

func (p *Projection) appendField(dst []byte, it *document.Iter, f *projectionField, slice bool) []byte {
	v := it.Value()
	switch {
	case f.slice != nil && slice && v.Type == document.TypeArray:
		dst = appendKey(dst, v.Type, f.name)
		return f.slice.appendArray(dst, v.Doc())
	case f.sub == nil:
		return appendElement(dst, f.name, v)
	case v.Doc() == nil:
		if p.exclusion {
			return appendElement(dst, f.name, v)
		}
		return dst
	}
	dst = appendKey(dst, v.Type, f.name)
	if v.Type == document.TypeArray {
		return p.appendArray(dst, v.Doc(), f.sub, slice)
	}
	return p.appendDoc(dst, v.Doc(), f.sub, false, slice)
}

// appendArray appends what n leaves of the elements of an array. An inclusion drops elements that have no fields.
func (p *Projection) appendArray(dst []byte, array document.Doc, n *projectionNode, slice bool) []byte {
	at, count := len(dst), 0
	dst = append(dst, 0, 0, 0, 0)
	for it := array.Iter(); it.Next(); {
		v := it.Value()
		switch {
		case v.Doc() != nil:
			dst = appendKey(dst, v.Type, document.Index(count))
			if v.Type == document.TypeArray {
				dst = p.appendArray(dst, v.Doc(), n, false)
			} else {
				dst = p.appendDoc(dst, v.Doc(), n, false, slice)
			}
		case p.exclusion:
			dst = appendElement(dst, document.Index(count), v)
		default:
			continue
		}
		count++
	}
	return endDoc(dst, at)
}

// Writing BSON to a buffer. document.Builder keeps a stack of open documents that recursive code does not need.

func appendKey(dst []byte, t document.Type, key string) []byte {
	dst = append(dst, byte(t))
	dst = append(dst, key...)
	return append(dst, 0)
}

func appendElement(dst []byte, key string, v document.Value) []byte {
	return append(appendKey(dst, v.Type, key), v.Data...)
}

// endDoc ends the document that starts at at with four bytes kept free for its length.
func endDoc(dst []byte, at int) []byte {
	dst = append(dst, 0)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at))
	return dst
}
