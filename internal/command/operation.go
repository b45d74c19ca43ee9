package command

import (
	"context"
	"errors"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/replset"
)

// operation is one command while it runs. It belongs to the goroutine that runs it, except for what currentOp reads.
type operation struct {
	d       *Dispatcher
	req     *Request
	row     *row
	id      int64
	first   document.Element   // the command's name as the client spelled it, and its value
	args    []document.Element // what is left of the body without generic arguments
	ns      string             // of commands on a collection; set by their target
	coll    string
	piped   bool // a count or a distinct on a view: mongod makes its reply of an aggregate's, with another number
	generic generic
	view    *replset.View // the member's state when the command began
	started time.Time
	limit   time.Duration // how long after started it has to end; 0: it may last

	out      document.Builder // the reply
	reply    Reply            // what else the reply is, set by few
	snapshot *engine.View     // what a read concern "snapshot" reads; nil: there is none

	term  uint64          // in which the command began to run, if this member is primary
	when  oplog.Timestamp // operationTime: of what was read or written; 0: the newest
	wrote oplog.OpTime    // the last operation that the command wrote

	legacy lastError // what getLastError is to say of a write
	fault  fault     // what the fail point wants of this command
	detail opDetail  // for the slow log

	lockedNothing bool            // it takes a write concern, but did only what a read does
	notWaited     *mongoerr.Error // why the write concern could not be reached; nil: it was
	pendingLabels []string        // of a reply with a writeConcernError
	waiting       time.Duration   // time spent for somebody else's sake, which the slow log does not count
	cancel        context.CancelCauseFunc
	argSpace      [8]document.Element
}

// opDetail is what a command tells about itself for the slow log.
type opDetail struct {
	cursorID int64
	returned int
	matched  int64
	modified int64
}

// dialect returns in which words the client looks for the news that this member is not primary.
func (o *operation) dialect() replset.Dialect {
	switch {
	case o.req.Legacy && o.req.Conn.Client() == nil:
		return replset.DialectLegacy
	case o.req.Conn.saysHello():
		return replset.DialectHello
	}
	return replset.DialectMaster
}

// interruption returns err as a client is to see it. The end of a context is explained by its cause, if that says more.
func interruption(ctx context.Context, err error) *mongoerr.Error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		var cause *mongoerr.Error
		if errors.As(context.Cause(ctx), &cause) {
			return cause
		}
	}
	return mongoerr.From(err)
}
