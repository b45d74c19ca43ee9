package command

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/replset"
)

// section is a part of serverStatus. The shapes are mongod's, because monitoring programs look for their fields; what
// has no meaning here is left out rather than invented.
type section struct {
	name     string
	optional bool // only if asked for by name
	write    func(*Dispatcher, *document.Builder)
}

var statusSections = []section{
	{name: "asserts", write: (*Dispatcher).assertsSection},
	{name: "catalogStats", write: (*Dispatcher).catalogSection},
	{name: "connections", write: (*Dispatcher).connectionsSection},
	{name: "defaultRWConcern", write: func(d *Dispatcher, b *document.Builder) { d.defaults().appendTo(b, false) }},
	{name: "electionMetrics", write: func(d *Dispatcher, b *document.Builder) {
		m := d.set.Elections()
		m.Append(b)
	}},
	{name: "extra_info", write: (*Dispatcher).extraSection},
	{name: "globalLock", write: (*Dispatcher).globalLockSection},
	{name: "logicalSessionRecordCache", write: (*Dispatcher).sessionsSection},
	{name: "mem", write: (*Dispatcher).memorySection},
	{name: "metrics", write: (*Dispatcher).metricsSection},
	{name: "network", write: (*Dispatcher).networkSection},
	{name: "opLatencies", write: (*Dispatcher).latenciesSection},
	{name: "opcounters", write: (*Dispatcher).countersSection},
	{name: "opcountersRepl", write: (*Dispatcher).replCountersSection},
	{name: "repl", write: (*Dispatcher).replSection},
	{name: "storageEngine", write: (*Dispatcher).storageSection},
	{name: "transactions", write: (*Dispatcher).transactionsSection},
}

// runServerStatus writes all sections but those that the command says no to ({serverStatus: 1, metrics: 0}); none: 1
// leaves all out that are not asked for.
func runServerStatus(_ context.Context, o *operation) error {
	none := o.argument("none").Truthy()
	o.d.appendServerStatus(&o.out, func(s section) bool {
		v := o.argument(s.name)
		if v.IsMissing() {
			return !none && !s.optional
		}
		return v.Truthy()
	})
	return nil
}

func (d *Dispatcher) appendServerStatus(b *document.Builder, wanted func(section) bool) {
	up := time.Since(d.started)
	b.AppendString("host", d.hostName())
	b.AppendString("version", mongoVersion)
	b.AppendString("process", "mongod")
	b.AppendInt64("pid", int64(os.Getpid()))
	b.AppendDouble("uptime", float64(int64(up.Seconds())))
	b.AppendInt64("uptimeMillis", up.Milliseconds())
	b.AppendInt64("uptimeEstimate", int64(up.Seconds()))
	b.AppendDate("localTime", time.Now().UnixMilli())
	b.OpenDoc(mortonVersionField)
	b.AppendString("version", d.opts.Version)
	b.Close()
	for _, s := range statusSections {
		if !wanted(s) || (s.name == "repl" || s.name == "defaultRWConcern") && d.set.View().Standalone() {
			continue
		}
		b.OpenDoc(s.name)
		s.write(d, b)
		b.Close()
	}
}

func (d *Dispatcher) assertsSection(b *document.Builder) {
	b.AppendInt32("regular", clampInt32(d.metrics.regular.Load()))
	b.AppendInt32("warning", 0)
	b.AppendInt32("msg", 0)
	b.AppendInt32("user", clampInt32(d.metrics.user.Load()))
	b.AppendInt32("tripwire", 0)
	b.AppendInt32("rollovers", 0)
}

func (d *Dispatcher) catalogSection(b *document.Builder) {
	v := d.engine.Local()
	defer v.Close()
	own, internal := int32(0), int32(0)
	for _, db := range v.Catalog.Databases() {
		n := int32(len(v.Catalog.Collections(db)))
		if db == "admin" || db == "config" || db == "local" {
			internal += n
		} else {
			own += n
		}
	}
	b.AppendInt32("collections", own)
	b.AppendInt32("capped", 0)
	b.AppendInt32("timeseries", 0)
	b.AppendInt32("views", 0)
	b.AppendInt32("internalCollections", internal)
	b.AppendInt32("internalViews", 0)
}

