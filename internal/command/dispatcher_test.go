package command

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/replset"
)

// wantFailure fails unless d is an error of the code whose message contains text.
func wantFailure(t *testing.T, what string, d document.Doc, code mongoerr.Code, text string) {
	t.Helper()
	if got, message := failure(d); got != code || !strings.Contains(message, text) {
		t.Errorf("%s: %d %s, not %d %s", what, got, message, code, text)
	}
}

// TestWhereCommandsRun shows which members refuse what, in the words that each generation of clients looks for.
func TestWhereCommandsRun(t *testing.T) {
	const lsid = `"lsid": {"id": {"$binary": {"base64": "MDEyMzQ1Njc4OWFiY2RlZg==", "subType": "04"}}}`
	member := func(state replset.State) func(*replset.View) {
		return func(v *replset.View) { *v = *testView(3, state) }
	}
	waiting := func(v *replset.View) { v.Config, v.Self, v.State, v.Writable = nil, -1, replset.Startup, false }
	for _, c := range []struct {
		name    string
		state   func(*replset.View)
		db      string
		command string
		code    mongoerr.Code
		words   [3]string // of clients with helloOk, of others, of those of the old opcodes
	}{
		{"write on a secondary", member(replset.Secondary), "test", `{"insert": "c", "documents": [{}]}`, 10107, [3]string{"not primary", "not master", "not master"}},
		{"catalog write on a secondary", member(replset.Secondary), "test", `{"create": "c"}`, 10107, [3]string{"not primary", "not master", "not master"}},
		{"read on a secondary", member(replset.Secondary), "test", `{"find": "c"}`, 13435, [3]string{"not primary and secondaryOk=false", "not master and slaveOk=false", "not master"}},
		{"allowed read on a secondary", member(replset.Secondary), "test", `{"find": "c", "$readPreference": {"mode": "nearest"}}`, 0, [3]string{}},
		{"linearizable read on a secondary", member(replset.Secondary), "test", `{"find": "c", "readConcern": {"level": "linearizable"}, "$readPreference": {"mode": "secondary"}}`, 10107,
			[3]string{"cannot satisfy linearizable read concern on non-primary node", "cannot satisfy linearizable read concern on non-primary node", "cannot satisfy linearizable read concern on non-primary node"}},
		{"getMore on a secondary", member(replset.Secondary), "test", `{"getMore": {"$numberLong": "5"}, "collection": "c"}`, 43, [3]string{"cursor id 5 not found", "cursor id 5 not found", "cursor id 5 not found"}},
		{"read on a member that recovers", member(replset.Recovering), "test", `{"find": "c", "$readPreference": {"mode": "nearest"}}`, 13436,
			[3]string{"node is recovering", "node is recovering", "not master"}},
		{"read on an arbiter", member(replset.Arbiter), "test", `{"find": "c", "$readPreference": {"mode": "nearest"}}`, 13436,
			[3]string{"node is not in primary or recovering state", "node is not in primary or recovering state", "not master"}},
		{"write before the set is initiated", waiting, "test", `{"insert": "c", "documents": [{}]}`, 10107, [3]string{"not primary", "not master", "not master"}},
		{"read before the set is initiated", waiting, "test", `{"find": "c"}`, 13435, [3]string{"not primary and secondaryOk=false", "not master and slaveOk=false", "not master"}},
		{"local read before the set is initiated", waiting, "local", `{"find": "startup_log"}`, 0, [3]string{}},
		{"ping before the set is initiated", waiting, "admin", `{"ping": 1}`, 0, [3]string{}},
		{"status before the set is initiated", waiting, "admin", `{"replSetGetStatus": 1}`, 94, [3]string{"no replset config has been received", "no replset config has been received", "no replset config has been received"}},
		{"elected, but not yet writable", func(v *replset.View) { *v = *testView(3, replset.Primary); v.Writable = false }, "test", `{"insert": "c", "documents": [{}]}`, 10107, [3]string{"not primary", "not master", "not master"}},
		{"retryable write on a standalone", func(v *replset.View) { *v = replset.View{Self: -1, Primary: -1, State: replset.Primary} }, "test",
			`{"insert": "c", "documents": [{}], ` + lsid + `, "txnNumber": {"$numberLong": "1"}}`, 20, [3]string{
				"Transaction numbers are only allowed on a replica set member or mongos", "Transaction numbers are only allowed on a replica set member or mongos",
				"Transaction numbers are only allowed on a replica set member or mongos"}},
	} {
		m := newTestMember(t, 3)
		m.become(c.state)
		today, older, old := m.client(), m.client(), m.client()
		today.must("admin", `{"hello": 1, "helloOk": true}`)
		old.legacy = true
		for i, cl := range []*client{today, older, old} {
			d := cl.run(c.db, c.command)
			code, message := failure(d)
			if code != c.code || message != c.words[i] {
				t.Errorf("%s, client %d: %d %q, not %d %q", c.name, i, code, message, c.code, c.words[i])
			}
			if has := !d.Lookup("topologyVersion").IsMissing(); has != code.StateChange() {
				t.Errorf("%s: topologyVersion in %s", c.name, d)
			}
		}
	}
}

