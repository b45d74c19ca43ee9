package command

import (
	"context"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// A member of a set that is about to stop is quiesced first: hello answers that it stops, so that drivers send what is new to other members, and
// everything else runs as before. mongod waits for a time that is set; here the wait ends as soon as clients have left, which that time only bounds.
//
// Unlike mongod's, the hello that makes a connection is answered as ever at first, for quietFor. An operation that was on its way to this member when it handed over would fail
// for it, and again when it is sent once more at once; as it is, it hears that this member is not primary, which every driver gets over. So long, a hello that waits for news is not
// answered either: a monitor that connects again at once, as it does after its first error, would do so again and again.

// Of a quiesced member: how often it looks whether clients still work, and how long they must not have to be gone.
const (
	quietLook = 20 * time.Millisecond
	quietFor  = 200 * time.Millisecond
)

// defaultQuiesceMillis is mongod's value of quiesceParameter.
const defaultQuiesceMillis = 15_000

const quiesceParameter = "shutdownTimeoutMillisForSignaledShutdown"

// QuiesceTime returns how long a shutdown that a signal began may take to hand over and to wait for clients.
func (d *Dispatcher) QuiesceTime() time.Duration {
	return time.Duration(d.params.quiesceMillis.Load()) * time.Millisecond
}

// Quiesce has hello tell clients that this member is about to stop, and waits until none works any more, or ctx ends. It lasts until the
// dispatcher is closed. ctx has a deadline; announce wakes the hellos that wait.
func (d *Dispatcher) Quiesce(ctx context.Context, announce func()) {
	until, _ := ctx.Deadline()
	d.quiescing.Store(&quiesced{until: until, strict: time.Now().Add(quietFor)})
	announce()
	tick := time.NewTicker(quietLook)
	defer tick.Stop()
	calls, since := d.clientCalls(), time.Now()
	for {
		clients, working := d.clients()
		switch now := d.clientCalls(); {
		case clients == 0:
			return
		case working || now != calls:
			calls, since = now, time.Now()
		case time.Since(since) >= quietFor:
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// quiesced is how long a member is: until it stops, and until those who connect are told, too.
type quiesced struct{ until, strict time.Time }

// errQuiescing is what hello answers on a member that is quiesced; nil on others. greets says that it is the hello that makes a connection.
func (d *Dispatcher) errQuiescing(greets bool) error {
	q := d.quiescing.Load()
	if q == nil || greets && time.Now().Before(q.strict) {
		return nil
	}
	var b document.Builder
	b.AppendInt64("remainingQuiesceTimeMillis", max(time.Until(q.until).Milliseconds(), 0))
	return mongoerr.New(mongoerr.ShutdownInProgress, "The server is in quiesce mode and will shut down").WithExtra(b.Finish())
}

// clients counts the connections of clients, and tells whether anything runs on one.
func (d *Dispatcher) clients() (count int, working bool) {
	for _, c := range d.connections() {
		if c.isMember() {
			continue
		}
		count++
		c.withCurrent(func(o *operation) { working = working || o.row.clientWork() })
	}
	return count, working
}

// clientCalls counts the commands with which clients have worked so far. One that was refused is no work: somebody who only hears that this member is
// not primary does not keep it alive.
func (d *Dispatcher) clientCalls() (n int64) {
	for _, r := range d.rows {
		if r.clientWork() {
			n += r.calls.Load() - r.failures.Load()
		}
	}
	return n
}

// clientWork reports whether the command is one that a client wants something with, rather than to know how the member is, or what members ask of each other.
func (r *row) clientWork() bool {
	switch r.name {
	case "hello", "isMaster", "shutdown":
		return false
	}
	return !strings.HasPrefix(r.name, "_morton")
}
