package storage

import (
	"bytes"
	"encoding/binary"
	"io"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/mortondb/morton/internal/keys"
)

// Snapshot is the committed state at one [Position]. It is counted: who takes it from a shared place must succeed with
// [Snapshot.TryRef] first, and everybody releases it.
type Snapshot struct {
	Position Position
	pair     *pair
	snap     [2]*pebble.Snapshot
	refs     atomic.Int64
}

// Snapshot returns the state as it is now, with one reference. Only the applier may call it.
func (s *Store) Snapshot() *Snapshot {
	s.pair.refs.Add(1)
	n := &Snapshot{Position: s.Applied(), pair: s.pair}
	for i, db := range s.pair.db {
		n.snap[i] = db.NewSnapshot()
	}
	n.refs.Store(1)
	return n
}

// TryRef takes a reference; false if the last one was released already.
func (n *Snapshot) TryRef() bool {
	for {
		r := n.refs.Load()
		if r == 0 {
			return false
		}
		if n.refs.CompareAndSwap(r, r+1) {
			return true
		}
	}
}

// Release gives a reference back.
func (n *Snapshot) Release() {
	if n.refs.Add(-1) > 0 {
		return
	}
	for _, s := range n.snap {
		_ = s.Close() // fails only when closed twice
	}
	n.pair.release()
}

// Get returns a key's value, valid until the closer is closed, or ErrNotFound.
func (n *Snapshot) Get(key []byte) ([]byte, io.Closer, error) {
	return n.snap[keys.StoreOf(key)].Get(key)
}

// Probe answers whether keys of one store are there, by its filters where they can tell. It must be closed before the snapshot is
// released.
type Probe struct{ it *pebble.Iterator }

// NewProbe returns a probe of a store.
func (n *Snapshot) NewProbe(store keys.Store) (*Probe, error) {
	it, err := n.snap[store].NewIter(&pebble.IterOptions{UseL6Filters: true, KeyTypes: pebble.IterKeyTypePointsOnly})
	return &Probe{it}, err
}

// Has reports whether a key is there.
func (p *Probe) Has(key []byte) (bool, error) {
	found := p.it.SeekPrefixGE(key) && bytes.Equal(p.it.Key(), key)
	return found, p.it.Error()
}

// Close ends the probe.
func (p *Probe) Close() error { return p.it.Close() }

// Cursor looks up the values of keys that are mostly there, one after the other. Where keys follow each other, as the record ids of documents do that were inserted
// in the order in which they are wanted, it steps instead of searching, which costs a third.
type Cursor struct {
	it      *pebble.Iterator
	last    []byte // the key that was asked for last
	walking bool   // it stands at last, and can step

	// Ascending says that many keys come in ascending order, if not next to each other: a search begins where the one before ended.
	Ascending bool
}

// NewCursor returns a cursor in a store. It must be closed before the snapshot is released.
func (n *Snapshot) NewCursor(store keys.Store) (*Cursor, error) {
	it, err := n.snap[store].NewIter(&pebble.IterOptions{KeyTypes: pebble.IterKeyTypePointsOnly})
	return &Cursor{it: it}, err
}

// Get returns the value of a key, valid until the next call.
func (c *Cursor) Get(key []byte) (value []byte, found bool, err error) {
	if !c.find(key) {
		c.walking = false
		return nil, false, c.it.Error()
	}
	value, err = c.it.ValueAndErr()
	return value, err == nil, err
}

func (c *Cursor) find(key []byte) bool {
	next := isNext(c.last, key)
	c.last = append(c.last[:0], key...)
	switch {
	case next && c.walking: // between a number and the next one there is nothing
		return c.it.Next() && bytes.Equal(c.it.Key(), key)
	case next || c.Ascending: // there may be more of them
		c.walking = true
		return c.it.SeekGE(key) && bytes.Equal(c.it.Key(), key)
	}
	c.walking = false // the search by filters looks into fewer files, but cannot step
	return c.it.SeekPrefixGE(key) && bytes.Equal(c.it.Key(), key)
}

// isNext reports whether key is last, with the number that it ends with counted up by one.
func isNext(last, key []byte) bool {
	n := len(key) - 8
	if n < 0 || len(last) != len(key) || !bytes.Equal(last[:n], key[:n]) {
		return false
	}
	number := binary.BigEndian.Uint64(key[n:])
	return number > 0 && number-1 == binary.BigEndian.Uint64(last[n:])
}

// Close ends the cursor.
func (c *Cursor) Close() error { return c.it.Close() }

// Iter is a position in a range of one store.
type Iter = pebble.Iterator

// NewIter returns an iterator over the keys from lo up to, not including, hi. It must be closed before the snapshot is released.
func (n *Snapshot) NewIter(lo, hi []byte) (*Iter, error) {
	return n.snap[keys.StoreOf(lo)].NewIter(&pebble.IterOptions{LowerBound: lo, UpperBound: hi, KeyTypes: pebble.IterKeyTypePointsOnly})
}
