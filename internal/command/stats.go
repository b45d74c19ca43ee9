package command

import (
	"context"
	"math"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

type dbStatsArgs struct {
	scale       int64
	freeStorage document.Value
}

var dbStatsFields = newSchema("dbStats",
	field[dbStatsArgs]{name: "scale", set: func(a *dbStatsArgs, v document.Value) error {
		n, ok := v.ToInt64()
		if !ok {
			return mongoerr.New(0, "scale has to be a number > 0")
		}
		if n <= 0 {
			return mongoerr.New(0, "scale has to be > 0")
		}
		a.scale = n
		return nil
	}},
	anything("freeStorage", func(a *dbStatsArgs) *document.Value { return &a.freeStorage }),
).loose().defaults(func(a *dbStatsArgs) { a.scale = 1 })

// runDBStats counts a database. Sizes are those of the documents: collections share their files, so that what one takes on
// disk is not known.
func runDBStats(_ context.Context, o *operation, a *dbStatsArgs) error {
	if o.first.Value.Type == document.TypeString {
		return mongoerr.New(mongoerr.InvalidNamespace, "Invalid db name: %s.%s", o.req.DB, o.first.Value.Str())
	}
	v := o.openView()
	defer v.Close()
	var docs, bytes, indexes, indexBytes int64
	list := v.Catalog.Collections(o.req.DB)
	for _, coll := range list {
		n, size := coll.Count()
		if engine.IsViews(coll.NS) {
			n = int64(len(v.Catalog.Views(o.req.DB)))
		}
		docs, bytes = docs+n, bytes+size
		indexes += int64(coll.ShownIndexes())
		_, size = o.d.indexSizes(coll, coll.Indexes)
		indexBytes += size
	}
	scale := float64(a.scale)
	b := &o.out
	b.AppendString("db", o.req.DB)
	appendCount(b, "collections", int64(len(list)))
	appendCount(b, "views", int64(len(v.Catalog.Views(o.req.DB))))
	appendCount(b, "objects", docs)
	b.AppendDouble("avgObjSize", average(bytes, docs))
	b.AppendDouble("dataSize", float64(bytes)/scale)
	b.AppendDouble("storageSize", float64(bytes)/scale)
	free := !a.freeStorage.IsNullish() && a.freeStorage.Truthy()
	if free {
		b.AppendDouble("freeStorageSize", 0)
	}
	appendCount(b, "indexes", indexes)
	b.AppendDouble("indexSize", float64(indexBytes)/scale)
	if free {
		b.AppendDouble("indexFreeStorageSize", 0)
	}
	b.AppendDouble("totalSize", float64(bytes+indexBytes)/scale)
	if free {
		b.AppendDouble("totalFreeStorageSize", 0)
	}
	b.AppendDouble("scaleFactor", scale)
	used, total := o.d.diskUse()
	b.AppendDouble("fsUsedSize", float64(used)/scale)
	b.AppendDouble("fsTotalSize", float64(total)/scale)
	return nil
}

func average(bytes, docs int64) float64 {
	if docs == 0 {
		return 0
	}
	return float64(bytes) / float64(docs)
}

// diskUse returns the bytes used and there are on the data directory's file system; 0 if that is not known.
func (d *Dispatcher) diskUse() (used, total int64) {
	if f, ok := d.opts.Process.(interface{ DiskUse() (used, total int64) }); ok {
		return f.DiskUse()
	}
	return 0, 0
}

type collStatsArgs struct{ scale int64 }

var collStatsFields = newSchema("collStats",
	atLeast(safeLong("scale", func(a *collStatsArgs) *int64 { return &a.scale }), 1, func(a *collStatsArgs) *int64 { return &a.scale }),
	ignored[collStatsArgs]("verbose"),
	ignored[collStatsArgs]("waitForLock"),
	ignored[collStatsArgs]("numericOnly"),
).on(mongoerr.InvalidNamespace).loose().defaults(func(a *collStatsArgs) { a.scale = 1 })

func runCollStats(_ context.Context, o *operation, a *collStatsArgs) error {
	v := o.openView()
	defer v.Close()
	ns := o.ns
	if buckets := v.Catalog.Timeseries(ns); buckets != nil {
		ns = buckets.NS
	} else if err := o.notView(); err != nil {
		return err
	}
	o.out.AppendString("ns", o.ns)
	o.d.appendStorageStats(&o.out, v, ns, a.scale)
	return nil
}

// appendStorageStats appends what collStats and the stage $collStats say of a collection.
func (d *Dispatcher) appendStorageStats(b *document.Builder, v *engine.View, ns string, scale int64) {
	coll := v.Catalog.Collection(ns)
	capped := engine.IsVirtual(ns) && ns == oplogNS
	var docs, bytes int64
	var indexes []*engine.Index
	if coll != nil {
		docs, bytes = coll.Count()
		if indexes = coll.Indexes; coll.Clustered {
			indexes = indexes[1:]
		}
		capped = coll.Capped != nil
	}
	appendCount(b, "size", bytes/scale)
	if coll != nil && coll.Timeseries != nil {
		appendBucketStats(b, coll)
	} else {
		appendCount(b, "count", docs)
		if docs > 0 {
			appendCount(b, "avgObjSize", bytes/docs)
		}
	}
	b.AppendInt32("numOrphanDocs", 0)
	appendCount(b, "storageSize", bytes/scale)
	if coll != nil || capped {
		b.AppendInt32("freeStorageSize", 0)
		b.AppendBool("capped", capped)
	}
	if capped {
		appendBounds(b, coll, d.set.OplogBytes(), scale)
	}
	appendCount(b, "nindexes", int64(len(indexes)))
	b.OpenDoc("indexDetails")
	for _, ix := range indexes {
		b.OpenDoc(ix.Name)
		b.AppendBool("multikey", ix.MeetsArrays())
		b.Close()
	}
	b.Close()
	if coll != nil || capped {
		appendBuilding(b, indexes)
	}
	sizes, total := d.indexSizes(coll, indexes)
	appendCount(b, "totalIndexSize", total/scale)
	appendCount(b, "totalSize", (bytes+total)/scale)
	b.OpenDoc("indexSizes")
	for i, ix := range indexes {
		appendCount(b, ix.Name, sizes[i]/scale)
	}
	b.Close()
	appendCount(b, "scaleFactor", scale)
}

// appendBuilding lists the indexes that are being built.
func appendBuilding(b *document.Builder, indexes []*engine.Index) {
	b.OpenArray("indexBuilds")
	n := 0
	for _, ix := range indexes {
		if !ix.Ready {
			b.AppendString(document.Index(n), ix.Name)
			n++
		}
	}
	b.Close()
}

// indexSizes returns about how many bytes each index takes, and all of them.
func (d *Dispatcher) indexSizes(coll *engine.Collection, indexes []*engine.Index) (sizes []int64, total int64) {
	for _, ix := range indexes {
		n, err := d.engine.IndexBytes(coll, ix)
		if err != nil {
			n = 0 // statistics are no reason to fail
		}
		sizes = append(sizes, n)
		total += n
	}
	return sizes, total
}

// appendBounds appends what bounds a capped collection; coll is nil for the log.
func appendBounds(b *document.Builder, coll *engine.Collection, oplogBytes, scale int64) {
	if coll == nil {
		appendCount(b, "maxSize", oplogBytes/scale)
		return
	}
	most := coll.Capped.Max
	if most == math.MaxInt32 {
		most = 0 // as many as fit
	}
	appendCount(b, "max", most)
	appendCount(b, "maxSize", coll.Capped.Size/scale)
}

// collStatsDocument is the stage $collStats: {latencyStats, storageStats: {scale}, count}.
func (o *operation) collStatsDocument(arg document.Value) ([]document.Doc, error) {
	if arg.Type != document.TypeDocument {
		return nil, mongoerr.New(5447000, "$collStats must take a nested object but found: $collStats: %s", arg.Shell())
	}
	v := o.openView()
	defer v.Close()
	counted := o.ns
	if buckets := v.Catalog.Timeseries(o.ns); buckets != nil {
		counted = buckets.NS
	}
	if err := mongoerr.From(o.notView()); err != nil && (counted == o.ns && !arg.Doc().Lookup("storageStats").IsMissing() || !arg.Doc().Lookup("count").IsMissing()) {
		return nil, err.WithContext(aggregating)
	}
	exists := v.Catalog.Collection(o.ns) != nil || engine.IsVirtual(o.ns)
	var b document.Builder
	b.AppendString("ns", o.ns)
	b.AppendString("host", o.d.hostName())
	b.AppendDate("localTime", time.Now().UnixMilli())
	for it := arg.Doc().Iter(); it.Next(); {
		switch it.Key() {
		case "latencyStats":
			u := o.d.usage.of(o.ns)
			b.OpenDoc("latencyStats")
			appendLatency(&b, "reads", u.reads.micros.Load(), u.reads.count.Load())
			appendLatency(&b, "writes", u.writes.micros.Load(), u.writes.count.Load())
			appendLatency(&b, "commands", 0, 0)
			appendLatency(&b, "transactions", 0, 0)
			b.Close()
		case "storageStats":
			scale, _ := it.Value().Doc().Lookup("scale").ToInt64()
			b.OpenDoc("storageStats")
			o.d.appendStorageStats(&b, v, counted, max(scale, 1))
			b.Close()
		case "count":
			if !exists {
				return nil, mongoerr.New(40481, "Unable to retrieve count in $collStats stage :: caused by :: Collection [%s] not found.", o.ns)
			}
			if coll := v.Catalog.Collection(o.ns); coll != nil {
				n, _ := coll.Count()
				appendCount(&b, "count", n)
			}
		case "queryExecStats":
			return nil, notImplemented("queryExecStats of $collStats")
		default:
			return nil, mongoerr.New(40415, "BSON field '$collStats.%s' is an unknown field.", it.Key())
		}
	}
	return []document.Doc{b.Finish()}, nil
}

func appendLatency(b *document.Builder, key string, micros, ops int64) {
	b.OpenDoc(key)
	b.AppendInt64("latency", micros)
	b.AppendInt64("ops", ops)
	b.Close()
}
