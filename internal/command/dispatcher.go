package command

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/session"
)

// Options is what a dispatcher works with.
type Options struct {
	Set     ReplicaSet
	Log     Log
	Engine  *engine.Engine
	Process Process
	Logger  *slog.Logger // for slow operations and the like; nil: none
	// Peers takes over connections of other members (_mortonPeer); nil refuses them.
	Peers PeerAcceptor

	Version      string   // Morton's own
	Compressors  []string // offered to clients, in any order
	TestCommands bool     // --setParameter enableTestCommands=1: fail points exist
	SlowMS       int64    // operations that take as long are logged (0: all); see [DefaultSlowMS]
	// SetLogLevel changes the log's verbosity, 0 to 5; nil: it cannot be changed.
	SetLogLevel func(int)
	Parameters  map[string]string // of --setParameter, checked
	Now         func() time.Time  // the wall clock; nil: time.Now
}

// Dispatcher runs commands. It may be used by any number of connections at a time.
type Dispatcher struct {
	set     ReplicaSet
	log     Log
	engine  *engine.Engine
	opts    Options
	table   map[string]*row
	rows    []*row
	params  *parameters
	started time.Time

	sessions  *session.Sessions
	cursors   *session.Cursors
	faults    faults
	metrics   metrics
	usage     usage
	profiling profiling
	ttl       ttlMonitor
	concerns  atomic.Pointer[defaultConcerns]
	heard     atomic.Uint64 // the newest cluster time that clients have told
	nextOp    atomic.Int64
	quiescing atomic.Pointer[time.Time] // until when hello says that the member stops; nil: it does not

	mu    sync.Mutex
	conns map[int64]*Conn // those that have sent a command; guarded by mu
}

// New returns a dispatcher.
func New(o Options) *Dispatcher {
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Dispatcher{
		set: o.Set, log: o.Log, engine: o.Engine, opts: o, started: time.Now(),
		table: map[string]*row{}, rows: commands(),
		sessions: session.NewSessions(), cursors: session.NewCursors(), conns: map[int64]*Conn{},
	}
	for _, r := range d.rows {
		if r.testOnly && !o.TestCommands {
			continue
		}
		for _, name := range append([]string{r.name}, r.aliases...) {
			if d.table[name] != nil {
				panic("command: two commands called " + name)
			}
			d.table[name] = r
		}
	}
	d.params = newParameters(d)
	d.params.start(o.Parameters)
	return d
}

// Run runs one command and returns its answer. It never fails: an error is a reply whose ok is 0. ctx ends when the
// connection is lost or the server stops; the command is then interrupted.
func (d *Dispatcher) Run(ctx context.Context, req *Request) Reply {
	o := operations.Get().(*operation)
	*o = operation{d: d, req: req, id: d.nextOp.Add(1), started: time.Now()}
	ctx, o.cancel = context.WithCancelCause(ctx)
	d.begin(o)
	err := o.run(ctx)
	var e *mongoerr.Error
	if o.fault.close {
		o.reply = Reply{CloseConn: true}
	} else {
		e = o.finish(ctx, err)
	}
	d.end(o, e)
	o.cancel(nil)
	reply := o.reply
	*o = operation{} // nobody else knows of it any more; what it refers to is let go
	operations.Put(o)
	return reply
}

// operations keeps the memory of operations that have ended: one is large, and one is needed for every ping.
var operations = sync.Pool{New: func() any { return new(operation) }}

// run does everything that can go wrong.
func (o *operation) run(ctx context.Context) error {
	o.view = o.d.set.View()
	o.split()
	o.row = o.d.table[o.first.Key]
	if o.row == nil {
		o.d.metrics.unknown.Add(1)
		return mongoerr.New(mongoerr.CommandNotFound, "no such command: '%s'", o.first.Key)
	}
	o.row.calls.Add(1)
	if err := checkDatabaseName(o.req.DB); err != nil {
		return err
	}
	exec, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	if o.generic.maxTime > 0 && !o.row.ownMaxTime {
		var cancel context.CancelFunc
		if ctx, cancel, err = o.limitTime(ctx, time.Duration(o.generic.maxTime)*time.Millisecond); err != nil {
			return err
		}
		defer cancel()
	}
	defer o.closeSnapshot()
	if err := o.awaitReadConcern(ctx); err != nil {
		if e := interruption(ctx, err); e.Code != mongoerr.InterruptedAtShutdown {
			return e
		}
		return mongoerr.New(mongoerr.ShutdownInProgress, "Shutdown in progress")
	}
	if err := o.execute(ctx, exec); err != nil {
		e := interruption(ctx, err)
		if tellsOfData(e.Code) {
			o.awaitWriteConcern(ctx)
		}
		return e
	}
	o.awaitWriteConcern(ctx)
	return nil
}

// limitTime makes the operation end when limit is over, with [errMaxTime]. A cursor that it opens keeps what is left of it.
func (o *operation) limitTime(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc, error) {
	if o.d.opts.TestCommands && o.d.faults.timesOut() {
		return ctx, nil, errMaxTime
	}
	o.limit = time.Since(o.started) + limit
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errMaxTime)
	return ctx, cancel, nil
}

