package engine

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/mortondb/morton/internal/keys"
)

// counters are what changes with every write of a collection and is therefore not in the catalog. There is one for each
// collection number, shared by all versions of its catalog entry.
type counters struct {
	documents, bytes atomic.Int64 // as the newest view has them

	committedDocuments, committedBytes atomic.Int64  // as storage has them
	committedID                        atomic.Uint64 // the greatest record id that storage ever had: ids never go backwards

	// On a primary: the next record id, and the greatest key of the _id index that was ever seen. Both are looked up on first use.
	mu     sync.Mutex
	nextID atomic.Uint64
	maxID  atomic.Pointer[[]byte]

	appending sync.Mutex // of a capped collection and of buckets: held while an insertion is planned and entered
	grown     notice

	open    map[string]openBucket // of a time-series collection, by meta value; appending guards it
	buckets BucketCounts

	// accesses counts the operations of `top` and of collStats.
	reads, writes atomic.Int64
}

func (e *Engine) counters(number uint32) *counters {
	c, _ := e.stats.LoadOrStore(number, &counters{})
	return c.(*counters)
}

func (e *Engine) forgetCounters(number uint32) {
	e.counters(number).grown.give()
	e.stats.Delete(number)
}

func countersKey(number uint32) []byte {
	return binary.BigEndian.AppendUint32(keys.AppendMeta(nil, keys.Records, "count/"), number)
}

func (c *counters) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 24), uint64(c.committedDocuments.Load()))
	b = binary.BigEndian.AppendUint64(b, uint64(c.committedBytes.Load()))
	return binary.BigEndian.AppendUint64(b, c.committedID.Load())
}

func (c *counters) load(value []byte) {
	if len(value) >= 16 {
		c.committedDocuments.Store(int64(binary.BigEndian.Uint64(value)))
		c.committedBytes.Store(int64(binary.BigEndian.Uint64(value[8:])))
		if len(value) >= 24 { // else written before ids were kept
			c.committedID.Store(binary.BigEndian.Uint64(value[16:]))
		}
		c.show()
	}
}

// show makes the committed figures the visible ones.
func (c *counters) show() {
	c.documents.Store(c.committedDocuments.Load())
	c.bytes.Store(c.committedBytes.Load())
}
