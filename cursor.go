package morton

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// Cursor is the results of a query as they come. Nothing is sent before the first is asked for. The context of the call that made
// it is that of the whole cursor. A cursor is used by one goroutine at a time.
type Cursor[T any] struct {
	cursor
	value T
}

// cursorOptions are what getMore needs to know of the first command.
type cursorOptions struct {
	concerns  *concerns
	batchSize int32
	maxAwait  time.Duration
	tailable  bool
	comment   any
}

// cursor is a Cursor but for the type of its results.
type cursor struct {
	ctx     context.Context
	client  *Client
	options cursorOptions
	send    func(context.Context) (*request, error) // makes the first request; nil once it was sent

	request *request // holds the batch's memory
	batch   document.Iter
	left    bool // there may be more in batch
	id      int64
	ns      string // database and collection that getMore names
	server  *server
	session *serverSession // of a cursor without one of the caller's; goes with the cursor
	token   document.Doc   // postBatchResumeToken of the last batch
	time    uint64         // operationTime of the first
	err     error
	closed  bool
	cancel  context.CancelFunc
}

// check refuses numbers that make no sense.
func (o *cursorOptions) check() error {
	switch {
	case o.batchSize < 0:
		return fmt.Errorf("morton: BatchSize %d: it is a number of documents", o.batchSize)
	case o.maxAwait < 0:
		return fmt.Errorf("morton: MaxAwait %v: it is how long the server waits", o.maxAwait)
	case o.concerns.timeout > 0 && o.maxAwait >= o.concerns.timeout:
		return fmt.Errorf("morton: MaxAwait %v: use less than the %v that an operation may take", o.maxAwait, o.concerns.timeout)
	}
	return nil
}

func newCursor[T any](ctx context.Context, c *Client, send func(context.Context) (*request, error), o cursorOptions) *Cursor[T] {
	return &Cursor[T]{cursor: cursor{ctx: ctx, client: c, options: o, send: send}}
}

// All returns the results for a range loop, which ends with an error if there is one. The cursor is closed when the loop ends.
//
//	for user, err := range users.Find(ctx, filter).All() {
//		if err != nil {
//			return err
//		}
//	}
func (c *Cursor[T]) All() iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		defer c.Close()
		for c.Next() {
			if !yield(c.value, nil) {
				return
			}
		}
		if c.err != nil {
			var none T
			yield(none, c.err)
		}
	}
}

// Slice returns all results and closes the cursor.
func (c *Cursor[T]) Slice() ([]T, error) {
	defer c.Close()
	all := []T{}
	for c.Next() {
		all = append(all, c.value)
	}
	return all, c.err
}

// Next moves to the next result and reports whether there is one. With a tailable cursor it waits for it.
func (c *Cursor[T]) Next() bool {
	for {
		if c.TryNext() {
			return true
		}
		if c.err != nil || c.id == 0 {
			return false
		}
	}
}

// TryNext is Next, but asks the server once at most: with a tailable cursor a result may come later.
func (c *Cursor[T]) TryNext() bool {
	d, ok := c.next()
	if !ok {
		return false
	}
	var value T
	if err := c.client.codec.decode(d, &value); err != nil {
		c.err = err
		return false
	}
	c.value = value
	return true
}

// Value returns the result that Next moved to.
func (c *Cursor[T]) Value() T { return c.value }

// Err returns why there are no more results; nil at their end.
func (c *cursor) Err() error { return c.err }

// ID returns the cursor's number at the server; 0: the server has sent all.
func (c *cursor) ID() int64 { return c.id }

// next returns the next result, valid until the next call.
func (c *cursor) next() (document.Doc, bool) {
	if c.err != nil || c.closed {
		return nil, false
	}
	if d, ok := c.take(); ok {
		return d, true
	}
	if c.send == nil && c.id == 0 {
		return nil, false
	}
	if c.err = c.fetch(); c.err != nil {
		return nil, false
	}
	return c.take()
}

// take returns the next result of the batch.
func (c *cursor) take() (document.Doc, bool) {
	if !c.left {
		return nil, false
	}
	if c.batch.Next() {
		return c.batch.Value().Doc(), true
	}
	c.left = false
	if c.err = c.batch.Err(); c.err != nil {
		return nil, false
	}
	if c.id == 0 {
		c.release()
	}
	return nil, false
}

