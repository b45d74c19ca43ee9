package morton

import (
	"context"
	"errors"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// FindOptions are options of Find and FindOne, which has no cursor and so no Limit, BatchSize, NoCursorTimeout, Tailable, Await and MaxAwait. Documents are
// bson.D or what else encodes as one.
type FindOptions struct {
	Sort       any // a document: bson.D{{"age", -1}}
	Projection any // a document
	Skip       int64
	Limit      int64 // 0: all
	BatchSize  int32 // documents that the server sends at a time; 0: its own idea
	Hint       any   // an index's name or keys
	Collation  any   // a document
	Comment    any
	Let        any // a document of variables
	Min, Max   any // bounds of the hinted index
	MaxTime    time.Duration

	AllowDiskUse        *bool
	AllowPartialResults bool
	NoCursorTimeout     bool
	ReturnKey           bool
	ShowRecordID        bool

	// Tailable keeps the cursor on a capped collection open at its end. With Await, too, the server waits there for more, and with both MaxAwait says how long.
	Tailable bool
	Await    bool
	MaxAwait time.Duration
}

// Find finds the documents that match filter.
func (c *Collection[T]) Find(ctx context.Context, filter any, options ...FindOptions) *Cursor[T] {
	o := one(options)
	send := func(context.Context) (*request, error) {
		if o.Await && !o.Tailable || o.MaxAwait != 0 && !o.Await {
			return nil, errors.New("morton: Await is for cursors that are Tailable, and MaxAwait for those that Await: others do not wait")
		}
		r := c.request("find")
		if err := c.appendFind(r, filter, &o); err != nil {
			r.free()
			return nil, err
		}
		return r, nil
	}
	return newCursor[T](ctx, c.db.client, send, cursorOptions{concerns: &c.concerns, batchSize: o.BatchSize, maxAwait: o.MaxAwait, tailable: o.Tailable, comment: o.Comment})
}

// FindOne finds the first document that matches filter, or [ErrNotFound].
func (c *Collection[T]) FindOne(ctx context.Context, filter any, options ...FindOptions) (T, error) {
	var value T
	o := one(options)
	if o.Limit != 0 || o.BatchSize != 0 || o.NoCursorTimeout || o.Tailable || o.Await || o.MaxAwait != 0 {
		return value, errors.New("morton: FindOne finds one document: Limit, BatchSize, NoCursorTimeout, Tailable, Await and MaxAwait are for Find")
	}
	o.Limit = -1
	r := c.request("find")
	defer r.free()
	if err := c.appendFind(r, filter, &o); err != nil {
		return value, err
	}
	reply, err := r.run(ctx)
	if err != nil {
		return value, err
	}
	documents := reply.Lookup("cursor").Doc().Lookup("firstBatch")
	if documents.Type != document.TypeArray {
		return value, errNoCursor
	}
	batch := documents.Doc().Iter()
	if !batch.Next() {
		return value, ErrNotFound
	}
	err = c.codec().decode(batch.Value().Doc(), &value)
	return value, err
}

func (c *Collection[T]) appendFind(r *request, filter any, o *FindOptions) error {
	r.read, r.concern, r.retry, r.maxTime = true, true, retryRead, o.MaxTime
	b := &r.body
	if err := c.codec().appendDocument(b, "filter", filter); err != nil {
		return err
	}
	if err := r.sort(o.Sort); err != nil {
		return err
	}
	for _, bound := range []any{o.Min, o.Max} {
		if err := inOrder("an index's keys", bound); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		key string
		v   any
	}{{"projection", o.Projection}, {"collation", o.Collation}, {"let", o.Let}, {"min", o.Min}, {"max", o.Max}} {
		if err := r.document(f.key, f.v); err != nil {
			return err
		}
	}
	if err := r.hint(o.Hint); err != nil {
		return err
	}
	if err := r.comment(o.Comment); err != nil {
		return err
	}
	if o.Skip != 0 {
		b.AppendInt64("skip", o.Skip)
	}
	single := o.Limit < 0
	if single {
		b.AppendInt64("limit", -o.Limit)
	} else if o.Limit > 0 {
		b.AppendInt64("limit", o.Limit)
	}
	if o.BatchSize != 0 {
		size := o.BatchSize
		if o.Limit > 0 && int64(size) == o.Limit {
			size++ // so that the server need not keep a cursor for nothing
		}
		b.AppendInt32("batchSize", size)
	}
	if single {
		b.AppendBool("singleBatch", true)
	}
	if o.AllowDiskUse != nil {
		b.AppendBool("allowDiskUse", *o.AllowDiskUse)
	}
	for _, f := range []struct {
		key string
		set bool
	}{
		{"allowPartialResults", o.AllowPartialResults}, {"noCursorTimeout", o.NoCursorTimeout}, {"returnKey", o.ReturnKey},
		{"showRecordId", o.ShowRecordID}, {"tailable", o.Tailable}, {"awaitData", o.Await},
	} {
		if f.set {
			b.AppendBool(f.key, true)
		}
	}
	return nil
}
