package timeseries

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Options are a time-series collection's, as create got them.
type Options struct {
	Time, Meta  string // fields of the measurements; Meta is "" if there is none
	Granularity string // "seconds", "minutes" or "hours"
	Span        int64  // seconds from the beginning of a bucket, in which all its measurements are
}

// granularities have the most that a bucket spans, and what its beginning is rounded down to, in seconds.
var granularities = map[string]struct{ span, rounding int64 }{
	"seconds": {3600, 60},
	"minutes": {86400, 3600},
	"hours":   {2592000, 86400},
}

// SpanOf returns how many seconds a bucket spans.
func SpanOf(granularity string) int64 { return granularities[granularity].span }

// Parse reads options from the document that listCollections shows; nil if there is none.
func Parse(d document.Doc) *Options {
	if d == nil {
		return nil
	}
	o := &Options{Time: d.Lookup("timeField").Str(), Meta: d.Lookup("metaField").Str(), Granularity: d.Lookup("granularity").Str()}
	if _, known := granularities[o.Granularity]; !known {
		o.Granularity = "seconds"
	}
	if o.Span, _ = d.Lookup("bucketMaxSpanSeconds").ToInt64(); o.Span <= 0 {
		o.Span = SpanOf(o.Granularity)
	}
	return o
}

// Document returns the options as listCollections shows them.
func (o *Options) Document() document.Doc {
	var b document.Builder
	o.appendFields(&b)
	b.AppendString("granularity", o.Granularity)
	b.AppendInt32("bucketMaxSpanSeconds", int32(o.Span))
	return b.Finish()
}

func (o *Options) appendFields(b *document.Builder) {
	b.AppendString("timeField", o.Time)
	if o.Meta != "" {
		b.AppendString("metaField", o.Meta)
	}
}

// Unpack is the name of the stage that makes measurements of buckets.
const Unpack = "$_internalUnpackBucket"

// View returns the definition of the view over the buckets: {viewOn, pipeline, collation}.
func (o *Options) View(name string, collation document.Doc) document.Doc {
	var b document.Builder
	b.AppendString("viewOn", prefix+name)
	b.OpenArray("pipeline")
	b.OpenDoc("0")
	b.OpenDoc(Unpack)
	o.appendFields(&b)
	b.AppendInt32("bucketMaxSpanSeconds", int32(o.Span))
	b.Close()
	b.Close()
	b.Close()
	if collation != nil {
		b.AppendDoc("collation", collation)
	}
	return b.Finish()
}

const prefix = "system.buckets."

// BucketsOf returns the namespace of the buckets of a time-series collection.
func BucketsOf(ns string) string {
	db, name, _ := strings.Cut(ns, ".")
	return db + "." + prefix + name
}

// ViewOf returns the namespace of the time-series collection whose buckets are in ns; ok is false if ns has none by its name.
func ViewOf(ns string) (view string, ok bool) {
	db, name, _ := strings.Cut(ns, ".")
	name, ok = strings.CutPrefix(name, prefix)
	return db + "." + name, ok
}

// Validator is the validator of the buckets.
func (o *Options) Validator() document.Doc {
	var b document.Builder
	object := func(name string, required ...string) {
		b.OpenDoc(name)
		b.AppendString("bsonType", "object")
		b.OpenArray("required")
		for i, field := range required {
			b.AppendString(document.Index(i), field)
		}
		b.Close()
		b.OpenDoc("properties")
	}
	typed := func(name, bsonType string) {
		b.OpenDoc(name)
		b.AppendString("bsonType", bsonType)
		b.Close()
	}
	object("$jsonSchema", "_id", "control", "data")
	typed("_id", "objectId")
	object("control", "version", "min", "max")
	typed("version", "number")
	for _, extreme := range []string{"min", "max"} {
		object(extreme, o.Time)
		typed(o.Time, "date")
		b.Close()
		b.Close()
	}
	typed("closed", "bool")
	b.Close()
	b.Close()
	typed("data", "object")
	b.OpenDoc("meta")
	b.Close()
	b.Close()
	b.AppendBool("additionalProperties", false)
	b.Close()
	return b.Finish()
}

// Coarser returns the options with another granularity, which may be a coarser one.
func (o *Options) Coarser(granularity string) (*Options, error) {
	if SpanOf(granularity) < SpanOf(o.Granularity) {
		return nil, mongoerr.New(mongoerr.InvalidOptions, "Invalid transition for timeseries.granularity. Can only transition from 'seconds' to 'minutes' or 'minutes' to 'hours'.")
	}
	n := *o
	n.Granularity, n.Span = granularity, SpanOf(granularity)
	return &n, nil
}
