package engine

import (
	"context"
	"fmt"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func (m *member) create(ns, options string) {
	m.t.Helper()
	if _, err := m.CreateCollection(context.Background(), ns, doc(m.t, "%s", options), document.Empty); err != nil {
		m.t.Fatal(err)
	}
}

// TestCappedCollectionKeepsTheNewest inserts more than a capped collection holds, one by one and many at a time, and looks at what is
// left, before and after it is applied.
func TestCappedCollectionKeepsTheNewest(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.create("d.c", `{"capped": true, "size": 4096, "max": 3}`)
	for i := range 5 {
		m.insert("d.c", fmt.Sprintf(`{"_id": %d}`, i))
	}
	same(t, "one by one", find(t, m.Local(), FindSpec{NS: "d.c"}), []string{`{"_id":2}`, `{"_id":3}`, `{"_id":4}`})
	m.insert("d.c", `{"_id": 5}`, `{"_id": 6}`, `{"_id": 7}`, `{"_id": 8}`)
	want := []string{`{"_id":6}`, `{"_id":7}`, `{"_id":8}`}
	same(t, "together", find(t, m.Local(), FindSpec{NS: "d.c"}), want)
	m.commit()
	same(t, "applied", find(t, m.Majority(), FindSpec{NS: "d.c"}), want)
	same(t, "by _id", find(t, m.Local(), FindSpec{NS: "d.c", Filter: doc(t, `{"_id": 2}`)}), nil)
	if n, bytes := m.state.Load().catalog.Collection("d.c").Count(); n != 3 || bytes != 3*14 {
		t.Errorf("counted %d documents of %d bytes", n, bytes)
	}
}

// TestCappedCollectionRemovesManySmallForOneLarge needs more removals than one group makes.
func TestCappedCollectionRemovesManySmallForOneLarge(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.create("d.c", `{"capped": true, "size": 100000}`)
	for i := 0; i < 6000; i += 500 {
		var list []string
		for j := range 500 {
			list = append(list, fmt.Sprintf(`{"_id": %d}`, i+j))
		}
		m.insert("d.c", list...)
	}
	m.insert("d.c", fmt.Sprintf(`{"_id": -1, "s": "%0100000d"}`, 0)[:99900]+`"}`)
	if n, bytes := m.state.Load().catalog.Collection("d.c").Count(); n > 10 || bytes > 100096 {
		t.Errorf("%d documents of %d bytes are left", n, bytes)
	}
	m.commit()
	m.insert("d.c", fmt.Sprintf(`{"_id": -2, "s": "%0100100d"}`, 0)) // more than the collection may hold
	same(t, "one too large", find(t, m.Local(), FindSpec{NS: "d.c", Filter: doc(t, `{"_id": {"$ne": -2}}`)}), nil)
}

// TestTailGoesOnAndIsLost follows a capped collection from its end, and loses its place when that is pushed out.
func TestTailGoesOnAndIsLost(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.create("d.c", `{"capped": true, "size": 4096, "max": 3}`)
	m.insert("d.c", `{"_id": 0}`)
	v := m.Local()
	it, err := v.Find(context.Background(), FindSpec{NS: "d.c", Tailable: true})
	if err != nil {
		t.Fatal(err)
	}
	next := func() string {
		d, err := it.Next(context.Background())
		if err != nil {
			return err.Error()
		}
		return d.String()
	}
	resume := func() error {
		it.Suspend()
		v := m.Local()
		return it.Resume(&v)
	}
	same(t, "the beginning", []string{next(), next()}, []string{`{"_id":0}`, "EOF"})
	grown := m.state.Load().catalog.Collection("d.c").Grown()
	m.insert("d.c", `{"_id": 1}`)
	select {
	case <-grown:
	default:
		t.Error("nobody told of the new document")
	}
	if err := resume(); err != nil {
		t.Fatal(err)
	}
	same(t, "what came", []string{next(), next()}, []string{`{"_id":1}`, "EOF"})
	m.insert("d.c", `{"_id": 2}`, `{"_id": 3}`, `{"_id": 4}`)
	if err := resume(); mongoerr.CodeOf(err) != mongoerr.CappedPositionLost {
		t.Error("the position is gone, and yet:", err)
	}
	_ = it.Close()
}

// TestRecordIDsNeverGoBack deletes the newest document and starts anew: the next one must not get its record id.
func TestRecordIDsNeverGoBack(t *testing.T) {
	m := newPrimary(t)
	m.insert("d.c", `{"_id": 0}`, `{"_id": 1}`)
	if _, err := m.Delete(context.Background(), &DeleteSpec{NS: "d.c", Filter: doc(t, `{"_id": 1}`)}, Statement{}); err != nil {
		t.Fatal(err)
	}
	m.commit()
	if err := m.store.Flush(); err != nil {
		t.Fatal(err)
	}
	m.close()
	again := newMember(t, m.fs)
	defer again.close()
	again.BecomePrimary(2)
	again.insert("d.c", `{"_id": 2}`)
	v := again.Local()
	defer v.Close()
	coll := v.Catalog.Collection("d.c")
	if rid, _, _, err := v.byID(nil, coll, document.Int32(2)); err != nil || rid != 3 {
		t.Errorf("record id %d, %v: 2 was used before", rid, err)
	}
}

// TestLateCreationReusesNoRecordID has two writers find that there is no collection: the one that is late plans its creation, in vain, when
// the other has inserted already. Two documents with one record id would be one document.
func TestLateCreationReusesNoRecordID(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	before := m.Local()
	defer before.Close()
	m.insert("d.c", `{"_id": 1}`)
	if _, err := m.planCreate(&before, "d.c", document.Empty); err != nil {
		t.Fatal(err)
	}
	m.insert("d.c", `{"_id": 2}`)
	v := m.Local()
	defer v.Close()
	coll := v.Catalog.Collection("d.c")
	for id := range int32(2) {
		rid, _, found, err := v.byID(nil, coll, document.Int32(id+1))
		if err != nil || !found || rid != uint64(id+1) {
			t.Errorf("document %d has the record id %d, %v, %v", id+1, rid, found, err)
		}
	}
}

// TestRenameKeepsDocumentsAndDropsTheTarget renames onto another collection and into another database.
func TestRenameKeepsDocumentsAndDropsTheTarget(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.insert("d.a", `{"_id": 1}`, `{"_id": 2}`)
	m.insert("d.b", `{"_id": 3}`)
	if _, err := m.RenameCollection(context.Background(), "d.a", "d.b", false); mongoerr.CodeOf(err) != mongoerr.NamespaceExists {
		t.Error(err)
	}
	if _, err := m.RenameCollection(context.Background(), "d.a", "d.b", true); err != nil {
		t.Fatal(err)
	}
	want := []string{`{"_id":1}`, `{"_id":2}`}
	same(t, "renamed", find(t, m.Local(), FindSpec{NS: "d.b"}), want)
	if _, err := m.RenameCollection(context.Background(), "d.b", "e.b", false); err != nil {
		t.Fatal(err)
	}
	m.commit()
	same(t, "moved", find(t, m.Majority(), FindSpec{NS: "e.b"}), want)
	if m.state.Load().catalog.Collection("d.b") != nil {
		t.Error("the old name is still there")
	}
}