// fetch gets the next batch.
func (c *cursor) fetch() error {
	first := c.send != nil
	if first && !c.options.tailable {
		c.ctx, c.cancel = c.options.concerns.limit(c.ctx)
	}
	r, err := c.more()
	if err != nil {
		return err
	}
	c.send = nil
	reply, err := r.run(c.ctx)
	if err == nil && first && r.write && r.answer.concern.Type == document.TypeDocument {
		err = &WriteError{Concern: concernFailure(r.answer.concern), Labels: r.labels(r.desc.MaxWire, 0)}
	}
	if err != nil {
		if !first {
			c.lost(err)
		} else if r.missing && isCode(err, 26) { // NamespaceNotFound
			err = nil
		}
		r.free()
		return err
	}
	if c.request != nil {
		c.request.free()
	}
	c.request = r
	if !c.learn(reply, first) {
		return errNoCursor
	}
	return nil
}

var errNoCursor = errors.New("morton: the answer has no cursor")

// more makes the request for the next batch.
func (c *cursor) more() (*request, error) {
	if c.send != nil {
		if err := c.options.check(); err != nil {
			return nil, err
		}
		return c.send(c.ctx)
	}
	db, collection := splitNamespace(c.ns)
	r := c.client.request(db, "getMore", c.options.concerns)
	r.pinned, r.keep, r.read = c.server, c.session, true
	r.body.AppendInt64("getMore", c.id)
	r.body.AppendString("collection", collection)
	if c.options.batchSize > 0 {
		r.body.AppendInt32("batchSize", c.options.batchSize)
	}
	r.silent = true
	if c.options.maxAwait > 0 {
		r.body.AppendInt64("maxTimeMS", milliseconds(c.options.maxAwait))
	}
	if c.options.comment != nil {
		if err := c.client.codec.appendValue(&r.body, "comment", c.options.comment); err != nil {
			r.free()
			return nil, err
		}
	}
	return r, nil
}

// learn takes what a reply says, and reports whether it has a batch.
func (c *cursor) learn(reply document.Doc, first bool) bool {
	for it := reply.Lookup("cursor").Doc().Iter(); it.Next(); {
		switch it.Key() {
		case "id":
			c.id, _ = it.Value().AsInt64()
		case "ns":
			if first {
				c.ns = text(it.Value())
			}
		case "firstBatch", "nextBatch":
			c.batch, c.left = it.Value().Doc().Iter(), it.Value().Type == document.TypeArray
		case "postBatchResumeToken":
			c.token = it.Value().Doc().Clone()
		}
	}
	if !first {
		if c.id == 0 {
			c.giveSession()
		}
		return c.left
	}
	c.time = c.request.answer.operationTime
	c.server = c.request.target
	if c.id != 0 && c.request.owned {
		c.session, c.request.owned = c.request.server, false
	}
	return c.left
}

// lost notes that getMore failed: the server forgot the cursor, or is not reachable.
func (c *cursor) lost(err error) {
	var answer *CommandError
	if errors.As(err, &answer) && (answer.Code == 43 || answer.Code == 237) { // CursorNotFound, CursorKilled
		c.id = 0
	}
}

func (c *cursor) giveSession() {
	if c.session != nil {
		c.client.sessions.give(c.session)
		c.session = nil
	}
}

// release gives the batch's memory back.
func (c *cursor) release() {
	if c.request != nil {
		c.request.free()
		c.request = nil
	}
	c.left = false
}

// Close ends the cursor, at the server too if it has more. It may be called any number of times.
func (c *cursor) Close() error {
	if c.closed {
		return nil
	}
	c.closed, c.send = true, nil
	c.release()
	if c.id != 0 {
		c.kill()
		c.id = 0
	}
	c.giveSession()
	if c.cancel != nil {
		c.cancel()
	}
	return nil
}

// killTime is how long closing a cursor may take where the context is over.
const killTime = 10 * time.Second

// kill tells the server that the cursor is not needed. That the server does not hear it does no harm: it forgets the cursor in time.
func (c *cursor) kill() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), killTime)
	defer cancel()
	db, collection := splitNamespace(c.ns)
	r := c.client.request(db, "killCursors", c.options.concerns)
	defer r.free()
	r.pinned, r.keep, r.read, r.silent = c.server, c.session, true, true
	r.body.AppendString("killCursors", collection)
	r.body.OpenArray("cursors")
	r.body.AppendInt64("0", c.id)
	r.body.Close()
	_, _ = r.run(ctx)
}

func splitNamespace(ns string) (db, collection string) {
	for i := range len(ns) {
		if ns[i] == '.' {
			return ns[:i], ns[i+1:]
		}
	}
	return ns, ""
}
