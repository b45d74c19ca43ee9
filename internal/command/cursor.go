package command

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/session"
)

const (
	// firstBatchDocs is how many documents a first batch has if the client does not say.
	firstBatchDocs = 101
	// maxBatchBytes bounds the documents of a batch together; one document may always be in it.
	maxBatchBytes = document.MaxSize
	// defaultAwait is how long a getMore on an awaitData cursor waits if the client does not say.
	defaultAwait = time.Second
)

// results is where the documents of a cursor come from, between commands ([session.Results]) and during one.
type results interface {
	// next returns the next document, valid until the call after it, or io.EOF.
	next(ctx context.Context) (document.Doc, error)
	// exhausted reports whether it is certain that there are no more.
	exhausted() bool
	// suspend lets go of what must not be held while the client thinks.
	suspend()
	// resume goes on after suspend.
	resume() error
	close()
}

// openCursor is a cursor of this server: results, and what was read from them too early.
type openCursor struct {
	results
	pending document.Doc // did not fit into the last batch
	ended   bool
	nothing bool // a find found no collection

	timeLeft time.Duration // of the operation that opened it, for all batches together; 0: no limit

	at oplog.Timestamp // the time of all that it reads, if the read concern is "snapshot"

	tailable, awaitData bool
	changed             func() <-chan struct{} // of a tailable cursor: there may be more
}

// Close implements session.Results.
func (c *openCursor) Close() { c.results.close() }

// appendBatch fills an array with at most limit documents. ended tells that there are no more.
func (c *openCursor) appendBatch(ctx context.Context, b *document.Builder, key string, limit int) (n int, err error) {
	b.OpenArray(key)
	size := 0
	for n < limit && !c.ended {
		doc := c.pending
		if doc == nil {
			if doc, err = c.next(ctx); err == io.EOF {
				c.ended = true
				break
			} else if err != nil {
				return n, err
			}
		}
		if n > 0 && size+len(doc) > maxBatchBytes {
			if c.pending == nil {
				c.pending = doc.Clone()
			}
			break
		}
		c.pending = nil
		b.AppendDoc(document.Index(n), doc)
		size += len(doc)
		n++
	}
	b.Close()
	c.ended = c.ended || c.pending == nil && c.exhausted()
	return n, nil
}

// cursorReply is what a command that opens a cursor wants.
type cursorReply struct {
	ns        string
	batch     int // documents in the first batch
	single    bool
	noTimeout bool
}

// answerWithCursor writes the reply of a command that opens a cursor: the first batch, and the cursor's id if there may be more.
func (o *operation) answerWithCursor(ctx context.Context, c *openCursor, r cursorReply) error {
	o.out.OpenDoc("cursor")
	n, err := c.appendBatch(ctx, &o.out, "firstBatch", r.batch)
	if err != nil {
		c.close()
		return err
	}
	o.noteReturned(n)
	id := int64(0)
	c.at = o.generic.read.at
	switch {
	case r.single || c.ended && !c.tailable:
		c.close()
	default:
		c.ended = false
		c.suspend()
		c.timeLeft = o.timeLeft()
		cursor := &session.Cursor{NS: r.ns, Session: o.generic.session, NoTimeout: r.noTimeout, Results: c}
		if len(o.req.Body) <= maxShownCommand {
			cursor.Command = o.req.Body.Clone()
		}
		if err := o.d.cursors.Add(cursor); err != nil {
			return err
		}
		id = cursor.ID
	}
	o.detail.cursorID = id
	o.out.AppendInt64("id", id)
	o.out.AppendString("ns", r.ns)
	if !c.nothing {
		o.appendSnapshotTime(c.at)
	}
	o.out.Close()
	return nil
}

func (o *operation) noteReturned(n int) {
	o.detail.returned = n
	o.d.metrics.returned.Add(int64(n))
}

// found is the results of a find: an iterator of the engine.
type found struct {
	d        *Dispatcher
	it       *engine.Iterator
	majority bool
	at       oplog.Timestamp // the time to read; 0: none
	left     int64           // of a limit; -1: none
	where    string          // what errors of execution begin with
}