// timeLeft returns what is left of the operation's limit, at least a moment; 0 if it has none.
func (o *operation) timeLeft() time.Duration {
	if o.limit == 0 {
		return 0
	}
	return max(o.limit-time.Since(o.started), time.Nanosecond)
}

var errMaxTime = mongoerr.New(mongoerr.MaxTimeMSExpired, "operation exceeded time limit")

// prepare checks the request against the command's row and reads its arguments.
func (o *operation) prepare(ctx context.Context) (func(context.Context) error, error) {
	if err := o.readGeneric(); err != nil {
		return nil, err
	}
	if id := o.generic.session; id != nil {
		if err := o.d.sessions.Touch(*id); err != nil {
			return nil, err
		}
	}
	exec, err := o.row.prepare(o)
	if err != nil {
		return nil, argumentError(within(o.row.argsName(), err))
	}
	o.req.Conn.setCurrent(o)
	if o.row.adminOnly && o.req.DB != "admin" {
		return nil, mongoerr.New(mongoerr.Unauthorized, "%s may only be run against the admin database.", o.row.name)
	}
	if err := o.checkFault(ctx); err != nil {
		return nil, err
	}
	if err := o.checkState(); err != nil {
		return nil, err
	}
	if err := o.readReadConcern(); err != nil {
		return nil, err
	}
	return exec, o.readWriteConcern()
}

// checkState refuses the command if this member is in no state to run it.
func (o *operation) checkState() error {
	v := o.view
	if o.generic.retryable && v.Standalone() {
		return mongoerr.New(mongoerr.IllegalOperation, "Transaction numbers are only allowed on a replica set member or mongos")
	}
	if o.req.DB == "local" {
		return nil // every member has its own
	}
	switch o.row.runs {
	case onPrimary:
		return v.CheckWrite(o.dialect())
	case onSecondaryIfAsked:
		return v.CheckRead(o.generic.secondaryOK, o.dialect())
	case whereReadable:
		return v.CheckRead(true, o.dialect())
	}
	return nil
}

// execute runs the command, alone among its session's retryable writes if it is one.
func (o *operation) execute(ctx context.Context, exec func(context.Context) error) error {
	if o.generic.retryable {
		release, err := o.d.sessions.Checkout(ctx, *o.generic.session, o.generic.txn)
		if err != nil {
			return err
		}
		defer release()
	}
	o.startReply()
	o.term = o.d.log.Last().Term
	return exec(ctx)
}

// startReply begins the reply, and forgets what there is of one.
func (o *operation) startReply() {
	buf := o.req.Buffer
	if buf == nil {
		buf = make([]byte, 0, 512)
	}
	o.out = document.NewBuilder(buf[:0])
}

// finish makes the reply. It returns the error that is in it, or nil.
func (o *operation) finish(ctx context.Context, err error) *mongoerr.Error {
	if err == nil {
		o.appendWriteConcernError()
		if o.notWaited != nil {
			o.labelWriteConcernError(o.notWaited)
		}
		if wce := o.fault.writeConcernError; wce != nil {
			o.out.AppendDoc("writeConcernError", wce)
			o.labelWriteConcernError(mongoerr.New(mongoerr.Code(wce.Lookup("code").Int32()), ""))
		}
		switch {
		case o.row.ownOK:
		case o.piped:
			o.out.AppendInt32("ok", 1)
		default:
			o.out.AppendDouble("ok", 1)
		}
		o.appendPendingLabels()
		if o.notWaited != nil {
			o.appendTopology(o.notWaited.Code)
		}
		o.appendTimes()
		o.reply.Doc = o.out.Finish()
		return nil
	}
	e := o.label(interruption(ctx, err))
	o.reply = Reply{CloseConn: o.reply.CloseConn}
	o.startReply()
	o.appendTopology(e.Code)
	o.appendWriteConcernError()
	e.AppendLabels(&o.out)
	if e.Code == 0 { // some of mongod's errors have none
		o.out.AppendDouble("ok", 0)
		o.out.AppendString("errmsg", e.Message)
		o.appendFields(e.Extra)
	} else {
		e.AppendStatus(&o.out)
	}
	o.appendTimes()
	o.reply.Doc = o.out.Finish()
	return e
}

// appendTopology appends topologyVersion to a reply with an error from which drivers conclude that the member is another one now. mongod
// leaves it out of those of a shutdown, unless hello says that there is one.
func (o *operation) appendTopology(c mongoerr.Code) {
	if !c.NotPrimary() && !(c.Shutdown() && o.d.quiescing.Load() != nil) {
		return
	}
	view := o.d.set.View()
	if c.NotPrimary() && view.SaidPrimary && o.fault.err == nil {
		return // hello does not know yet: with the version in which it said "primary" drivers would take the error for old news, and come back at once
	}
	view.Topology.Append(&o.out)
}
