package query

import (
	"encoding/binary"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
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
	computed   Computed // set in what the rest leaves, from the whole document
}

type projectionNode struct {
	fields   []*projectionField
	computes bool                        // fields below are computed: what is no document will become one, in its place
	byName   map[string]*projectionField // nil while there are few
}

type projectionField struct {
	name  string
	sub   *projectionNode // of a path that goes on; nil at its end
	drop  bool            // left out, or computed
	slice *sliceRange
	elem  predicate // $elemMatch
}

// IsIdentity reports whether the projection returns every document as it is.
func (p *Projection) IsIdentity() bool { return p.identity }

// NeedsEvaluator reports whether the projection has computed fields: Apply then wants an evaluator.
func (p *Projection) NeedsEvaluator() bool { return !p.computed.empty() }

// Apply appends the projected document to dst. x is for computed fields; it may be nil if there are none.
func (p *Projection) Apply(dst []byte, doc document.Doc, x *expr.Evaluator) ([]byte, error) {
	if p.identity {
		return append(dst, doc...), nil
	}
	whole := doc
	if p.positional != nil {
		var err error
		if doc, err = p.positional.apply(doc); err != nil {
			return nil, err
		}
	}
	run := projecting{Projection: p}
	if p.computed.empty() {
		dst = run.appendDoc(dst, doc, &p.root, true, true)
		return dst, run.err
	}
	structure := run.appendDoc(nil, doc, &p.root, true, true)
	if run.err != nil {
		return nil, run.err
	}
	x.Begin(whole)
	return p.computed.Apply(dst, structure, x)
}

// projecting is one application of a projection.
type projecting struct {
	*Projection
	err error // the first of a $elemMatch
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
func (p *projecting) appendDoc(dst []byte, doc document.Doc, n *projectionNode, top, slice bool) []byte {
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
				dst = p.appendElemMatch(dst, f, it.Value())
			}
		case !f.drop:
			dst = p.appendField(dst, &it, f, slice)
		}
	}
	if top && !p.exclusion {
		for _, f := range n.fields {
			if f.elem != nil {
				dst = p.appendElemMatch(dst, f, doc.Lookup(f.name))
			}
		}
	}
	return endDoc(dst, at)
}

func (p *projecting) appendField(dst []byte, it *document.Iter, f *projectionField, slice bool) []byte {
	v := it.Value()
	switch {
	case f.slice != nil && slice && v.Type == document.TypeArray:
		dst = appendKey(dst, v.Type, f.name)
		return f.slice.appendArray(dst, v.Doc())
	case f.sub == nil:
		return appendElement(dst, f.name, v)
	case v.Doc() == nil:
		switch {
		case p.exclusion:
			return appendElement(dst, f.name, v)
		case f.sub.computes:
			return appendElement(dst, f.name, document.Empty.AsValue())
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
func (p *projecting) appendArray(dst []byte, array document.Doc, n *projectionNode, slice bool) []byte {
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
		case n.computes:
			dst = appendElement(dst, document.Index(count), document.Null)
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
