//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// What queries cost on a collection of a million documents: -queries.

const (
	queriedDocuments = 1_000_000 // of about 300 bytes, _id from 0
	queriedGroups    = 10
)

// queryWorkloads work on the collection "queried": k is a different number in every document, in no order, with an index; u is like k but
// without an index; g is one of ten numbers.
var queryWorkloads = []workload{
	{"point read by index", queryOf("k", equal, 1), 1},
	{"range of 1000 by index", queryOf("k", rangeOf(1000), 1000), 1000},
	{"$in of 100 by index", queryOf("k", inOf(100), 100), 100},
	{"count of a range of 10000", countOf("k", rangeOf(10000)), 10000},
	{"covered range of 1000", coveredRange, 1000},
	{"sort by index, first 1000", sorted("k", 1000), 1000},
	{"sort without index, first 1000", sorted("u", 1000), 1000},
	{"full scan with a filter", queryOf("u", equal, 1), 1},
	{"sort without index, all", sortedAll, 100},
	{"multi-update of 100000", multiUpdate, queriedDocuments / queriedGroups},
	{"index build", indexBuild, 0},
}

func equal(b []byte, r *rand.Rand) []byte {
	return bsoncore.AppendInt32Element(b, "$eq", r.Int32N(queriedDocuments))
}

func rangeOf(n int32) func([]byte, *rand.Rand) []byte {
	return func(b []byte, r *rand.Rand) []byte {
		from := r.Int32N(queriedDocuments - n)
		return bsoncore.AppendInt32Element(bsoncore.AppendInt32Element(b, "$gte", from), "$lt", from+n)
	}
}

func inOf(n int) func([]byte, *rand.Rand) []byte {
	return func(b []byte, r *rand.Rand) []byte {
		start, b := bsoncore.AppendArrayElementStart(b, "$in")
		for i := range n {
			step := queriedDocuments / n
			b = bsoncore.AppendInt32Element(b, fmt.Sprint(i), int32(i*step+r.IntN(step)))
		}
		b, _ = bsoncore.AppendArrayEnd(b, start)
		return b
	}
}

func appendCondition(b []byte, name, field string, condition func([]byte, *rand.Rand) []byte, r *rand.Rand) []byte {
	filter, b := bsoncore.AppendDocumentElementStart(b, name)
	inner, b := bsoncore.AppendDocumentElementStart(b, field)
	b = condition(b, r)
	b, _ = bsoncore.AppendDocumentEnd(b, inner)
	b, _ = bsoncore.AppendDocumentEnd(b, filter)
	return b
}

func queryOf(field string, condition func([]byte, *rand.Rand) []byte, batch int32) func(*message, *rand.Rand) {
	return func(m *message, r *rand.Rand) {
		m.body(func(b []byte) []byte {
			b = bsoncore.AppendStringElement(b, "find", "queried")
			b = appendCondition(b, "filter", field, condition, r)
			b = bsoncore.AppendInt32Element(b, "batchSize", batch+1)
			return bsoncore.AppendBooleanElement(b, "singleBatch", true)
		})
	}
}

func countOf(field string, condition func([]byte, *rand.Rand) []byte) func(*message, *rand.Rand) {
	return func(m *message, r *rand.Rand) {
		m.body(func(b []byte) []byte {
			return appendCondition(bsoncore.AppendStringElement(b, "count", "queried"), "query", field, condition, r)
		})
	}
}

func coveredRange(m *message, r *rand.Rand) {
	m.body(func(b []byte) []byte {
		b = bsoncore.AppendStringElement(b, "find", "queried")
		b = appendCondition(b, "filter", "k", rangeOf(1000), r)
		start, b := bsoncore.AppendDocumentElementStart(b, "projection")
		b = bsoncore.AppendInt32Element(bsoncore.AppendInt32Element(b, "_id", 0), "k", 1)
		b, _ = bsoncore.AppendDocumentEnd(b, start)
		b = bsoncore.AppendInt32Element(b, "batchSize", 1001)
		return bsoncore.AppendBooleanElement(b, "singleBatch", true)
	})
}

func appendSort(b []byte, field string) []byte {
	start, b := bsoncore.AppendDocumentElementStart(b, "sort")
	b = bsoncore.AppendInt32Element(b, field, 1)
	b, _ = bsoncore.AppendDocumentEnd(b, start)
	return b
}

