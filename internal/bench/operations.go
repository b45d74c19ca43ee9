package bench

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/mortondb/morton/internal/document"
)

const (
	storedDocuments = 200_000 // of about 300 bytes, _id from 0
	storedKeys      = storedDocuments / 4
	rangeDocuments  = 10_000
	batchDocuments  = 1000 // of 1 KB, in an insertMany
	largeDocuments  = 8    // of 1 MB
	largeSize       = 1 << 20
	loaders         = 4 // connections that load
)

var operations = []workload{
	{name: "point read by _id", op: ask(1, findOne)},
	{name: "index lookup, 4 documents", op: ask(4, findByKey)},
	{name: "range of 10,000", op: ask(rangeDocuments, findRange), conns: few},
	{name: "insert w:1", op: ask(1, insert("1", false))},
	{name: "insert w:1 j:true", op: ask(1, insert("1", true))},
	{name: "insert w:majority", op: ask(1, insert("majority", false))},
	{name: "insertMany 1000x1KB w:1", op: ask(batchDocuments, insertMany("1")), conns: few},
	{name: "insertMany 1000x1KB w:majority", op: ask(batchDocuments, insertMany("majority")), conns: few},
	{name: "$inc of a random document w:1", op: ask(1, increment("1", storedDocuments))},
	{name: "$inc of a random document w:majority", op: ask(1, increment("majority", storedDocuments))},
	{name: "$inc of one hot document w:1", op: ask(1, increment("1", 1))},
	{name: "$inc of one hot document w:majority", op: ask(1, increment("majority", 1))},
	{name: "one field of a 1 MB document w:1", op: ask(1, incrementLarge), conns: few},
}

var setOperations = []workload{
	{name: "point read by _id", op: ask(1, findOne)},
	{name: "insert w:1", op: ask(1, insert("1", false))},
	{name: "insert w:majority", op: ask(1, insert("majority", false))},
	{name: "insertMany 1000x1KB w:1", op: ask(batchDocuments, insertMany("1")), conns: few},
	{name: "insertMany 1000x1KB w:majority", op: ask(batchDocuments, insertMany("majority")), conns: few},
	{name: "$inc of a random document w:majority", op: ask(1, increment("majority", storedDocuments))},
	{name: "$inc of one hot document w:majority", op: ask(1, increment("majority", 1))},
}

// few are the numbers of connections for operations that are large.
var few = []int{1, 16}

var smallPad = strings.Repeat("s", 110)

func findOne(m *message, r *rand.Rand) {
	m.body(func(b *document.Builder) {
		b.AppendString("find", "documents")
		appendDoc(b, "filter", func(b *document.Builder) { b.AppendInt32("_id", r.Int32N(storedDocuments)) })
		b.AppendInt32("limit", 1)
		b.AppendBool("singleBatch", true)
	})
}

func findByKey(m *message, r *rand.Rand) {
	m.body(func(b *document.Builder) {
		b.AppendString("find", "documents")
		appendDoc(b, "filter", func(b *document.Builder) { b.AppendInt32("k", r.Int32N(storedKeys)) })
		b.AppendBool("singleBatch", true)
	})
}

func findRange(m *message, r *rand.Rand) {
	m.body(func(b *document.Builder) {
		b.AppendString("find", "documents")
		appendDoc(b, "filter", func(b *document.Builder) {
			appendDoc(b, "_id", func(b *document.Builder) { rangeIn(storedDocuments, rangeDocuments)(b, r) })
		})
		b.AppendInt32("batchSize", rangeDocuments+1)
		b.AppendBool("singleBatch", true)
	})
}

func insert(w string, j bool) func(*message, *rand.Rand) { return insertInto("inserted", w, j) }

func insertInto(collection, w string, j bool) func(*message, *rand.Rand) {
	return func(m *message, r *rand.Rand) {
		m.body(func(b *document.Builder) {
			b.AppendString("insert", collection)
			appendWriteConcern(b, w, j)
		})
		m.sequence("documents", 1, func(b *document.Builder) {
			b.AppendObjectID("_id", document.NewObjectID())
			b.AppendInt64("key", r.Int64())
			b.AppendString("pad", smallPad)
		})
	}
}

func insertMany(w string) func(*message, *rand.Rand) { return insertManyInto("inserted", w, 980) }

func insertManyInto(collection, w string, text int) func(*message, *rand.Rand) {
	return func(m *message, r *rand.Rand) {
		m.body(func(b *document.Builder) {
			b.AppendString("insert", collection)
			appendWriteConcern(b, w, false)
		})
		m.sequence("documents", batchDocuments, func(b *document.Builder) {
			b.AppendObjectID("_id", document.NewObjectID())
			b.AppendInt64("key", r.Int64())
			appendText(b, "pad", text, r)
		})
	}
}

