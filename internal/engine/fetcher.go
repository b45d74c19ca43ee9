package engine

import (
	"fmt"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/storage"
)

// fetcher fetches documents of a collection one after the other. From the second on it moves one cursor, which costs half of
// looking each up by itself.
type fetcher struct {
	v    *View
	coll *Collection
	n    int
	it   *storage.Cursor
	buf  []byte
	up   bool // records are wanted in ascending order
}

// fetch returns the document of a record that an index entry of the same view led to. It is valid until the next one.
func (f *fetcher) fetch(rid uint64) (document.Doc, error) {
	if f.n++; f.n == 1 {
		doc, err := f.v.fetch(f.buf, f.coll, rid)
		f.buf = doc
		return doc, err
	}
	var space [16]byte
	key := keys.AppendRecord(space[:0], f.coll.Number, rid)
	if !f.v.overlay.Empty() {
		if val, deleted, ok := f.v.overlay.Get(key); ok && !deleted {
			return val, nil
		}
	}
	if f.it == nil {
		it, err := f.v.storage.NewCursor(keys.Records)
		if err != nil {
			return nil, fmt.Errorf("engine: read: %w", err)
		}
		f.it = it
	}
	f.it.Ascending = f.up
	doc, found, err := f.it.Get(key)
	switch {
	case err != nil:
		return nil, fmt.Errorf("engine: read: %w", err)
	case !found:
		return nil, fmt.Errorf("engine: %s: an index entry leads to record %d, which is not there", f.coll.NS, rid)
	}
	return doc, nil
}

// suspend lets go of the view.
func (f *fetcher) suspend() error {
	f.n = 0
	if f.it == nil {
		return nil
	}
	it := f.it
	f.it = nil
	return it.Close()
}
