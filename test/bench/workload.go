//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

const (
	database           = "bench"
	preloadedDocuments = 100_000 // of about 300 bytes, _id from 0
	batchDocuments     = 1000    // of 1 KB, in an insertMany
)

// A workload is one kind of operation. Append adds the request to a message; n is what the reply must count.
type workload struct {
	name   string
	append func(m *message, r *rand.Rand)
	n      int32
}

var workloads = []workload{
	{"point read by _id", findOne, 1},
	{"insert w:1", insertOne("1"), 1},
	{"insert w:majority", insertOne("majority"), 1},
	{"insertMany 1000x1KB w:1", insertMany("1"), batchDocuments},
	{"insertMany 1000x1KB w:majority", insertMany("majority"), batchDocuments},
	{"update by _id ($inc) w:1", increment("1"), 1},
	{"update by _id ($inc) w:majority", increment("majority"), 1},
}

var (
	smallPad = strings.Repeat("s", 110)
	largePad = strings.Repeat("l", 980)
)

func findOne(m *message, r *rand.Rand) {
	m.body(func(b []byte) []byte {
		b = bsoncore.AppendStringElement(b, "find", "documents")
		start, b := bsoncore.AppendDocumentElementStart(b, "filter")
		b = bsoncore.AppendInt32Element(b, "_id", r.Int32N(preloadedDocuments))
		b, _ = bsoncore.AppendDocumentEnd(b, start)
		b = bsoncore.AppendInt32Element(b, "limit", 1)
		return bsoncore.AppendBooleanElement(b, "singleBatch", true)
	})
}

func insertOne(w string) func(*message, *rand.Rand) {
	return func(m *message, r *rand.Rand) {
		m.body(func(b []byte) []byte {
			return appendWriteConcern(bsoncore.AppendStringElement(b, "insert", "inserted"), w)
		})
		m.sequence("documents", func(b []byte) []byte { return appendInserted(b, r, smallPad) })
	}
}

func insertMany(w string) func(*message, *rand.Rand) {
	return func(m *message, r *rand.Rand) {
		m.body(func(b []byte) []byte {
			return appendWriteConcern(bsoncore.AppendStringElement(b, "insert", "inserted"), w)
		})
		m.sequence("documents", func(b []byte) []byte {
			for range batchDocuments {
				b = appendInserted(b, r, largePad)
			}
			return b
		})
	}
}

func increment(w string) func(*message, *rand.Rand) {
	return func(m *message, r *rand.Rand) {
		m.body(func(b []byte) []byte {
			return appendWriteConcern(bsoncore.AppendStringElement(b, "update", "documents"), w)
		})
		m.sequence("updates", func(b []byte) []byte {
			start, b := bsoncore.AppendDocumentStart(b)
			query, b := bsoncore.AppendDocumentElementStart(b, "q")
			b = bsoncore.AppendInt32Element(b, "_id", r.Int32N(preloadedDocuments))
			b, _ = bsoncore.AppendDocumentEnd(b, query)
			update, b := bsoncore.AppendDocumentElementStart(b, "u")
			inc, b := bsoncore.AppendDocumentElementStart(b, "$inc")
			b = bsoncore.AppendInt32Element(b, "count", 1)
			b, _ = bsoncore.AppendDocumentEnd(b, inc)
			b, _ = bsoncore.AppendDocumentEnd(b, update)
			b, _ = bsoncore.AppendDocumentEnd(b, start)
			return b
		})
	}
}

func appendWriteConcern(b []byte, w string) []byte {
	start, b := bsoncore.AppendDocumentElementStart(b, "writeConcern")
	if w == "1" {
		b = bsoncore.AppendInt32Element(b, "w", 1)
	} else {
		b = bsoncore.AppendStringElement(b, "w", w)
	}
	b, _ = bsoncore.AppendDocumentEnd(b, start)
	return b
}

func appendInserted(b []byte, r *rand.Rand, pad string) []byte {
	start, b := bsoncore.AppendDocumentStart(b)
	b = bsoncore.AppendObjectIDElement(b, "_id", bson.NewObjectID())
	b = bsoncore.AppendInt64Element(b, "key", r.Int64())
	b = bsoncore.AppendStringElement(b, "pad", pad)
	b, _ = bsoncore.AppendDocumentEnd(b, start)
	return b
}

// preload fills the collection that reads and updates work on.
func preload(srv *server) error {
	c, err := dial(srv.primary)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.dropIfThere("documents"); err != nil {
		return err
	}
	for first := 0; first < preloadedDocuments; first += batchDocuments {
		documents := make(bson.A, batchDocuments)
		for i := range documents {
			n := first + i
			documents[i] = bson.D{{Key: "_id", Value: int32(n)}, {Key: "count", Value: int32(0)}, {Key: "name", Value: fmt.Sprint("name ", n)},
				{Key: "group", Value: int32(n % 100)}, {Key: "tags", Value: bson.A{"a", "b", "c"}},
				{Key: "nested", Value: bson.D{{Key: "x", Value: 1.5}, {Key: "y", Value: n}}}, {Key: "pad", Value: smallPad}}
		}
		reply, err := c.command(database, bson.D{{Key: "insert", Value: "documents"}, {Key: "documents", Value: documents},
			{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}}}})
		if err != nil {
			return err
		}
		if n, _ := reply.Lookup("n").AsInt64OK(); n != batchDocuments {
			return fmt.Errorf("insert: %s", reply)
		}
	}
	return nil
}

// worker is one connection that repeats an operation.
type worker struct {
	conn      *conn
	random    *rand.Rand
	message   message
	latencies []time.Duration
}

func newWorker(c *conn, number int) *worker {
	return &worker{conn: c, random: rand.New(rand.NewPCG(uint64(number), uint64(time.Now().UnixNano())))}
}

// do runs the operation once and checks that it did what it should.
func (wk *worker) do(w workload) error {
	wk.message.reset()
	w.append(&wk.message, wk.random)
	reply, err := wk.conn.exchange(wk.message.finish())
	if err != nil {
		return err
	}
	if counted(reply) != w.n {
		return fmt.Errorf("expected %d, got %s", w.n, reply)
	}
	return nil
}

// counted is the n of a write's reply, or the number of documents of a find's; -1 of anything else.
func counted(reply bson.Raw) int32 {
	if _, err := reply.LookupErr("writeErrors"); err == nil {
		return -1
	}
	if n, ok := reply.Lookup("n").AsInt64OK(); ok {
		return int32(n)
	}
	if _, ok := reply.Lookup("numIndexesAfter").AsInt64OK(); ok {
		return 0
	}
	batch, ok := reply.Lookup("cursor", "firstBatch").ArrayOK()
	if !ok {
		return -1
	}
	documents, err := batch.Values()
	if err != nil {
		return -1
	}
	return int32(len(documents))
}

func (wk *worker) runWhile(w workload, more func() bool) error {
	for last := time.Now(); more(); {
		if err := wk.do(w); err != nil {
			return err
		}
		now := time.Now()
		wk.latencies = append(wk.latencies, now.Sub(last))
		last = now
	}
	return nil
}