func sorted(field string, n int32) func(*message, *rand.Rand) {
	return func(m *message, _ *rand.Rand) {
		m.body(func(b []byte) []byte {
			b = appendSort(bsoncore.AppendStringElement(b, "find", "queried"), field)
			b = bsoncore.AppendInt32Element(bsoncore.AppendInt32Element(b, "limit", n), "batchSize", n)
			return bsoncore.AppendBooleanElement(b, "singleBatch", true)
		})
	}
}

// sortedAll sorts everything, which does not fit into a sort's memory, and asks for the first 100.
func sortedAll(m *message, _ *rand.Rand) {
	m.body(func(b []byte) []byte {
		b = appendSort(bsoncore.AppendStringElement(b, "find", "queried"), "u")
		b = bsoncore.AppendInt32Element(b, "batchSize", 100)
		return bsoncore.AppendBooleanElement(b, "singleBatch", true)
	})
}

func multiUpdate(m *message, r *rand.Rand) {
	m.body(func(b []byte) []byte {
		return appendWriteConcern(bsoncore.AppendStringElement(b, "update", "queried"), "1")
	})
	m.sequence("updates", func(b []byte) []byte {
		start, b := bsoncore.AppendDocumentStart(b)
		query, b := bsoncore.AppendDocumentElementStart(b, "q")
		b = bsoncore.AppendInt32Element(b, "g", r.Int32N(queriedGroups))
		b, _ = bsoncore.AppendDocumentEnd(b, query)
		update, b := bsoncore.AppendDocumentElementStart(b, "u")
		inc, b := bsoncore.AppendDocumentElementStart(b, "$inc")
		b = bsoncore.AppendInt32Element(b, "count", 1)
		b, _ = bsoncore.AppendDocumentEnd(b, inc)
		b, _ = bsoncore.AppendDocumentEnd(b, update)
		b = bsoncore.AppendBooleanElement(b, "multi", true)
		b, _ = bsoncore.AppendDocumentEnd(b, start)
		return b
	})
}

// indexBuild makes an index of another name each time: what was built before goes with the collection.
func indexBuild(m *message, r *rand.Rand) {
	m.body(func(b []byte) []byte {
		b = bsoncore.AppendStringElement(b, "createIndexes", "queried")
		list, b := bsoncore.AppendArrayElementStart(b, "indexes")
		ix, b := bsoncore.AppendDocumentElementStart(b, "0")
		key, b := bsoncore.AppendDocumentElementStart(b, "key")
		field := fmt.Sprintf("none%d", r.Int64())
		b = bsoncore.AppendInt32Element(bsoncore.AppendInt32Element(b, "u", 1), field, 1)
		b, _ = bsoncore.AppendDocumentEnd(b, key)
		b = bsoncore.AppendStringElement(b, "name", field)
		b, _ = bsoncore.AppendDocumentEnd(b, ix)
		b, _ = bsoncore.AppendArrayEnd(b, list)
		return b
	})
}

// preloadQueried fills the collection, and makes its index. A running server that has it from an earlier run keeps it.
func preloadQueried(srv *server) error {
	c, err := dial(srv.primary)
	if err != nil {
		return err
	}
	defer c.close()
	if reply, err := c.command(database, bson.D{{Key: "count", Value: "queried"}}); err == nil {
		if n, _ := reply.Lookup("n").AsInt64OK(); n == queriedDocuments {
			return nil
		}
	}
	if err := c.dropIfThere("queried"); err != nil {
		return err
	}
	for first := 0; first < queriedDocuments; first += batchDocuments {
		documents := make(bson.A, batchDocuments)
		for i := range documents {
			n := first + i
			documents[i] = bson.D{{Key: "_id", Value: int32(n)}, {Key: "k", Value: int32(n * 611_953 % queriedDocuments)}, {Key: "g", Value: int32(n % queriedGroups)},
				{Key: "count", Value: int32(0)}, {Key: "name", Value: fmt.Sprint("name ", n)}, {Key: "tags", Value: bson.A{"a", "b", "c"}},
				{Key: "nested", Value: bson.D{{Key: "x", Value: 1.5}, {Key: "y", Value: n}}}, {Key: "pad", Value: smallPad},
				{Key: "u", Value: int32(n * 413_159 % queriedDocuments)}}
		}
		if _, err := c.command(database, bson.D{{Key: "insert", Value: "queried"}, {Key: "documents", Value: documents}}); err != nil {
			return err
		}
	}
	_, err = c.command(database, bson.D{{Key: "createIndexes", Value: "queried"},
		{Key: "indexes", Value: bson.A{bson.D{{Key: "key", Value: bson.D{{Key: "k", Value: 1}}}, {Key: "name", Value: "k_1"}}}}})
	return err
}
