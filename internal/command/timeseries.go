package command

import (
	"context"
	"strings"

	order "github.com/mortondb/morton/internal/collation"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/timeseries"
)

// What commands mean by a time-series collection, which is a view over buckets: reads are those of any view; writes and indexes are translated to what
// they are on the buckets.

type timeseriesArgs struct {
	given                             bool
	timeField, metaField, granularity string
	span                              int64
}

var granularities = []string{"seconds", "minutes", "hours"}

var timeseriesFields = newSchema("",
	text("timeField", func(a *timeseriesArgs) *string { return &a.timeField }).require(),
	text("metaField", func(a *timeseriesArgs) *string { return &a.metaField }),
	enum("granularity", func(a *timeseriesArgs) *string { return &a.granularity }, granularities...),
	atLeast(safeLong("bucketMaxSpanSeconds", func(a *timeseriesArgs) *int64 { return &a.span }), 1, func(a *timeseriesArgs) *int64 { return &a.span }),
)

// checkTimeseries refuses what a time-series collection cannot be.
func (a *createArgs) checkTimeseries(ns string) error {
	t := &a.timeseries
	if t.granularity == "" {
		t.granularity = "seconds"
	}
	for _, option := range []struct {
		name  string
		given bool
	}{
		{"autoIndexId", !a.autoIndexID.IsMissing()}, {"capped", a.capped}, {"clusteredIndex", !a.clustered.IsMissing()},
		{"changeStreamPreAndPostImages", a.hasPreImages}, {"idIndex", !a.idIndex.IsEmpty()}, {"recordPreImages", a.recordPreImages},
		{"validationAction", a.action != ""}, {"validationLevel", a.level != ""}, {"validator", a.validator != nil}, {"viewOn", a.isView},
	} {
		if option.given {
			return mongoerr.New(mongoerr.InvalidOptions, "%s: 'timeseries' is not allowed with '%s'", ns, option.name)
		}
	}
	switch {
	case a.encrypted != nil:
		return mongoerr.New(6346401, "Encrypted fields cannot be used with views or timeseries collections")
	case strings.Contains(t.timeField, "."):
		return mongoerr.New(mongoerr.InvalidOptions, "%s: 'timeField' must be a top-level field and not contain a '.'", ns)
	case strings.Contains(t.metaField, "."):
		return mongoerr.New(mongoerr.InvalidOptions, "%s: 'metaField' must be a top-level field and not contain a '.'", ns)
	case t.metaField == "_id":
		return mongoerr.New(mongoerr.InvalidOptions, "'metaField' cannot be \"_id\"")
	case t.metaField != "" && t.metaField == t.timeField:
		return mongoerr.New(mongoerr.InvalidOptions, "'metaField' cannot be the same as 'timeField'")
	case t.span != 0 && t.span != timeseries.SpanOf(t.granularity):
		return mongoerr.New(5510500, "Timeseries 'bucketMaxSpanSeconds' is not configurable to a value other than the default of %d for the provided granularity", timeseries.SpanOf(t.granularity))
	}
	return checkLifetime(a.expireAfter)
}

// createTimeseries makes a time-series collection.
func (o *operation) createTimeseries(ctx context.Context, a *createArgs, c *order.Collation) error {
	series := timeseries.Options{Time: a.timeseries.timeField, Meta: a.timeseries.metaField, Granularity: a.timeseries.granularity, Span: timeseries.SpanOf(a.timeseries.granularity)}
	var b document.Builder
	appendFilled(&b, "storageEngine", a.storageEngine)
	appendFilled(&b, "indexOptionDefaults", a.indexDefaults)
	b.AppendDoc("validator", series.Validator())
	if c != nil {
		b.AppendDoc("collation", c.Document())
	}
	b.AppendBool("clusteredIndex", true)
	if seconds, ok := a.expireAfter.ToInt64(); ok {
		b.AppendInt64("expireAfterSeconds", seconds)
	}
	b.AppendDoc("timeseries", series.Document())
	t, err := o.d.engine.CreateTimeseries(ctx, o.ns, b.Finish())
	o.noteTime(t)
	return err
}

// describeTimeseries describes a time-series collection by the options of its buckets.
func describeTimeseries(d *engine.ViewDef, buckets *engine.Collection) document.Doc {
	var b document.Builder
	b.AppendString("name", d.Name())
	b.AppendString("type", "timeseries")
	b.OpenDoc("options")
	for it := buckets.Options.Iter(); it.Next(); {
		if it.Key() != "validator" && it.Key() != "clusteredIndex" {
			b.AppendValue(it.Key(), it.Value())
		}
	}
	b.Close()
	b.OpenDoc("info")
	b.AppendBool("readOnly", false)
	b.Close()
	return b.Finish()
}

// timeseries returns the buckets of the time-series collection that the command is about; nil if it is about another.
func (o *operation) timeseries() *engine.Collection { return o.d.engine.Timeseries(o.ns) }

