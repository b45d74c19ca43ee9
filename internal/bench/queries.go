package bench

import (
	"fmt"
	"math/rand/v2"

	"github.com/mortondb/morton/internal/document"
)

const (
	queriedDocuments = 500_000 // of about 300 bytes, _id from 0
	queriedGroups    = 10
)

// queries work on the collection "queried": k is a different number in every document, in no order, with an index; u is like k but
// without an index; g is one of ten numbers.
var queries = []workload{
	{name: "point read by index", op: ask(1, queryOf("k", equal, 1)), conns: alone},
	{name: "range of 1000 by index", op: ask(1000, queryOf("k", rangeIn(queriedDocuments, 1000), 1000)), conns: alone},
	{name: "$in of 100 by index", op: ask(100, queryOf("k", inOf(100), 100)), conns: alone},
	{name: "count of a range of 10000", op: ask(10000, countOf("k", rangeIn(queriedDocuments, 10000))), conns: alone},
	{name: "covered range of 1000", op: ask(1000, coveredRange), conns: alone},
	{name: "sort by index, first 1000", op: ask(1000, sorted("k", 1000)), conns: alone},
	{name: "sort without index, first 1000", op: ask(1000, sorted("u", 1000)), conns: alone},
	{name: "sort without index, all", op: ask(100, sortedAll), conns: alone},
	{name: "full scan with a filter", op: ask(1, queryOf("u", equal, 1)), conns: []int{1, 4}},
	{name: "multi-update of 50000", op: ask(queriedDocuments/queriedGroups, multiUpdate), conns: alone},
	{name: "index build", op: indexBuild, conns: alone},
}

var alone = []int{1}

type condition func(*document.Builder, *rand.Rand)

func equal(b *document.Builder, r *rand.Rand) { b.AppendInt32("$eq", r.Int32N(queriedDocuments)) }

func rangeIn(documents, n int32) condition {
	return func(b *document.Builder, r *rand.Rand) {
		from := r.Int32N(documents - n)
		b.AppendInt32("$gte", from)
		b.AppendInt32("$lt", from+n)
	}
}

func inOf(n int) condition {
	return func(b *document.Builder, r *rand.Rand) {
		b.OpenArray("$in")
		for i := range n {
			step := queriedDocuments / n
			b.AppendInt32(document.Index(i), int32(i*step+r.IntN(step)))
		}
		b.Close()
	}
}

func appendCondition(b *document.Builder, name, field string, c condition, r *rand.Rand) {
	appendDoc(b, name, func(b *document.Builder) {
		appendDoc(b, field, func(b *document.Builder) { c(b, r) })
	})
}

func queryOf(field string, c condition, batch int32) func(*message, *rand.Rand) {
	return func(m *message, r *rand.Rand) {
		m.body(func(b *document.Builder) {
			b.AppendString("find", "queried")
			appendCondition(b, "filter", field, c, r)
			b.AppendInt32("batchSize", batch+1)
			b.AppendBool("singleBatch", true)
		})
	}
}

func countOf(field string, c condition) func(*message, *rand.Rand) {
	return func(m *message, r *rand.Rand) {
		m.body(func(b *document.Builder) {
			b.AppendString("count", "queried")
			appendCondition(b, "query", field, c, r)
		})
	}
}

func coveredRange(m *message, r *rand.Rand) {
	m.body(func(b *document.Builder) {
		b.AppendString("find", "queried")
		appendCondition(b, "filter", "k", rangeIn(queriedDocuments, 1000), r)
		appendDoc(b, "projection", func(b *document.Builder) {
			b.AppendInt32("_id", 0)
			b.AppendInt32("k", 1)
		})
		b.AppendInt32("batchSize", 1001)
		b.AppendBool("singleBatch", true)
	})
}

func sorted(field string, n int32) func(*message, *rand.Rand) {
	return func(m *message, _ *rand.Rand) {
		m.body(func(b *document.Builder) {
			b.AppendString("find", "queried")
			appendDoc(b, "sort", func(b *document.Builder) { b.AppendInt32(field, 1) })
			b.AppendInt32("limit", n)
			b.AppendInt32("batchSize", n)
			b.AppendBool("singleBatch", true)
		})
	}
}

// sortedAll sorts everything, which does not fit into a sort's memory, and asks for the first 100.
func sortedAll(m *message, _ *rand.Rand) {
	m.body(func(b *document.Builder) {
		b.AppendString("find", "queried")
		appendDoc(b, "sort", func(b *document.Builder) { b.AppendInt32("u", 1) })
		b.AppendInt32("batchSize", 100)
		b.AppendBool("singleBatch", true)
	})
}

func multiUpdate(m *message, r *rand.Rand) {
	m.body(func(b *document.Builder) {
		b.AppendString("update", "queried")
		appendWriteConcern(b, "1", false)
	})
	m.sequence("updates", 1, func(b *document.Builder) {
		appendDoc(b, "q", func(b *document.Builder) { b.AppendInt32("g", r.Int32N(queriedGroups)) })
		appendDoc(b, "u", func(b *document.Builder) {
			appendDoc(b, "$inc", func(b *document.Builder) { b.AppendInt32("count", 1) })
		})
		b.AppendBool("multi", true)
	})
}

// indexBuild makes an index and drops it again.
func indexBuild(wk *worker) error {
	if err := createIndex(wk.server, "queried", "u"); err != nil {
		return err
	}
	_, err := wk.server.command(func(b *document.Builder) {
		b.AppendString("dropIndexes", "queried")
		b.AppendString("index", "u_1")
	})
	return err
}

// loadQueried fills the collection, and makes its index. A running server that has it from an earlier run keeps it.
func loadQueried(srv *server) error {
	reply, err := srv.command(func(b *document.Builder) { b.AppendString("count", "queried") })
	if err == nil && counted(reply) == queriedDocuments {
		return nil
	}
	err = load(srv, "queried", queriedDocuments, batchDocuments, func(n int, b *document.Builder, _ *rand.Rand) {
		b.AppendInt32("_id", int32(n))
		b.AppendInt32("k", int32(n*611_953%queriedDocuments))
		b.AppendInt32("g", int32(n%queriedGroups))
		b.AppendInt32("count", 0)
		appendOrdinary(b, n)
		b.AppendInt32("u", int32(n*413_159%queriedDocuments))
	})
	if err != nil {
		return fmt.Errorf("queries: %w", err)
	}
	return createIndex(srv, "queried", "k")
}
