package engine

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func (m *member) index(ns, spec string) {
	m.t.Helper()
	if _, err := m.CreateIndexes(context.Background(), ns, []document.Doc{doc(m.t, "%s", spec)}); err != nil {
		m.t.Fatal(err)
	}
}

// TestPartialIndexHasEntriesOfItsDocuments hints a partial index, which shows what is in it, as documents come to match its expression and cease to.
func TestPartialIndexHasEntriesOfItsDocuments(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.insert("test.c", `{"_id": 1, "a": 1, "on": true}`, `{"_id": 2, "a": 1}`)
	m.index("test.c", `{"v": 2, "key": {"a": 1}, "name": "p", "unique": true, "partialFilterExpression": {"on": true}}`)
	inIndex := func() []string {
		return find(t, m.Local(), FindSpec{NS: "test.c", Hint: document.String("p"), Projection: doc(t, `{"_id": 1}`)})
	}
	same(t, "built", inIndex(), []string{`{"_id":1}`})
	update := func(id int, on bool) error {
		_, err := m.Update(context.Background(), &UpdateSpec{NS: "test.c", Filter: doc(t, `{"_id": %d}`, id), Update: doc(t, `{"$set": {"on": %t}}`, on).AsValue()}, Statement{})
		return err
	}
	if err := update(2, true); mongoerr.CodeOf(err) != mongoerr.DuplicateKey {
		t.Fatal(err)
	}
	if err := update(1, false); err != nil {
		t.Fatal(err)
	}
	same(t, "none matches", inIndex(), nil)
	if err := update(2, true); err != nil {
		t.Fatal(err)
	}
	same(t, "the other matches", inIndex(), []string{`{"_id":2}`})
	same(t, "not implied", find(t, m.Local(), FindSpec{NS: "test.c", Filter: doc(t, `{"a": 1}`), Projection: doc(t, `{"_id": 1}`)}), []string{`{"_id":1}`, `{"_id":2}`})
}

// TestPrepareUniqueRefusesNewDuplicates has duplicates from before, and writers that race for one value.
func TestPrepareUniqueRefusesNewDuplicates(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.insert("test.c", `{"_id": 1, "a": 1}`, `{"_id": 2, "a": 1}`)
	m.index("test.c", `{"v": 2, "key": {"a": 1}, "name": "a_1", "prepareUnique": true}`)
	insert := func(ids ...int) InsertResult {
		var docs []document.Doc
		for _, id := range ids {
			docs = append(docs, doc(t, `{"_id": %d, "a": %d}`, id, id%10))
		}
		r, err := m.Insert(context.Background(), "test.c", docs, false, Statement{})
		if err != nil {
			t.Error(err)
		}
		return r
	}
	if r := insert(11, 12, 22, 13); r.N != 2 || len(r.Errors) != 2 || r.Errors[0].Index != 0 || r.Errors[1].Index != 2 || r.Errors[1].Err.Code != mongoerr.DuplicateKey {
		t.Fatalf("%+v", r)
	}
	if _, err := m.Update(context.Background(), &UpdateSpec{NS: "test.c", Filter: doc(t, `{"_id": 1}`), Update: doc(t, `{"$set": {"b": 1}}`).AsValue()}, Statement{}); err != nil {
		t.Fatal("an old duplicate may stay:", err)
	}
	_, err := m.Update(context.Background(), &UpdateSpec{NS: "test.c", Filter: doc(t, `{"_id": 1}`), Update: doc(t, `{"$set": {"a": 3}}`).AsValue()}, Statement{})
	if mongoerr.CodeOf(err) != mongoerr.DuplicateKey {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := range 10 {
				insert(1000 + 100*i + n)
			}
		}()
	}
	wg.Wait()
	for n := range 10 {
		found := find(t, m.Local(), FindSpec{NS: "test.c", Filter: doc(t, `{"a": %d}`, n)})
		if want := map[bool]int{true: 2, false: 1}[n == 1]; len(found) != want {
			t.Error(fmt.Sprint(n), found)
		}
	}
}

// TestHiddenIndexIsMaintainedButNotUsed hides a unique index.
func TestHiddenIndexIsMaintainedButNotUsed(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.index("test.c", `{"v": 2, "key": {"a": 1}, "name": "a_1", "unique": true, "hidden": true}`)
	m.insert("test.c", `{"_id": 1, "a": 1}`)
	r, err := m.Insert(context.Background(), "test.c", []document.Doc{doc(t, `{"_id": 2, "a": 1}`)}, true, Statement{})
	if err != nil || len(r.Errors) != 1 {
		t.Fatal(r, err)
	}
	v := m.Local()
	if _, err := v.Find(context.Background(), FindSpec{NS: "test.c", Hint: document.String("a_1")}); mongoerr.CodeOf(err) != mongoerr.BadValue {
		t.Fatal(err)
	}
}