func (d *Dispatcher) connectionsSection(b *document.Builder) {
	n := d.opts.Process.Network()
	active := int32(0)
	for _, c := range d.connections() {
		c.withCurrent(func(*operation) { active++ })
	}
	b.AppendInt32("current", int32(n.Connections))
	b.AppendInt32("available", int32(n.ConnectionsAvailable))
	b.AppendInt32("totalCreated", int32(n.ConnectionsCreated))
	b.AppendInt32("active", active)
	b.AppendInt32("awaitingTopologyChanges", clampInt32(d.metrics.awaiting.Load()))
}

func (d *Dispatcher) extraSection(b *document.Builder) {
	b.AppendString("note", "fields vary by platform")
	b.AppendInt32("goroutines", int32(runtime.NumGoroutine()))
	b.AppendInt32("page_faults", 0)
}

// globalLockSection has no lock to tell of; what mongostat shows as active clients are the operations that run.
func (d *Dispatcher) globalLockSection(b *document.Builder) {
	readers, writers := int32(0), int32(0)
	for _, c := range d.connections() {
		c.withCurrent(func(o *operation) {
			switch {
			case o.row.writes:
				writers++
			case o.row.reads:
				readers++
			}
		})
	}
	b.AppendInt64("totalTime", time.Since(d.started).Microseconds())
	appendReadersWriters(b, "currentQueue", 0, 0)
	appendReadersWriters(b, "activeClients", readers, writers)
}

func appendReadersWriters(b *document.Builder, key string, readers, writers int32) {
	b.OpenDoc(key)
	b.AppendInt32("total", readers+writers)
	b.AppendInt32("readers", readers)
	b.AppendInt32("writers", writers)
	b.Close()
}

func (d *Dispatcher) sessionsSection(b *document.Builder) {
	b.AppendInt32("activeSessionsCount", int32(d.sessions.Len()))
}

func (d *Dispatcher) memorySection(b *document.Builder) {
	resident, virtual := processMemory()
	b.AppendInt32("bits", bits())
	b.AppendInt32("resident", clampInt32(resident))
	b.AppendInt32("virtual", clampInt32(virtual))
	b.AppendBool("supported", true)
}

func (d *Dispatcher) networkSection(b *document.Builder) {
	n := d.opts.Process.Network()
	b.AppendInt64("bytesIn", n.BytesIn)
	b.AppendInt64("bytesOut", n.BytesOut)
	b.AppendInt64("physicalBytesIn", n.BytesIn)
	b.AppendInt64("physicalBytesOut", n.BytesOut)
	b.AppendInt64("numRequests", n.Requests)
}

func (d *Dispatcher) latenciesSection(b *document.Builder) {
	d.metrics.reads.appendTo(b, "reads")
	d.metrics.writes.appendTo(b, "writes")
	d.metrics.others.appendTo(b, "commands")
	new(latency).appendTo(b, "transactions")
}

// counterNames are the names of the opcounters, in mongod's order.
var counterNames = []struct {
	name string
	kind kind
}{{"insert", kindInsert}, {"query", kindQuery}, {"update", kindUpdate}, {"delete", kindDelete}, {"getmore", kindGetMore}, {"command", kindCommand}}

func (d *Dispatcher) countersSection(b *document.Builder) {
	for _, c := range counterNames {
		b.AppendInt64(c.name, d.metrics.byKind[c.kind].Load())
	}
}

// replCountersSection counts nothing: a secondary stores what the primary has computed and runs no operations.
func (d *Dispatcher) replCountersSection(b *document.Builder) {
	for _, c := range counterNames {
		b.AppendInt64(c.name, 0)
	}
}

func (d *Dispatcher) replSection(b *document.Builder) {
	v := d.set.View()
	var hello document.Builder
	v.AppendHello(&hello, replset.HelloRequest{Now: time.Now()})
	for it := hello.Finish().Iter(); it.Next(); {
		if it.Key() == "maxBsonObjectSize" {
			break // from here on it is about the connection
		}
		b.AppendValue(it.Key(), it.Value())
	}
	b.AppendInt32("rbid", 1)
}

