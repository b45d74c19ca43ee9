package command

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/replset"
)

// TestTheTableIsWhole shows that every command says what it is, that reads and writes say where they run, and that the commands
// which clients must not find are not there.
func TestTheTableIsWhole(t *testing.T) {
	d := newTestMember(t, 1).d
	for _, r := range d.rows {
		switch {
		case r.help == "", r.prepare == nil:
			t.Errorf("%s says nothing of itself", r.name)
		case (r.reads || r.writes) && r.runs == anyState:
			t.Errorf("%s runs anywhere", r.name)
		case r.writes && (r.runs != onPrimary || !r.writeConcern), r.retryable && !r.writes:
			t.Errorf("%s writes without what a write needs", r.name)
		case r.kind != kindCommand && !r.reads && !r.writes:
			t.Errorf("%s is counted as what it is not", r.name)
		}
	}
	for _, name := range []string{"atlasVersion", "getnonce", "isdbgrid", "PING", "Find", ""} {
		if d.table[name] != nil {
			t.Errorf("there is a command called %q", name)
		}
	}
	for _, name := range []string{"ismaster", "buildinfo", "getlasterror", "reseterror", "dbstats", "collstats", "findandmodify", "deleteIndexes"} {
		if d.table[name] == nil {
			t.Errorf("the spelling %q is not known", name)
		}
	}
}

// TestReplicationCommands shows how the commands about the set reach it.
func TestReplicationCommands(t *testing.T) {
	m := newTestMember(t, 3)
	c := m.client()
	c.must("admin", `{"replSetStepDown": 30, "secondaryCatchUpPeriodSecs": 5}`)
	c.must("admin", `{"replSetStepDown": 1, "force": true}`)
	if len(m.stepped) != 2 || m.stepped[0] != (StepDown{For: 30, CatchUp: 5}) || m.stepped[1] != (StepDown{For: 1, Force: true}) {
		t.Errorf("%+v", m.stepped)
	}
	wantFailure(t, "freeze", c.run("admin", `{"replSetFreeze": 5}`), mongoerr.NotSecondary, "Cannot freeze node when primary")
	wantFailure(t, "initiate", c.run("admin", `{"replSetInitiate": {}}`), mongoerr.AlreadyInitialized, "already initialized")
	if d := c.must("admin", `{"replSetGetConfig": 1, "commitmentStatus": true}`); d.LookupPath("config._id").Str() != "rs" || !d.Lookup("commitmentStatus").Bool() {
		t.Errorf("%s", d)
	}
	m.become(func(v *replset.View) { *v = *testView(3, replset.Secondary) })
	wantFailure(t, "step down of a secondary", c.run("admin", `{"replSetStepDown": 30}`), mongoerr.NotWritablePrimary, "not primary so can't step down")
	c.must("admin", `{"replSetFreeze": 5}`)

	m.become(func(v *replset.View) { v.Config, v.Self, v.State = nil, -1, replset.Startup })
	old := m.client()
	old.legacy = true
	d := old.must("admin", `{"replSetInitiate": 1}`) // as the article's client sends it
	if d.Lookup("info2").Str() == "" || d.Lookup("info").Str() == "" || d.Len() != 3 {
		t.Errorf("%s", d)
	}
}

// TestAdminCommands shows what the commands of administrators change, and what they refuse.
func TestAdminCommands(t *testing.T) {
	level := -1
	m := newTestMember(t, 1, func(o *Options) { o.SetLogLevel = func(n int) { level = n } })
	c := m.client()
	c.must("test", `{"insert": "c", "documents": [{}]}`)
	if d := c.must("admin", `{"setParameter": 1, "logLevel": 2}`); d.Lookup("was").Int32() != 0 || level != 2 {
		t.Errorf("%s, level %d", d, level)
	}
	if d := c.must("admin", `{"setParameter": 1, "cursorTimeoutMillis": 5}`); d.Lookup("was").Int64() != 600_000 || m.d.cursors.IdleTimeout().Milliseconds() != 5 {
		t.Errorf("%s", d)
	}
	if d := c.must("test", `{"profile": -1, "slowms": 7}`); d.Lookup("was").Int32() != 0 || d.Lookup("slowms").Int32() != DefaultSlowMS || m.d.params.slowMS.Load() != 7 {
		t.Errorf("%s", d)
	}
	if d := c.must("admin", `{"getParameter": {"showDetails": true}, "logLevel": 1}`); d.Lookup("logLevel").Shell() != "{ value: 2, settableAtRuntime: true, settableAtStartup: true }" {
		t.Errorf("%s", d)
	}
	if d := c.must("admin", `{"getParameter": 1, "failpoint.failCommand": 1}`); d.Lookup("failpoint.failCommand").Shell() != "{ mode: 0, data: {}, timesEntered: 0 }" {
		t.Errorf("%s", d)
	}
	for _, tc := range []struct {
		command string
		code    mongoerr.Code
		text    string
	}{
		{`{"setParameter": 1}`, 0, "no option found to set, use help:true to see options "},
		{`{"setParameter": 1, "nope": 1}`, 0, "attempted to set unrecognized parameter [nope], use help:true to see options "},
		{`{"setParameter": 1, "enableTestCommands": 1}`, 0, "not allowed to change [enableTestCommands] at runtime"},
		{`{"setParameter": 1, "logLevel": "x"}`, 2, `Invalid value for logLevel: logLevel: "x"`},
		{`{"getParameter": "foo"}`, 0, "no option found to get"},
		{`{"fsync": 1, "lock": true}`, 20, "fsync with lock is not supported"},
		{`{"fsyncUnlock": 1}`, 0, "fsyncUnlock called when not locked"},
		{`{"killOp": 1}`, 4, `Missing expected field "op"`},
		{`{"killOp": 1, "op": "x"}`, 14, `Expected field "op" to have numeric type, but found string`},
		{`{"getLog": "nope"}`, 96, "No log named 'nope'"},
		{`{"shutdown": 1, "force": "x"}`, 14, "BSON field 'shutdown.force' is the wrong type 'string', expected type 'bool'"},
		{`{"configureFailPoint": "nope", "mode": "off"}`, 266, "nope not found"},
		{`{"configureFailPoint": "failCommand", "mode": {"zz": 1}}`, 2, "'mode' must be one of 'off', 'alwaysOn', '{times:n}', '{skip:n}' or '{activationProbability:p}'"},
	} {
		d := c.run("admin", tc.command)
		if d.Lookup("ok").Double() != 0 {
			t.Errorf("%s: %s", tc.command, d)
		}
		wantFailure(t, tc.command, d, tc.code, tc.text)
	}
	c.must("admin", `{"fsync": 1}`)
	if d := c.must("admin", `{"buildInfo": 1}`); d.Lookup("version").Str() != "6.0.5" || d.LookupPath("morton.version").Str() != "0.0.0-test" || d.Lookup("versionArray").Shell() != "[ 6, 0, 5, 0 ]" {
		t.Errorf("%s", d)
	}
	if r := c.reply("admin", `{"shutdown": 1}`); !r.CloseConn || r.Doc != nil || m.stops != 1 {
		t.Errorf("%+v, %d stops", r, m.stops)
	}
}

