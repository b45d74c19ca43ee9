package morton

import (
	"context"
	"errors"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// AggregateOptions are options of Aggregate.
type AggregateOptions struct {
	AllowDiskUse             *bool
	BatchSize                int32 // documents that the server sends at a time; a pipeline that ends in $out or $merge has none to send
	BypassDocumentValidation bool
	Collation                any // a document
	Comment                  any
	Hint                     any // an index's name or keys
	Let                      any // a document of variables
	MaxTime                  time.Duration
	MaxAwait                 time.Duration // of a pipeline that begins with $changeStream: how long the server waits for events
}

// Aggregate runs a pipeline, an array of stages: []bson.D or the like. If its results are other documents than the
// collection's, use a collection of theirs: CollectionOf[Total](db, "orders").Aggregate(…).
func (c *Collection[T]) Aggregate(ctx context.Context, pipeline any, options ...AggregateOptions) *Cursor[T] {
	return aggregate[T](ctx, c.db, document.String(c.name), pipeline, one(options), &c.concerns)
}

func aggregate[T any](ctx context.Context, d *Database, target document.Value, pipeline any, o AggregateOptions, k *concerns) *Cursor[T] {
	send := func(context.Context) (*request, error) {
		r := d.client.request(d.name, "aggregate", k)
		if err := r.appendAggregate(target, pipeline, &o); err != nil {
			r.free()
			return nil, err
		}
		return r, nil
	}
	return newCursor[T](ctx, d.client, send, cursorOptions{concerns: k, batchSize: o.BatchSize, maxAwait: o.MaxAwait, comment: o.Comment})
}

func (r *request) appendAggregate(target document.Value, pipeline any, o *AggregateOptions) error {
	b := &r.body
	b.AppendValue("aggregate", target)
	if pipeline == nil {
		pipeline = []any{}
	}
	stages, err := r.client.codec.array(pipeline)
	if err != nil {
		return err
	}
	if o.MaxAwait != 0 && (stages.Doc().IsEmpty() || stages.Doc().First().Value.Doc().First().Key != "$changeStream") {
		return errors.New("morton: MaxAwait is for pipelines that begin with $changeStream: the results of others do not wait for anything")
	}
	r.read, r.concern, r.retry, r.maxTime = true, true, retryRead, o.MaxTime
	if writes(stages) {
		r.write, r.output, r.retry = true, true, retryNever
	}
	b.AppendValue("pipeline", stages)
	b.OpenDoc("cursor")
	if o.BatchSize > 0 && !r.output {
		b.AppendInt32("batchSize", o.BatchSize)
	}
	b.Close()
	if o.AllowDiskUse != nil {
		b.AppendBool("allowDiskUse", *o.AllowDiskUse)
	}
	if o.BypassDocumentValidation {
		b.AppendBool("bypassDocumentValidation", true)
	}
	if err := r.collation(o.Collation); err != nil {
		return err
	}
	if err := r.comment(o.Comment); err != nil {
		return err
	}
	if err := r.hint(o.Hint); err != nil {
		return err
	}
	return r.document("let", o.Let)
}

// writes reports whether a pipeline ends with $out or $merge.
func writes(stages document.Value) (is bool) {
	for it := stages.Doc().Iter(); it.Next(); {
		name := it.Value().Doc().First().Key
		is = name == "$out" || name == "$merge"
	}
	return is
}
