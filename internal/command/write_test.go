package command

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/replset"
)

// TestWriteConcerns shows what each write concern waits for, and how the reply says that it did not come to pass.
func TestWriteConcerns(t *testing.T) {
	m := newTestMember(t, 3)
	m.hold(true) // nothing is committed
	c := m.client()
	for i, tc := range []struct {
		concern string
		code    mongoerr.Code
		text    string
		errInfo string
	}{
		{`{"w": 1}`, 0, "", ""},
		{`{"w": 0}`, 0, "", ""},
		{`{"j": true}`, 0, "", ""},
		{`{"w": "majority", "wtimeout": 1}`, 64, "waiting for replication timed out", `{ wtimeout: true, writeConcern: { w: "majority", wtimeout: 1, provenance: "clientSupplied" } }`},
		{`{"w": 2, "wtimeout": 1}`, 64, "waiting for replication timed out", `{ wtimeout: true, writeConcern: { w: 2, wtimeout: 1, provenance: "clientSupplied" } }`},
		{`{"w": 4}`, 100, "Not enough data-bearing nodes", `{ writeConcern: { w: 4, wtimeout: 0, provenance: "clientSupplied" } }`},
		{`{"w": "nope"}`, 79, "No write concern mode named 'nope' found in replica set configuration", `{ writeConcern: { w: "nope", wtimeout: 0, provenance: "clientSupplied" } }`},
		{`{"w": {"dc": 1}}`, 4, "No replica set tag key dc in config", `{ writeConcern: { w: { dc: 1 }, wtimeout: 0, provenance: "clientSupplied" } }`},
	} {
		d := c.must("test", fmt.Sprintf(`{"insert": "c", "documents": [{"_id": %d}], "writeConcern": %s}`, i, tc.concern))
		wce := d.Lookup("writeConcernError").Doc()
		if wce == nil && tc.code == 0 {
			continue
		}
		if code, text := failure(wce); code != tc.code || text != tc.text || wce.Lookup("errInfo").Shell() != tc.errInfo || wce.Lookup("codeName").Str() != tc.code.Name() {
			t.Errorf("%s: %s", tc.concern, wce.Shell())
		}
	}
	d := c.must("test", `{"insert": "c", "documents": [{"_id": "default"}], "maxTimeMS": 20}`)
	if wce := d.Lookup("writeConcernError").Doc(); wce.Lookup("code").Int32() != 50 || wce.LookupPath("errInfo.writeConcern").Shell() != `{ w: "majority", wtimeout: 0, provenance: "implicitDefault" }` {
		t.Errorf("without a write concern a write waits for a majority: %s", d)
	}
	// A write that changes nothing promises as much: what it saw must be durable.
	d = c.must("test", `{"insert": "c", "documents": [{"_id": "default"}], "writeConcern": {"w": "majority", "wtimeout": 1}}`)
	if d.LookupPath("writeErrors.0.code").Int32() != 11000 || d.LookupPath("writeConcernError.code").Int32() != 64 {
		t.Errorf("a duplicate key that may yet go away: %s", d)
	}
	// So does an error that says what there is; one that says what is wrong with the command does not.
	const concern = `, "writeConcern": {"w": "majority", "wtimeout": 1}}`
	for _, tc := range []struct {
		cmd  string
		code mongoerr.Code
		wait bool
	}{
		{`{"drop": "nope"`, mongoerr.NamespaceNotFound, true},
		{`{"create": "c"`, mongoerr.NamespaceExists, true},
		{`{"dropIndexes": "c", "index": "nope"`, mongoerr.IndexNotFound, true},
		{`{"findAndModify": "c", "query": {"_id": 0}, "update": {"$nope": {}}`, mongoerr.FailedToParse, false},
	} {
		d := c.run("test", tc.cmd+concern)
		if code, _ := failure(d); code != tc.code || d.LookupPath("writeConcernError.code").IsMissing() == tc.wait {
			t.Errorf("%s: %s", tc.cmd, d)
		}
	}
	if d := c.must("test", `{"find": "c", "filter": {"_id": 0}}`); d.LookupPath("cursor.firstBatch.0._id").IsMissing() {
		t.Errorf("local reads wait for no majority: %s", d)
	}
	if d := c.must("test", `{"find": "c", "readConcern": {"level": "majority"}}`); !d.LookupPath("cursor.firstBatch.0").IsMissing() {
		t.Errorf("a majority read sees what no majority has: %s", d)
	}
}

