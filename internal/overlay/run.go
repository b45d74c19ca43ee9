package overlay

import (
	"bytes"
	"math"

	"github.com/mortondb/morton/internal/keys"
)

// finder finds keys in generations. Between the key that it found last and the node behind that there is nothing, so that a
// run of ascending keys that fall into one gap, as the _ids of one client's batch do, needs one search.
type finder struct {
	generations []*generation
	at          []place // by generation and store
}

// place is where the last key that was asked for stands in a list.
type place struct {
	key  []byte
	next *node // the first node at or after key
}

// find returns the newest version of key in a generation, or what stands behind where it would be. What is added meanwhile is newer than
// whoever reads without the lock may see, and need not be found.
func (f *finder) find(generation int, store keys.Store, key []byte) *node {
	if f.at == nil {
		f.at = make([]place, keys.Stores*len(f.generations))
	}
	p := &f.at[keys.Stores*generation+int(store)]
	if p.key == nil || bytes.Compare(key, p.key) < 0 || p.next != nil && bytes.Compare(p.next.key, key) < 0 {
		p.next = f.generations[generation].lists[store].seek(key, math.MaxUint64)
	}
	p.key = append(p.key[:0], key...)
	return p.next
}

// Changes answers, for many keys, whether they changed since a timestamp. It is for the overlay's one goroutine and
// valid until the overlay changes.
type Changes struct {
	finder
	ts  uint64
	all bool // versions newer than ts were forgotten: nobody knows what changed
}

// ChangesSince returns the changes since ts.
func (o *Overlay) ChangesSince(ts uint64) Changes {
	return Changes{finder: finder{generations: o.generations}, ts: ts, all: o.forgotten > ts}
}

// Has reports whether key may have a version newer than the timestamp: it has one here, or versions newer than that were forgotten
// already and nobody knows.
func (c *Changes) Has(key []byte) bool {
	if c.all {
		return true
	}
	store := keys.StoreOf(key)
	for i := len(c.generations) - 1; i >= 0; i-- {
		if c.generations[i].last <= c.ts {
			return false
		}
		if n := c.find(i, store, key); n != nil && n.ts > c.ts && bytes.Equal(n.key, key) {
			return true
		}
	}
	return false
}

// Lookup is [Snapshot.Get] for many keys. It is for one goroutine.
type Lookup struct {
	finder
	ts uint64
}

// NewLookup returns a lookup in the snapshot.
func (s *Snapshot) NewLookup() Lookup {
	return Lookup{finder: finder{generations: s.generations}, ts: s.TS}
}

// Get returns the newest version of key; found is false if the overlay says nothing of it.
func (l *Lookup) Get(key []byte) (value []byte, deleted, found bool) {
	store := keys.StoreOf(key)
	for i := len(l.generations) - 1; i >= 0; i-- {
		if l.generations[i].first > l.ts {
			continue
		}
		n := l.find(i, store, key)
		for n != nil && n.ts > l.ts && bytes.Equal(n.key, key) {
			n = n.next[0].Load()
		}
		if n != nil && bytes.Equal(n.key, key) {
			return n.value, n.deleted, true
		}
	}
	return nil, false, false
}
