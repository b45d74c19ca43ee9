package overlay

import (
	"bytes"
	"math"
	"sync/atomic"

	"github.com/mortondb/morton/internal/keys"
)

// GenerationBytes is the size at which a generation is sealed. Smaller ones are forgotten sooner, larger ones make
// fewer of them to look through.
const GenerationBytes = 8 << 20

// versionOverhead is about what a version costs beside its key and value.
const versionOverhead = 96

// Overlay holds the versions. Its methods are for one goroutine at a time; readers use a [Snapshot].
type Overlay struct {
	generations []*generation // oldest first; copied before it is changed
	forgotten   uint64        // newest timestamp of the generations forgotten
	bytes       atomic.Int64
}

type generation struct {
	lists [2]*skiplist // by keys.Store
	bytes int64
	first uint64 // oldest timestamp
	last  uint64 // newest timestamp; read by the writer alone
}

// Snapshot is the overlay at one moment. It is a value and needs no release.
type Snapshot struct {
	generations []*generation
	TS          uint64 // versions newer than this are not seen
}

// New returns an empty overlay.
func New() *Overlay { return &Overlay{} }

// Snapshot returns what is to be seen at ts.
func (o *Overlay) Snapshot(ts uint64) Snapshot {
	return Snapshot{generations: o.generations, TS: ts}
}

// Bytes returns about how much memory the overlay takes. Any goroutine may call it.
func (o *Overlay) Bytes() int64 { return o.bytes.Load() }

// Add adds a version. Timestamps must not go back; key and value must not be changed any more. A key has at most one version per timestamp.
func (o *Overlay) Add(ts uint64, key, value []byte, deleted bool) {
	g := o.active(ts)
	g.lists[keys.StoreOf(key)].add(key, ts, value, deleted)
	size := int64(len(key) + len(value) + versionOverhead)
	g.bytes += size
	g.last = ts
	o.bytes.Add(size)
}

func (o *Overlay) active(ts uint64) *generation {
	if n := len(o.generations); n > 0 && (o.generations[n-1].bytes < GenerationBytes || o.generations[n-1].last == ts) {
		return o.generations[n-1]
	}
	g := &generation{lists: [2]*skiplist{newSkiplist(), newSkiplist()}, first: ts}
	o.generations = append(o.generations[:len(o.generations):len(o.generations)], g)
	return g
}

// Forget drops the generations all of whose versions are at or before ts, since storage has them now.
func (o *Overlay) Forget(ts uint64) {
	n := 0
	for n < len(o.generations) && o.generations[n].last <= ts {
		o.bytes.Add(-o.generations[n].bytes)
		o.forgotten = o.generations[n].last
		n++
	}
	o.generations = o.generations[n:]
}

// Drop forgets everything, committed or not: the rollback. From now on changes since any earlier view are unknown.
func (o *Overlay) Drop() { o.Reset(math.MaxUint64) }

// Reset empties the overlay for a new start: changes since views taken at ts or later will be known.
func (o *Overlay) Reset(ts uint64) {
	o.generations, o.forgotten = nil, ts
	o.bytes.Store(0)
}

// Empty reports whether nothing can be seen.
func (s *Snapshot) Empty() bool { return len(s.generations) == 0 }

// Get returns the newest version of key; found is false if the overlay says nothing of it.
func (s *Snapshot) Get(key []byte) (value []byte, deleted, found bool) {
	store := keys.StoreOf(key)
	for i := len(s.generations) - 1; i >= 0; i-- {
		g := s.generations[i]
		if g.first > s.TS {
			continue
		}
		if n := g.lists[store].seek(key, s.TS); n != nil && bytes.Equal(n.key, key) {
			return n.value, n.deleted, true
		}
	}
	return nil, false, false
}
