package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/mortondb/morton/internal/invariant"
)

// entriesOf returns n entries of one term from index first on, with data of size bytes each that tells them apart.
func entriesOf(first uint64, n int, term uint64, size int) []Entry {
	list := make([]Entry, n)
	for i := range list {
		e := Entry{Index: first + uint64(i), Term: term, Data: make([]byte, size)}
		copy(e.Data, fmt.Sprintf("%d of term %d;", e.Index, term))
		list[i] = e
	}
	return list
}

func mustAppend(t testing.TB, l *Log, entries []Entry, sync bool) {
	t.Helper()
	if err := l.Append(entries, nil, sync); err != nil {
		t.Fatal(err)
	}
}

func TestNewLogIsEmpty(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, fs, Options{})
	for range 2 {
		if l.FirstIndex() != 1 || l.LastIndex() != 0 || l.State() != (HardState{}) {
			t.Errorf("first %d, last %d, state %+v", l.FirstIndex(), l.LastIndex(), l.State())
		}
		if term, err := l.Term(0); term != 0 || err != nil {
			t.Errorf("term of 0: %d, %v", term, err)
		}
		if _, err := l.Term(1); err != ErrUnavailable {
			t.Errorf("term of 1: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = mustOpen(t, fs, Options{})
	}
}

// TestSmallLogIsSmallOnDisk guards the promise that an empty data directory is small: the log's part in it.
func TestSmallLogIsSmallOnDisk(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(vfs.Default, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if n := l.SizeBytes(); n > 4096 {
		t.Errorf("an empty log has %d bytes", n)
	}
	mustAppend(t, l, entriesOf(1, 10, 1, 100), true)
	if n := l.SizeBytes(); n > 300<<10 {
		t.Errorf("a log of ten entries has %d bytes", n)
	}
	info, err := vfs.Default.Stat(vfs.Default.PathJoin(dir, segmentName(1)))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() != l.SizeBytes() {
		t.Errorf("file has %d bytes, SizeBytes says %d", info.Size(), l.SizeBytes())
	}
}

// TestKilledProcessFindsWhatItWrote: what was written but not synced is in the page cache when the process is killed. Opening finds it, and must make it durable
// before anybody relies on it.
func TestKilledProcessFindsWhatItWrote(t *testing.T) {
	fs := vfs.NewCrashableMem()
	l := mustOpen(t, fs, Options{})
	mustAppend(t, l, entriesOf(1, 3, 1, 10), true)
	mustAppend(t, l, entriesOf(4, 3, 1, 10), false)
	if err := fs.MkdirAll("/data", 0o755); err != nil {
		t.Fatal(err)
	}
	root, _ := fs.OpenDir("/")
	if err := root.Sync(); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, fs, Options{}) // the first one is never closed
	if l.LastIndex() != 6 {
		t.Fatalf("last index is %d, want 6", l.LastIndex())
	}
	l = mustOpen(t, fs.CrashClone(vfs.CrashCloneCfg{}), Options{})
	if l.LastIndex() != 6 {
		t.Fatalf("after a crash the last index is %d, want 6", l.LastIndex())
	}
}

// TestStrayRecordsStayDead: B was written behind A, neither synced; the machine crashed, and only B reached the disk. Opening cuts the log where A should be. Then
// a new entry is written of just A's size: B must not come back to life behind it.
func TestStrayRecordsStayDead(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, fs, Options{})
	mustAppend(t, l, entriesOf(1, 1, 1, 10), true)
	atA := l.w.end
	mustAppend(t, l, entriesOf(2, 1, 1, 100), false) // A
	mustAppend(t, l, entriesOf(3, 1, 1, 100), false) // B
	zeroFile(t, fs, segmentName(1), atA, 20)
	l = mustOpen(t, fs, Options{})
	if l.LastIndex() != 1 {
		t.Fatalf("last index is %d, want 1", l.LastIndex())
	}
	mustAppend(t, l, entriesOf(2, 1, 1, 100), true)
	l = mustOpen(t, fs, Options{})
	if l.LastIndex() != 2 {
		t.Fatalf("last index is %d, want 2: a record that was never acknowledged came back", l.LastIndex())
	}
}

func zeroFile(t *testing.T, fs vfs.FS, name string, at int64, n int) {
	t.Helper()
	f, err := fs.OpenReadWrite(fs.PathJoin(testDir, name), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, n), at); err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// TestTrimDropsWholeSegments shows what Trim keeps: segments with an entry that is still wanted, and the newest.
