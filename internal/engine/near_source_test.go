package engine

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func nearMember(t *testing.T) (*member, FindSpec) {
	m := newPrimary(t)
	if _, err := m.CreateIndexes(context.Background(), "test.c", []document.Doc{doc(t, `{"v": 2, "key": {"p": "2dsphere"}, "name": "p", "2dsphereIndexVersion": 3}`)}); err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		m.insert("test.c", fmt.Sprintf(`{"_id": %d, "p": [%v, 0]}`, i, float64(i)/10))
	}
	return m, FindSpec{NS: "test.c", Filter: doc(t, `{"p": {"$nearSphere": [0, 0]}}`)}
}

// TestNearGoesOnAfterChanges shows what a search from near to far returns when documents change while its cursor waits: those that are gone do not come, those that moved come with what
// they are now or not at all, all others come in order, each once.
func TestNearGoesOnAfterChanges(t *testing.T) {
	m, spec := nearMember(t)
	defer m.close()
	it, err := m.find(spec)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	want := 0
	next := func() int {
		d, err := it.Next(context.Background())
		if err == io.EOF {
			return -1
		}
		if err != nil {
			t.Fatal(err)
		}
		return int(d.Lookup("_id").Int32())
	}
	for ; want < 10; want++ {
		if got := next(); got != want {
			t.Fatalf("%d, want %d", got, want)
		}
	}
	it.Suspend()
	if _, err := m.Delete(context.Background(), &DeleteSpec{NS: "test.c", Filter: doc(t, `{"_id": {"$mod": [7, 1]}}`), Multi: true}, Statement{}); err != nil {
		t.Fatal(err)
	}
	nowhere := doc(t, `{"$unset": {"p": 1}}`)
	if _, err := m.Update(context.Background(), &UpdateSpec{NS: "test.c", Filter: doc(t, `{"_id": {"$mod": [7, 2]}}`), Update: nowhere.AsValue(), Multi: true}, Statement{}); err != nil {
		t.Fatal(err)
	}
	v := m.Local()
	if err := it.Resume(&v); err != nil {
		t.Fatal(err)
	}
	for ; want < 300; want++ {
		if want%7 == 1 || want%7 == 2 {
			continue
		}
		if got := next(); got != want {
			t.Fatalf("%d, want %d", got, want)
		}
		if want%50 == 0 {
			it.Suspend()
			v := m.Local()
			if err := it.Resume(&v); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := next(); got != -1 {
		t.Fatalf("%d behind the end", got)
	}
}

// TestNearEndsWithItsIndex shows that a cursor whose index is dropped fails, and does not end as if there was no more.
func TestNearEndsWithItsIndex(t *testing.T) {
	m, spec := nearMember(t)
	defer m.close()
	it, err := m.find(spec)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	if _, err := it.Next(context.Background()); err != nil {
		t.Fatal(err)
	}
	it.Suspend()
	if _, _, err := m.DropIndexes(context.Background(), "test.c", func(c *Collection) ([]*Index, error) { return c.Indexes[1:], nil }); err != nil {
		t.Fatal(err)
	}
	v := m.Local()
	if e := mongoerr.From(it.Resume(&v)); e == nil || e.Code != mongoerr.QueryPlanKilled {
		t.Errorf("%v", e)
	}
	v.Close()
}

// TestNearReadsLittleOfTheIndex shows that the nearest of many cost about what they are, not what there is.
func TestNearReadsLittleOfTheIndex(t *testing.T) {
	m, spec := nearMember(t)
	defer m.close()
	spec.Limit = 3
	it, err := m.find(spec)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	for range 3 {
		if _, err := it.Next(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if s := it.src.(*nearSource); s.stats.docs > 2*nearEntries {
		t.Errorf("%d documents were read for 3", s.stats.docs)
	}
}