// insertInto inserts documents where they belong. What the result counts are documents also if these are measurements (where mongod counts all of an ordered insert that failed).
func (o *operation) insertInto(ctx context.Context, docs []document.Doc, ordered bool, s engine.Statement) (engine.InsertResult, error) {
	if o.timeseries() != nil {
		return o.d.engine.InsertMeasurements(ctx, o.ns, docs, ordered, s)
	}
	return o.d.engine.Insert(ctx, o.ns, docs, ordered, s)
}

// onBuckets makes the update of a time-series collection one of its buckets.
func onBuckets(buckets *engine.Collection, spec *engine.UpdateSpec) (err error) {
	const what = "Cannot perform %s on a time-series collection"
	series := buckets.Timeseries
	switch {
	case series.Meta == "":
		return mongoerr.New(mongoerr.InvalidOptions, what+" that does not have a metaField", "an update")
	case !spec.Multi:
		return mongoerr.New(mongoerr.InvalidOptions, what, "a non-multi update")
	case spec.Upsert:
		return mongoerr.New(mongoerr.InvalidOptions, what, "an upsert")
	}
	if spec.Filter, err = series.MetaFilter(spec.Filter); err != nil {
		return err
	}
	if spec.Update, err = series.MetaUpdate(spec.Update); err != nil {
		return err
	}
	spec.NS, spec.Hint = buckets.NS, hintOnBuckets(series, spec.Hint)
	spec.Weigh = func(bucket document.Doc) int { return timeseries.Count(bucket, series.Time) }
	return nil
}

// deleteOnBuckets makes the deletion from a time-series collection one of its buckets.
func deleteOnBuckets(buckets *engine.Collection, spec *engine.DeleteSpec) (err error) {
	series := buckets.Timeseries
	switch {
	case series.Meta == "" && !spec.Filter.IsEmpty():
		return mongoerr.New(mongoerr.InvalidOptions, "Cannot perform a delete with a non-empty query on a time-series collection that does not have a metaField")
	case !spec.Multi:
		return mongoerr.New(mongoerr.IllegalOperation, "Cannot perform a non-multi delete on a time-series collection")
	}
	if spec.Filter, err = series.MetaFilter(spec.Filter); err != nil {
		return err
	}
	spec.NS, spec.Hint = buckets.NS, hintOnBuckets(series, spec.Hint)
	spec.Weigh = func(bucket document.Doc) int { return timeseries.Count(bucket, series.Time) }
	return nil
}

// hintOnBuckets is a hint on the index of the buckets that measurements have by this key. Names are the same.
func hintOnBuckets(series *timeseries.Options, hint document.Value) document.Value {
	key := hint.Doc()
	if hint.Type != document.TypeDocument || !key.Lookup("$natural").IsMissing() {
		return hint
	}
	if translated, err := series.BucketKey(key); err == nil {
		return translated.AsValue()
	}
	return hint
}

// bucketIndexes returns the specifications of indexes on measurements as they are on buckets. original has those that cannot be told from the others: they are kept beside.
func bucketIndexes(series *timeseries.Options, given []document.Doc) (specs, original []document.Doc, err error) {
	for _, spec := range given {
		key := spec.Lookup("key")
		switch {
		case spec.Lookup("unique").Truthy():
			return nil, nil, mongoerr.New(mongoerr.InvalidOptions, "Unique indexes are not supported on time-series collections")
		case !spec.Lookup("expireAfterSeconds").IsMissing():
			return nil, nil, mongoerr.New(mongoerr.InvalidOptions, "TTL indexes are not supported on time-series collections")
		case key.Type != document.TypeDocument:
			specs, original = append(specs, spec), append(original, nil)
			continue
		}
		for it := key.Doc().Iter(); it.Next(); {
			if it.Value().Str() == "text" {
				return nil, nil, mongoerr.New(mongoerr.InvalidOptions, "Text indexes are not supported on time-series collections")
			}
		}
		onBuckets, err := series.BucketKey(key.Doc())
		if err != nil {
			return nil, nil, mongoerr.New(mongoerr.CannotCreateIndex, "BadValue: %s Command request: { createIndexes: %s }", err.Error(), spec.Shell())
		}
		set := map[string]document.Value{"key": onBuckets.AsValue()}
		keep := document.Doc(nil)
		if !series.IsMetaAndTime(key.Doc()) {
			keep = spec
		}
		if partial := spec.Lookup("partialFilterExpression"); partial.Type == document.TypeDocument {
			translated, err := series.MetaFilter(partial.Doc())
			if err != nil {
				return nil, nil, notImplemented("a partialFilterExpression on other fields than the metaField of a time-series collection")
			}
			set["partialFilterExpression"], keep = translated.AsValue(), spec
		}
		specs, original = append(specs, withFields(spec, set)), append(original, keep)
	}
	return specs, original, nil
}

// withFields returns a document with some fields changed, each where it was.
func withFields(d document.Doc, set map[string]document.Value) document.Doc {
	var b document.Builder
	for it := d.Iter(); it.Next(); {
		v, changed := set[it.Key()]
		if !changed {
			v = it.Value()
		}
		b.AppendValue(it.Key(), v)
	}
	return b.Finish()
}

