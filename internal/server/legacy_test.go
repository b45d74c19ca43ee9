package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mortondb/morton/internal/wire"
)

// translation is a legacy message, the commands that it becomes, and what the client is answered.
type translation struct {
	name    string
	message func([]byte, int32) []byte
	replies []string // of the commands, in order
	asked   []string
	want    string // "": nothing
}

func (tt *translation) run(t *testing.T) {
	t.Helper()
	r := newRig(t, Options{}, &script{replies: tt.replies})
	c := r.connect(t)
	c.send(tt.message)
	if tt.want != "" {
		if got := c.recvText(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
	asked := func() []string { r.script.mu.Lock(); defer r.script.mu.Unlock(); return r.asked }
	c.ping() // the connection goes on, and there is no further reply
	got := asked()
	if diff := cmp.Diff(append(tt.asked, `admin {"ping":1,"$db":"admin"}`), got); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

// query makes an OP_QUERY.
func query(ns, text string, change ...func(*wire.Query)) func([]byte, int32) []byte {
	q := wire.Query{Namespace: ns, Query: doc(text)}
	for _, f := range change {
		f(&q)
	}
	return q.Append
}

func returns(n int32) func(*wire.Query)                   { return func(q *wire.Query) { q.Return = n } }
func skips(n int32) func(*wire.Query)                     { return func(q *wire.Query) { q.Skip = n } }
func flags(f wire.QueryFlags) func(*wire.Query)           { return func(q *wire.Query) { q.Flags = f } }
func fields(text string) func(*wire.Query)                { return func(q *wire.Query) { q.Fields = doc(text) } }
func command1(ns, text string) func([]byte, int32) []byte { return query(ns, text, returns(-1)) }

const (
	ok          = `reply flags 8 cursor 0 from 0 [{"ok":1.0}]`
	emptyBatch  = `{"cursor": {"id": 0, "ns": "test.c", "firstBatch": []}, "ok": 1.0}`
	emptyReply  = `reply flags 8 cursor 0 from 0 []`
	invalidNS   = `reply flags 2 cursor 0 from 0 [{"$err":"Invalid ns [%s]","code":73,"ok":0.0}]`
	canonicalQ  = `reply flags 2 cursor 0 from 0 [{"$err":"Can't canonicalize query :: caused by :: `
	badValueEnd = `","code":2,"ok":0.0}]`
)
