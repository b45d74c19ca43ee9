package engine

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
)

// annotated is a source that knows more of a document than its fields.
type annotated interface {
	// known returns what is known of the document that next returned last.
	known() *expr.Meta
}

// metaOf returns what a source knows of its current document; nil for nothing.
func metaOf(src source) *expr.Meta {
	if a, ok := src.(annotated); ok {
		return a.known()
	}
	return nil
}

var nothingKnown expr.Meta

// Meta returns what is known, beside its fields, of the document that Next returned last.
func (it *Iterator) Meta() *expr.Meta {
	if it.sorted != nil {
		return &it.noted
	}
	if m := metaOf(it.src); m != nil {
		return m
	}
	return &nothingKnown
}

// Written behind a document that is sorted, what is known of it is a document, too, or nothing.

func appendMeta(dst []byte, m *expr.Meta) []byte {
	if m == nil {
		return dst
	}
	var b document.Builder
	b.Reset(dst)
	for _, name := range []string{expr.TextScore, expr.NearDistance, expr.NearPlace} {
		if v := m.Value(name); !v.IsMissing() {
			b.AppendValue(name, v)
		}
	}
	return b.Finish()
}

func readMeta(b []byte) (m expr.Meta) {
	if len(b) == 0 {
		return m
	}
	d := document.Doc(b)
	m.TextScore, m.HasText = d.Lookup(expr.TextScore).AsFloat64()
	m.Distance, _ = d.Lookup(expr.NearDistance).AsFloat64()
	m.Place = d.Lookup(expr.NearPlace)
	return m
}
