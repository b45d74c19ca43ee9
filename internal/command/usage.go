package command

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// usage counts, for `top`, what is done to each collection. Collections are forgotten when they are dropped.
type usage struct {
	byNS sync.Map // namespace -> *collectionUsage
	n    atomic.Int64
}

// maxUsage bounds the namespaces that are counted: clients may ask for any number that do not exist.
const maxUsage = 10_000

// collectionUsage is the operations on one collection, by what they are.
type collectionUsage struct {
	byKind [kindGetMore + 1]usageCounter
	reads  usageCounter
	writes usageCounter
}

type usageCounter struct{ micros, count atomic.Int64 }

func (c *usageCounter) add(d time.Duration) {
	c.micros.Add(d.Microseconds())
	c.count.Add(1)
}

func (c *usageCounter) appendTo(b *document.Builder, key string) {
	appendUsage(b, key, c.micros.Load(), c.count.Load())
}

func appendUsage(b *document.Builder, key string, micros, count int64) {
	b.OpenDoc(key)
	b.AppendInt64("time", micros)
	b.AppendInt64("count", count)
	b.Close()
}

// note counts an operation.
func (u *usage) note(o *operation, took time.Duration) {
	v, ok := u.byNS.Load(o.ns)
	if !ok {
		if u.n.Load() >= maxUsage {
			return
		}
		if v, ok = u.byNS.LoadOrStore(strings.Clone(o.ns), new(collectionUsage)); !ok {
			u.n.Add(1)
		}
	}
	c := v.(*collectionUsage)
	c.byKind[o.row.kind].add(took)
	if o.row.writes {
		c.writes.add(took)
	} else {
		c.reads.add(took)
	}
}

// forget drops the counters of a collection that was dropped.
func (u *usage) forget(ns string) {
	if _, had := u.byNS.LoadAndDelete(ns); had {
		u.n.Add(-1)
	}
}

// of returns the counters of a collection, all zero if nothing was done to it.
func (u *usage) of(ns string) *collectionUsage {
	if v, ok := u.byNS.Load(ns); ok {
		return v.(*collectionUsage)
	}
	return new(collectionUsage)
}

func (c *collectionUsage) appendTo(b *document.Builder) {
	appendUsage(b, "total", c.reads.micros.Load()+c.writes.micros.Load(), c.reads.count.Load()+c.writes.count.Load())
	c.reads.appendTo(b, "readLock")
	c.writes.appendTo(b, "writeLock")
	for _, k := range []struct {
		name string
		kind kind
	}{{"queries", kindQuery}, {"getmore", kindGetMore}, {"insert", kindInsert}, {"update", kindUpdate}, {"remove", kindDelete}, {"commands", kindCommand}} {
		c.byKind[k.kind].appendTo(b, k.name)
	}
}
