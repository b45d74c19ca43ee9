package storage

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/keys"
)

// fill writes every record of collection 1 up to n that there says is there, in an order that leaves files over one another.
func fill(t testing.TB, s *Store, n uint64, there func(uint64) bool) {
	t.Helper()
	for round := range uint64(3) {
		b := s.NewBatch()
		b.At(round + 1)
		for rid := round; rid < n; rid += 3 {
			if there(rid) {
				if err := b.Set(keys.AppendRecord(nil, 1, rid), fmt.Append(nil, "the document ", rid)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := errors.Join(b.Commit(Position{Index: round + 1, Term: 1, TS: round + 1}), s.Flush()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCursorFindsWhatIsThere asks for records in runs, forwards, backwards and at random, over holes, and compares with what was written.
func TestCursorFindsWhatIsThere(t *testing.T) {
	const n = 3000
	there := func(rid uint64) bool { return rid%7 != 3 && rid < n }
	s := open(t, vfs.NewMem())
	defer s.Close()
	fill(t, s, n, there)
	snap := s.Snapshot()
	defer snap.Release()
	c, err := snap.NewCursor(keys.Records)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		rid, step := r.Uint64N(n+10), []uint64{1, 1, 0, 2, ^uint64(0)}[r.IntN(5)]
		c.Ascending = r.IntN(2) == 0
		for range r.IntN(12) {
			value, found, err := c.Get(keys.AppendRecord(nil, 1, rid))
			if err != nil || found != there(rid) || found && string(value) != fmt.Sprint("the document ", rid) {
				t.Fatalf("record %d: %q %v %v", rid, value, found, err)
			}
			rid += step
		}
	}
}

func BenchmarkCursor(b *testing.B) {
	const n = 100_000
	s, err := Open(Options{FS: vfs.NewMem(), Dir: "data", CacheBytes: 64 << 20, MemTableSize: 16 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	fill(b, s, n, func(uint64) bool { return true })
	for name, step := range map[string]uint64{"ascending": 1, "scattered": 611_953} {
		b.Run(name, func(b *testing.B) {
			snap := s.Snapshot()
			defer snap.Release()
			c, err := snap.NewCursor(keys.Records)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			var key []byte
			rid := uint64(0)
			for b.Loop() {
				key = keys.AppendRecord(key[:0], 1, rid)
				if _, found, err := c.Get(key); !found || err != nil {
					b.Fatal(rid, found, err)
				}
				rid = (rid + step) % n
			}
		})
	}
}
