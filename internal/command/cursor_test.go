package command

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/session"
)

// insertMany inserts documents {_id: 0}, {_id: 1}, ... with a string of some length.
func (c *client) insertMany(n, length int) {
	c.t.Helper()
	var docs document.Builder
	docs.AppendString("insert", "c")
	docs.OpenArray("documents")
	text := strings.Repeat("x", length)
	for i := range n {
		docs.OpenDoc(document.Index(i))
		docs.AppendInt32("_id", int32(i))
		docs.AppendString("s", text)
		docs.Close()
	}
	docs.Close()
	if d := c.runDoc("test", docs.Finish()); d.Lookup("n").Int32() != int32(n) {
		c.t.Fatal(d)
	}
}

func (c *client) getMore(id int64, more string) document.Doc {
	c.t.Helper()
	return c.run("test", fmt.Sprintf(`{"getMore": {"$numberLong": "%d"}, "collection": "c"%s}`, id, more))
}

func batch(d document.Doc) (id int64, n int) {
	cursor := d.Lookup("cursor").Doc()
	list := cursor.Lookup("firstBatch")
	if list.IsMissing() {
		list = cursor.Lookup("nextBatch")
	}
	return cursor.Lookup("id").Int64(), list.Doc().Len()
}

// TestBatches shows how many documents come at a time: 101 first, as many as fit into 16 MB afterwards, or as many as asked for.
func TestBatches(t *testing.T) {
	c := newTestMember(t, 1).client()
	c.insertMany(250, 100_000)
	id, n := batch(c.must("test", `{"find": "c"}`))
	if n != 101 || id == 0 {
		t.Errorf("first batch of %d, cursor %d", n, id)
	}
	if id, n = batch(c.getMore(id, "")); n != 149 || id != 0 {
		t.Errorf("the rest of %d, cursor %d", n, id)
	}
	id, n = batch(c.must("test", `{"find": "c", "batchSize": 1000}`))
	if n >= 170 || n < 160 || id == 0 {
		t.Errorf("%d documents in 16 MB", n)
	}
	rest := 250 - n
	if id, n = batch(c.getMore(id, "")); n != rest || id != 0 {
		t.Errorf("then %d of %d, cursor %d", n, rest, id)
	}
	id, n = batch(c.must("test", `{"find": "c", "batchSize": 0, "limit": 3}`))
	if n != 0 || id == 0 {
		t.Errorf("a first batch without documents has %d, cursor %d", n, id)
	}
	if id, n = batch(c.getMore(id, `, "batchSize": 2`)); n != 2 || id == 0 {
		t.Errorf("%d, cursor %d", n, id)
	}
	if id, n = batch(c.getMore(id, `, "batchSize": 2`)); n != 1 || id != 0 {
		t.Errorf("at the limit %d, cursor %d", n, id)
	}
	if id, n = batch(c.must("test", `{"find": "c", "batchSize": 2, "singleBatch": true}`)); n != 2 || id != 0 {
		t.Errorf("single batch: %d, cursor %d", n, id)
	}
	if s := c.d.cursors.Stats(); s.Open != 0 || s.Opened != 3 {
		t.Errorf("%+v", s)
	}
}

// TestCursorOutlivesItsRequest shows that a cursor keeps what it needs of a command whose bytes are used again.
func TestCursorOutlivesItsRequest(t *testing.T) {
	c := newTestMember(t, 1).client()
	c.insertMany(10, 1)
	cmd, err := document.FromJSON(`{"find": "c", "filter": {"_id": {"$gte": 4}, "s": "x"}, "projection": {"_id": 1}, "sort": {"_id": -1}, "batchSize": 2}`)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := batch(c.runDoc("test", cmd))
	clear(cmd)
	if d := c.getMore(id, ""); d.LookupPath("cursor.nextBatch").Shell() != `[ { _id: 7 }, { _id: 6 }, { _id: 5 }, { _id: 4 } ]` {
		t.Errorf("%s", d)
	}
}