// TestRepliesCarryTimes shows $clusterTime and operationTime: in every reply of a member of a set, with an empty signature, and
// not in those to clients that would show them to their users.
func TestRepliesCarryTimes(t *testing.T) {
	m := newTestMember(t, 1)
	c := m.client()
	d := c.must("test", `{"insert": "c", "documents": [{"_id": 1}]}`)
	last := m.engine.LastTime().TS
	if ts := d.Lookup("operationTime").Timestamp(); ts != uint64(last) {
		t.Errorf("operationTime of a write is %v, not %v", ts, last)
	}
	if ts := d.LookupPath("opTime.ts").Timestamp(); ts != uint64(last) {
		t.Errorf("opTime is %v, not %v", ts, last)
	}
	if d := c.run("test", `{"find": "c", "filter": {"$bad": 1}}`); d.LookupPath("$clusterTime.clusterTime").Timestamp() != uint64(last) {
		t.Errorf("an error without $clusterTime: %s", d)
	}
	if _, hash := d.LookupPath("$clusterTime.signature.hash").Binary(); len(hash) != 20 || strings.Trim(string(hash), "\x00") != "" {
		t.Errorf("signature %x", hash)
	}
	future := last + 100<<32
	var cmd document.Builder
	cmd.AppendInt32("ping", 1)
	cmd.OpenDoc("$clusterTime")
	cmd.AppendTimestamp("clusterTime", uint64(future))
	cmd.AppendDoc("signature", unsigned)
	cmd.Close()
	c.runDoc("admin", cmd.Finish())
	if ts := c.must("admin", `{"ping": 1}`).LookupPath("$clusterTime.clusterTime").Timestamp(); ts != uint64(future) {
		t.Errorf("a time that was gossiped is forgotten: %v", ts)
	}
	old := m.client()
	old.legacy = true
	if d := old.must("admin", `{"ping": 1}`); d.Len() != 1 {
		t.Errorf("an old client sees %s", d)
	}
}

// TestCausalReads shows that a read waits for the time that its client has seen, even if this member's log never had it.
func TestCausalReads(t *testing.T) {
	m := newTestMember(t, 1)
	c := m.client()
	c.must("test", `{"insert": "c", "documents": [{"_id": 1}]}`)
	after := m.engine.LastTime().TS + 5
	m.d.learnClusterTime(after)
	for _, level := range []string{"local", "majority"} {
		var cmd document.Builder
		cmd.AppendString("find", "c")
		cmd.OpenDoc("readConcern")
		cmd.AppendString("level", level)
		cmd.AppendTimestamp("afterClusterTime", uint64(after))
		cmd.Close()
		d := c.runDoc("test", cmd.Finish())
		if ts := oplog.Timestamp(d.Lookup("operationTime").Timestamp()); ts < after || d.LookupPath("cursor.firstBatch.0._id").IsMissing() {
			t.Errorf("%s: %s", level, d)
		}
	}
}

