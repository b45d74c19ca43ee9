package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

// memorySpills counts its files, which are in memory.
type memorySpills struct {
	open int
	fail error
}

type memorySpill struct {
	bytes.Buffer
	spills *memorySpills
}

func (m *memorySpills) Create() (SpillFile, error) {
	m.open++
	return &memorySpill{spills: m}, m.fail
}

func (f *memorySpill) ReadAt(b []byte, at int64) (int, error) {
	return bytes.NewReader(f.Bytes()).ReadAt(b, at)
}

func (f *memorySpill) Close() error {
	f.spills.open--
	return nil
}

// TestSorterSortsWithinItsMemory sorts documents that fit, that are spilled, and the first few of them, and compares with a stable sort.
func TestSorterSortsWithinItsMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, limit := range []int{1 << 30, 2000, 300} {
		for _, want := range []int{0, 1, 7, 500} {
			for _, text := range []string{`{"a": 1}`, `{"a": -1, "b": 1}`} {
				by, err := query.CompileSort(doc(t, "%s", text))
				if err != nil {
					t.Fatal(err)
				}
				files := &memorySpills{}
				s := &sorter{sort: by, limit: limit, want: want, files: files}
				var docs []document.Doc
				for i := range 3000 {
					d := doc(t, `{"_id": %d, "a": %d, "b": "%d"}`, i, r.IntN(40), r.IntN(3))
					docs = append(docs, d)
					if err := s.add(d, nil); err != nil {
						t.Fatal(err)
					}
					if s.size > limit {
						t.Fatalf("%d bytes in memory, more than %d", s.size, limit)
					}
				}
				slices.SortStableFunc(docs, func(a, b document.Doc) int {
					x, _ := by.AppendKey(nil, a)
					y, _ := by.AppendKey(nil, b)
					return by.Compare(x, y)
				})
				if err := s.finish(); err != nil {
					t.Fatal(err)
				}
				for i, d := range docs {
					if want > 0 && i == want {
						break
					}
					got, _, err := s.next(context.Background())
					if err != nil || !bytes.Equal(got, d) {
						t.Fatalf("limit %d, %d wanted of %s: document %d is %v, not %v (%v)", limit, want, text, i, got, d, err)
					}
				}
				if want == 0 {
					if _, _, err := s.next(context.Background()); err != io.EOF {
						t.Fatal(err)
					}
				}
				if want == 0 && (s.spills > 0) != (limit < 1<<30) {
					t.Errorf("limit %d: %d spills", limit, s.spills)
				}
				if err := s.close(); err != nil || files.open != 0 {
					t.Fatal(files.open, err)
				}
			}
		}
	}
}

// TestSortThatMayNotSpillFails has mongod's error, and a disk that is full.
func TestSortThatMayNotSpillFails(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	for i := range 20 {
		m.insert("test.c", fmt.Sprintf(`{"_id": %d, "a": %d}`, i, -i))
	}
	m.SetSortBytes(500)
	full := errors.New("no space left on device")
	for _, c := range []struct {
		spills Spills
		noDisk bool
		code   mongoerr.Code
		err    error
	}{
		{&memorySpills{}, true, mongoerr.QueryExceededMemoryLimitNoDiskUseAllowed, nil},
		{nil, false, mongoerr.QueryExceededMemoryLimitNoDiskUseAllowed, nil},
		{&memorySpills{fail: full}, false, 0, full},
	} {
		m.opts.Spills = c.spills
		it, err := m.find(FindSpec{NS: "test.c", Sort: doc(t, `{"a": 1}`), NoDisk: c.noDisk})
		if err != nil {
			t.Fatal(err)
		}
		_, err = it.Next(context.Background())
		if c.err != nil && !errors.Is(err, c.err) || c.code != 0 && mongoerr.CodeOf(err) != c.code {
			t.Errorf("%+v: %v", c, err)
		}
		if err := it.Close(); err != nil {
			t.Error(err)
		}
	}
	m.opts.Spills = &memorySpills{}
	found := find(t, m.Local(), FindSpec{NS: "test.c", Sort: doc(t, `{"a": 1}`), Skip: 1, Limit: 18})
	if len(found) != 18 || found[0] != `{"_id":18,"a":-18}` {
		t.Error(found)
	}
}