func TestTrimDropsWholeSegments(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, fs, Options{SegmentBytes: 8 << 10})
	for i := range uint64(40) {
		mustAppend(t, l, entriesOf(i+1, 1, 1, 900), false)
	}
	if err := l.Append(nil, &HardState{Term: 1, Commit: 40}, true); err != nil {
		t.Fatal(err)
	}
	segments := l.Segments()
	if len(segments) < 5 {
		t.Fatalf("only %d segments", len(segments))
	}
	for _, c := range []struct{ upTo, first uint64 }{
		{0, 1},
		{segments[0].LastIndex - 1, 1},
		{segments[0].LastIndex, segments[1].FirstIndex},
		{segments[2].LastIndex + 1, segments[3].FirstIndex},
		{40, segments[len(segments)-1].FirstIndex},
		{3, segments[len(segments)-1].FirstIndex},
	} {
		if err := l.Trim(c.upTo); err != nil {
			t.Fatal(err)
		}
		if l.FirstIndex() != c.first {
			t.Errorf("after trimming to %d the first index is %d, want %d", c.upTo, l.FirstIndex(), c.first)
		}
		if term, err := l.Term(c.first - 1); err != nil || (term != 1 && c.first > 1) {
			t.Errorf("term of %d, before the first: %d, %v", c.first-1, term, err)
		}
		names, err := fs.List(testDir)
		if err != nil {
			t.Fatal(err)
		}
		if len(names) != len(l.Segments()) {
			t.Errorf("files %v, segments %+v", names, l.Segments())
		}
	}
}

// TestTrimOfReplacedSuffix: the living entries begin in the middle of a segment that replaced some of the one before, so that no segment header has the
// term of the entry before the first.
func TestTrimOfReplacedSuffix(t *testing.T) {
	fs := vfs.NewMem()
	opts := Options{SegmentBytes: 8 << 10}
	l := mustOpen(t, fs, opts)
	mustAppend(t, l, entriesOf(1, 2, 1, 900), true)
	mustAppend(t, l, entriesOf(3, 2, 2, 900), true)
	mustAppend(t, l, entriesOf(4, 3, 3, 900), true)
	if got := l.Segments(); len(got) != 2 || got[0].LastIndex != 3 || got[1].FirstIndex != 4 {
		t.Fatalf("the test wants the suffix replaced in the second segment: %+v", got)
	}
	if err := l.Append(nil, &HardState{Term: 3, Commit: 5}, true); err != nil {
		t.Fatal(err)
	}
	if err := l.Trim(3); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if term, err := l.Term(3); l.FirstIndex() != 4 || term != 2 || err != nil {
			t.Errorf("first index %d, term of 3: %d, %v", l.FirstIndex(), term, err)
		}
		l = mustOpen(t, fs, opts)
	}
}

// TestTrimKeepsWhatAnUnsyncedSuffixReplaced: all entries of the first segment are replaced by newer ones that are not synced. Trim drops that segment; after a
// crash that loses what was not synced the log must not lack entries that it once had durably.
func TestTrimKeepsWhatAnUnsyncedSuffixReplaced(t *testing.T) {
	fs := vfs.NewCrashableMem()
	opts := Options{SegmentBytes: 8 << 10}
	l := mustOpen(t, fs, opts)
	if err := syncDir(fs, "/"); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, entriesOf(1, 5, 1, 900), true)
	if got := l.Segments(); len(got) != 2 {
		t.Fatalf("the test wants the entries in two segments: %+v", got)
	}
	mustAppend(t, l, entriesOf(1, 3, 2, 100), false)
	if err := l.Trim(0); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, fs.CrashClone(vfs.CrashCloneCfg{}), opts)
	if l.FirstIndex() != 1 || l.LastIndex() < 3 {
		t.Errorf("after a crash the log has entries %d to %d", l.FirstIndex(), l.LastIndex())
	}
}

// TestReadersBesideReplacement: entries are read in several pieces; between two of them the rest is replaced. The reader must get what was the log at one moment.
func TestReadersBesideReplacement(t *testing.T) {
	mem := vfs.NewMem()
	var onRead func()
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileReadAt && onRead != nil {
			f := onRead
			onRead = nil
			f()
		}
		return nil
	}))
	l := mustOpen(t, fs, Options{SegmentBytes: 8 << 10, CacheBytes: 1})
	mustAppend(t, l, entriesOf(1, 30, 1, 500), true)
	onRead = func() { mustAppend(t, l, entriesOf(2, 29, 2, 500), true) }
	got, err := l.Entries(1, 31, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	if diff := diffEntries(append(entriesOf(1, 1, 1, 500), entriesOf(2, 29, 2, 500)...), got); diff != "" {
		t.Error(diff)
	}

	if err := l.Append(nil, &HardState{Term: 2, Commit: 20}, true); err != nil {
		t.Fatal(err)
	}
	trimmed := make(chan error)
	onRead = func() { // the reader holds the segment's file, so Trim can not return before it; but it can begin
		go func() { trimmed <- l.Trim(20) }()
		for l.FirstIndex() == 1 {
		}
	}
	if _, err := l.Entries(1, 21, 1<<30); !errors.Is(err, ErrCompacted) {
		t.Errorf("reading what is being trimmed: %v, want ErrCompacted", err)
	}
	if err := <-trimmed; err != nil {
		t.Fatal(err)
	}
}