// TestCursorsBelongToTheirSession shows who may go on with a cursor.
func TestCursorsBelongToTheirSession(t *testing.T) {
	c := newTestMember(t, 1).client()
	c.insertMany(10, 1)
	const one = `, "lsid": {"id": {"$binary": {"base64": "MDEyMzQ1Njc4OWFiY2RlZg==", "subType": "04"}}}`
	const two = `, "lsid": {"id": {"$binary": {"base64": "MTEyMzQ1Njc4OWFiY2RlZg==", "subType": "04"}}}`
	owned, _ := batch(c.must("test", `{"find": "c", "batchSize": 1`+one+`}`))
	free, _ := batch(c.must("test", `{"find": "c", "batchSize": 1}`))
	wantFailure(t, "no session", c.getMore(owned, ""), 50737, "without an lsid")
	wantFailure(t, "another session", c.getMore(owned, two), 50738, "in session 31313233-")
	wantFailure(t, "a session where there was none", c.getMore(free, one), 50736, "was not created in a session")
	wantFailure(t, "another collection", c.run("test", fmt.Sprintf(`{"getMore": {"$numberLong": "%d"}, "collection": "d"}`, free)), mongoerr.Unauthorized, "belongs to a different namespace test.c")
	if _, n := batch(c.getMore(owned, one)); n != 9 {
		t.Errorf("%d documents", n)
	}
	owned, _ = batch(c.must("test", `{"find": "c", "batchSize": 1`+one+`}`))
	c.must("admin", `{"endSessions": [{"id": {"$binary": {"base64": "MDEyMzQ1Njc4OWFiY2RlZg==", "subType": "04"}}}]}`)
	wantFailure(t, "after the session's end", c.getMore(owned, one), mongoerr.CursorNotFound, "not found")
	if _, n := batch(c.getMore(free, "")); n != 9 {
		t.Errorf("%d documents", n)
	}
}

// TestCursorOfADroppedCollection shows that a cursor tells why it ends, and is gone.
func TestCursorOfADroppedCollection(t *testing.T) {
	c := newTestMember(t, 1).client()
	c.insertMany(10, 1)
	id, _ := batch(c.must("test", `{"find": "c", "batchSize": 1}`))
	c.must("test", `{"drop": "c"}`)
	c.insertMany(3, 1)
	wantFailure(t, "getMore", c.getMore(id, ""), mongoerr.QueryPlanKilled, "query plan killed :: collection dropped")
	wantFailure(t, "once more", c.getMore(id, ""), mongoerr.CursorNotFound, "not found")
}

// TestTailingTheOplog shows that a tailable cursor waits for what comes next, for as long as it is told, and can be killed.
func TestTailingTheOplog(t *testing.T) {
	m := newTestMember(t, 1)
	c, writer := m.client(), m.client()
	c.insertMany(1, 1)
	d := c.must("local", `{"find": "oplog.rs", "filter": {"ns": "test.c", "op": "i"}, "tailable": true, "awaitData": true}`)
	id, n := batch(d)
	if id == 0 || n != 1 {
		t.Fatalf("%s", d)
	}
	more := func(ms int) document.Doc {
		return c.run("local", fmt.Sprintf(`{"getMore": {"$numberLong": "%d"}, "collection": "oplog.rs", "maxTimeMS": %d}`, id, ms))
	}
	begin := time.Now()
	if again, n := batch(more(20)); again != id || n != 0 || time.Since(begin) < 20*time.Millisecond {
		t.Errorf("nothing to come: %d documents, cursor %d, after %v", n, again, time.Since(begin))
	}
	go func() {
		time.Sleep(10 * time.Millisecond)
		writer.must("test", `{"insert": "c", "documents": [{"_id": "new"}]}`)
	}()
	begin = time.Now()
	if d := more(60_000); d.LookupPath("cursor.nextBatch.0.o._id").Str() != "new" || time.Since(begin) > 30*time.Second {
		t.Errorf("%s after %v", d, time.Since(begin))
	}
	killed := make(chan document.Doc)
	go func() { killed <- more(60_000) }()
	for m.d.cursors.Stats().Pinned == 0 {
		time.Sleep(time.Millisecond)
	}
	writer.must("local", fmt.Sprintf(`{"killCursors": "oplog.rs", "cursors": [{"$numberLong": "%d"}]}`, id))
	wantFailure(t, "the getMore of a killed cursor", <-killed, mongoerr.CursorKilled, "")
	if s := m.d.cursors.Stats(); s.Open != 0 {
		t.Errorf("%+v", s)
	}
	wantFailure(t, "an ordinary collection", c.run("test", `{"find": "c", "tailable": true}`), mongoerr.BadValue, "tailable cursor requested on non capped collection")
}

