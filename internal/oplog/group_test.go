package oplog

import (
	"bytes"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
)

func doc(t testing.TB, json string) document.Doc {
	t.Helper()
	d, err := document.FromJSON(json)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sample is a group with each kind of mutation and a session.
func sample(t testing.TB) []byte {
	w := NewWriter(&Header{Wall: 1700000000123, Collection: 7, UUID: [16]byte{1, 2, 3}, Namespace: "test.c",
		Session: &Session{LSID: doc(t, `{"id": 1}`), TxnNumber: 9}}, 0)
	w.Begin(Insert, 3, doc(t, `{"_id": 1, "x": "a"}`), nil)
	w.PutO([]byte("record"))
	w.Put([]byte("index"), []byte("rid"))
	w.Account(1, 20)
	w.Begin(Update, -1, doc(t, `{"$v": 2}`), doc(t, `{"_id": 1}`))
	w.Remove([]byte("old"))
	w.RemoveRange([]byte("a"), []byte("b"))
	w.Account(0, -5)
	group := w.Finish()
	SetFirst(group, 100)
	return group
}

// TestGroupRoundTrip shows that a reader gives back what a writer was told.
func TestGroupRoundTrip(t *testing.T) {
	r, err := NewReader(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	h := r.Header
	if h.First != 100 || h.Last() != 101 || h.Count != 2 || h.Collection != 7 || h.Documents != 1 || h.Bytes != 15 ||
		h.Namespace != "test.c" || h.UUID != [16]byte{1, 2, 3} || h.Wall != 1700000000123 || h.Session.TxnNumber != 9 {
		t.Fatalf("header %+v", h)
	}
	var op Op
	if ok, err := r.Next(&op); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if op.Kind != Insert || op.Statement != 3 || len(op.Mutations) != 2 || !bytes.Equal(op.Mutations[0].Value, op.O) {
		t.Fatalf("first operation %+v", op)
	}
	if ok, err := r.Next(&op); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if op.Kind != Update || op.Statement != -1 || op.O2.Lookup("_id").Int32() != 1 || op.Mutations[0].Kind != Remove ||
		op.Mutations[1].Kind != RemoveRange || string(op.Mutations[1].Value) != "b" {
		t.Fatalf("second operation %+v", op)
	}
	if ok, err := r.Next(&op); ok || err != nil {
		t.Fatal("a third operation", ok, err)
	}
}

// TestSpanCoversAllGroups shows that concatenated groups are one entry.
func TestSpanCoversAllGroups(t *testing.T) {
	a, b := sample(t), sample(t)
	SetFirst(b, 102)
	first, last, err := Span(append(bytes.Clone(a), b...))
	if first != 100 || last != 103 || err != nil {
		t.Fatal(first, last, err)
	}
}

// TestDocumentsAreMongoDBs shows the form of local.oplog.rs.
func TestDocumentsAreMongoDBs(t *testing.T) {
	var got []string
	if err := Documents(sample(t), 4, func(_ Timestamp, d document.Doc) bool { got = append(got, d.String()); return true }); err != nil {
		t.Fatal(err)
	}
	want := `{"lsid":{"id":1},"txnNumber":9,"op":"i","ns":"test.c","ui":{"$binary":{"base64":"AQIDAAAAAAAAAAAAAAAAAA==","subType":"04"}},` +
		`"o":{"_id":1,"x":"a"},"o2":{"_id":1},"stmtId":3,"ts":{"$timestamp":{"t":0,"i":100}},"t":4,"v":2,"wall":{"$date":"2023-11-14T22:13:20.123Z"}}`
	if len(got) != 2 || got[0] != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

// TestNextNeverGoesBack shows that a clock that jumps back does not.
func TestNextNeverGoesBack(t *testing.T) {
	a := Next(0, time.Unix(1000, 0))
	b := Next(a, time.Unix(900, 0))
	if a != 1000<<32|1 || b != a+1 {
		t.Fatal(a, b)
	}
}

// FuzzReader shows that hostile bytes end in an error, never in a panic.
func FuzzReader(f *testing.F) {
	f.Add(sample(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, _ = Span(data)
		for len(data) > 0 {
			group, rest, err := NextGroup(data)
			if err != nil {
				return
			}
			_ = Documents(group, 1, func(Timestamp, document.Doc) bool { return true })
			data = rest
		}
	})
}

// TestManyMutationsOfOneOperation shows that a document with any number of entries makes a group: of 16,384 on, their number takes more bytes.
func TestManyMutationsOfOneOperation(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 16383, 16384, 70000, 1 << 21} {
		w := NewWriter(&Header{Namespace: "test.c"}, 0)
		w.Begin(Insert, -1, doc(t, `{"_id": 1}`), nil)
		for range n {
			w.Remove([]byte{1})
		}
		w.Begin(Insert, -1, doc(t, `{"_id": 2}`), nil)
		w.Remove([]byte{2})
		r, err := NewReader(w.Finish())
		if err != nil {
			t.Fatal(err)
		}
		var op Op
		if ok, err := r.Next(&op); !ok || err != nil || len(op.Mutations) != n {
			t.Fatal(n, ok, err, len(op.Mutations))
		}
		if ok, err := r.Next(&op); !ok || err != nil || len(op.Mutations) != 1 || op.O.Lookup("_id").Int32() != 2 {
			t.Fatal(n, ok, err, op)
		}
	}
}
