package command

import (
	"context"
	"errors"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/replset"
)

// readWriteConcern understands the writeConcern argument of a command that supports one.
func (o *operation) readWriteConcern() error {
	v := o.generic.writeConcern
	o.generic.write = replset.ImplicitWriteConcern()
	if o.row.writeConcern && !o.view.Standalone() {
		o.generic.write = o.d.defaults().writeConcern()
	}
	if v.IsMissing() {
		return nil
	}
	if !o.row.writeConcern {
		return mongoerr.New(mongoerr.InvalidOptions, "Command does not support writeConcern")
	}
	switch {
	case v.Type == document.TypeDocument:
	case o.row.ownConcernTypes:
		return argumentError(within(o.row.name, within("writeConcern", wrongType(v.Type, "object"))))
	default:
		return oldWrongType("writeConcern", "object", v.Type)
	}
	w, err := replset.ParseWriteConcern(v.Doc(), false)
	if err != nil {
		return err
	}
	if !w.Implicit() {
		o.generic.write = w
	}
	if o.view.Standalone() {
		return o.generic.write.CheckStandalone()
	}
	return nil
}

// waits reports whether anybody is going to wait for what the command writes.
func (o *operation) waits() bool {
	w := &o.generic.write
	return o.row.writeConcern && (w.Majority || w.W > 1 || w.Tagged() || w.WaitsForDisk())
}

// errWriteTimeout is the cause of the end of a wait for which wtimeout was too short.
var errWriteTimeout = errors.New("wtimeout")

// awaitWrite waits until the write at op is where w wants it. Why it could not be is returned as it stands in a reply's writeConcernError.
func (o *operation) awaitWrite(ctx context.Context, w replset.WriteConcern, op oplog.OpTime) *mongoerr.Error {
	if c := o.view.Config; c != nil {
		if err := w.Unsatisfiable(c); err != nil {
			return err
		}
	}
	if w.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, w.Timeout, errWriteTimeout)
		defer cancel()
	}
	begin := time.Now()
	err := waitFor(ctx, o.d.log, w, op)
	o.waiting += time.Since(begin)
	switch {
	case err == nil:
		return nil
	case context.Cause(ctx) == errWriteTimeout:
		o.d.metrics.timedOutWrites.Add(1)
		return w.TimedOut()
	}
	return w.Interrupted(o.interruptedWait(interruption(ctx, err)))
}

// interruptedWait returns how mongod calls the end of a wait for a write concern. It has interrupted the operations that locked out others when a primary
// steps down; who waits still, having locked nothing, hears of it from the wait itself. So it is with those who wait when the member stops.
func (o *operation) interruptedWait(e *mongoerr.Error) *mongoerr.Error {
	switch {
	case e.Code == mongoerr.InterruptedDueToReplStateChange && o.lockedNothing:
		return mongoerr.New(mongoerr.PrimarySteppedDown, "Primary stepped down while waiting for replication")
	case e.Code == mongoerr.InterruptedAtShutdown:
		return mongoerr.New(mongoerr.ShutdownInProgress, "Replication is being shut down")
	}
	return e
}

// waitFor waits for all that w asks.
func waitFor(ctx context.Context, log Log, w replset.WriteConcern, op oplog.OpTime) error {
	switch {
	case w.Majority:
		return log.WaitCommitted(ctx, op)
	case w.Tagged():
		if err := log.WaitTagged(ctx, op, w); err != nil {
			return err
		}
	case w.W > 1:
		if err := log.WaitReplicated(ctx, op, w.W); err != nil {
			return err
		}
	}
	if w.WaitsForDisk() {
		return log.WaitDurable(ctx, op)
	}
	return nil
}

// awaitWriteConcern waits for what the write concern asks. That it could not be reached is no error of the command: the
// write has happened. It is noted for the reply.
func (o *operation) awaitWriteConcern(ctx context.Context) {
	if !o.row.writeConcern || o.row.reads || o.fault.writeConcernError != nil || o.generic.write.Unacknowledged() {
		return
	}
	op := o.wrote
	if op.IsZero() {
		// Nothing was written. What the client was told (a duplicate key, nothing to change, what an earlier try had done) must be as durable as a write, and if the term
		// in which it was true has ended, nobody knows whether it is still so.
		op = oplog.OpTime{TS: o.d.log.Newest(), Term: o.term}
	}
	o.notWaited = o.awaitWrite(ctx, o.generic.write, op)
}

// tellsOfData reports whether an error with that code says what is there: the client may rely on it as on a reply.
func tellsOfData(c mongoerr.Code) bool {
	switch c {
	case mongoerr.NamespaceNotFound, mongoerr.NamespaceExists, mongoerr.IndexNotFound, mongoerr.DuplicateKey, mongoerr.DocumentValidationFailure:
		return true
	}
	return false
}

// appendWriteConcernError appends what kept the write concern from being reached, if anything did.
func (o *operation) appendWriteConcernError() {
	if o.notWaited == nil {
		return
	}
	o.out.OpenDoc("writeConcernError")
	o.notWaited.AppendWriteConcernError(&o.out)
	o.out.Close()
}
