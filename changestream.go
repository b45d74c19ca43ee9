package morton

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// WatchOptions are options of change streams.
type WatchOptions struct {
	// FullDocument asks for documents as they are with updates: "updateLookup", "whenAvailable", "required". Before asks for
	// what was there before: "whenAvailable", "required".
	FullDocument string
	Before       string

	// Where the stream begins, one of three at most; without one it begins now. ResumeAfter and StartAfter take an
	// [Event.Token]; only StartAfter goes on behind an event that ended a stream. StartAt is a moment.
	ResumeAfter bson.Raw
	StartAfter  bson.Raw
	StartAt     bson.Timestamp

	ExpandedEvents bool // also of indexes, collections and their options (MongoDB 6.0)
	BatchSize      int32
	MaxAwait       time.Duration // how long the server waits for events before it answers with none; 0: its own idea
	Collation      any           // a document
	Comment        any
}

// ChangeStream is changes as they happen. It begins when Watch is called, and goes on behind the last event where a server is lost or
// a cursor forgotten. It is used by one goroutine at a time.
type ChangeStream[T any] struct {
	ctx      context.Context
	options  WatchOptions
	concerns concerns
	start    func(stage bson.D) *Cursor[bson.Raw] // of an aggregation that begins with the stage

	cursor    *Cursor[bson.Raw]
	wire      int32 // the server's version
	token     bson.Raw
	startedAt bson.Timestamp // where to resume before there is a token
	begun     bool           // an event came: the token is none of the options' any more
	event     Event[T]
	err       error
}

// Watch listens to the collection's changes. The pipeline may filter and change events, but must leave their _id; nil: all as they are.
func (c *Collection[T]) Watch(ctx context.Context, pipeline any, options ...WatchOptions) *ChangeStream[T] {
	return newStream[T](ctx, c.db, document.String(c.name), pipeline, one(options), c.concerns, nil)
}

// Watch listens to the changes of all collections of the database.
func (d *Database) Watch(ctx context.Context, pipeline any, options ...WatchOptions) *ChangeStream[bson.D] {
	return newStream[bson.D](ctx, d, document.Int32(1), pipeline, one(options), d.concerns, nil)
}

// Watch listens to the changes of all databases.
func (c *Client) Watch(ctx context.Context, pipeline any, options ...WatchOptions) *ChangeStream[bson.D] {
	everywhere := bson.D{{Key: "allChangesForCluster", Value: true}}
	return newStream[bson.D](ctx, c.Database("admin"), document.Int32(1), pipeline, one(options), c.concerns, everywhere)
}

func newStream[T any](ctx context.Context, d *Database, target document.Value, pipeline any, o WatchOptions, k concerns, where bson.D) *ChangeStream[T] {
	s := &ChangeStream[T]{ctx: ctx, options: o, concerns: k, token: o.StartAfter}
	if s.token == nil {
		s.token = o.ResumeAfter
	}
	stages, err := pipelineStages(d.client.codec, pipeline)
	if err != nil {
		s.err = err
		return s
	}
	s.start = func(stage bson.D) *Cursor[bson.Raw] {
		whole := append(bson.A{bson.D{{Key: "$changeStream", Value: append(append(bson.D{}, stage...), where...)}}}, stages...)
		c := aggregate[bson.Raw](ctx, d, target, whole, AggregateOptions{BatchSize: o.BatchSize, Collation: o.Collation, Comment: o.Comment, MaxAwait: o.MaxAwait}, &s.concerns)
		c.options.tailable = true // timeoutMS is for each command, not for the stream
		return c
	}
	s.err = s.open(s.beginning())
	return s
}

func pipelineStages(c codec, pipeline any) (stages bson.A, err error) {
	if pipeline == nil {
		return nil, nil
	}
	array, err := c.array(pipeline)
	if err != nil {
		return nil, err
	}
	for it := array.Doc().Iter(); it.Next(); {
		v := it.Value()
		stages = append(stages, bson.RawValue{Type: bson.Type(v.Type), Value: v.Data})
	}
	return stages, nil
}

// open begins the stream at a place.
func (s *ChangeStream[T]) open(place bson.D) error {
	stage := place
	for _, f := range []struct{ key, value string }{{"fullDocument", s.options.FullDocument}, {"fullDocumentBeforeChange", s.options.Before}} {
		if f.value != "" {
			stage = append(stage, bson.E{Key: f.key, Value: f.value})
		}
	}
	if s.options.ExpandedEvents {
		stage = append(stage, bson.E{Key: "showExpandedEvents", Value: true})
	}
	s.cursor = s.start(stage)
	if err := s.cursor.fetch(); err != nil {
		s.cursor.err = err
		return err
	}
	s.wire = s.cursor.request.desc.MaxWire
	if !s.cursor.empty() {
		return nil
	}
	if s.cursor.token != nil {
		s.token = bson.Raw(s.cursor.token)
	} else if t := s.cursor.time; len(place) == 0 && s.wire >= 7 {
		s.startedAt = bson.Timestamp{T: uint32(t >> 32), I: uint32(t)}
	}
	return nil
}

