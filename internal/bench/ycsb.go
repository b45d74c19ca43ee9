package bench

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/mortondb/morton/internal/document"
)

// YCSB's core workloads, as they are defined by Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", SoCC 2010: records of ten fields of
// 100 bytes, read and written whole or in one field by a key that is drawn from a Zipfian distribution.

const (
	ycsbTable   = "usertable"
	ycsbRecords = 100_000
	ycsbFields  = 10
	ycsbScanMax = 100

	largerCacheGB = 0.25
	largerRecords = 480_000 // of 1.1 KB: twice the cache
)

// ycsbWorkloads are the mixes of operations for a table of so many records.
func ycsbWorkloads(records int) []workload {
	zipf := sync.OnceValue(func() *zipfian { return newZipfian(uint64(records)) }) // takes a while
	scattered := func(wk *worker) uint64 { return scatter(zipf().next(wk.random)) % uint64(records) }
	latest := func(wk *worker) uint64 { // the newest records are those that most ask for
		n := uint64(wk.server.records.Load())
		return n - 1 - zipf().next(wk.random)%n
	}
	return []workload{
		{name: "YCSB A: 50 % read, 50 % update", op: mix(0.5, ycsbRead(scattered), ycsbUpdate(scattered))},
		{name: "YCSB B: 95 % read, 5 % update", op: mix(0.95, ycsbRead(scattered), ycsbUpdate(scattered))},
		{name: "YCSB C: read", op: ycsbRead(scattered)},
		{name: "YCSB D: 95 % read of the latest, 5 % insert", op: mix(0.95, ycsbRead(latest), ycsbInsert)},
		{name: "YCSB E: 95 % short scans, 5 % insert", op: mix(0.95, ycsbScan(scattered), ycsbInsert), conns: few},
		{name: "YCSB F: 50 % read, 50 % read-modify-write", op: mix(0.5, ycsbRead(scattered), both(scattered))},
	}
}

// largerWorkloads ask for all records alike, so that most are not in the cache, and for some more often than others.
var largerWorkloads = append([]workload{
	{name: "point read, uniform", op: ycsbRead(uniform(largerRecords)), conns: few},
	{name: "50 % read, 50 % update, uniform", op: mix(0.5, ycsbRead(uniform(largerRecords)), ycsbUpdate(uniform(largerRecords))), conns: few},
}, ycsbWorkloads(largerRecords)[:1]...)

type chooser func(*worker) uint64

func uniform(n uint64) chooser { return func(wk *worker) uint64 { return wk.random.Uint64N(n) } }

// mix does the first operation with a probability, else the other.
func mix(share float64, first, other operation) operation {
	return func(wk *worker) error {
		if wk.random.Float64() < share {
			return first(wk)
		}
		return other(wk)
	}
}

// scatter spreads the popular records over the whole table.
func scatter(n uint64) uint64 {
	h := fnv.New64a()
	var b [8]byte
	for i := range b {
		b[i] = byte(n >> (8 * i))
	}
	h.Write(b[:])
	return h.Sum64()
}

// ycsbKey is the key of the record of a number: in no order, as YCSB's hashed inserts are.
func ycsbKey(n uint64) string { return "user" + strconv.FormatUint(scatter(n), 10) }

func ycsbField(r *rand.Rand) string { return "field" + strconv.Itoa(r.IntN(ycsbFields)) }

func ycsbRead(choose chooser) operation {
	return func(wk *worker) error { return wk.read(choose(wk)) }
}

func (wk *worker) read(n uint64) error {
	return wk.ask(1, func(m *message, _ *rand.Rand) {
		m.body(func(b *document.Builder) {
			b.AppendString("find", ycsbTable)
			appendDoc(b, "filter", func(b *document.Builder) { b.AppendString("_id", ycsbKey(n)) })
			b.AppendInt32("limit", 1)
			b.AppendBool("singleBatch", true)
		})
	})
}

func ycsbUpdate(choose chooser) operation {
	return func(wk *worker) error { return wk.update(choose(wk)) }
}

func (wk *worker) update(n uint64) error {
	return wk.ask(1, func(m *message, r *rand.Rand) {
		m.body(func(b *document.Builder) {
			b.AppendString("update", ycsbTable)
			appendWriteConcern(b, "1", false)
		})
		m.sequence("updates", 1, func(b *document.Builder) {
			appendDoc(b, "q", func(b *document.Builder) { b.AppendString("_id", ycsbKey(n)) })
			appendDoc(b, "u", func(b *document.Builder) {
				appendDoc(b, "$set", func(b *document.Builder) { appendText(b, ycsbField(r), 100, r) })
			})
		})
	})
}

// both reads a record and writes it.
func both(choose chooser) operation {
	return func(wk *worker) error {
		n := choose(wk)
		if err := wk.read(n); err != nil {
			return err
		}
		return wk.update(n)
	}
}

// ycsbScan reads 1 to 100 records from a key on.
func ycsbScan(choose chooser) operation {
	return func(wk *worker) error {
		_, err := wk.count(func(m *message, r *rand.Rand) {
			m.body(func(b *document.Builder) {
				b.AppendString("find", ycsbTable)
				appendDoc(b, "filter", func(b *document.Builder) {
					appendDoc(b, "_id", func(b *document.Builder) { b.AppendString("$gte", ycsbKey(choose(wk))) })
				})
				appendDoc(b, "sort", func(b *document.Builder) { b.AppendInt32("_id", 1) })
				b.AppendInt32("limit", 1+r.Int32N(ycsbScanMax))
				b.AppendInt32("batchSize", ycsbScanMax+1)
				b.AppendBool("singleBatch", true)
			})
		})
		return err
	}
}

// ycsbInsert adds a record. Those who read the latest ask for it only when it and all before it are there.
func ycsbInsert(wk *worker) error {
	n := wk.server.claimed.Add(1) - 1
	err := wk.ask(1, func(m *message, r *rand.Rand) {
		m.body(func(b *document.Builder) {
			b.AppendString("insert", ycsbTable)
			appendWriteConcern(b, "1", false)
		})
		m.sequence("documents", 1, func(b *document.Builder) { appendRecord(int(n), b, r) })
	})
	if err != nil {
		return err
	}
	wk.server.inserted(n)
	return nil
}

func appendRecord(n int, b *document.Builder, r *rand.Rand) {
	b.AppendString("_id", ycsbKey(uint64(n)))
	for i := range ycsbFields {
		appendText(b, fmt.Sprint("field", i), 100, r)
	}
}

func loadYCSB(records int) func(*server) error {
	return func(srv *server) error {
		srv.records.Store(int64(records))
		srv.claimed.Store(int64(records))
		return load(srv, ycsbTable, records, batchDocuments, appendRecord)
	}
}
