package engine

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
)

// TestReadingAheadChangesCostNotAnswers reads records that lie apart by an index, in both directions, through several ranges, some of it in the
// overlay, with suspensions in the middle of batches, and compares with what a sort without the index gives. What a client sees counted is what was returned.
func TestReadingAheadChangesCostNotAnswers(t *testing.T) {
	const n = 3000
	m, ctx := newPrimary(t), context.Background()
	defer m.close()
	if _, err := m.CreateIndexes(ctx, "test.c", []document.Doc{doc(t, `{"v": 2, "key": {"k": 1}, "name": "k_1"}`)}); err != nil {
		t.Fatal(err)
	}
	for from := 0; from < n; from += 100 {
		var docs []string
		for i := from; i < from+100; i++ {
			k := i * 1237 % n
			docs = append(docs, fmt.Sprintf(`{"_id": %d, "k": %d, "u": %d}`, i, k, k))
		}
		if m.insert("test.c", docs...); from == n/2 {
			m.commit()
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, filter := range []string{`{}`, `{"%s": {"$gte": 200, "$lt": 2900}}`, `{"%s": {"$nin": [100, 900, 2700]}}`, `{"%s": {"$gt": 100}, "x": {"$exists": false}}`} {
		for _, order := range []int{1, -1} {
			for _, limit := range []int64{0, 150} {
				spec := func(field string) FindSpec {
					text := strings.ReplaceAll(filter, "%s", field)
					return FindSpec{NS: "test.c", Filter: doc(t, "%s", text), Sort: doc(t, `{"%s": %d}`, field, order), Limit: limit}
				}
				want := find(t, m.Local(), spec("u"))
				for _, suspensions := range []int{0, 100, 7} {
					got, batches := readWithSuspensions(t, m, spec("k"), suspensions, r)
					same(t, fmt.Sprintf("%s by %d, limit %d, suspended 1 of %d", filter, order, limit, suspensions), got, want)
					if suspensions != 7 && batches == 0 {
						t.Errorf("%s by %d, limit %d: nothing was read ahead", filter, order, limit)
					}
				}
			}
		}
	}
}

// readWithSuspensions reads everything, suspends one time of every so many, and returns how many batches were read besides.
func readWithSuspensions(t *testing.T, m *member, spec FindSpec, every int, r *rand.Rand) (got []string, batches int) {
	t.Helper()
	v := m.Local()
	it, err := v.Find(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	s, ok := it.src.(*indexSource)
	if !ok {
		t.Fatalf("%v is read by a %T", spec.Filter, it.src)
	}
	for {
		d, err := it.Next(context.Background())
		if err == io.EOF {
			return got, batches
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d.String())
		if s.ahead.aheadSpace != nil && len(s.ahead.list) > 1 && s.ahead.at == 1 {
			batches++
		}
		if _, docs := examined(s); it.keep == nil && docs != int64(len(got)) {
			t.Fatalf("%d documents were returned, %d examined", len(got), docs)
		}
		if every > 0 && r.IntN(every) == 0 {
			it.Suspend()
			v := m.Local()
			if err := it.Resume(&v); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestReadingAheadIsBounded shows that large documents are not kept, however many of them are read.
func TestReadingAheadIsBounded(t *testing.T) {
	const n = 60
	m, ctx := newPrimary(t), context.Background()
	defer m.close()
	if _, err := m.CreateIndexes(ctx, "test.c", []document.Doc{doc(t, `{"v": 2, "key": {"k": 1}, "name": "k_1"}`)}); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		m.insert("test.c", fmt.Sprintf(`{"_id": %d, "k": %d, "text": "%s"}`, i, i*37%n, strings.Repeat("x", 300<<10)))
	}
	v := m.Local()
	it, err := v.Find(ctx, FindSpec{NS: "test.c", Sort: doc(t, `{"k": 1}`)})
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	ahead := 0
	for k := range int32(n) {
		d, err := it.Next(ctx)
		if err != nil || d.Lookup("k").Int32() != k {
			t.Fatal(k, d.Lookup("k"), err)
		}
		a := &it.src.(*indexSource).ahead
		if ahead = max(ahead, len(a.list)); len(a.docs) > maxAheadBytes {
			t.Fatalf("%d bytes are kept", len(a.docs))
		}
	}
	if ahead < 10 {
		t.Errorf("%d entries were read ahead", ahead)
	}
}
