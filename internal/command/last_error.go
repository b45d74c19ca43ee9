package command

import (
	"context"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/replset"
)

// lastError is what came of a connection's last operation, whatever the database. Clients before 2013 write by opcodes
// without an answer and then ask for it.
type lastError struct {
	err             *mongoerr.Error // nil: none
	n               int64           // documents updated or removed (0 for inserts, as ever)
	update          bool            // it was an update: updatedExisting is shown
	updatedExisting bool
	upserted        document.Value
	wrote           oplog.OpTime
}

// noteLastError remembers what came of the operation, for getLastError.
func (o *operation) noteLastError(e *mongoerr.Error) {
	if !o.req.Legacy || o.row != nil && o.row.name == "getLastError" {
		return
	}
	l := lastError{err: e, wrote: o.wrote}
	if e == nil {
		l.err = o.legacy.err
		l.n, l.update, l.updatedExisting, l.upserted = o.legacy.n, o.legacy.update, o.legacy.updatedExisting, o.legacy.upserted.Clone()
	}
	c := o.req.Conn
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = l
}

// runGetLastError answers clients of the old opcodes. Those of OP_MSG get the answer of MongoDB 6.0, which no longer
// has the command. (Shapes: MongoDB 4.2.6. A reply whose ok is 0 always has the field wtimeout, without which PyMongo
// 1.8.1 dies.)
func runGetLastError(ctx context.Context, o *operation) error {
	if !o.req.Legacy {
		return mongoerr.New(5739000, "getLastError command is not supported")
	}
	w, err := replset.ParseWriteConcern(o.req.Body, true)
	if err != nil {
		e := mongoerr.From(err)
		return &mongoerr.Error{Message: e.Message, Extra: badLastError(o.req.Body)}
	}
	c := o.req.Conn
	c.mu.Lock()
	last := c.last
	c.mu.Unlock()

	out := &o.out
	if !last.upserted.IsMissing() {
		out.AppendValue("upserted", last.upserted)
	}
	if last.update {
		out.AppendBool("updatedExisting", last.updatedExisting)
	}
	out.AppendInt32("n", clampInt32(last.n))
	if !last.wrote.IsZero() {
		out.OpenDoc("lastOp")
		appendOpTime(out, last.wrote)
		out.Close()
	}
	out.AppendInt32("connectionId", int32(c.ID))
	if last.err != nil {
		out.AppendString("err", last.err.Message)
		out.AppendInt32("code", int32(last.err.Code))
		out.AppendString("codeName", last.err.Code.Name())
		out.AppendDouble("ok", 1)
		return nil
	}
	return o.lastErrorConcern(ctx, w, last)
}

func badLastError(cmd document.Doc) document.Doc {
	var b document.Builder
	b.AppendDoc("badGLE", cmd)
	b.AppendBool("wtimeout", false)
	return b.Finish()
}

// lastErrorConcern waits for the write concern of a getLastError and ends its reply.
func (o *operation) lastErrorConcern(ctx context.Context, w replset.WriteConcern, last lastError) error {
	out := &o.out
	named := !w.Implicit() && !w.Unacknowledged() // no w at all meant, and means, this member
	if last.wrote.TS == 0 || !named || w.W == 1 && !w.WaitsForDisk() {
		out.AppendNull("err")
		out.AppendDouble("ok", 1)
		return nil
	}
	before := o.waiting
	err := o.awaitWrite(ctx, w, last.wrote)
	waited := int32((o.waiting - before).Milliseconds())
	switch {
	case err == nil:
		out.AppendInt32("wtime", waited)
		o.appendHolders(last.wrote.TS)
		out.AppendNull("err")
		out.AppendDouble("ok", 1)
	case err.Code == mongoerr.WriteConcernFailed:
		out.AppendBool("wtimeout", true)
		out.AppendInt32("waited", waited)
		o.appendHolders(last.wrote.TS)
		out.AppendString("err", "timeout")
		out.AppendDouble("ok", 1)
		out.AppendString("errmsg", "timed out waiting for slaves")
		out.AppendInt32("code", int32(err.Code))
		out.AppendString("codeName", err.Code.Name())
	default:
		out.AppendNull("err")
		out.AppendBool("wtimeout", false)
		out.AppendDouble("ok", 0)
		out.AppendString("errmsg", err.Message)
		out.AppendInt32("code", int32(err.Code))
		out.AppendString("codeName", err.Code.Name())
	}
	return nil
}

func (o *operation) appendHolders(ts oplog.Timestamp) {
	hosts := o.d.log.Holders(ts)
	slices.Sort(hosts)
	o.out.OpenArray("writtenTo")
	for i, h := range hosts {
		o.out.AppendString(document.Index(i), h)
	}
	o.out.Close()
}

// runResetError forgets the last error. (It lives on for old clients only.)
func runResetError(_ context.Context, o *operation) error {
	if !o.req.Legacy {
		return mongoerr.New(mongoerr.CommandNotFound, "no such command: '%s'", o.first.Key)
	}
	return nil // a successful operation is a new last error by itself
}

// appendOpTime appends the fields of an optime.
func appendOpTime(b *document.Builder, t oplog.OpTime) {
	term := int64(t.Term)
	if term == 0 {
		term = -1
	}
	b.AppendTimestamp("ts", uint64(t.TS))
	b.AppendInt64("t", term)
}
