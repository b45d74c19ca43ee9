package command

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

// begin takes note of a request.
func (d *Dispatcher) begin(o *operation) {
	c := o.req.Conn
	first := c.noteRequest(o.req.Legacy, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.conns, c.ID)
	})
	if first {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.conns[c.ID] = c
	}
}

// end takes note of how a command ended.
func (d *Dispatcher) end(o *operation, e *mongoerr.Error) {
	o.req.Conn.setCurrent(nil)
	o.noteLastError(e)
	if o.row == nil {
		d.metrics.user.Add(1)
		return
	}
	took := time.Since(o.started)
	if o.row.kind == kindCommand {
		d.metrics.countKind(kindCommand, 1)
	}
	d.metrics.count(o, took-o.waiting, e)
	if o.ns != "" && (o.row.reads || o.row.writes) && e == nil {
		d.usage.note(o, took-o.waiting)
	}
	if d.profile(o, took, e) {
		d.logSlow(o, took, e)
	}
}

// logSlow writes a line about an operation, which took longer than slowms or is what a filter of profile asks for.
func (d *Dispatcher) logSlow(o *operation, took time.Duration, e *mongoerr.Error) {
	if d.opts.Logger == nil || o.row.quiet {
		return
	}
	attrs := []any{
		slog.String("type", o.typeName()), slog.String("ns", o.namespace()), slog.String("appName", o.req.Conn.AppName()),
		slog.String("command", shorten(o.req.Body, maxLoggedCommand)), slog.String("remote", o.req.Conn.Remote),
	}
	for _, n := range []struct {
		name  string
		value int64
	}{{"cursorid", o.detail.cursorID}, {"nMatched", o.detail.matched}, {"nModified", o.detail.modified}, {"nreturned", int64(o.detail.returned)}} {
		if n.value != 0 {
			attrs = append(attrs, slog.Int64(n.name, n.value))
		}
	}
	if e != nil {
		attrs = append(attrs, slog.String("errMsg", e.Message), slog.String("errName", e.Code.Name()), slog.Int("errCode", int(e.Code)))
	}
	attrs = append(attrs, slog.Int("reslen", len(o.reply.Doc)), slog.Int64("durationMillis", took.Milliseconds()))
	d.opts.Logger.Info("Slow query", attrs...)
}

// maxLoggedCommand is how much of a command the slow log shows.
const maxLoggedCommand = 1000

func shorten(doc document.Doc, limit int) string {
	if len(doc) > 4*limit {
		return "(" + doc.First().Key + " command of " + humanBytes(len(doc)) + ")"
	}
	s := doc.Shell()
	if len(s) > limit {
		s = s[:limit] + "..."
	}
	return s
}

func humanBytes(n int) string { return document.Int32(int32(n)).Shell() + " bytes" }

// connections returns the connections that have sent something, by id.
func (d *Dispatcher) connections() []*Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.SortedFunc(maps.Values(d.conns), func(a, b *Conn) int { return cmp.Compare(a.ID, b.ID) })
}

// namespace returns what the operation is about, in the form of currentOp.
func (o *operation) namespace() string {
	if o.ns != "" {
		return o.ns
	}
	return o.req.DB + ".$cmd"
}

// typeName is the operation's op in currentOp and the slow log.
func (o *operation) typeName() string {
	switch o.row.kind {
	case kindInsert:
		return "insert"
	case kindQuery:
		return "query"
	case kindUpdate:
		return "update"
	case kindDelete:
		return "remove"
	case kindGetMore:
		return "getmore"
	}
	return "command"
}

// errKilled is what a command answers that was ended by killOp.
var errKilled = mongoerr.New(mongoerr.Interrupted, "operation was interrupted")

// Maintain does what is due now and then, until ctx ends: it ends cursors and sessions that nobody uses any more.
func (d *Dispatcher) Maintain(ctx context.Context) {
	tick := time.NewTicker(maintenanceInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.expire()
		}
	}
}

// maintenanceInterval is how exactly timeouts are kept (mongod's clientCursorMonitorFrequencySecs).
const maintenanceInterval = 4 * time.Second

func (d *Dispatcher) expire() {
	d.cursors.Expire()
	gone := d.sessions.Expire()
	if len(gone) == 0 {
		return
	}
	d.endCursorsOf(gone)
}

// currentOpFilter compiles the conditions of a currentOp command: its fields, except for those that change what is listed.
func (o *operation) currentOpFilter() (*query.Filter, error) {
	var b document.Builder
	n := 0
	for _, e := range o.args {
		switch e.Key {
		case "$all", "$ownOps", "$truncateOps", "targetAllNodes":
		default:
			b.AppendValue(e.Key, e.Value)
			n++
		}
	}
	if n == 0 {
		return nil, nil
	}
	return query.CompileFilter(b.Finish(), query.FilterOptions{})
}

// Close ends what the dispatcher keeps for clients. No command may run any more.
func (d *Dispatcher) Close() { d.cursors.CloseAll() }
