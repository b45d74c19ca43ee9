package command

import (
	"context"
	"math"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// The commands by which an administrator looks into a running server and changes how it runs.

func adminCommands() []*row {
	return []*row{
		{name: "currentOp", help: "what is running", adminOnly: true, prepare: plain(runCurrentOp)},
		{name: "killOp", help: "interrupts an operation", adminOnly: true, prepare: plain(runKillOp)},
		{name: "shutdown", help: "stops the server", adminOnly: true, quiet: true, prepare: typed(shutdownFields, runShutdown)},
		{name: "fsync", help: "makes everything written durable", adminOnly: true, prepare: plain(runFsync)},
		{name: "fsyncUnlock", help: "ends a lock of fsync", adminOnly: true, prepare: plain(runFsyncUnlock)},
		{name: "configureFailPoint", help: "makes commands fail, for tests", adminOnly: true, testOnly: true, prepare: plain(runConfigureFailPoint)},
		{name: "getParameter", help: "settings", adminOnly: true, prepare: plain(runGetParameter)},
		{name: "setParameter", help: "changes a setting", adminOnly: true, prepare: plain(runSetParameter)},
		{name: "profile", help: "the threshold of slow operations", prepare: typed(profileFields, runProfile)},
	}
}

// runCurrentOp lists the operations that run now. Fields beside the command's own are conditions on the list.
func runCurrentOp(_ context.Context, o *operation) error {
	all := o.argument("$all").Truthy()
	filter, err := o.currentOpFilter()
	if err != nil {
		return err
	}
	b := &o.out
	b.OpenArray("inprog")
	n, now, host := 0, time.Now(), o.d.hostName()
	add := func(d document.Doc) {
		if matches(filter, d) {
			b.AppendDoc(document.Index(n), d)
			n++
		}
	}
	for _, c := range o.d.connections() {
		active := false
		c.withCurrent(func(running *operation) {
			active = true
			add(running.describe(host, now))
		})
		if all && !active {
			add(c.describeIdle(host, now))
		}
	}
	for _, build := range o.d.buildDocuments(host) {
		add(build)
	}
	b.Close()
	return nil
}

// describe returns the operation as currentOp shows it. The connection's lock keeps the request alive meanwhile.
func (o *operation) describe(host string, now time.Time) document.Doc {
	var b document.Builder
	o.req.Conn.describe(&b, host, true, now)
	b.AppendBool("threaded", true)
	b.AppendInt64("opid", o.id)
	if id := o.generic.session; id != nil {
		b.AppendDoc("lsid", id.Document())
	}
	if o.generic.txn >= 0 {
		b.OpenDoc("transaction")
		b.OpenDoc("parameters")
		b.AppendInt64("txnNumber", o.generic.txn)
		b.Close()
		b.Close()
	}
	took := now.Sub(o.started)
	b.AppendInt64("secs_running", int64(took.Seconds()))
	b.AppendInt64("microsecs_running", max(took.Microseconds(), 0))
	b.AppendString("op", o.typeName())
	b.AppendString("ns", o.namespace())
	b.AppendDoc("command", o.shownCommand())
	b.AppendInt32("numYields", 0)
	b.AppendDoc("locks", document.Empty)
	b.AppendBool("waitingForLock", false)
	b.AppendDoc("lockStats", document.Empty)
	b.AppendBool("waitingForFlowControl", false)
	b.AppendDoc("flowControlStats", document.Empty)
	return b.Finish()
}

// maxShownCommand is how large a command currentOp shows in full.
const maxShownCommand = 1000

func (o *operation) shownCommand() document.Doc {
	var b document.Builder
	if len(o.req.Body) > maxShownCommand {
		b.AppendString("$truncated", shorten(o.req.Body, maxShownCommand))
		return b.Finish()
	}
	for it := o.req.Body.Iter(); it.Next(); {
		if it.Key() != "$db" {
			b.AppendValue(it.Key(), it.Value())
		}
	}
	b.AppendString("$db", o.req.DB)
	return b.Finish()
}

// describe appends what currentOp says of a connection. c.mu is held.
func (c *Conn) describe(b *document.Builder, host string, active bool, now time.Time) {
	b.AppendString("type", "op")
	b.AppendString("host", host)
	b.AppendString("desc", "conn"+document.Int64(c.ID).Shell())
	b.AppendInt64("connectionId", c.ID)
	b.AppendString("client", c.Remote)
	if name := c.client.LookupPath("application.name"); name.Type == document.TypeString {
		b.AppendValue("appName", name)
	}
	if c.client != nil {
		b.AppendDoc("clientMetadata", c.client)
	}
	b.AppendBool("active", active)
	b.AppendString("currentOpTime", now.UTC().Format("2006-01-02T15:04:05.000+00:00"))
}

func (c *Conn) describeIdle(host string, now time.Time) document.Doc {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b document.Builder
	c.describe(&b, host, false, now)
	return b.Finish()
}

// runKillOp interrupts an operation by its opid. As in mongod it does not tell whether there is one.
func runKillOp(_ context.Context, o *operation) error {
	id, err := o.numberArgument("op")
	if err != nil {
		return err
	}
	if id < math.MinInt32 || id > math.MaxUint32 {
		return mongoerr.New(26823, "invalid op : %d. Op ID cannot be represented with 32 bits", id)
	}
	for _, c := range o.d.connections() {
		c.withCurrent(func(running *operation) {
			if running.id == id {
				running.cancel(errKilled)
			}
		})
	}
	o.out.AppendString("info", "attempting to kill op")
	return nil
}

type shutdownArgs struct {
	force       bool
	timeoutSecs int64
}

var shutdownFields = newSchema("shutdown",
	boolean("force", func(a *shutdownArgs) *bool { return &a.force }),
	safeLong("timeoutSecs", func(a *shutdownArgs) *int64 { return &a.timeoutSecs }),
).defaults(func(a *shutdownArgs) { a.timeoutSecs = 15 })

// runShutdown begins the end of the process. The connection is closed without an answer, as by mongod, once that has begun.
func runShutdown(ctx context.Context, o *operation, a *shutdownArgs) error {
	if err := o.d.opts.Process.Stop(ctx, a.force, a.timeoutSecs); err != nil {
		return err
	}
	o.fault.close = true
	return nil
}

// runFsync waits until everything written so far is on this member's disk. It cannot lock out writes, and says so.
func runFsync(ctx context.Context, o *operation) error {
	if o.argument("lock").Truthy() {
		return mongoerr.New(mongoerr.IllegalOperation, "fsync with lock is not supported by this version of Morton. "+
			"A consistent copy can be made by copying the data directory of a member that is stopped.")
	}
	if op := o.d.log.Last(); !op.IsZero() {
		if err := o.d.log.WaitDurable(ctx, op); err != nil {
			return err
		}
	}
	o.out.AppendInt32("numFiles", 1)
	return nil
}

func runFsyncUnlock(context.Context, *operation) error {
	return mongoerr.New(0, "fsyncUnlock called when not locked")
}

// runConfigureFailPoint sets when the fail point strikes and what it does.
func runConfigureFailPoint(_ context.Context, o *operation) error {
	name := o.first.Value.Str()
	point := o.d.faults.named(name)
	if point == nil {
		return mongoerr.New(mongoerr.FailPointSetFailed, "%s not found", name)
	}
	mode, n, p, err := parseFailMode(o.argument("mode"))
	if err != nil {
		return err
	}
	data := o.argument("data")
	if !data.IsMissing() && data.Type != document.TypeDocument {
		return mongoerr.New(mongoerr.TypeMismatch, "the 'data' option must be a JSON object")
	}
	o.out.AppendInt32("count", clampInt32(o.d.faults.configure(point, mode, n, p, data.Doc())))
	return nil
}

// parseFailMode reads a fail point's mode: a word, or a document of one word and a number.
func parseFailMode(v document.Value) (mode string, n int64, p float64, err error) {
	switch v.Type {
	case document.TypeMissing:
		return "", 0, 0, mongoerr.New(mongoerr.IllegalOperation, "When setting a failpoint, you must supply a 'mode'")
	case document.TypeString:
		switch v.Str() {
		case "off", "alwaysOn":
			return string([]byte(v.Str())), 0, 0, nil
		}
		return "", 0, 0, mongoerr.New(mongoerr.BadValue, "unknown mode: %s", v.Str())
	case document.TypeDocument:
	default:
		return "", 0, 0, mongoerr.New(mongoerr.TypeMismatch, "'mode' must be a string or JSON object")
	}
	for _, name := range []string{"times", "skip", "activationProbability"} {
		f := v.Doc().Lookup(name)
		if f.IsMissing() {
			continue
		}
		if !f.IsNumber() {
			return "", 0, 0, mongoerr.New(mongoerr.TypeMismatch, "Expected field \"%s\" to have numeric type, but found %s", name, f.Type)
		}
		n, _ = f.ToInt64()
		p, _ = f.AsFloat64()
		switch {
		case name == "activationProbability" && (p < 0 || p > 1):
			return "", 0, 0, mongoerr.New(mongoerr.BadValue, "activationProbability must be between 0.0 and 1.0; found %v", p)
		case name != "activationProbability" && n < 0:
			return "", 0, 0, mongoerr.New(mongoerr.BadValue, "'%s' option to 'mode' must be positive", name)
		case name == "times" && n == 0:
			return "off", 0, 0, nil
		}
		return name, n, p, nil
	}
	return "", 0, 0, mongoerr.New(mongoerr.BadValue, "'mode' must be one of 'off', 'alwaysOn', '{times:n}', '{skip:n}' or '{activationProbability:p}'")
}
