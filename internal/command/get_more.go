package command

import (
	"context"
	"errors"
	"io"
	"math"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/session"
)

type getMoreArgs struct {
	id, batchSize int64
	collection    string
	term          int64
	lastKnown     document.Doc
}

var getMoreFields = newSchema("getMore",
	long("getMore", func(a *getMoreArgs) *int64 { return &a.id }),
	text("collection", func(a *getMoreArgs) *string { return &a.collection }).require(),
	notNegative("batchSize", func(a *getMoreArgs) *int64 { return &a.batchSize }),
	long("term", func(a *getMoreArgs) *int64 { return &a.term }),                                   // of secondaries that pull
	object("lastKnownCommittedOpTime", func(a *getMoreArgs) *document.Doc { return &a.lastKnown }), // the oplog, as
) // mongod's do

// runGetMore returns the next batch of a cursor.
func runGetMore(ctx context.Context, o *operation, a *getMoreArgs) error {
	if err := collectionName(a.collection); err != nil {
		return err
	}
	o.ns = o.req.DB + "." + a.collection
	o.d.metrics.countKind(kindGetMore, 1)
	cursor, err := o.d.cursors.Take(a.id, o.cancel)
	if err != nil {
		return err
	}
	c := cursor.Results.(*openCursor)
	if err := o.mayUse(cursor); err != nil {
		return errors.Join(err, o.d.cursors.Return(cursor))
	}
	wait, err := o.awaitTime(c)
	if err != nil {
		return errors.Join(err, o.d.cursors.Return(cursor))
	}
	if c.timeLeft > 0 && !c.awaitData {
		var cancel context.CancelFunc
		if ctx, cancel, err = o.limitTime(ctx, c.timeLeft); err != nil {
			o.d.cursors.Remove(cursor)
			return err
		}
		defer cancel()
	}
	if err := o.nextBatch(ctx, c, a, cursor, wait); err != nil {
		o.d.cursors.Remove(cursor)
		return interruption(ctx, err)
	}
	return nil
}

// nextBatch writes the reply and gives the cursor back. On error the cursor is the caller's.
func (o *operation) nextBatch(ctx context.Context, c *openCursor, a *getMoreArgs, cursor *session.Cursor, wait time.Duration) error {
	limit := math.MaxInt
	if a.batchSize > 0 {
		limit = clampBatch(a.batchSize)
	}
	if err := c.resume(); err != nil {
		return err
	}
	if c.awaitData && c.pending == nil {
		if err := o.awaitMore(ctx, c, wait); err != nil {
			return err
		}
	}
	o.out.OpenDoc("cursor")
	n, err := c.appendBatch(ctx, &o.out, "nextBatch", limit)
	if err != nil {
		return err
	}
	o.noteReturned(n)
	id := int64(0)
	if c.ended && !c.tailable {
		o.d.cursors.Remove(cursor)
	} else {
		c.ended = false
		c.suspend()
		c.timeLeft = o.timeLeft()
		if o.d.cursors.Return(cursor) == nil { // else it was killed meanwhile; what was read is good all the same
			id = cursor.ID
		}
	}
	o.detail.cursorID = id
	o.out.AppendInt64("id", id)
	o.out.AppendString("ns", cursor.NS)
	o.appendSnapshotTime(c.at)
	o.out.Close()
	if o.req.ExhaustAllowed && id != 0 {
		o.reply.Exhaust = true
		next := *o.req
		next.Body = o.req.Body.Clone()
		o.reply.Next = &next
	}
	return nil
}

// awaitMore waits until a tailable cursor has a document, which becomes the pending one, or the time is over.
func (o *operation) awaitMore(ctx context.Context, c *openCursor, wait time.Duration) error {
	begin := time.Now()
	defer func() { o.waiting += time.Since(begin) }()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		changed := c.changed() // before looking, so that nothing is missed in between
		c.suspend()
		if err := c.resume(); err != nil {
			return err
		}
		switch doc, err := c.next(ctx); err {
		case nil:
			c.pending = doc.Clone()
			return nil
		case io.EOF:
		default:
			return err
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// awaitTime understands maxTimeMS, which for awaitData cursors is how long to wait and which others do not allow.
func (o *operation) awaitTime(c *openCursor) (time.Duration, error) {
	v := o.generic.maxTimeMS
	if v.IsMissing() {
		return defaultAwait, nil
	}
	ms, err := parseMaxTimeMS(v)
	switch {
	case err != nil:
		return 0, err
	case ms > 0 && !c.awaitData:
		return 0, mongoerr.New(mongoerr.BadValue, "cannot set maxTimeMS on getMore command for a non-awaitData cursor")
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// mayUse checks that the cursor is the one that the client opened: of this namespace and of its session.
func (o *operation) mayUse(cursor *session.Cursor) error {
	if cursor.NS != o.ns {
		return wrongNamespace(o.ns, cursor.NS)
	}
	mine, its := o.generic.session, cursor.Session
	switch {
	case its == nil && mine == nil, its != nil && mine != nil && *its == *mine:
		return nil
	case its == nil:
		return mongoerr.New(50736, "Cannot run getMore on cursor %d, which was not created in a session, in session %s", cursor.ID, mine)
	case mine == nil:
		return mongoerr.New(50737, "Cannot run getMore on cursor %d, which was created in session %s, without an lsid", cursor.ID, its)
	}
	return mongoerr.New(50738, "Cannot run getMore on cursor %d, which was created in session %s, in session %s", cursor.ID, its, mine)
}

// collectionName checks the name of a collection that is an argument.
func collectionName(name string) error {
	if name == "" {
		return mongoerr.New(mongoerr.InvalidNamespace, "Collection names cannot be empty")
	}
	return nil
}

func wrongNamespace(asked, actual string) error {
	return mongoerr.New(mongoerr.Unauthorized, "Requested getMore on namespace '%s', but cursor belongs to a different namespace %s", asked, actual)
}