// TestAggregateCounts shows what drivers make of countDocuments, and that other pipelines are refused by name.
func TestAggregateCounts(t *testing.T) {
	m := newTestMember(t, 1)
	c := m.client()
	c.insertMany(10, 1)
	for _, tc := range []struct {
		pipeline, batch string
	}{
		{`[{"$match": {"_id": {"$gte": 3}}}, {"$group": {"_id": 1, "n": {"$sum": 1}}}]`, `[ { _id: 1, n: 7 } ]`},
		{`[{"$match": {}}, {"$skip": 2}, {"$limit": 5}, {"$group": {"_id": null, "n": {"$sum": 1}}}]`, `[ { _id: null, n: 5 } ]`},
		{`[{"$match": {"_id": 77}}, {"$group": {"_id": 1, "n": {"$sum": 1}}}]`, `[]`},
		{`[{"$count": "all"}]`, `[ { all: 10 } ]`},
		{`[{"$match": {"_id": {"$gt": 2}}}, {"$match": {"_id": {"$lt": 5}}}, {"$sort": {"_id": -1}}]`, `[ { _id: 4, s: "x" }, { _id: 3, s: "x" } ]`},
		{`[{"$sort": {"_id": -1}}, {"$skip": 1}, {"$limit": 1}]`, `[ { _id: 8, s: "x" } ]`},
		{`[{"$limit": 2}, {"$match": {"_id": 1}}]`, `[ { _id: 1, s: "x" } ]`},
		{`[{"$group": {"_id": "$s", "n": {"$avg": "$_id"}}}]`, `[ { _id: "x", n: 4.5 } ]`},
	} {
		if d := c.must("test", `{"aggregate": "c", "pipeline": `+tc.pipeline+`, "cursor": {}}`); d.LookupPath("cursor.firstBatch").Shell() != tc.batch {
			t.Errorf("%s: %s", tc.pipeline, d)
		}
	}
	for _, tc := range []struct {
		pipeline string
		code     mongoerr.Code
		text     string
	}{
		{`[{"$nope": 1}]`, 40324, "Unrecognized pipeline stage name: '$nope'"},
		{`[{}]`, 40323, "A pipeline stage specification object must contain exactly one field."},
		{`[{"$lookup": {}}]`, 238, "the pipeline stage $lookup is not supported"},
		{`[{"$limit": 0}]`, 15958, "the limit must be positive"},
	} {
		wantFailure(t, tc.pipeline, c.run("test", `{"aggregate": "c", "pipeline": `+tc.pipeline+`, "cursor": {}}`), tc.code, tc.text)
	}
	d := c.must("admin", `{"aggregate": "atlascli", "pipeline": [{"$match": {"managedClusterType": "atlasCliLocalDevCluster"}}, {"$group": {"_id": 1, "n": {"$sum": 1}}}], "cursor": {}}`)
	if id, n := batch(d); id != 0 || n != 0 {
		t.Errorf("mongosh's question: %s", d)
	}
	old := m.client()
	old.legacy = true
	if d := old.must("test", `{"aggregate": "c", "pipeline": [{"$count": "n"}]}`); d.Lookup("result").Shell() != `[ { n: 10 } ]` {
		t.Errorf("a driver of 2012: %s", d)
	}
}

