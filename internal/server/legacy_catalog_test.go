package server

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mortondb/morton/internal/wire"
)

// TestCatalogQueries shows system.namespaces and system.indexes as drivers before 3.0 read them.
func TestCatalogQueries(t *testing.T) {
	const (
		collections = `{"cursor": {"id": 0, "ns": "test.$cmd.listCollections", "firstBatch": [
			{"name": "v", "type": "view", "options": {"viewOn": "c"}},
			{"name": "c", "type": "collection", "options": {"capped": true}, "info": {}}]}, "ok": 1.0}`
		indexes = `{"cursor": {"id": 0, "ns": "test.c", "firstBatch": [
			{"v": 2, "key": {"_id": 1}, "name": "_id_"}, {"v": 2, "key": {"x": 1}, "name": "x_1", "unique": true}]}, "ok": 1.0}`
		listed  = `test {"listCollections":1} legacy`
		indexed = `test {"listIndexes":"c"} legacy`
		id      = `{"v":2,"key":{"_id":1},"name":"_id_","ns":"test.c"}`
		x       = `{"v":2,"key":{"x":1},"name":"x_1","unique":true,"ns":"test.c"}`
	)
	catalog := func(name string, message func([]byte, int32) []byte, want string) translation {
		return translation{name: name, message: message, replies: []string{collections, indexes}, asked: []string{listed, indexed}, want: `reply flags 8 cursor 0 from 0 ` + want}
	}
	wrong := func(name string, message func([]byte, int32) []byte, text string) translation {
		return translation{name: name, message: message, want: canonicalQ + text + badValueEnd}
	}
	for _, tt := range []translation{
		catalog("namespaces", query("test.system.namespaces", `{}`),
			`[{"name":"test.c","options":{"capped":true}} {"name":"test.c.$_id_"} {"name":"test.c.$x_1"} {"name":"test.v","options":{"viewOn":"c"}}]`),
		catalog("options of one", command1("test.system.namespaces", `{"$query": {"name": "test.c"}}`), `[{"name":"test.c","options":{"capped":true}}]`),
		catalog("one that is not there", command1("test.system.namespaces", `{"name": "test.d"}`), `[]`),
		catalog("names only", query("test.system.namespaces", `{"$query": {}, "$orderby": {"name": 1}}`, fields(`{"name": 1}`), skips(1), returns(-2)), `[{"name":"test.c.$_id_"} {"name":"test.c.$x_1"}]`),
		catalog("one, and no cursor", query("test.system.namespaces", `{}`, returns(1)), `[{"name":"test.c","options":{"capped":true}}]`),
		catalog("indexes", query("test.system.indexes", `{"ns": "test.c"}`), "["+id+" "+x+"]"),
		catalog("indexes without ns", query("test.system.indexes", `{"$query": {"ns": "test.c", "name": "x_1"}}`, fields(`{"ns": 0, "v": false}`)), `[{"key":{"x":1},"name":"x_1","unique":true}]`),
		catalog("indexes by key", query("test.system.indexes", `{"key": {"x": 1.0}}`), "["+x+"]"),
		catalog("skip more than there are", query("test.system.indexes", `{}`, skips(5)), `[]`),
		{name: "not primary", message: query("test.system.namespaces", `{}`), replies: []string{`{"ok": 0.0, "errmsg": "not primary", "code": 13435}`},
			asked: []string{listed}, want: `reply flags 2 cursor 0 from 0 [{"$err":"not master","code":13435,"ok":0.0}]`},
		{name: "slaveOk", message: query("test.system.indexes", `{"$query": {}, "$readPreference": {"mode": "secondary"}}`, flags(wire.SlaveOK)), replies: []string{emptyBatch},
			asked: []string{`test {"listCollections":1,"$readPreference":{"mode":"secondary"}} legacy slaveOk`}, want: emptyReply},
		{name: "dropped meanwhile", message: query("test.system.indexes", `{}`), replies: []string{collections, `{"ok": 0.0, "errmsg": "ns does not exist", "code": 26}`},
			asked: []string{listed, indexed}, want: emptyReply},
		{name: "more than a batch", message: query("test.system.indexes", `{}`), replies: []string{
			`{"cursor": {"id": {"$numberLong": "5"}, "ns": "test.$cmd.listCollections", "firstBatch": []}, "ok": 1.0}`,
			`{"cursor": {"id": 0, "ns": "test.$cmd.listCollections", "nextBatch": [{"name": "c", "type": "collection"}]}, "ok": 1.0}`, indexes},
			asked: []string{listed, `test {"getMore":5,"collection":"$cmd.listCollections"} legacy`, indexed}, want: "reply flags 8 cursor 0 from 0 [" + id + " " + x + "]"},

		wrong("explain", query("test.system.indexes", `{"$query": {}, "$explain": 1}`), "system.indexes can be read with $query, $orderby, $snapshot and $readPreference only"),
		wrong("min", query("test.system.indexes", `{"$query": {}, "$min": {}}`), "system.indexes can be read with $query, $orderby, $snapshot and $readPreference only"),
		wrong("sort", query("test.system.indexes", `{"$query": {}, "$orderby": {"key": 1}}`), "system.indexes can be sorted by {ns: 1} only"),
		wrong("negative skip", query("test.system.indexes", `{}`, skips(-1)), "bad skip or ntoreturn value in query"),
		wrong("tailable", query("test.system.indexes", `{}`, flags(wire.TailableCursor)), "tailable cursor requested on non capped collection"),
	} {
		t.Run(tt.name, tt.run)
	}
	for _, tt := range []translation{
		{name: "operator", message: query("test.system.indexes", `{"ns": {"$gt": ""}}`), want: `the catalog can be filtered by equality only, not by ns: { $gt: "" }`},
		{name: "regular expression", message: query("test.system.indexes", `{"ns": {"$regularExpression": {"pattern": "^test", "options": ""}}}`), want: `the catalog can be filtered by equality only, not by ns: /^test/`},
		{name: "part of a field", message: query("test.system.indexes", `{}`, fields(`{"key.x": 1}`)), want: "the catalog's documents can be projected by whole fields only"},
	} {
		tt.replies, tt.asked, tt.want = []string{collections, indexes}, []string{listed, indexed}, canonicalQ+jsonText(tt.want)+badValueEnd
		t.Run(tt.name, tt.run)
	}
}

