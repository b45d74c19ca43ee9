package overlay

import (
	"bytes"
	"math"

	"github.com/mortondb/morton/internal/keys"
)

// Iter walks the newest visible version of each key in a range of one store, in either direction, tombstones included.
// Keys and values stay valid after the iterator has moved.
type Iter struct {
	s      Snapshot
	lo, hi []byte
	lists  []*skiplist // newest generation first
	at     []*node     // current node of each list: its newest visible version of a key
	cur    *node
	back   bool
}

// NewIter returns an iterator over the keys from lo up to, not including, hi; both in one store. It must be positioned first.
func (s *Snapshot) NewIter(lo, hi []byte) *Iter {
	it := &Iter{s: *s, lo: lo, hi: hi}
	store := keys.StoreOf(lo)
	for i := len(s.generations) - 1; i >= 0; i-- {
		if s.generations[i].first <= s.TS {
			it.lists = append(it.lists, s.generations[i].lists[store])
		}
	}
	it.at = make([]*node, len(it.lists))
	return it
}

// SeekGE moves to the first key at or after key and reports whether there is one.
func (it *Iter) SeekGE(key []byte) bool {
	if bytes.Compare(key, it.lo) < 0 {
		key = it.lo
	}
	it.back = false
	for i, l := range it.lists {
		it.at[i] = it.visible(l.seek(key, math.MaxUint64))
	}
	return it.pick()
}

// SeekLT moves to the last key before key and reports whether there is one.
func (it *Iter) SeekLT(key []byte) bool {
	if bytes.Compare(key, it.hi) > 0 {
		key = it.hi
	}
	it.back = true
	for i, l := range it.lists {
		it.at[i] = it.visibleBefore(l, key)
	}
	return it.pick()
}

// Next moves on, in the direction of the last seek.
func (it *Iter) Next() bool {
	if it.cur == nil {
		return false
	}
	key := it.cur.key
	for i, n := range it.at {
		if n == nil || !bytes.Equal(n.key, key) {
			continue
		}
		if it.back {
			it.at[i] = it.visibleBefore(it.lists[i], key)
		} else {
			it.at[i] = it.visible(nextKey(n))
		}
	}
	return it.pick()
}

// Valid reports whether the iterator stands on a key.
func (it *Iter) Valid() bool { return it.cur != nil }

// Key returns the current key.
func (it *Iter) Key() []byte { return it.cur.key }

// Value returns the current value.
func (it *Iter) Value() []byte { return it.cur.value }

// Deleted reports whether the key was removed.
func (it *Iter) Deleted() bool { return it.cur.deleted }

// pick chooses among the lists' current nodes: the least key (the greatest, backwards), of equal keys the one of the newest generation.
func (it *Iter) pick() bool {
	it.cur = nil
	for _, n := range it.at {
		if n == nil {
			continue
		}
		if it.cur == nil {
			it.cur = n
			continue
		}
		if c := bytes.Compare(n.key, it.cur.key); c < 0 && !it.back || c > 0 && it.back {
			it.cur = n
		}
	}
	return it.cur != nil
}

// visible returns the first version at or after n that may be seen, skipping keys that have none; nil beyond the range.
func (it *Iter) visible(n *node) *node {
	for n != nil && n.ts > it.s.TS {
		n = n.next[0].Load()
	}
	if n == nil || bytes.Compare(n.key, it.hi) >= 0 {
		return nil
	}
	return n
}

// visibleBefore returns the newest visible version of the last key before key that has one; nil beyond the range.
func (it *Iter) visibleBefore(l *skiplist, key []byte) *node {
	for {
		n := l.seekBefore(key)
		if n == nil || bytes.Compare(n.key, it.lo) < 0 {
			return nil
		}
		key = n.key
		if v := l.seek(key, it.s.TS); v != nil && bytes.Equal(v.key, key) {
			return v
		}
	}
}

func nextKey(n *node) *node {
	key := n.key
	for n = n.next[0].Load(); n != nil && bytes.Equal(n.key, key); {
		n = n.next[0].Load()
	}
	return n
}