// TestStats shows the counts of dbStats, collStats and listDatabases, also with a scale.
func TestStats(t *testing.T) {
	c := newTestMember(t, 1).client()
	c.insertMany(10, 90) // documents of 112 bytes
	d := c.must("test", `{"dbStats": 1, "scale": 10}`)
	if d.Lookup("objects").Int32() != 10 || d.Lookup("dataSize").Double() != 112 || d.Lookup("avgObjSize").Double() != 112 || d.Lookup("indexes").Int32() != 1 {
		t.Errorf("%s", d)
	}
	d = c.must("test", `{"collStats": "c"}`)
	if d.Lookup("count").Int32() != 10 || d.Lookup("size").Int32() != 1120 || d.Lookup("avgObjSize").Int32() != 112 || d.Lookup("nindexes").Int32() != 1 {
		t.Errorf("%s", d)
	}
	if d := c.must("test", `{"collStats": "nope"}`); d.Lookup("count").Int32() != 0 || d.Lookup("ns").Str() != "test.nope" {
		t.Errorf("%s", d)
	}
	d = c.must("test", `{"aggregate": "c", "pipeline": [{"$collStats": {"storageStats": {}, "count": {}, "latencyStats": {}}}], "cursor": {}}`)
	if s := d.LookupPath("cursor.firstBatch.0").Doc(); s.LookupPath("storageStats.size").Int32() != 1120 || s.Lookup("count").Int32() != 10 || s.LookupPath("latencyStats.writes.ops").Int64() != 1 {
		t.Errorf("%s", d)
	}
	d = c.must("admin", `{"listDatabases": 1, "filter": {"name": "test"}}`)
	if d.LookupPath("databases.0").Shell() != `{ name: "test", sizeOnDisk: 1120, empty: false }` {
		t.Errorf("%s", d)
	}
	if d := c.must("local", `{"find": "oplog.rs", "sort": {"$natural": -1}, "limit": 1}`); d.LookupPath("cursor.firstBatch.0.ts").Type != document.TypeTimestamp {
		t.Errorf("%s", d)
	}
}

// TestSlowOperationsAreLogged shows what the slow log tells, and that waiting for others does not count.
func TestSlowOperationsAreLogged(t *testing.T) {
	var log bytes.Buffer
	m := newTestMember(t, 1, func(o *Options) {
		o.Logger, o.SlowMS = slog.New(slog.NewJSONHandler(&log, nil)), 0
	})
	c := m.client()
	c.must("test", `{"insert": "c", "documents": [{"_id": 1}]}`)
	c.run("test", `{"find": "c", "filter": {"$bad": 1}}`)
	c.must("test", `{"profile": 0, "slowms": 60000}`)
	c.must("test", `{"find": "c"}`)
	c.must("admin", `{"hello": 1}`)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, not 2:\n%s", len(lines), log.String())
	}
	for i, want := range [][]string{
		{`"type":"insert"`, `"ns":"test.c"`, `"durationMillis":`, `{ insert: \"c\", documents: [ { _id: 1 } ] }`},
		{`"type":"query"`, `"errName":"BadValue"`, `"errCode":2`},
	} {
		for _, part := range want {
			if !strings.Contains(lines[i], part) {
				t.Errorf("no %s in %s", part, lines[i])
			}
		}
	}
}