// TestWhatAnEarlierTermShowedIsNotVouchedFor: a command that wrote nothing tells of what it saw, such as that there is nothing to change. If this member has stopped being
// primary since, what it saw may have been lost, also when it is primary again.
func TestWhatAnEarlierTermShowedIsNotVouchedFor(t *testing.T) {
	m := newTestMember(t, 3)
	m.client().must("test", `{"insert": "c", "documents": [{"_id": 1}]}`)
	began := func() *operation {
		o := &operation{d: m.d, row: m.d.table["update"], view: m.View(), req: &Request{}}
		o.generic.write = replset.ImplicitWriteConcern()
		o.generic.write.Majority = true
		if err := o.execute(t.Context(), func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
		return o
	}
	o := began()
	if o.awaitWriteConcern(t.Context()); o.notWaited != nil {
		t.Fatalf("in one term: %v", o.notWaited)
	}
	o = began()
	m.engine.StepDown(1)
	m.engine.BecomePrimary(2)
	if o.awaitWriteConcern(t.Context()); o.notWaited == nil || o.notWaited.Code != mongoerr.InterruptedDueToReplStateChange {
		t.Errorf("after the end of the term: %v", o.notWaited)
	}
}

// TestLabels shows when a driver is told that it may send a write again: it has a transaction number, and the code is one
// that goes away with another primary or another moment.
func TestLabels(t *testing.T) {
	m := newTestMember(t, 3)
	c := m.client()
	const session = `, "lsid": {"id": {"$binary": {"base64": "MDEyMzQ1Njc4OWFiY2RlZg==", "subType": "04"}}}, "txnNumber": {"$numberLong": "%d"}`
	for i, tc := range []struct {
		data    string // of the fail point
		session bool
		labels  string
	}{
		{`"errorCode": 91`, true, `[ "RetryableWriteError" ]`},
		{`"errorCode": 91`, false, ``},
		{`"errorCode": 10107`, true, `[ "RetryableWriteError" ]`},
		{`"errorCode": 11602`, true, `[ "RetryableWriteError" ]`},
		{`"errorCode": 11000`, true, ``},
		{`"errorCode": 91, "errorLabels": ["foo"]`, true, `[ "foo" ]`},
		{`"errorCode": 91, "errorLabels": []`, true, ``},
		{`"errorCode": 11000, "errorLabels": ["bar"]`, false, `[ "bar" ]`},
		{`"writeConcernError": {"code": 91, "errmsg": "hi"}`, true, `[ "RetryableWriteError" ]`},
		{`"writeConcernError": {"code": 91, "errmsg": "hi"}`, false, ``},
		{`"writeConcernError": {"code": 64, "errmsg": "hi"}`, true, ``},
		{`"writeConcernError": {"code": 64, "errmsg": "hi"}, "errorLabels": ["x"]`, true, `[ "x" ]`},
	} {
		c.must("admin", `{"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": {"failCommands": ["insert"], `+tc.data+`}}`)
		cmd := `{"insert": "c", "documents": [{}]`
		if tc.session {
			cmd += fmt.Sprintf(session, i)
		}
		labels := c.run("test", cmd+"}").Lookup("errorLabels")
		if got := labels.Shell(); !labels.IsMissing() && got != tc.labels || labels.IsMissing() != (tc.labels == "") {
			t.Errorf("{%s}, session %v: %s, not %s", tc.data, tc.session, got, tc.labels)
		}
	}
	m.waitErr = mongoerr.New(mongoerr.InterruptedDueToReplStateChange, "operation was interrupted")
	d := c.run("test", `{"insert": "c", "documents": [{}]`+fmt.Sprintf(session, 100)+`}`)
	if d.LookupPath("writeConcernError.code").Int32() != 11602 || d.Lookup("errorLabels").Shell() != `[ "RetryableWriteError" ]` {
		t.Errorf("a step-down while the write waited: %s", d)
	}
}

// TestRetriedWriteAnswersAsTheFirstTime shows that a write that is sent again takes effect once, whatever it is.
func TestRetriedWriteAnswersAsTheFirstTime(t *testing.T) {
	c := newTestMember(t, 1).client()
	const session = `"lsid": {"id": {"$binary": {"base64": "MDEyMzQ1Njc4OWFiY2RlZg==", "subType": "04"}}}, "txnNumber": {"$numberLong": "%d"}}`
	for i, tc := range []struct{ command, retried string }{
		{`{"insert": "c", "documents": [{"_id": 1}, {"_id": 2}], `, `[ 0, 1 ]`},
		{`{"update": "c", "updates": [{"q": {"_id": 1}, "u": {"$inc": {"a": 1}}}, {"q": {"_id": 9}, "u": {"$inc": {"a": 1}}, "upsert": true}], `, `[ 0, 1 ]`},
		{`{"update": "c", "updates": [{"q": {"_id": 1}, "u": {"$inc": {"a": 1}}}], "stmtIds": [7], `, `[ 7 ]`},
		{`{"delete": "c", "deletes": [{"q": {"_id": 2}, "limit": 1}], `, `[ 0 ]`},
		{`{"findAndModify": "c", "query": {"_id": 1}, "update": {"$inc": {"a": 1}}, "new": true, `, `0`},
		{`{"findAndModify": "c", "query": {"_id": 9}, "remove": true, `, `0`},
	} {
		cmd := tc.command + fmt.Sprintf(session, i)
		first, again := c.must("test", cmd), c.must("test", cmd)
		ids := again.Lookup("retriedStmtIds")
		if ids.IsMissing() {
			ids = again.Lookup("retriedStmtId")
		}
		if ids.Shell() != tc.retried {
			t.Errorf("%s: retried %s, not %s", tc.command, ids.Shell(), tc.retried)
		}
		for _, name := range []string{"n", "nModified", "upserted", "value", "lastErrorObject"} {
			if a, b := first.Lookup(name).Shell(), again.Lookup(name).Shell(); a != b {
				t.Errorf("%s: %s was %s, and the second time %s", tc.command, name, a, b)
			}
		}
	}
	if d := c.must("test", `{"find": "c", "sort": {"_id": 1}}`); d.LookupPath("cursor.firstBatch").Shell() != `[ { _id: 1, a: 3 } ]` {
		t.Errorf("%s", d)
	}
	wantFailure(t, "an old number", c.run("test", `{"insert": "c", "documents": [{}], `+fmt.Sprintf(session, 2)), mongoerr.TransactionTooOld, "txnNumber 2")
}

// TestSessionArguments shows the rules on lsid, txnNumber and the fields of transactions, which there are none of.
func TestSessionArguments(t *testing.T) {
	c := newTestMember(t, 1).client()
	const id = `"lsid": {"id": {"$binary": {"base64": "MDEyMzQ1Njc4OWFiY2RlZg==", "subType": "04"}}}`
	const one = `"txnNumber": {"$numberLong": "1"}`
	for _, tc := range []struct {
		command string
		code    mongoerr.Code
		text    string
	}{
		{`{"ping": 1, ` + id + `, ` + one + `}`, 50889, "It is illegal to provide a txnNumber for this command"},
		{`{"find": "c", ` + id + `, ` + one + `}`, 50768, "find is not a retryable write command"},
		{`{"create": "c", ` + id + `, ` + one + `}`, 50768, "create is not a retryable write command"},
		{`{"insert": "c", "documents": [{}], ` + one + `}`, 72, "Transaction number requires a session ID to also be specified"},
		{`{"insert": "c", "documents": [{}], ` + id + `, "txnNumber": 1}`, 14, "BSON field 'OperationSessionInfo.txnNumber' is the wrong type 'int', expected type 'long'"},
		{`{"insert": "c", "documents": [{}], ` + id + `, "txnNumber": {"$numberLong": "-1"}}`, 72, "Transaction number cannot be negative"},
		{`{"insert": "c", "documents": [{}], ` + id + `, "autocommit": false}`, 72, "'autocommit' field requires a transaction number to also be specified"},
		{`{"insert": "c", "documents": [{}], ` + id + `, ` + one + `, "autocommit": true}`, 72, "Specifying autocommit=true is not allowed."},
		{`{"insert": "c", "documents": [{}], ` + id + `, ` + one + `, "startTransaction": true}`, 72, "'startTransaction' field requires 'autocommit' field to also be specified"},
		{`{"insert": "c", "documents": [{}], ` + id + `, ` + one + `, "startTransaction": false, "autocommit": false}`, 72, "Specifying startTransaction=false is not allowed."},
		{`{"insert": "c", "documents": [{}], ` + id + `, ` + one + `, "startTransaction": true, "autocommit": false}`, 263, "Cannot run 'insert' in a multi-document transaction"},
		{`{"update": "c", "updates": [{"q": {}, "u": {"$set": {"a": 1}}, "multi": true}], ` + id + `, ` + one + `}`, 0, ""},
	} {
		d := c.run("test", tc.command)
		wantFailure(t, tc.command, d, tc.code, tc.text)
		if tc.code == 263 && !d.Lookup("errorLabels").IsMissing() {
			t.Error("a driver would try the transaction again for ever")
		}
	}
}

// TestFailCommand shows what else the fail point can do: block, close, strike some applications and some times only.
func TestFailCommand(t *testing.T) {
	m := newTestMember(t, 1)
	c := m.client()
	set := func(mode, data string) int32 {
		t.Helper()
		return c.must("admin", `{"configureFailPoint": "failCommand", "mode": `+mode+`, "data": {`+data+`}}`).Lookup("count").Int32()
	}
	set(`{"times": 2}`, `"failCommands": ["ping"], "errorCode": 6`)
	for i, code := range []mongoerr.Code{6, 6, 0} {
		if got, _ := failure(c.run("admin", `{"ping": 1}`)); got != code {
			t.Errorf("ping %d: %d, not %d", i, got, code)
		}
	}
	if n := set(`{"skip": 1}`, `"failCommands": ["ping"], "errorCode": 6`); n != 2 {
		t.Errorf("it has struck %d times, not 2", n)
	}
	for i, code := range []mongoerr.Code{0, 6, 6} {
		if got, _ := failure(c.run("admin", `{"ping": 1}`)); got != code {
			t.Errorf("skip, ping %d: %d, not %d", i, got, code)
		}
	}
	set(`"alwaysOn"`, `"failCommands": ["ping"], "errorCode": 6, "appName": "other"`)
	c.must("admin", `{"ping": 1}`)
	set(`"alwaysOn"`, `"failCommands": ["hello"], "errorCode": 6, "appName": "app"`)
	c.must("admin", `{"hello": 1}`)
	first := m.client() // its name comes with the hello that is to fail
	if got, _ := failure(first.run("admin", `{"hello": 1, "client": {"driver": {"name": "x", "version": "1"}, "os": {"type": "q"}, "application": {"name": "app"}}}`)); got != 6 {
		t.Errorf("the first hello of an application: %d", got)
	}
	set(`"alwaysOn"`, `"failCommands": ["configureFailPoint", "find"], "errorCode": 10107, "namespace": "test.q"`)
	c.must("test", `{"find": "c"}`)
	d := c.run("test", `{"find": "q"}`)
	if wantFailure(t, "find q", d, mongoerr.NotWritablePrimary, "Failing command via 'failCommand' failpoint"); d.Lookup("topologyVersion").IsMissing() {
		t.Error("no topologyVersion")
	}
	set(`{"times": 1}`, `"failCommands": ["ping"], "closeConnection": true`)
	if r := c.reply("admin", `{"ping": 1}`); !r.CloseConn || r.Doc != nil {
		t.Errorf("%+v", r)
	}
	set(`{"times": 1}`, `"failCommands": ["ping"], "blockConnection": true, "blockTimeMS": 30`)
	if begin := time.Now(); !c.must("admin", `{"ping": 1}`).Lookup("ok").Truthy() || time.Since(begin) < 30*time.Millisecond {
		t.Error("the ping was not held")
	}
	set(`"off"`, ``)
	if v := c.must("admin", `{"getParameter": 1, "failpoint.failCommand": 1}`).LookupPath("failpoint.failCommand"); !v.IsMissing() {
		t.Error("a path")
	}
	plain := newTestMember(t, 1, func(o *Options) { o.TestCommands = false }).client()
	wantFailure(t, "without test commands", plain.run("admin", `{"configureFailPoint": "failCommand", "mode": "off"}`), mongoerr.CommandNotFound, "no such command")
}

// TestLegacyLastError shows the replies that drivers before 2013 decide by, in the shapes of MongoDB 4.2.6.
func TestLegacyLastError(t *testing.T) {
	m := newTestMember(t, 3)
	c := m.client()
	c.legacy = true
	gle := func(options string) document.Doc {
		t.Helper()
		return c.run("admin", `{"getlasterror": 1`+options+`}`)
	}
	write := func(cmd string) { c.run("test", cmd+`, "writeConcern": {"w": 1}}`) }

	write(`{"insert": "c", "documents": [{"_id": 1}]`)
	d := gle("")
	if d.Lookup("err").Type != document.TypeNull || d.Lookup("n").Int32() != 0 || d.Lookup("connectionId").Int32() != int32(c.c.ID) ||
		d.LookupPath("lastOp.ts").IsMissing() || d.Lookup("ok").Double() != 1 || !d.Lookup("updatedExisting").IsMissing() {
		t.Errorf("after an insert: %s", d)
	}
	write(`{"insert": "c", "documents": [{"_id": 1}]`)
	if d := gle(""); d.Lookup("code").Int32() != 11000 || d.Lookup("n").Int32() != 0 || d.Lookup("ok").Double() != 1 || len(d.Lookup("err").Str()) < 20 {
		t.Errorf("after a duplicate: %s", d)
	}
	if d := gle(""); d.Lookup("code").Int32() != 11000 {
		t.Errorf("asked twice: %s", d)
	}
	write(`{"update": "c", "updates": [{"q": {"_id": 1}, "u": {"x": 2}, "upsert": true}]`)
	if d := gle(""); !d.Lookup("updatedExisting").Bool() || d.Lookup("n").Int32() != 1 {
		t.Errorf("after an update: %s", d)
	}
	write(`{"update": "c", "updates": [{"q": {"_id": 7}, "u": {"x": 2}, "upsert": true}]`)
	if d := gle(""); d.Lookup("updatedExisting").Bool() || d.Lookup("upserted").Int32() != 7 || d.Lookup("n").Int32() != 1 {
		t.Errorf("after an upsert: %s", d)
	}
	write(`{"delete": "c", "deletes": [{"q": {}, "limit": 0}]`)
	if d := gle(`, "w": 2, "wtimeout": 1000`); d.Lookup("n").Int32() != 2 || d.Lookup("writtenTo").Shell() != `[ "host:27017", "host:27018" ]` || d.Lookup("wtime").IsMissing() {
		t.Errorf("after a removal: %s", d)
	}
	m.hold(true)
	write(`{"insert": "c", "documents": [{"_id": 1}]`)
	d = gle(`, "w": 2, "wtimeout": 5`)
	if d.Lookup("err").Str() != "timeout" || !d.Lookup("wtimeout").Bool() || d.Lookup("waited").IsMissing() || d.Lookup("ok").Double() != 1 || d.Lookup("code").Int32() != 64 || d.Lookup("errmsg").Str() != "timed out waiting for slaves" {
		t.Errorf("a timeout: %s", d)
	}
	d = gle(`, "w": 4`)
	if d.Lookup("ok").Double() != 0 || d.Lookup("wtimeout").IsMissing() || d.Lookup("code").Int32() != 100 || d.Lookup("errmsg").Str() != "Not enough data-bearing nodes" {
		t.Errorf("w of 4 members of 3: %s", d)
	}
	d = gle(`, "j": true, "fsync": true`)
	if d.Lookup("ok").Double() != 0 || d.Lookup("wtimeout").IsMissing() || d.Lookup("badGLE").IsMissing() || d.Lookup("errmsg").Str() != "fsync and j options cannot be used together" {
		t.Errorf("fsync and j: %s", d)
	}
	c.run("test", `{"nope": 1}`)
	if d := gle(""); d.Lookup("code").Int32() != 59 {
		t.Errorf("after a failed command: %s", d)
	}
	c.must("test", `{"reseterror": 1}`)
	if d := gle(""); d.Lookup("err").Type != document.TypeNull {
		t.Errorf("after a reset: %s", d)
	}
	wantFailure(t, "getprevlasterror", c.run("admin", `{"getpreverror": 1}`), mongoerr.CommandNotFound, "no such command: 'getpreverror'")
	c.legacy = false
	wantFailure(t, "by OP_MSG", c.run("admin", `{"getLastError": 1}`), 5739000, "getLastError command is not supported")
}
