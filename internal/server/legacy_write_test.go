package server

import (
	"testing"

	"github.com/mortondb/morton/internal/wire"
)

// TestLegacyWrites shows the commands that the old write opcodes become. None has a reply.
func TestLegacyWrites(t *testing.T) {
	insert := func(ns string, flags wire.InsertFlags, docs ...string) func([]byte, int32) []byte {
		m := wire.Insert{Flags: flags, Namespace: ns}
		for _, d := range docs {
			m.Docs = append(m.Docs, doc(d))
		}
		return m.Append
	}
	update := func(ns string, flags wire.UpdateFlags) func([]byte, int32) []byte {
		return (&wire.Update{Flags: flags, Namespace: ns, Selector: doc(`{"_id": 7}`), Update: doc(`{"$set": {"x": 1}}`)}).Append
	}
	remove := func(ns string, flags wire.DeleteFlags) func([]byte, int32) []byte {
		return (&wire.Delete{Flags: flags, Namespace: ns, Selector: doc(`{"x": 1}`)}).Append
	}
	const w1 = `"writeConcern":{"w":1}}`
	for _, tt := range []translation{
		{name: "insert", message: insert("test.c", 0, `{"_id": 1}`, `{"_id": 2}`),
			asked: []string{`test {"insert":"c","ordered":true,` + w1 + ` +documents[{"_id":1} {"_id":2}] legacy silent`}},
		{name: "insert, go on after errors", message: insert("test.a.b", wire.ContinueOnError, `{"_id": 1}`),
			asked: []string{`test {"insert":"a.b","ordered":false,` + w1 + ` +documents[{"_id":1}] legacy silent`}},
		{name: "insert with unknown flags", message: insert("test.c", 0x7ffffffe, `{"_id": 1}`),
			asked: []string{`test {"insert":"c","ordered":true,` + w1 + ` +documents[{"_id":1}] legacy silent`}},
		{name: "update", message: update("test.c", 0),
			asked: []string{`test {"update":"c",` + w1 + ` +updates[{"q":{"_id":7},"u":{"$set":{"x":1}},"multi":false,"upsert":false}] legacy silent`}},
		{name: "upsert", message: update("test.c", wire.Upsert),
			asked: []string{`test {"update":"c",` + w1 + ` +updates[{"q":{"_id":7},"u":{"$set":{"x":1}},"multi":false,"upsert":true}] legacy silent`}},
		{name: "multi-update", message: update("test.c", wire.MultiUpdate|1<<7),
			asked: []string{`test {"update":"c",` + w1 + ` +updates[{"q":{"_id":7},"u":{"$set":{"x":1}},"multi":true,"upsert":false}] legacy silent`}},
		{name: "delete all", message: remove("test.c", 0),
			asked: []string{`test {"delete":"c",` + w1 + ` +deletes[{"q":{"x":1},"limit":0}] legacy silent`}},
		{name: "delete one", message: remove("test.c", wire.SingleRemove),
			asked: []string{`test {"delete":"c",` + w1 + ` +deletes[{"q":{"x":1},"limit":1}] legacy silent`}},
		{name: "not primary does not end the connection", message: remove("test.c", 0), replies: []string{`{"ok": 0.0, "errmsg": "not master", "code": 10107}`},
			asked: []string{`test {"delete":"c",` + w1 + ` +deletes[{"q":{"x":1},"limit":0}] legacy silent`}},
		{name: "index", message: insert("test.system.indexes", 0, `{"unique": true, "ns": "test.a.b", "name": "x_1", "key": {"x": 1}, "dropDups": false}`),
			asked: []string{`test {"createIndexes":"a.b","indexes":[{"unique":true,"name":"x_1","key":{"x":1}}],` + w1 + ` legacy silent`}},
		{name: "index that drops duplicates", message: insert("test.system.indexes", 0, `{"ns": "test.c", "name": "x_1", "key": {"x": 1}, "dropDups": true}`),
			asked: []string{`test {"createIndexes":"c","indexes":[{"name":"x_1","key":{"x":1},"dropDups":true}],` + w1 + ` legacy silent`}},
		{name: "indexes stop at the first error", message: insert("test.system.indexes", 0, `{"ns": "test.c", "name": "a"}`, `{"ns": "test.c", "name": "b"}`), replies: []string{`{"ok": 0.0, "code": 67}`},
			asked: []string{`test {"createIndexes":"c","indexes":[{"name":"a"}],` + w1 + ` legacy silent`}},
		{name: "indexes go on", message: insert("test.system.indexes", wire.ContinueOnError, `{"ns": "other.c", "name": "a"}`, `{"ns": "test.c", "name": "b"}`),
			asked: []string{`test {"createIndexes":"c","indexes":[{"name":"b"}],` + w1 + ` legacy silent`}},
		{name: "nothing to insert", message: insert("test.c", 0)},
		{name: "index without a collection", message: insert("test.system.indexes", 0, `{"name": "x_1", "key": {"x": 1}}`)},
		{name: "insert without a collection", message: insert("test", 0, `{}`)},
		{name: "update without a database", message: update(".c", 0)},
		{name: "insert into system.namespaces", message: insert("test.system.namespaces", 0, `{}`)},
		{name: "update of system.indexes", message: update("test.system.indexes", 0)},
		{name: "delete from system.namespaces", message: remove("test.system.namespaces", 0)},
		{name: "insert of broken BSON", message: func(dst []byte, id int32) []byte {
			b := insert("test.c", 0, `{"_id": 1}`, `{"_id": 2}`)(dst, id)
			b[len(b)-1] = 1
			return b
		}},
	} {
		t.Run(tt.name, tt.run)
	}
}
