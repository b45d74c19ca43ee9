package overlay

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mortondb/morton/internal/keys"
)

// model is the overlay as a list of everything that was added.
type model []version

type version struct {
	ts         uint64
	key, value []byte
	deleted    bool
}

// newest returns the newest version of each key that may be seen at ts, after forgetting, by key.
func (m model) newest(ts, forgotten uint64) []version {
	var out []version
	for _, v := range m {
		if v.ts > ts {
			continue
		}
		i, found := slices.BinarySearchFunc(out, v.key, func(o version, k []byte) int { return bytes.Compare(o.key, k) })
		if found {
			out[i] = v
		} else {
			out = slices.Insert(out, i, v)
		}
	}
	return out
}

// TestSnapshotsSeeTheirMoment compares random overlays with the model: every snapshot, old and new, sees in both directions
// exactly the newest versions up to its timestamp, while later ones are added.
func TestSnapshotsSeeTheirMoment(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		o := New()
		var m model
		var snaps []Snapshot
		ts := uint64(0)
		for range 1 + rng.IntN(200) {
			ts += 1 + rng.Uint64N(3)
			for range 1 + rng.IntN(3) {
				key := keys.AppendRecord(nil, 1, rng.Uint64N(20))
				if slices.ContainsFunc(m, func(v version) bool { return v.ts == ts && bytes.Equal(v.key, key) }) {
					continue
				}
				v := version{ts, key, fmt.Append(nil, ts), rng.IntN(4) == 0}
				o.Add(v.ts, v.key, v.value, v.deleted)
				m = append(m, v)
			}
			if rng.IntN(10) == 0 {
				o.generations = append(slices.Clone(o.generations), &generation{lists: [2]*skiplist{newSkiplist(), newSkiplist()}, first: ts + 1, last: ts})
			}
			snaps = append(snaps, o.Snapshot(ts))
		}
		for _, s := range snaps {
			checkSnapshot(t, seed, &s, m.newest(s.TS, 0), rng)
		}
	}
}

func checkSnapshot(t *testing.T, seed uint64, s *Snapshot, want []version, rng *rand.Rand) {
	t.Helper()
	lo, hi := keys.RecordRange(1)
	it := s.NewIter(lo, hi)
	got := func(ok bool) (list []version) {
		for ; ok; ok = it.Next() {
			list = append(list, version{key: it.Key(), value: it.Value(), deleted: it.Deleted()})
		}
		return list
	}
	same := func(what string, got, want []version) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("seed %d at %d: %s gives %d keys, want %d", seed, s.TS, what, len(got), len(want))
		}
		for i := range got {
			if !bytes.Equal(got[i].key, want[i].key) || !bytes.Equal(got[i].value, want[i].value) || got[i].deleted != want[i].deleted {
				t.Fatalf("seed %d at %d: %s: %d is %v, want %v", seed, s.TS, what, i, got[i], want[i])
			}
		}
	}
	same("forwards", got(it.SeekGE(lo)), want)
	back := slices.Clone(want)
	slices.Reverse(back)
	same("backwards", got(it.SeekLT(hi)), back)
	at := keys.AppendRecord(nil, 1, rng.Uint64N(20))
	i, _ := slices.BinarySearchFunc(want, at, func(o version, k []byte) int { return bytes.Compare(o.key, k) })
	same("from the middle", got(it.SeekGE(at)), want[i:])
	back = slices.Clone(want[:i])
	slices.Reverse(back)
	same("back from the middle", got(it.SeekLT(at)), back)
	for _, v := range want {
		if value, deleted, found := s.Get(v.key); !found || deleted != v.deleted || !bytes.Equal(value, v.value) {
			t.Fatalf("seed %d at %d: get %x is %s %v %v", seed, s.TS, v.key, value, deleted, found)
		}
	}
}