// TestCatalogCursor shows that the catalog can be read in batches.
func TestCatalogCursor(t *testing.T) {
	s := &script{replies: []string{
		`{"cursor": {"id": 0, "ns": "test.$cmd.listCollections", "firstBatch": [{"name": "c", "type": "collection"}]}, "ok": 1.0}`,
		`{"cursor": {"id": 0, "ns": "test.c", "firstBatch": [{"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "d"}, {"name": "e"}]}, "ok": 1.0}`,
	}}
	r := newRig(t, Options{}, s)
	c := r.connect(t)
	c.send(query("test.system.indexes", `{}`, returns(2), fields(`{"name": 1}`)))
	var names, places []any
	for i := 0; ; i++ {
		var m wire.Reply
		if err := m.Parse(c.recv()); err != nil {
			t.Fatal(err)
		}
		places = append(places, m.StartingFrom)
		for _, d := range m.Docs {
			names = append(names, strings.Clone(d.Lookup("name").Str()))
		}
		if m.CursorID == 0 {
			break
		}
		if i == 0 {
			c.send((&wire.GetMore{Namespace: "test.c", CursorID: m.CursorID}).Append)
			if got, want := c.recvText(), sprintf(`reply flags 2 cursor 0 from 0 [{"$err":"Requested getMore on namespace test.c, but cursor %d belongs to namespace test.system.indexes","code":13,"ok":0.0}]`, m.CursorID); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		c.send((&wire.GetMore{Namespace: "test.system.indexes", Return: 2, CursorID: m.CursorID}).Append)
	}
	if diff := cmp.Diff([]any{"a", "b", "c", "d", "e"}, names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{int32(0), int32(2), int32(4)}, places); diff != "" {
		t.Error(diff)
	}
	if table := &r.cursors; len(table.byID) != 0 || table.bytes != 0 {
		t.Errorf("%d cursors, %d bytes are left", len(table.byID), table.bytes)
	}
}