// TestConcurrentUse runs readers beside a writer that appends, replaces, trims and resets. What they read must be consistent in itself. It is for the race detector.
func TestConcurrentUse(t *testing.T) {
	l := mustOpen(t, vfs.NewMem(), Options{SegmentBytes: 16 << 10, CacheBytes: 8 << 10})
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for n := range 3 {
		readers.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 3))
			for {
				select {
				case <-stop:
					return
				default:
				}
				first, last := l.FirstIndex(), l.LastIndex()
				lo := first + rng.Uint64N(last-first+2)
				list, err := l.Entries(lo, last+1, 1+rng.Uint64N(30000))
				if err != nil && !errors.Is(err, ErrCompacted) && !errors.Is(err, ErrUnavailable) {
					t.Error(err)
				}
				for i, e := range list {
					want := fmt.Sprintf("%d of term %d;", e.Index, e.Term)
					if e.Index != lo+uint64(i) || !bytes.HasPrefix(e.Data, []byte(want)) || i > 0 && e.Term < list[i-1].Term {
						t.Errorf("entry %d from %d: %d of term %d, %.20q", i, lo, e.Index, e.Term, e.Data)
					}
				}
				l.Segments()
				l.SizeBytes()
				l.State()
			}
		})
	}
	rng := rand.New(rand.NewPCG(1, 3))
	hs := HardState{Term: 1}
	for i := range 2000 {
		last := l.LastIndex()
		first := last + 1
		if rng.IntN(10) == 0 && last > hs.Commit {
			hs.Term++
			first = hs.Commit + 1 + rng.Uint64N(last-hs.Commit)
		}
		n := 1 + rng.IntN(5)
		hs.Commit += rng.Uint64N(first - hs.Commit)
		if err := l.Append(entriesOf(first, n, hs.Term, 20+rng.IntN(2000)), &hs, i%3 == 0); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(20) == 0 {
			if err := l.Trim(hs.Commit - min(hs.Commit, 30)); err != nil {
				t.Fatal(err)
			}
		}
		if rng.IntN(400) == 0 {
			hs.Commit = l.LastIndex() + 5
			if err := l.Reset(hs.Commit, hs.Term); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(stop)
	readers.Wait()
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestAppendAsserts: what Raft never does must stop the member, because it would destroy what was promised.
func TestAppendAsserts(t *testing.T) {
	newLog := func() *Log {
		l := mustOpen(t, vfs.NewMem(), Options{})
		if err := l.Append(entriesOf(1, 5, 2, 10), &HardState{Term: 2, Vote: 1, Commit: 3}, true); err != nil {
			t.Fatal(err)
		}
		return l
	}
	for name, f := range map[string]func(l *Log){
		"gap":               func(l *Log) { l.Append(entriesOf(7, 1, 2, 1), nil, false) },
		"gap inside":        func(l *Log) { l.Append(append(entriesOf(6, 1, 2, 1), entriesOf(8, 1, 2, 1)...), nil, false) },
		"replace committed": func(l *Log) { l.Append(entriesOf(3, 1, 3, 1), nil, false) },
		"term goes back":    func(l *Log) { l.Append(entriesOf(6, 1, 1, 1), nil, false) },
		"state goes back":   func(l *Log) { l.Append(nil, &HardState{Term: 1, Vote: 1, Commit: 3}, false) },
		"commit goes back":  func(l *Log) { l.Append(nil, &HardState{Term: 2, Vote: 1, Commit: 2}, false) },
		"second vote":       func(l *Log) { l.Append(nil, &HardState{Term: 2, Vote: 3, Commit: 3}, false) },
		"commit past end":   func(l *Log) { l.Append(nil, &HardState{Term: 2, Vote: 1, Commit: 6}, false) },
		"reset goes back":   func(l *Log) { l.Reset(2, 2) },
	} {
		l := newLog()
		func() {
			defer func() {
				if _, ok := recover().(*invariant.Violation); !ok {
					t.Errorf("%s: was not noticed", name)
				}
			}()
			f(l)
		}()
	}
}

// TestTrimRaisesCommit: what was trimmed was committed, though the commit position that the caller knows to be on disk is older; it goes on from there.
func TestTrimRaisesCommit(t *testing.T) {
	fs := vfs.NewMem()
	opts := Options{SegmentBytes: 5 << 10}
	l := mustOpen(t, fs, opts)
	if err := l.Append(entriesOf(1, 20, 1, 900), &HardState{Term: 1, Commit: 2}, true); err != nil {
		t.Fatal(err)
	}
	if err := l.Trim(15); err != nil {
		t.Fatal(err)
	}
	trimmed := l.FirstIndex() - 1
	if trimmed < 10 || l.State().Commit != trimmed {
		t.Fatalf("trimmed to %d, commit is %d", trimmed, l.State().Commit)
	}
	if l = mustOpen(t, fs, opts); l.State().Commit != trimmed {
		t.Fatalf("reopened, commit is %d, trimmed to %d", l.State().Commit, trimmed)
	}
	if err := l.Append(nil, &HardState{Term: 1, Commit: 3}, true); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, fs, opts)
	if l.State() != (HardState{Term: 1, Commit: trimmed}) {
		t.Errorf("reopened, hard state is %+v", l.State())
	}
}

// TestKeptCommitSurvivesACrash: a commit position that was kept is on disk, whatever comes after it, also from a caller who does not know of it yet.
func TestKeptCommitSurvivesACrash(t *testing.T) {
	fs := vfs.NewCrashableMem()
	l := mustOpen(t, fs, Options{})
	root, err := fs.OpenDir("/")
	if err != nil {
		t.Fatal(err)
	}
	if err := root.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(entriesOf(1, 5, 1, 10), &HardState{Term: 1, Commit: 2}, true); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(nil, &HardState{Term: 1, Commit: 4}, false); err != nil {
		t.Fatal(err)
	}
	if err := l.KeepCommit(4); err != nil {
		t.Fatal(err)
	}
	if got := mustOpen(t, fs.CrashClone(vfs.CrashCloneCfg{}), Options{}).State(); got != (HardState{Term: 1, Commit: 4}) {
		t.Errorf("after a crash the hard state is %+v", got)
	}
	if err := l.KeepCommit(5); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(nil, &HardState{Term: 2, Vote: 7, Commit: 3}, true); err != nil {
		t.Fatal(err)
	}
	if got := mustOpen(t, fs.CrashClone(vfs.CrashCloneCfg{}), Options{}).State(); got != (HardState{Term: 2, Vote: 7, Commit: 5}) {
		t.Errorf("after a crash the hard state is %+v", got)
	}
}

func TestTooLargeEntryIsRefused(t *testing.T) {
	l := mustOpen(t, vfs.NewMem(), Options{})
	if err := l.Append([]Entry{{Index: 1, Term: 1, Data: make([]byte, MaxEntryBytes+1)}}, nil, true); err != ErrTooLarge {
		t.Fatalf("got %v", err)
	}
	mustAppend(t, l, entriesOf(1, 1, 1, 1), true)
}

func TestClosedLog(t *testing.T) {
	l := mustOpen(t, vfs.NewMem(), Options{})
	mustAppend(t, l, entriesOf(1, 1, 1, 1), true)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, entriesErr := l.Entries(1, 2, 1)
	_, termErr := l.Term(1)
	for what, err := range map[string]error{
		"Append": l.Append(nil, nil, true), "Trim": l.Trim(0), "Reset": l.Reset(5, 5), "Entries": entriesErr, "Term": termErr, "Err": l.Err(),
	} {
		if err != ErrClosed {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// TestMemoryIsBounded: the cache keeps to its bound, and the index of a large log is small.
func TestMemoryIsBounded(t *testing.T) {
	l := mustOpen(t, vfs.NewMem(), Options{CacheBytes: 64 << 10, SegmentBytes: 4 << 20})
	data := make([]byte, 200)
	for i := range uint64(200) {
		list := make([]Entry, 500)
		for j := range list {
			list[j] = Entry{Index: i*500 + uint64(j) + 1, Term: 1, Data: data}
		}
		mustAppend(t, l, list, false)
		if l.cache.bytes > 64<<10 || l.cache.bytes < 60<<10 {
			t.Fatalf("cache has %d bytes", l.cache.bytes)
		}
	}
	if n := cap(l.cache.entries); n > 4096 {
		t.Errorf("cache has room for %d entries", n)
	}
	samples := 0
	for _, r := range l.idx.runs {
		samples += len(r.samples)
	}
	if limit := int(l.SizeBytes()/sampleBytes) + len(l.segs); samples > limit {
		t.Errorf("%d samples for %d entries in %d bytes", samples, l.LastIndex(), l.SizeBytes())
	}
}
