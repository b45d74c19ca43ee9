package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// TestLegacyCursor follows a cursor from its find to its end: OP_GET_MORE has the right namespace, and startingFrom counts
// the documents, which PyMongo 1.8 insists on; also from another connection.
func TestLegacyCursor(t *testing.T) {
	s := &script{replies: []string{
		`{"cursor": {"id": {"$numberLong": "77"}, "ns": "test.c", "firstBatch": [{"_id": 1}, {"_id": 2}]}, "ok": 1.0}`,
		`{"cursor": {"id": {"$numberLong": "77"}, "ns": "test.c", "nextBatch": [{"_id": 3}]}, "ok": 1.0}`,
		`{"cursor": {"id": {"$numberLong": "77"}, "ns": "test.c", "nextBatch": []}, "ok": 1.0}`,
		`{"cursor": {"id": {"$numberLong": "0"}, "ns": "test.c", "nextBatch": [{"_id": 4}]}, "ok": 1.0}`,
		`{"ok": 0.0, "errmsg": "cursor id 77 not found", "code": 43}`,
		`{"ok": 0.0, "errmsg": "not yours", "code": 13}`,
	}}
	r := newRig(t, Options{}, s)
	c, other := r.connect(t), r.connect(t)
	getMore := func(n int32) func([]byte, int32) []byte {
		return (&wire.GetMore{Namespace: "test.c", Return: n, CursorID: 77}).Append
	}
	for i, step := range []struct {
		c       *client
		message func([]byte, int32) []byte
		want    string
	}{
		{c, query("test.c", `{}`, returns(2)), `reply flags 8 cursor 77 from 0 [{"_id":1} {"_id":2}]`},
		{c, getMore(1), `reply flags 8 cursor 77 from 2 [{"_id":3}]`},
		{other, getMore(0), `reply flags 8 cursor 77 from 3 []`},
		{c, getMore(0), `reply flags 8 cursor 0 from 3 [{"_id":4}]`},
		{c, getMore(0), `reply flags 1 cursor 0 from 0 []`},
		{c, getMore(0), `reply flags 2 cursor 0 from 0 [{"$err":"not yours","code":13,"ok":0.0}]`},
		{c, getMore(-1), `reply flags 2 cursor 0 from 0 [{"$err":"bad ntoreturn value in getMore: -1","code":2,"ok":0.0}]`},
		{c, (&wire.GetMore{Namespace: "test", CursorID: 77}).Append, sprintf(invalidNS, "test")},
	} {
		step.c.send(step.message)
		if got := step.c.recvText(); got != step.want {
			t.Errorf("step %d: got %s, want %s", i, got, step.want)
		}
	}
	want := []string{
		`test {"find":"c","filter":{},"batchSize":2} legacy`,
		`test {"getMore":77,"collection":"c","batchSize":1} legacy slaveOk`,
		`test {"getMore":77,"collection":"c"} legacy slaveOk`,
		`test {"getMore":77,"collection":"c"} legacy slaveOk`,
		`test {"getMore":77,"collection":"c"} legacy slaveOk`,
		`test {"getMore":77,"collection":"c"} legacy slaveOk`,
	}
	if diff := cmp.Diff(want, r.take()); diff != "" {
		t.Error(diff)
	}
}

// TestLegacyExhaust shows the flag of OP_QUERY by which all batches come unasked.
func TestLegacyExhaust(t *testing.T) {
	s := &script{replies: []string{
		`{"cursor": {"id": {"$numberLong": "77"}, "ns": "test.c", "firstBatch": [{"_id": 1}]}, "ok": 1.0}`,
		`{"cursor": {"id": {"$numberLong": "77"}, "ns": "test.c", "nextBatch": [{"_id": 2}]}, "ok": 1.0}`,
		`{"cursor": {"id": {"$numberLong": "0"}, "ns": "test.c", "nextBatch": [{"_id": 3}]}, "ok": 1.0}`,
	}}
	r := newRig(t, Options{}, s)
	c := r.connect(t)
	c.send(query("test.c", `{}`, flags(wire.Exhaust)))
	responseTo := c.id
	for i, want := range []string{
		`reply flags 8 cursor 77 from 0 [{"_id":1}]`, `reply flags 8 cursor 77 from 1 [{"_id":2}]`, `reply flags 8 cursor 0 from 2 [{"_id":3}]`,
	} {
		b := c.recv()
		var m wire.Reply
		if err := m.Parse(b); err != nil {
			t.Fatal(err)
		}
		if got := sprintf("reply flags %d cursor %d from %d %v", m.Flags, m.CursorID, m.StartingFrom, m.Docs); got != want {
			t.Errorf("reply %d: got %s, want %s", i, got, want)
		}
		h := wire.ParseHeader(b)
		if h.ResponseTo != responseTo {
			t.Errorf("reply %d answers %d, want %d", i, h.ResponseTo, responseTo)
		}
		responseTo = h.RequestID
	}
	c.ping()
}

// TestLegacyKillCursors shows that cursors end which came by a find or by a command, that others do not matter, and that
// it is no operation that getLastError would tell of (not marked legacy).
func TestLegacyKillCursors(t *testing.T) {
	s := &script{replies: []string{
		`{"cursor": {"id": {"$numberLong": "77"}, "ns": "test.c", "firstBatch": [{"_id": 1}]}, "ok": 1.0}`,
		`{"cursor": {"id": {"$numberLong": "78"}, "ns": "test.d", "firstBatch": [{"_id": 1}]}, "ok": 1.0}`,
	}}
	r := newRig(t, Options{}, s)
	c := r.connect(t)
	c.send(query("test.c", `{}`))
	c.recv()
	c.send(command1("test.$cmd", `{"aggregate": "d", "cursor": {}}`))
	c.recv()
	c.send((&wire.KillCursors{CursorIDs: []int64{77, 5, 78}}).Append)
	c.send((&wire.KillCursors{CursorIDs: []int64{77}}).Append)
	c.send((&wire.KillCursors{}).Append) // none: refused without a word
	c.ping()
	want := []string{`test {"killCursors":"c","cursors":[77]} silent`, `test {"killCursors":"d","cursors":[78]} silent`, `admin {"ping":1,"$db":"admin"}`}
	if diff := cmp.Diff(want, r.take()[2:]); diff != "" {
		t.Error(diff)
	}
}

// TestLegacyCursorsAreBounded shows that the server forgets the cursors least recently used, by number and by bytes.
func TestLegacyCursorsAreBounded(t *testing.T) {
	var table legacyCursors
	for id := range int64(legacyCursorsMax + 10) {
		table.open(id+1, "test.c")
		table.get(1)
	}
	if got := len(table.byID); got != legacyCursorsMax {
		t.Errorf("%d cursors", got)
	}
	if table.get(1).ns == "" || table.get(2).ns != "" {
		t.Error("the wrong one is forgotten")
	}
	for range 10 {
		table.openRest("test.c", []document.Doc{make(document.Doc, legacyCursorBytesMax/4)})
	}
	if table.bytes > legacyCursorBytesMax || table.order.Len() != len(table.byID) {
		t.Errorf("%d bytes, %d of %d", table.bytes, table.order.Len(), len(table.byID))
	}
	table.open(0, "test.c")
	if table.get(0).ns != "" {
		t.Error("cursor 0 is none")
	}
}
