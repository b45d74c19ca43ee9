package engine

import (
	"context"
	"fmt"
	"testing"

	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
)

// ids returns the documents of test.c that a view has.
func (m *member) ids(v View) (list []string) {
	m.t.Helper()
	it, err := v.Find(context.Background(), FindSpec{NS: "test.c"})
	if err != nil {
		m.t.Fatal(err)
	}
	defer it.Close()
	for {
		d, err := it.Next(context.Background())
		if err != nil {
			return list
		}
		list = append(list, d.Lookup("_id").String())
	}
}

func (m *member) at(ts oplog.Timestamp) View {
	m.t.Helper()
	v, err := m.At(ts)
	if err != nil {
		m.t.Fatal(err)
	}
	return v
}

// TestReadsOfATime shows that a moment ago can be read as it was, whether it has been applied since or not, and much later if it was read before; that a member
// that steps down forgets what may never have been; and that counting does not answer for now.
func TestReadsOfATime(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	var times []oplog.Timestamp
	for i := range 10 {
		m.insert("test.c", fmt.Sprintf(`{"_id": %d}`, i))
		times = append(times, m.LastTime().TS)
		if i == 4 {
			m.commit()
		}
	}
	check := func(when string) {
		t.Helper()
		for i, ts := range times {
			if got := m.ids(m.at(ts)); len(got) != i+1 {
				t.Errorf("%s: %v at the time of insert %d", when, got, i)
			}
		}
	}
	check("before they are committed")
	m.commit()
	check("after")
	if v := m.at(0); v.Time.TS != times[9] {
		t.Errorf("the newest committed state is of %v, not %v", v.Time.TS, times[9])
	} else if got := m.ids(v); len(got) != 10 {
		t.Errorf("it has %v", got)
	}
	v := m.at(times[3])
	if n, err := v.Count(context.Background(), FindSpec{NS: "test.c"}); n != 4 || err != nil {
		t.Errorf("counted %d, %v; want 4", n, err)
	}
	for i := range recentStates + 10 {
		m.insert("test.other", fmt.Sprintf(`{"_id": %d}`, i))
	}
	untold := m.LastTime().TS
	for i := range recentStates + 10 {
		m.insert("test.another", fmt.Sprintf(`{"_id": %d}`, i))
	}
	m.commit()
	check("long after they were read first")
	if _, err := m.At(untold); mongoerr.CodeOf(err) != mongoerr.SnapshotTooOld {
		t.Errorf("a time that nobody was told of: %v", err)
	}
	m.StepDown(1)
	check("as a secondary")
	if _, err := m.At(m.LastTime().TS - 1); mongoerr.CodeOf(err) != mongoerr.SnapshotTooOld {
		t.Errorf("between the steps of a secondary: %v", err)
	}
}