// TestKillOpInterrupts shows that currentOp lists what is running and killOp ends it.
func TestKillOpInterrupts(t *testing.T) {
	m := newTestMember(t, 3)
	m.hold(true)
	victim, c := m.client(), m.client()
	done := make(chan document.Doc)
	go func() { done <- victim.run("test", `{"insert": "c", "documents": [{"_id": 1}], "comment": "slow"}`) }()
	var opid int64
	for deadline := time.Now().Add(10 * time.Second); opid == 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		d := c.must("admin", `{"currentOp": 1, "command.insert": "c"}`)
		opid = d.LookupPath("inprog.0.opid").Int64()
	}
	if opid == 0 {
		t.Fatal("currentOp does not show the insert")
	}
	var kill document.Builder
	kill.AppendInt32("killOp", 1)
	kill.AppendInt64("op", opid)
	c.runDoc("admin", kill.Finish())
	d := <-done
	if code := d.LookupPath("writeConcernError.code").Int32(); mongoerr.Code(code) != mongoerr.Interrupted || d.Lookup("n").Int32() != 1 {
		t.Errorf("the killed insert answered %s", d)
	}
}

// TestConnectionsAreForgotten shows that a closed connection leaves nothing behind.
func TestConnectionsAreForgotten(t *testing.T) {
	m := newTestMember(t, 1)
	for range 3 {
		c := m.client()
		c.must("admin", `{"ping": 1}`)
		c.must("admin", `{"ping": 1}`)
		c.c.Close()
	}
	m.client().c.Close()
	if n := len(m.d.connections()); n != 0 {
		t.Errorf("%d connections are remembered", n)
	}
}

// TestInterruptedByTheServer shows that the cause of a context's end is what the client hears.
func TestInterruptedByTheServer(t *testing.T) {
	m := newTestMember(t, 1)
	c := m.client()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(mongoerr.New(mongoerr.InterruptedAtShutdown, "interrupted at shutdown"))
	hello := m.d.Run(ctx, &Request{Conn: c.c, DB: "admin", Body: awaitingHello(m.View().Topology)}).Doc
	wantFailure(t, "hello", hello, mongoerr.InterruptedAtShutdown, "interrupted at shutdown")
}

// TestServerStatusHasWhatToolsRead lists the fields that mongostat, mongotop and exporters look for.
func TestServerStatusHasWhatToolsRead(t *testing.T) {
	m := newTestMember(t, 1)
	c := m.client()
	c.must("test", `{"insert": "c", "documents": [{}, {}]}`)
	c.must("test", `{"find": "c"}`)
	d := c.must("admin", `{"serverStatus": 1, "recordStats": 0}`)
	for _, path := range []string{"host", "version", "process", "pid", "uptime", "uptimeMillis", "localTime", "asserts.user", "connections.current",
		"connections.available", "mem.resident", "mem.virtual", "network.bytesIn", "network.bytesOut", "network.numRequests", "globalLock.currentQueue.readers",
		"globalLock.activeClients.writers", "opcounters.command", "opcountersRepl.insert", "opLatencies.reads.latency", "repl.setName", "repl.primary", "repl.me",
		"repl.lastWrite.opTime.ts", "metrics.cursor.open.total", "metrics.document.inserted", "metrics.commands.find.total", "storageEngine.name", "transactions.totalStarted",
		"logicalSessionRecordCache.activeSessionsCount", "extra_info.note", "morton.version"} {
		if d.LookupPath(path).IsMissing() {
			t.Errorf("serverStatus has no %s", path)
		}
	}
	if n := d.LookupPath("opcounters.insert").Int64(); n != 2 {
		t.Errorf("%d inserts were counted, not 2", n)
	}
	if d := c.must("admin", `{"serverStatus": 1, "metrics": 0, "repl": false}`); !d.Lookup("metrics").IsMissing() || !d.Lookup("repl").IsMissing() {
		t.Error("sections that were not wanted")
	}
	top := c.must("admin", `{"top": 1}`)
	usage := top.Lookup("totals").Doc().Lookup("test.c").Doc()
	if usage.LookupPath("insert.count").Int64() != 1 || usage.LookupPath("queries.count").Int64() != 1 || usage.LookupPath("readLock.count").IsMissing() {
		t.Errorf("top: %s", usage)
	}
}