func (d *Dispatcher) storageSection(b *document.Builder) {
	b.AppendString("name", storageEngineName)
	b.AppendBool("supportsCommittedReads", true)
	b.AppendBool("supportsSnapshotReadConcern", false)
	b.AppendBool("readOnly", false)
	b.AppendBool("persistent", true)
	b.AppendInt64("overlayBytes", d.engine.OverlayBytes())
}

func (d *Dispatcher) transactionsSection(b *document.Builder) {
	b.AppendInt64("retriedCommandsCount", d.metrics.retriedCommands.Load())
	b.AppendInt64("retriedStatementsCount", d.metrics.retriedStatements.Load())
	for _, name := range []string{"currentActive", "currentInactive", "currentOpen", "totalAborted", "totalCommitted", "totalStarted"} {
		b.AppendInt64(name, 0)
	}
}

func (d *Dispatcher) metricsSection(b *document.Builder) {
	m := &d.metrics
	b.OpenDoc("commands")
	b.AppendInt64("<UNKNOWN>", m.unknown.Load())
	for _, r := range d.sortedRows() {
		b.OpenDoc(r.name)
		b.AppendInt64("failed", r.failures.Load())
		b.AppendInt64("total", r.calls.Load())
		b.Close()
	}
	b.Close()
	c := d.cursors.Stats()
	b.OpenDoc("cursor")
	b.AppendInt64("timedOut", c.TimedOut)
	b.AppendInt64("totalOpened", c.Opened)
	b.OpenDoc("open")
	b.AppendInt64("noTimeout", c.NoTimeout)
	b.AppendInt64("pinned", c.Pinned)
	b.AppendInt64("total", c.Open)
	b.Close()
	b.Close()
	b.OpenDoc("document")
	b.AppendInt64("deleted", m.deleted.Load())
	b.AppendInt64("inserted", m.inserted.Load())
	b.AppendInt64("returned", m.returned.Load())
	b.AppendInt64("updated", m.updated.Load())
	b.Close()
	b.OpenDoc("getLastError")
	b.AppendInt64("wtimeouts", m.timedOutWrites.Load())
	b.Close()
	b.OpenDoc("operation")
	b.AppendInt64("interrupted", m.interrupted.Load())
	b.Close()
	b.OpenDoc("ttl")
	b.AppendInt64("deletedDocuments", d.ttl.deleted.Load())
	b.AppendInt64("passes", d.ttl.passes.Load())
	b.Close()
}

// runDiagnosticData composes the document that mongod's diagnostic data capture collects.
func runDiagnosticData(_ context.Context, o *operation) error {
	b := &o.out
	begin := time.Now().UnixMilli()
	b.OpenDoc("data")
	b.AppendDate("start", begin)
	b.OpenDoc("serverStatus")
	b.AppendDate("start", begin)
	o.d.appendServerStatus(b, func(s section) bool { return !s.optional })
	b.AppendDate("end", time.Now().UnixMilli())
	b.Close()
	if status, err := o.d.set.Status(); err == nil {
		b.OpenDoc("replSetGetStatus")
		b.AppendDate("start", begin)
		for it := status.Iter(); it.Next(); {
			b.AppendValue(it.Key(), it.Value())
		}
		b.AppendDate("end", time.Now().UnixMilli())
		b.Close()
	}
	b.AppendDate("end", time.Now().UnixMilli())
	b.Close()
	return nil
}

// runTop tells how often, and for how long, each collection was read and written.
func runTop(_ context.Context, o *operation) error {
	v := o.d.engine.Local()
	defer v.Close()
	b := &o.out
	b.OpenDoc("totals")
	b.AppendString("note", "all times in microseconds")
	for _, db := range v.Catalog.Databases() {
		for _, coll := range v.Catalog.Collections(db) {
			b.OpenDoc(coll.NS)
			o.d.usage.of(coll.NS).appendTo(b)
			b.Close()
		}
	}
	b.Close()
	return nil
}
