package overlay

import (
	"bytes"
	"math/bits"
	"sync/atomic"

	"github.com/mortondb/morton/internal/invariant"
)

const maxHeight = 12

// node is one version of a key. Versions of a key stand newest first.
type node struct {
	key     []byte
	ts      uint64
	value   []byte
	deleted bool
	next    []atomic.Pointer[node]
}

// skiplist orders versions by key, then newest first. One goroutine may add while others read.
type skiplist struct {
	head   node
	height int // of the tallest node; the writer's alone
	hint   [maxHeight]*node
	seed   uint64
}

func newSkiplist() *skiplist {
	l := &skiplist{height: 1, seed: 0x9E3779B97F4A7C15}
	l.head.next = make([]atomic.Pointer[node], maxHeight)
	for i := range l.hint {
		l.hint[i] = &l.head
	}
	return l
}

// before reports whether n stands before the version (key, ts).
func (n *node) before(key []byte, ts uint64) bool {
	c := bytes.Compare(n.key, key)
	return c < 0 || c == 0 && n.ts > ts
}

// add inserts a version that is not there yet. Where the last insertion happened is remembered: runs of ascending keys, as
// record ids are, then need no search.
func (l *skiplist) add(key []byte, ts uint64, value []byte, deleted bool) {
	l.findHint(key, ts)
	h := l.randomHeight()
	if h > l.height {
		l.height = h
	}
	n := &node{key: key, ts: ts, value: value, deleted: deleted, next: make([]atomic.Pointer[node], h)}
	for i := range h {
		n.next[i].Store(l.hint[i].next[i].Load())
		invariant.Yield()
		l.hint[i].next[i].Store(n)
		l.hint[i] = n
	}
}

// findHint moves l.hint to the last nodes before (key, ts) on each level.
func (l *skiplist) findHint(key []byte, ts uint64) {
	if l.hintFits(key, ts) {
		return
	}
	at := &l.head
	for i := maxHeight - 1; i >= 0; i-- {
		for n := at.next[i].Load(); n != nil && n.before(key, ts); n = at.next[i].Load() {
			at = n
		}
		l.hint[i] = at
	}
}

func (l *skiplist) hintFits(key []byte, ts uint64) bool {
	for i := range maxHeight {
		h := l.hint[i]
		if h != &l.head && !h.before(key, ts) {
			return false
		}
		if n := h.next[i].Load(); n != nil && n.before(key, ts) {
			return false
		}
	}
	return true
}

// randomHeight is geometric with factor 1/4; xorshift, since the order of heights need not be secret.
func (l *skiplist) randomHeight() int {
	l.seed ^= l.seed << 13
	l.seed ^= l.seed >> 7
	l.seed ^= l.seed << 17
	return min(1+bits.TrailingZeros64(l.seed|1<<62)/2, maxHeight)
}

// seek returns the first node at or after (key, ts). It returns the very node that it compared: what stands behind the last node before the key may be another one
// a moment later, added meanwhile and before the key, too.
func (l *skiplist) seek(key []byte, ts uint64) (n *node) {
	at := &l.head
	for i := maxHeight - 1; i >= 0; i-- {
		for n = at.next[i].Load(); n != nil && n.before(key, ts); n = at.next[i].Load() {
			at = n
		}
		invariant.Yield()
	}
	return n
}

// seekBefore returns the last node whose key is less than key, or nil.
func (l *skiplist) seekBefore(key []byte) *node {
	at := &l.head
	for i := maxHeight - 1; i >= 0; i-- {
		for n := at.next[i].Load(); n != nil && bytes.Compare(n.key, key) < 0; n = at.next[i].Load() {
			at = n
		}
		invariant.Yield()
	}
	if at == &l.head {
		return nil
	}
	return at
}
