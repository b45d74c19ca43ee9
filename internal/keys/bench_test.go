package keys

import (
	"testing"

	"github.com/mortondb/morton/internal/document"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// common is the values of common types, whose encoding must not allocate.
func common(t testing.TB) map[string]document.Value {
	return map[string]document.Value{
		"int32": value(t, 12345), "int64": value(t, int64(1)<<40), "double": value(t, 19.99), "objectId": value(t, bson.ObjectID{1}), "string": value(t, "a short string"),
		"date": value(t, bson.DateTime(1)), "bool": value(t, true), "null": value(t, nil), "binData": value(t, bson.Binary{Subtype: 4, Data: make([]byte, 16)}),
		"object": value(t, bson.D{{Key: "a", Value: 1}, {Key: "b", Value: "x"}}), "array": value(t, bson.A{1, "x"}),
	}
}

func BenchmarkAppendValue(b *testing.B) {
	for name, v := range common(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var buf [64]byte
				if len(AppendValue(buf[:0], v)) == 0 {
					b.Fatal()
				}
			}
		})
	}
}

func BenchmarkAppendDecimal128(b *testing.B) {
	v := dec(b, "19.99")
	b.ReportAllocs()
	for b.Loop() {
		AppendValue(nil, v)
	}
}

func entriesOf(b *testing.B, key, doc string) {
	ix := index(b, key)
	d := fromJSON(b, doc)
	var e Entries
	b.ReportAllocs()
	for b.Loop() {
		e.Reset()
		if err := ix.AppendEntries(&e, d, 1); err != nil {
			b.Fatal(err)
		}
	}
}

const benchDoc = `{"_id": {"$oid": "5f43a1e2b5c7d8e9f0a1b2c3"}, "name": "x", "k": 12, "sub": {"a": 1, "b": 2}, "tags": ["a", "b", "c", "d"]}`

func BenchmarkEntriesSimple(b *testing.B)   { entriesOf(b, `{"_id": 1}`, benchDoc) }
func BenchmarkEntriesCompound(b *testing.B) { entriesOf(b, `{"k": 1, "sub.b": -1}`, benchDoc) }
func BenchmarkEntriesArray(b *testing.B)    { entriesOf(b, `{"tags": 1}`, benchDoc) }

// TestNoAllocations guards the paths that every insert takes.
func TestNoAllocations(t *testing.T) {
	var buf [64]byte
	for name, v := range common(t) {
		if n := testing.AllocsPerRun(100, func() { AppendDescending(AppendValue(buf[:0], v), v) }); n != 0 {
			t.Errorf("encoding %s allocates %v times", name, n)
		}
	}
	doc := fromJSON(t, benchDoc)
	var e Entries
	for _, key := range []string{`{"_id": 1}`, `{"k": 1, "sub.b": -1}`, `{"missing": 1}`} {
		ix := index(t, key)
		if n := testing.AllocsPerRun(100, func() { e.Reset(); _ = ix.AppendEntries(&e, doc, 1) }); n != 0 {
			t.Errorf("entries of %s allocate %v times", key, n)
		}
	}
}