func (f *found) next(ctx context.Context) (document.Doc, error) {
	if f.left == 0 {
		return nil, io.EOF
	}
	doc, err := f.it.Next(ctx)
	if err == nil && f.left > 0 {
		f.left--
	}
	return doc, executing(ctx, f.where, err)
}

// executing puts in front of an error that a document caused where that was; the end of the documents and of the operation's time are no such errors.
func executing(ctx context.Context, where string, err error) error {
	var e *mongoerr.Error
	if err == nil || err == io.EOF || where == "" || ctx.Err() != nil || !errors.As(err, &e) {
		return err
	}
	return e.WithContext("%s", where)
}

func (f *found) exhausted() bool { return f.left == 0 }

func (f *found) suspend() { f.it.Suspend() }

func (f *found) resume() error {
	v, err := f.d.viewAt(f.at, f.majority)
	if err != nil {
		return err
	}
	err = f.it.Resume(&v)
	if e := mongoerr.From(err); e != nil && e.Code == mongoerr.QueryPlanKilled {
		return mongoerr.New(e.Code, "query plan killed :: %s", e.Message)
	}
	return err
}

func (f *found) close() { _ = f.it.Close() }

// view returns the state to read.
func (d *Dispatcher) view(majority bool) engine.View {
	if majority {
		return d.engine.Majority()
	}
	return d.engine.Local()
}

// viewAt is view for a cursor that may read one time only.
func (d *Dispatcher) viewAt(at oplog.Timestamp, majority bool) (engine.View, error) {
	if at != 0 {
		return d.engine.At(at)
	}
	return d.view(majority), nil
}

// appendSnapshotTime appends the time of what was read, if the read concern is "snapshot".
func (o *operation) appendSnapshotTime(at oplog.Timestamp) {
	if at != 0 {
		o.out.AppendTimestamp("atClusterTime", uint64(at))
	}
}

// openView returns the state that the read concern allows to be read, and notes its time.
func (o *operation) openView() *engine.View {
	if o.snapshot != nil {
		o.when = o.snapshot.Time.TS
		return o.snapshot.Again()
	}
	v := o.d.view(o.readsMajority())
	o.when = v.Time.TS
	return &v
}

// readsMajority reports whether only what a majority has may be read.
func (o *operation) readsMajority() bool {
	return o.generic.read.level == readMajority || o.generic.read.level == readLinearizable
}

// listed is the results of a command that has its documents at hand.
type listed struct{ docs []document.Doc }

func (l *listed) next(context.Context) (document.Doc, error) {
	if len(l.docs) == 0 {
		return nil, io.EOF
	}
	d := l.docs[0]
	l.docs = l.docs[1:]
	return d, nil
}

func (l *listed) exhausted() bool { return len(l.docs) == 0 }

func (l *listed) suspend()      {}
func (l *listed) resume() error { return nil }
func (l *listed) close()        { l.docs = nil }

// cursorArgs is the option `cursor` of commands that list.
type cursorArgs struct {
	given     bool
	batchSize int64
}

var cursorFields = newSchema("cursor", notNegative("batchSize", func(a *cursorArgs) *int64 { return &a.batchSize })).
	defaults(func(a *cursorArgs) { a.batchSize = firstBatchDocs })

// cursorField is the row of that option of commands that list.
func cursorField[A any](at func(*A) *cursorArgs) field[A] {
	return structure("cursor", cursorFields, at)
}

// answerWithList writes the reply of a command that has its documents at hand.
func (o *operation) answerWithList(ctx context.Context, ns string, docs []document.Doc, batch int64) error {
	return o.answerWithCursor(ctx, &openCursor{results: &listed{docs}}, cursorReply{ns: ns, batch: clampBatch(batch)})
}

// clampBatch makes an int of a batch size.
func clampBatch(n int64) int { return int(min(n, 1<<30)) }
