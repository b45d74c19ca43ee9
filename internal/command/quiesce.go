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
// Unlike mongod, a member that was primary answers hello as ever for handedOverFor first. Drivers repeat an operation once; one that waits here for a
// connection when the news of the end closes the pool, and is then sent to where the role has just changed, would have failed twice. In that time it
// hears that this member is not primary, which every driver gets over, and new operations find the successor.

// Of a quiesced member: how often it looks whether clients still work, and how long they must not have to be gone.
const (
	quietLook = 20 * time.Millisecond
	quietFor  = 200 * time.Millisecond

	handedOverFor = 200 * time.Millisecond
)

// defaultQuiesceMillis is mongod's value of quiesceParameter.
const defaultQuiesceMillis = 15_000

const quiesceParameter = "shutdownTimeoutMillisForSignaledShutdown"

// QuiesceTime returns how long a shutdown that a signal began may take to hand over and to wait for clients.
func (d *Dispatcher) QuiesceTime() time.Duration {
	return time.Duration(d.params.quiesceMillis.Load()) * time.Millisecond
}

// Quiesce has hello tell clients that this member is about to stop, and waits until none works any more, or ctx ends. It lasts until the
// dispatcher is closed. ctx has a deadline; announce wakes the hellos that wait; handedOver says that this member was primary until now.
func (d *Dispatcher) Quiesce(ctx context.Context, handedOver bool, announce func()) {
	if clients, _ := d.clients(); clients > 0 && handedOver {
		select {
		case <-time.After(handedOverFor):
		case <-ctx.Done():
			return
		}
	}
	until, _ := ctx.Deadline()
	d.quiescing.Store(&until)
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

// errQuiescing is what hello answers on a member that is quiesced; nil on others.
func (d *Dispatcher) errQuiescing() error {
	until := d.quiescing.Load()
	if until == nil {
		return nil
	}
	var b document.Builder
	b.AppendInt64("remainingQuiesceTimeMillis", max(time.Until(*until).Milliseconds(), 0))
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
