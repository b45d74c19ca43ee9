package storage

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/mortondb/morton/internal/keys"
)

func open(t *testing.T, fs FS) *Store {
	t.Helper()
	s, err := Open(Options{FS: fs, Dir: "data", CacheBytes: 1 << 20, MemTableSize: 256 << 10, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// apply writes entry n: record n%50 and its index entry get the value n.
func apply(t *testing.T, s *Store, n uint64) {
	t.Helper()
	b := s.NewBatch()
	b.At(n)
	value := fmt.Append(nil, n)
	if err := errors.Join(b.Set(keys.AppendRecord(nil, 1, n%50), value), b.Set(keys.AppendIndexPrefix(nil, uint32(n%50)), value),
		b.Commit(Position{Index: n, Term: 1, TS: n})); err != nil {
		t.Fatal(err)
	}
}

// check shows that the state is that after entry n.
func check(t *testing.T, s *Store, n uint64) {
	t.Helper()
	snap := s.Snapshot()
	defer snap.Release()
	if snap.Position.Index != n {
		t.Fatalf("position %d, want %d", snap.Position.Index, n)
	}
	for i := n - min(n, 50) + 1; i <= n; i++ {
		for _, key := range [][]byte{keys.AppendRecord(nil, 1, i%50), keys.AppendIndexPrefix(nil, uint32(i%50))} {
			v, closer, err := snap.Get(key)
			if err != nil || string(v) != fmt.Sprint(i) {
				t.Fatalf("after %d: %s is %q (%v), want %d", n, keys.Format(key), v, err, i)
			}
			closer.Close()
			probe, err := snap.NewProbe(keys.StoreOf(key))
			if err != nil {
				t.Fatal(err)
			}
			if has, err := probe.Has(key); !has || err != nil {
				t.Fatal(has, err)
			}
			if has, err := probe.Has(append(key, 1)); has || err != nil {
				t.Fatal(has, err)
			}
			if err := probe.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestReplayAfterCrash shows that whatever a crash keeps, applying the log again from the durable position leads to the same state.
func TestReplayAfterCrash(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 2))
		mem := vfs.NewCrashableMem()
		s := open(t, mem)
		n := uint64(0)
		for range rng.IntN(400) {
			n++
			apply(t, s, n)
			if rng.IntN(40) == 0 {
				if err := s.pair.db[rng.IntN(2)].Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
		crashed := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, crashed)
		if s.Durable().Index > n || s.Applied().Index < s.Durable().Index {
			t.Fatalf("seed %d: durable %d, applied %v of %d", seed, s.Durable().Index, s.Applied(), n)
		}
		for i := s.Durable().Index + 1; i <= n; i++ {
			apply(t, s, i)
		}
		if n > 0 {
			check(t, s, n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestInstallCheckpoint shows that a checkpoint replaces the state while readers of the old one go on, and survives a restart.
func TestInstallCheckpoint(t *testing.T) {
	mem := vfs.NewMem()
	s := open(t, mem)
	for n := range uint64(100) {
		apply(t, s, n+1)
	}
	if err := s.Checkpoint("checkpoint"); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(50) {
		apply(t, s, 101+n)
	}
	old := s.Snapshot()
	if err := s.Install("checkpoint"); err != nil {
		t.Fatal(err)
	}
	check(t, s, 100)
	if old.Position.Index != 150 {
		t.Fatal("the old snapshot moved")
	}
	v, closer, err := old.Get(keys.AppendRecord(nil, 1, 0))
	if err != nil || string(v) != "150" {
		t.Fatalf("the old snapshot reads %q, %v", v, err)
	}
	closer.Close()
	old.Release()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, mem)
	check(t, s, 100)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAscendingRecordsAreNotRewrittenOften shows that what comes in the order of its keys is flushed and moved down once, however much there is.
func TestAscendingRecordsAreNotRewrittenOften(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer s.Close()
	random, value := rand.NewChaCha8([32]byte{}), make([]byte, 1000)
	for n := range uint64(3000) {
		random.Read(value)
		b := s.NewBatch()
		b.At(n + 1)
		if err := errors.Join(b.Set(keys.AppendRecord(nil, 1, n), value), b.Commit(Position{Index: n + 1, Term: 1, TS: n + 1})); err != nil {
			t.Fatal(err)
		}
		if n%50 == 49 {
			if err := s.pair.db[keys.Records].Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	m := s.pair.db[keys.Records].Metrics()
	var flushed, compacted uint64
	for _, l := range m.Levels {
		flushed, compacted = flushed+l.TableBytesFlushed, compacted+l.TableBytesCompacted
	}
	if compacted > flushed*3/2 {
		t.Errorf("%d compactions wrote %d bytes, flushes %d", m.Compact.Count, compacted, flushed)
	}
}

// TestFailedFlushIsFatal: the process must end when a file could not be written or synced. Pebble alone would try again without end.
func TestFailedFlushIsFatal(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileSyncData} {
		var failing atomic.Bool
		fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if failing.Load() && op.Kind == kind && strings.HasSuffix(op.Path, ".sst") {
				return syscall.ENOSPC
			}
			return nil
		}))
		var fatal atomic.Pointer[error]
		s, err := Open(Options{FS: fs, Dir: "data", CacheBytes: 1 << 20, MemTableSize: 256 << 10, Fatalf: func(format string, args ...any) {
			err := fmt.Errorf(format, args...)
			fatal.CompareAndSwap(nil, &err)
			failing.Store(false) // the process is gone: what follows is the test's wish to end
		}})
		if err != nil {
			t.Fatal(err)
		}
		apply(t, s, 1)
		failing.Store(true)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := fatal.Load(); err == nil || !errors.Is(*err, syscall.ENOSPC) {
			t.Errorf("operation %d: %v", kind, err)
		}
	}
}