// TestDistinctIdentity shows which values count as the same.
func TestDistinctIdentity(t *testing.T) {
	decimal := func(s string) document.Value {
		d, err := document.FromJSON(`{"v": {"$numberDecimal": "` + s + `"}}`)
		if err != nil {
			t.Fatal(err)
		}
		return d.Lookup("v")
	}
	doc := func(v document.Value) document.Value {
		var b document.Builder
		b.AppendValue("a", v)
		return b.Finish().AsValue()
	}
	values := []document.Value{
		document.Int32(1), document.Int64(1), document.Double(1), decimal("1.0"), document.Double(0.5), decimal("0.5"), decimal("0.1"), decimal("0.10"),
		document.Double(0.1), document.String("1"), document.Null, doc(document.Int32(1)), doc(document.Double(1)), doc(document.Int32(2)), decimal("1E+30"), document.Double(1e30),
		document.Int64(1 << 53), document.Double(1 << 53), document.Int64(1<<53 + 1), document.Bool(true), document.Date(1), document.Timestamp(1),
	}
	for _, a := range values {
		for _, b := range values {
			same := string(appendIdentity(nil, a)) == string(appendIdentity(nil, b))
			if equal := document.Compare(a, b) == 0; same != equal {
				t.Errorf("%s and %s: the same %v, equal %v", a.Shell(), b.Shell(), same, equal)
			}
		}
	}
}

// TestExpire shows that the dispatcher ends what belongs to sessions that nobody uses any more.
func TestExpire(t *testing.T) {
	m := newTestMember(t, 1)
	c := m.client()
	c.insertMany(3, 1)
	const lsid = `, "lsid": {"id": {"$binary": {"base64": "MDEyMzQ1Njc4OWFiY2RlZg==", "subType": "04"}}}`
	c.must("test", `{"find": "c", "batchSize": 1, "noCursorTimeout": true`+lsid+`}`)
	m.d.expire()
	if m.d.cursors.Stats().Open != 1 {
		t.Fatal("expired early")
	}
	m.d.endCursorsOf([]session.ID{{UUID: [16]byte([]byte("0123456789abcdef")), User: session.NoUser}})
	if m.d.cursors.Stats().Open != 0 {
		t.Error("a cursor outlived its session")
	}
}

// TestTimeLimitHoldsForAllBatches shows that maxTimeMS of the command that opened a cursor is for its getMores too.
func TestTimeLimitHoldsForAllBatches(t *testing.T) {
	c := newTestMember(t, 1).client()
	c.insertMany(10, 1)
	const timeOut = `{"configureFailPoint": "maxTimeAlwaysTimeOut", "mode": %q}`
	for _, open := range []string{
		`{"find": "c", "batchSize": 2, "maxTimeMS": 60000}`,
		`{"aggregate": "c", "pipeline": [], "cursor": {"batchSize": 2}, "maxTimeMS": 60000}`,
	} {
		id, _ := batch(c.must("test", open))
		if got, n := batch(c.getMore(id, `, "batchSize": 2`)); got != id || n != 2 {
			t.Fatalf("%s: within the limit: cursor %d, %d documents", open, got, n)
		}
		c.must("admin", fmt.Sprintf(timeOut, "alwaysOn"))
		if d := c.getMore(id, ""); mongoerr.Code(d.Lookup("code").Int32()) != mongoerr.MaxTimeMSExpired {
			t.Errorf("%s: at its end: %v", open, d)
		}
		c.must("admin", fmt.Sprintf(timeOut, "off"))
		if d := c.getMore(id, ""); mongoerr.Code(d.Lookup("code").Int32()) != mongoerr.CursorNotFound {
			t.Errorf("%s: afterwards: %v", open, d)
		}
	}
}