func increment(w string, documents int32) func(*message, *rand.Rand) {
	return incrementIn("documents", w, documents)
}

func incrementIn(collection, w string, documents int32) func(*message, *rand.Rand) {
	return func(m *message, r *rand.Rand) {
		m.body(func(b *document.Builder) {
			b.AppendString("update", collection)
			appendWriteConcern(b, w, false)
		})
		m.sequence("updates", 1, func(b *document.Builder) {
			appendDoc(b, "q", func(b *document.Builder) { b.AppendInt32("_id", r.Int32N(documents)) })
			appendDoc(b, "u", func(b *document.Builder) {
				appendDoc(b, "$inc", func(b *document.Builder) { b.AppendInt32("count", 1) })
			})
		})
	}
}

func incrementLarge(m *message, r *rand.Rand) { incrementIn("large", "1", largeDocuments)(m, r) }

func appendWriteConcern(b *document.Builder, w string, j bool) {
	b.OpenDoc("writeConcern")
	if w == "1" {
		b.AppendInt32("w", 1)
	} else {
		b.AppendString("w", w)
	}
	if j {
		b.AppendBool("j", true)
	}
	b.Close()
}

// loadDocuments fills the collections that reads and updates work on.
func loadDocuments(srv *server) error {
	if err := loadStored(srv); err != nil {
		return err
	}
	return load(srv, "large", largeDocuments, 1, func(n int, b *document.Builder, r *rand.Rand) {
		b.AppendInt32("_id", int32(n))
		b.AppendInt32("count", 0)
		appendText(b, "text", largeSize, r)
		b.AppendInt32("last", 0)
	})
}

func loadStored(srv *server) error {
	err := load(srv, "documents", storedDocuments, batchDocuments, func(n int, b *document.Builder, _ *rand.Rand) {
		b.AppendInt32("_id", int32(n))
		b.AppendInt32("k", int32(n*611_953%storedDocuments/4))
		b.AppendInt32("count", 0)
		appendOrdinary(b, n)
	})
	if err != nil {
		return err
	}
	return createIndex(srv, "documents", "k")
}

// appendOrdinary appends what makes documents look like those of applications.
func appendOrdinary(b *document.Builder, n int) {
	b.AppendString("name", fmt.Sprint("name ", n))
	b.AppendInt32("group", int32(n%100))
	b.OpenArray("tags")
	for i, tag := range []string{"a", "b", "c"} {
		b.AppendString(document.Index(i), tag)
	}
	b.Close()
	appendDoc(b, "nested", func(b *document.Builder) {
		b.AppendDouble("x", 1.5)
		b.AppendInt32("y", int32(n))
	})
	b.AppendString("pad", smallPad)
}

func createIndex(srv *server, collection, field string) error {
	_, err := srv.command(func(b *document.Builder) {
		b.AppendString("createIndexes", collection)
		b.OpenArray("indexes")
		appendDoc(b, "0", func(b *document.Builder) {
			appendDoc(b, "key", func(b *document.Builder) { b.AppendInt32(field, 1) })
			b.AppendString("name", field+"_1")
		})
		b.Close()
	})
	return err
}

// load fills a collection with n documents, over several connections.
func load(srv *server, collection string, n, batch int, build func(n int, b *document.Builder, r *rand.Rand)) error {
	if err := srv.drop(collection); err != nil {
		return err
	}
	return loadMore(srv, collection, 0, n, batch, build)
}

// loadMore inserts the documents of the numbers from to n.
func loadMore(srv *server, collection string, from, n, batch int, build func(n int, b *document.Builder, r *rand.Rand)) error {
	var wg sync.WaitGroup
	errs := make([]error, loaders)
	for i := range loaders {
		wg.Go(func() {
			wk, err := newWorker(srv, i)
			if err != nil {
				errs[i] = err
				return
			}
			defer wk.conn.close()
			for first := from + i*batch; first < n && errs[i] == nil; first += loaders * batch {
				errs[i] = wk.insertRange(collection, first, min(first+batch, n), build)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("load %s: %w", collection, err)
		}
	}
	return nil
}

func (wk *worker) insertRange(collection string, from, to int, build func(int, *document.Builder, *rand.Rand)) error {
	return wk.ask(to-from, func(m *message, r *rand.Rand) {
		m.body(func(b *document.Builder) {
			b.AppendString("insert", collection)
			appendWriteConcern(b, "majority", false)
		})
		next := from
		m.sequence("documents", to-from, func(b *document.Builder) {
			build(next, b, r)
			next++
		})
	})
}