// withOriginal adds the specification on measurements to that on buckets.
func withOriginal(spec, original document.Doc) document.Doc {
	if original == nil {
		return spec
	}
	var b document.Builder
	for it := spec.Iter(); it.Next(); {
		b.AppendValue(it.Key(), it.Value())
	}
	b.OpenDoc("originalSpec")
	for it := original.Iter(); it.Next(); {
		if it.Key() != "v" {
			b.AppendValue(it.Key(), it.Value())
		}
	}
	b.AppendInt32("v", versionOf(original))
	b.Close()
	return b.Finish()
}

// indexOnMeasurements returns what an index on buckets is on measurements; ok is false if it is none.
func indexOnMeasurements(series *timeseries.Options, spec document.Doc) (_ document.Doc, ok bool) {
	key, ok := series.MeasurementKey(spec.Lookup("key").Doc())
	if original := spec.Lookup("originalSpec").Doc(); original != nil {
		key, ok = original.Lookup("key").Doc(), true
		set := map[string]document.Value{"originalSpec": {}, "key": key.AsValue()}
		if partial := original.Lookup("partialFilterExpression"); !partial.IsMissing() {
			set["partialFilterExpression"] = partial
		}
		return withFields(spec, set), true
	}
	if !ok {
		return nil, false
	}
	return withFields(spec, map[string]document.Value{"key": key.AsValue()}), true
}

// listedIndexes returns the specifications that listIndexes shows. The index on _id of buckets is the collection itself.
func listedIndexes(coll *engine.Collection, measurements bool) (docs []document.Doc) {
	if coll.Timeseries == nil {
		for _, ix := range coll.Indexes {
			docs = append(docs, ix.Spec)
		}
		return docs
	}
	for _, ix := range coll.Indexes[1:] {
		spec, ok := ix.Spec, true
		if measurements {
			spec, ok = indexOnMeasurements(coll.Timeseries, ix.Spec)
		}
		if ok {
			docs = append(docs, spec)
		}
	}
	return docs
}

// modifyTimeseries is collMod of a time-series collection, by either of its names: options become those of the buckets.
func (a *collModArgs) checkTimeseries(coll *engine.Collection) error {
	for _, option := range []struct {
		name string
		used bool
	}{
		{"validator", a.hasValidator}, {"validationLevel", a.level != ""}, {"validationAction", a.action != ""},
		{"changeStreamPreAndPostImages", a.hasImages}, {"recordPreImages", a.hasRecord},
	} {
		if option.used {
			return mongoerr.New(mongoerr.InvalidOptions, "option not supported on a time-series collection: %s", option.name)
		}
	}
	if !a.index.expireAfter.IsMissing() {
		return mongoerr.New(mongoerr.InvalidOptions, "TTL indexes are not supported for time-series collections. Please refer to the documentation and use the top-level "+
			"'expireAfterSeconds' option instead")
	}
	if a.granularity == "" {
		return nil
	}
	_, err := coll.Timeseries.Coarser(a.granularity)
	return err
}

// appendBucketStats appends what collStats says of buckets.
func appendBucketStats(b *document.Builder, coll *engine.Collection) {
	docs, bytes := coll.Count()
	c := coll.BucketCounts()
	b.OpenDoc("timeseries")
	b.AppendString("bucketsNs", coll.NS)
	appendCount(b, "bucketCount", docs)
	if docs > 0 {
		appendCount(b, "avgBucketSize", bytes/docs)
	}
	inserts, updates, measurements := c.Inserts.Load(), c.Updates.Load(), c.Measurements.Load()
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"numBucketInserts", inserts}, {"numBucketUpdates", updates}, {"numBucketsOpenedDueToMetadata", c.Opened.Load()},
		{"numBucketsClosedDueToCount", c.ClosedByCount.Load()}, {"numBucketsClosedDueToSchemaChange", c.ClosedBySchema.Load()}, {"numBucketsClosedDueToSize", c.ClosedBySize.Load()},
		{"numBucketsClosedDueToTimeForward", c.ClosedByTimeForward.Load()}, {"numBucketsClosedDueToTimeBackward", c.ClosedByTimeBackward.Load()},
		{"numBucketsClosedDueToMemoryThreshold", c.ClosedByMemory.Load()}, {"numCommits", inserts + updates}, {"numMeasurementsCommitted", measurements},
	} {
		appendCount(b, n.name, n.value)
	}
	if inserts+updates > 0 {
		appendCount(b, "avgNumMeasurementsPerCommit", measurements/(inserts+updates))
	}
	b.Close()
}

// hintOn returns the hint of a read as it is on what the read is of.
func (o *operation) hintOn(hint document.Value) document.Value {
	if buckets := o.timeseries(); buckets != nil {
		return hintOnBuckets(buckets.Timeseries, hint)
	}
	return hint
}

func isTimeseries(ns string) error {
	return mongoerr.New(mongoerr.CommandNotSupportedOnView, "Namespace %s is a timeseries collection", ns)
}
