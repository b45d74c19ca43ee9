package server

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// FuzzConnection sends arbitrary bytes to a connection and goes away. The server must not panic, must hand on nothing but
// valid BSON, and must be done with the connection afterwards.
func FuzzConnection(f *testing.F) {
	for _, m := range []func([]byte, int32) []byte{
		msg(0, `{"find": "c", "filter": {"x": 1}, "$db": "test"}`),
		msg(wire.ChecksumPresent|wire.ExhaustAllowed, `{"hello": 1, "$db": "admin"}`),
		command1("admin.$cmd", `{"$query": {"ismaster": 1}, "$readPreference": {"mode": "primary"}}`),
		command1("admin.$cmd.sys.inprog", `{"$query": {"$all": 1}}`),
		query("test.c", `{"$query": {"x": 1}, "$orderby": [{"x": 1}], "$hint": "x_1", "$explain": 1, "$maxTimeMS": 5, "$min": {}, "$snapshot": 0}`, fields(`{"x": 1}`)),
		query("test.system.indexes", `{"ns": "test.c"}`, fields(`{"ns": 0}`), returns(2)),
		query("test.system.namespaces", `{"$query": {}, "$orderby": {"name": 1}}`, skips(1)),
		(&wire.GetMore{Namespace: "test.c", CursorID: 5}).Append,
		(&wire.Insert{Namespace: "test.c", Docs: []document.Doc{doc(`{"_id": 1}`)}}).Append,
		(&wire.Insert{Namespace: "test.system.indexes", Docs: []document.Doc{doc(`{"ns": "test.c", "name": "x", "key": {"x": 1}}`)}}).Append,
		(&wire.Update{Namespace: "test.c", Selector: doc(`{}`), Update: doc(`{}`)}).Append,
		(&wire.Delete{Namespace: "test.c", Selector: doc(`{}`)}).Append,
		(&wire.KillCursors{CursorIDs: []int64{5, 6}}).Append,
	} {
		b := m(nil, 1)
		f.Add(b)
		packed, err := wire.AppendCompressed(nil, b, wire.Snappy)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(packed, b...))
	}
	s, err := New(Options{Runner: validating{f}, Compressors: []string{"snappy", "zlib", "zstd"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, b []byte) {
		here, there := net.Pipe()
		c := newConn(s, there)
		done := make(chan struct{})
		go func() { c.serve(); close(done) }()
		go io.Copy(io.Discard, here)
		here.Write(b)
		here.Close()
		<-done
	})
}

// validating answers every command with a cursor, after looking at what it was given.
type validating struct{ t testing.TB }

func (v validating) check(d document.Doc) {
	if err := document.Validate(d, document.MaxDepth+10); err != nil {
		v.t.Errorf("%v in %x", err, []byte(d))
	}
}

var fuzzReply = doc(`{"cursor": {"id": {"$numberLong": "0"}, "ns": "test.c", "firstBatch": [{"name": "a", "options": {}}, {"name": "b"}], "nextBatch": [{"name": "c"}]}, "ok": 1.0}`)

func (v validating) Run(_ context.Context, req *command.Request) command.Reply {
	v.check(req.Body)
	for _, s := range req.Sequences {
		for _, d := range s.Docs {
			v.check(d)
		}
	}
	return command.Reply{Doc: fuzzReply}
}