// beginning is the place that the options name.
func (s *ChangeStream[T]) beginning() (place bson.D) {
	o := &s.options
	if o.ResumeAfter != nil {
		place = append(place, bson.E{Key: "resumeAfter", Value: o.ResumeAfter})
	}
	if o.StartAfter != nil {
		place = append(place, bson.E{Key: "startAfter", Value: o.StartAfter})
	}
	if !o.StartAt.IsZero() {
		place = append(place, bson.E{Key: "startAtOperationTime", Value: o.StartAt})
	}
	return place
}

// resumption is the place behind what came last.
func (s *ChangeStream[T]) resumption() bson.D {
	switch {
	case s.token != nil && s.options.StartAfter != nil && !s.begun:
		return bson.D{{Key: "startAfter", Value: s.token}} // resumeAfter does not go behind an invalidate
	case s.token != nil:
		return bson.D{{Key: "resumeAfter", Value: s.token}}
	case !s.options.StartAt.IsZero():
		return bson.D{{Key: "startAtOperationTime", Value: s.options.StartAt}}
	case !s.startedAt.IsZero():
		return bson.D{{Key: "startAtOperationTime", Value: s.startedAt}}
	}
	return nil
}

// All returns the events for a range loop, which waits for each and ends when the context does, with its error. The stream is closed when
// the loop ends.
func (s *ChangeStream[T]) All() iter.Seq2[Event[T], error] {
	return func(yield func(Event[T], error) bool) {
		defer s.Close()
		for s.Next() {
			if !yield(s.event, nil) {
				return
			}
		}
		if s.err != nil {
			yield(Event[T]{}, s.err)
		}
	}
}

// Next waits for the next event and reports whether there is one. There is none behind an error, and behind an event that ends the stream
// as the collection is no more ("invalidate").
func (s *ChangeStream[T]) Next() bool {
	for {
		if s.TryNext() {
			return true
		}
		if s.err != nil || s.cursor.closed || s.cursor.id == 0 {
			return false
		}
	}
}

// TryNext is Next, but asks the server once at most: an event may come later.
func (s *ChangeStream[T]) TryNext() bool {
	if s.err != nil {
		return false
	}
	d, ok := s.cursor.next()
	for !ok && s.cursor.err != nil && s.resumable(s.cursor.err) {
		if s.err = s.resume(s.cursor.err); s.err != nil {
			return false
		}
		d, ok = s.cursor.next()
	}
	if !ok {
		s.err = s.cursor.err
		if s.err == nil && s.cursor.token != nil && !s.cursor.closed {
			s.token = bson.Raw(s.cursor.token)
		}
		return false
	}
	s.err = s.take(d)
	return s.err == nil
}

// take makes an event what Value returns.
func (s *ChangeStream[T]) take(d document.Doc) error {
	id := d.Lookup("_id")
	if id.Type != document.TypeDocument {
		return errors.New("morton: an event without _id: the pipeline must leave it, as streams cannot go on without")
	}
	event, err := readEvent[T](s.cursor.client.codec, d)
	if err != nil {
		return err
	}
	s.event, s.begun, s.token = event, true, event.Token
	if s.cursor.token != nil && s.cursor.empty() {
		s.token = bson.Raw(s.cursor.token)
	}
	return nil
}

// resume begins the stream anew behind what came last.
func (s *ChangeStream[T]) resume(reason error) error {
	var answer *CommandError
	if !errors.As(reason, &answer) {
		s.cursor.id = 0 // its server is not there to be told
	}
	s.cursor.Close()
	return s.open(s.resumption())
}

// resumable reports whether a stream goes on in spite of a failed getMore (specification "Change Streams").
func (s *ChangeStream[T]) resumable(err error) bool {
	if s.ctx.Err() != nil {
		return false
	}
	var answer *CommandError
	var lost *AutoReconnect
	switch {
	case errors.As(err, &answer) && answer.Code == int32(mongoerr.CursorNotFound):
		return true
	case answer != nil && s.wire >= 9: // servers tell since MongoDB 4.4
		return slices.Contains(answer.Labels, "ResumableChangeStreamError")
	case answer != nil:
		return slices.Contains(resumableCodes, answer.Code)
	}
	return errors.As(err, &lost)
}

// resumableCodes are those of servers that have no label for it.
var resumableCodes = []int32{6, 7, 63, 89, 91, 133, 150, 189, 234, 262, 9001, 10107, 11600, 11602, 13388, 13435, 13436}

// Value returns the event that Next moved to.
func (s *ChangeStream[T]) Value() Event[T] { return s.event }

// Err returns why there are no more events; nil at the stream's end.
func (s *ChangeStream[T]) Err() error { return s.err }

// Token returns where a later stream can go on: behind the last event, or further where the server looked and found none.
func (s *ChangeStream[T]) Token() bson.Raw { return s.token }

// Close ends the stream. It may be called any number of times.
func (s *ChangeStream[T]) Close() error {
	if s.cursor == nil {
		return nil
	}
	return s.cursor.Close()
}

// empty reports whether the batch has no more results.
func (c *cursor) empty() bool {
	if !c.left {
		return true
	}
	ahead := c.batch
	return !ahead.Next()
}