// TestReadersBesideAWriter: whoever reads sees its moment at every instant of what is written meanwhile, though every node comes right before the one that is read.
func TestReadersBesideAWriter(t *testing.T) {
	o := New()
	lo, hi := keys.RecordRange(1)
	key := keys.AppendRecord(nil, 1, 1<<40)
	o.Add(1, key, []byte("old"), false)
	s := o.Snapshot(1)
	reads := map[string]func() []byte{
		"get": func() []byte {
			value, _, _ := s.Get(key)
			return value
		},
		"lookup": func() []byte {
			l := s.NewLookup()
			value, _, _ := l.Get(key)
			return value
		},
		"iterator": func() []byte {
			if it := s.NewIter(lo, hi); it.SeekGE(key) {
				return it.Value()
			}
			return nil
		},
		"iterator backwards": func() []byte {
			if it := s.NewIter(lo, hi); it.SeekLT(hi) {
				return it.Value()
			}
			return nil
		},
	}
	var written atomic.Bool
	var readers sync.WaitGroup
	for name, read := range reads {
		readers.Go(func() {
			for n := 0; !written.Load(); n++ {
				if got := read(); string(got) != "old" {
					t.Errorf("%s: read %d gives %q", name, n, got)
					return
				}
			}
		})
	}
	for ts := uint64(2); ts < 100000; ts++ {
		o.Add(ts, keys.AppendRecord(nil, 1, ts), nil, false)
	}
	written.Store(true)
	readers.Wait()
}

// TestChangesSince shows that a change is noticed while it is known, and assumed once it is forgotten.
func TestChangesSince(t *testing.T) {
	o := New()
	o.Reset(10)
	changed := func(key []byte, ts uint64) bool {
		c := o.ChangesSince(ts)
		return c.Has(key)
	}
	a, b := keys.AppendRecord(nil, 1, 1), keys.AppendRecord(nil, 1, 2)
	o.Add(11, a, nil, false)
	if !changed(a, 10) || changed(b, 10) || changed(a, 11) {
		t.Fatal("changed since is wrong while everything is known")
	}
	o.Forget(11)
	if !changed(b, 10) || changed(b, 11) || o.Bytes() != 0 {
		t.Fatal("changed since is wrong after forgetting")
	}
	o.Drop()
	if !changed(b, 1<<60) {
		t.Fatal("after a drop everything may have changed")
	}
}

// TestChangesOfManyKeys compares with the model what is said of keys in ascending, descending and random order, of both stores in turn.
func TestChangesOfManyKeys(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		o := New()
		o.Reset(0)
		newest := map[string]uint64{}
		key := func() []byte {
			id := rng.Uint64N(40)
			if rng.IntN(2) == 0 {
				return keys.AppendRecord(nil, 1, id)
			}
			return keys.AppendRecordID(keys.AppendIndexPrefix(nil, 1), id)
		}
		for ts := uint64(1); ts < 30; ts++ {
			k := key()
			o.Add(ts, k, nil, rng.IntN(2) == 0)
			newest[string(k)] = ts
			if rng.IntN(8) == 0 {
				o.generations[len(o.generations)-1].bytes = GenerationBytes // sealed
			}
		}
		list := make([][]byte, 60)
		for i := range list {
			list[i] = key()
		}
		switch seed % 3 {
		case 0:
			slices.SortFunc(list, bytes.Compare)
		case 1:
			slices.SortFunc(list, func(a, b []byte) int { return bytes.Compare(b, a) })
		}
		snap := o.Snapshot(rng.Uint64N(30))
		look := snap.NewLookup()
		for i, k := range list {
			if i == len(list)/2 { // somebody writes meanwhile
				for k := range unique(list) {
					o.Add(30, []byte(k), []byte("new"), false)
				}
			}
			v1, d1, f1 := look.Get(k)
			v2, d2, f2 := snap.Get(k)
			if !bytes.Equal(v1, v2) || d1 != d2 || f1 != f2 {
				t.Fatalf("seed %d: lookup of %x: %s %v %v, want %s %v %v", seed, k, v1, d1, f1, v2, d2, f2)
			}
		}
		for _, k := range list {
			newest[string(k)] = 30
		}
		since := rng.Uint64N(31)
		c := o.ChangesSince(since)
		for _, k := range list {
			if got, want := c.Has(k), newest[string(k)] > since; got != want {
				t.Fatalf("seed %d: %x since %d: %v, want %v", seed, k, since, got, want)
			}
		}
	}
}

func unique(list [][]byte) map[string]bool {
	m := map[string]bool{}
	for _, k := range list {
		m[string(k)] = true
	}
	return m
}

func BenchmarkAdd(b *testing.B) {
	for _, order := range []string{"ascending", "random"} {
		b.Run(order, func(b *testing.B) {
			o := New()
			rng := rand.New(rand.NewPCG(1, 1))
			b.ReportAllocs()
			for i := range b.N {
				id := uint64(i)
				if order == "random" {
					id = rng.Uint64() >> 8
				}
				o.Add(uint64(i), keys.AppendRecord(make([]byte, 0, 13), 1, id), nil, false)
				if i%1000 == 0 {
					o.Forget(uint64(max(0, i-20000)))
				}
			}
		})
	}
}
