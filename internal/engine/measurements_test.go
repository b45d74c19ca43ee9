package engine

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/timeseries"
)

func (m *member) timeseries(ns, more string) {
	m.t.Helper()
	o := timeseries.Options{Time: "t", Meta: "m", Granularity: "seconds", Span: 3600}
	options := doc(m.t, `{"clusteredIndex": true%s, "timeseries": %s}`, more, o.Document().String())
	if _, err := m.CreateTimeseries(context.Background(), ns, options); err != nil {
		m.t.Fatal(err)
	}
}

func measurement(t testing.TB, seconds int64, meta string) document.Doc {
	return doc(t, `{"t": %s, "m": "%s"}`, document.Date(seconds*1000).String(), meta)
}

// measurements counts those in the buckets, which it also returns.
func (m *member) measurements(ns string) (buckets, n int) {
	m.t.Helper()
	for _, d := range find(m.t, m.Local(), FindSpec{NS: timeseries.BucketsOf(ns)}) {
		buckets++
		n += timeseries.Count(doc(m.t, "%s", d), "t")
	}
	return buckets, n
}

// TestMeasurementsOfManyWritersAreAllThere has writers insert at the same time, of the same and of other meta values, while another drops indexes' plans under them.
func TestMeasurementsOfManyWritersAreAllThere(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.timeseries("test.k", "")
	const writers, each = 8, 50
	var group sync.WaitGroup
	for w := range writers {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range each {
				r, err := m.InsertMeasurements(context.Background(), "test.k", []document.Doc{measurement(t, 1000+int64(i), "same"), measurement(t, 1000, fmt.Sprint(w))}, true, Statement{})
				if err != nil || r.N != 2 {
					t.Error(r, err)
				}
			}
		}()
	}
	m.index("test.system.buckets.k", `{"v": 2, "key": {"meta": 1}, "name": "m"}`)
	group.Wait()
	if buckets, n := m.measurements("test.k"); buckets != 1+writers || n != 2*writers*each {
		t.Fatalf("%d measurements in %d buckets", n, buckets)
	}
	if n, _ := m.Timeseries("test.k").Count(); n != 1+writers {
		t.Fatalf("%d buckets counted", n)
	}
}

// TestOpenBucketsThatAreGone has the bucket that the primary takes for open disappear in every way: rolled back, deleted, given another meta value. The next measurement
// goes into another one.
func TestOpenBucketsThatAreGone(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.timeseries("test.k", "")
	m.commit()
	insert := func(wantBuckets, wantMeasurements int) {
		t.Helper()
		if r, err := m.InsertMeasurements(context.Background(), "test.k", []document.Doc{measurement(t, 1000, "a")}, true, Statement{}); err != nil || r.N != 1 {
			t.Fatal(r, err)
		}
		if buckets, n := m.measurements("test.k"); buckets != wantBuckets || n != wantMeasurements {
			t.Fatalf("%d measurements in %d buckets", n, buckets)
		}
	}
	insert(1, 1)
	m.StepDown(1)
	m.entries = m.entries[:m.applied] // the next primary's log does not have it
	m.BecomePrimary(2)
	insert(1, 1)
	insert(1, 2)
	if r, err := m.Delete(context.Background(), &DeleteSpec{NS: "test.system.buckets.k", Multi: true}, Statement{}); err != nil || r.N != 1 {
		t.Fatal(r, err)
	}
	insert(1, 1)
	if r, err := m.Update(context.Background(), &UpdateSpec{NS: "test.system.buckets.k", Update: doc(t, `{"$set": {"meta": "b"}}`).AsValue(), Multi: true}, Statement{}); err != nil || r.Modified != 1 {
		t.Fatal(r, err)
	}
	insert(2, 2)
	m.commit()
	insert(2, 3)
	if _, _, err := m.DropCollection(context.Background(), "test.system.buckets.k"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.InsertMeasurements(context.Background(), "test.k", []document.Doc{measurement(t, 1000, "a")}, true, Statement{}); mongoerr.CodeOf(err) != mongoerr.NamespaceNotFound {
		t.Fatal("into a collection that was dropped:", err)
	}
	if m.IsView("test.k") {
		t.Error("the view stays when the buckets are dropped")
	}
}

// TestRetriedMeasurementsTakeEffectOnce sends a statement again, whole and in part.
func TestRetriedMeasurementsTakeEffectOnce(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.timeseries("test.k", "")
	s := Statement{Session: &oplog.Session{LSID: doc(t, `{"id": {"$binary": {"base64": "AAAAAAAAAAAAAAAAAAAAAA==", "subType": "04"}}}`), TxnNumber: 1}}
	docs := []document.Doc{measurement(t, 1, "a"), measurement(t, 2, "b"), measurement(t, 3, "a")}
	for i, part := range [][]document.Doc{docs[:2], docs, docs} {
		r, err := m.InsertMeasurements(context.Background(), "test.k", part, true, s)
		if err != nil || r.N != len(part) || len(r.Retried) != []int{0, 2, 3}[i] {
			t.Fatal(i, r, err)
		}
		m.commit()
	}
	if buckets, n := m.measurements("test.k"); buckets != 2 || n != 3 {
		t.Fatalf("%d measurements in %d buckets", n, buckets)
	}
}

// TestClusteredCollectionsExpire has expireAfterSeconds of collections: documents go by their _id, buckets when all that could be in them is old enough.
func TestClusteredCollectionsExpire(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.timeseries("test.k", `, "expireAfterSeconds": {"$numberLong": "100"}`)
	const base = 1_700_006_400
	for _, at := range []int64{0, 60, 120} {
		if _, err := m.InsertMeasurements(context.Background(), "test.k", []document.Doc{measurement(t, base+at, fmt.Sprint(at))}, true, Statement{}); err != nil {
			t.Fatal(err)
		}
	}
	m.create("test.c", `{"clusteredIndex": {"v": 2, "key": {"_id": 1}, "name": "_id_", "unique": true}, "expireAfterSeconds": {"$numberLong": "100"}}`)
	date := func(s int64) string { return document.Date(s * 1000).String() }
	m.insert("test.c", `{"_id": `+date(base)+`}`, `{"_id": `+date(base+3601)+`}`, `{"_id": `+date(base+3602)+`}`, `{"_id": 5}`)
	n, err := m.DeleteExpired(context.Background(), time.Unix(base+3600+100+1, 0))
	if err != nil || n != 1+2 {
		t.Fatal(n, err)
	}
	if buckets, _ := m.measurements("test.k"); buckets != 2 {
		t.Fatalf("%d buckets are left", buckets)
	}
	if _, err := m.ModifyCollection(context.Background(), "test.c", Modification{Command: document.Empty, Options: func(d document.Doc) document.Doc {
		return doc(t, `{"clusteredIndex": {"v": 2, "key": {"_id": 1}, "name": "_id_", "unique": true}}`)
	}}); err != nil {
		t.Fatal(err)
	}
	if n, err := m.DeleteExpired(context.Background(), time.Unix(base*2, 0)); err != nil || n != 2 {
		t.Fatal("collMod turned it off:", n, err)
	}
}
