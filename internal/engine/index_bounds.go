package engine

import (
	"bytes"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
)

// within returns what min and max leave of an index; nil if the find has neither.
func (it *Iterator) within() func(index string) (plan.Range, error) {
	low, high := it.spec.Min, it.spec.Max
	if low.IsEmpty() && high.IsEmpty() {
		return nil
	}
	return func(name string) (r plan.Range, err error) {
		ix := it.coll.Index(name)
		if r.Start, err = ix.bound(low); err != nil {
			return r, err
		}
		if r.End, err = ix.bound(high); err != nil {
			return r, err
		}
		if r.End != nil && bytes.Compare(r.Start, r.End) >= 0 {
			err = query.ErrBoundsReversed
		}
		return r, err
	}
}

// bound encodes a document that has the fields of the index's key pattern, in its order; nil if there is none.
func (ix *Index) bound(d document.Doc) ([]byte, error) {
	if d.IsEmpty() {
		return nil, nil
	}
	var key []byte
	i := 0
	for it := d.Iter(); it.Next(); i++ {
		if i >= len(ix.Fields) || ix.Fields[i].Path != it.Key() {
			return nil, query.ErrBoundsOfOther
		}
		key = ix.AppendValue(key, i, it.Value())
	}
	if i < len(ix.Fields) {
		return nil, query.ErrBoundsOfOther
	}
	return key, nil
}
