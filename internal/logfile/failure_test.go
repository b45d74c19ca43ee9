package logfile

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/mortondb/morton/internal/invariant"
)

// TestFailureSticks lets each change to the file system fail, one per run. From then on the log must refuse everything with that error, even what would not touch the disk;
// and opened again, it is in a state that it went through.
func TestFailureSticks(t *testing.T) {
	for seed := range uint64(2) {
		for at := 0; failAt(t, seed, at); at++ {
		}
	}
}

// failAt runs a random history in which operation at fails; false if there are not so many.
func failAt(t *testing.T, seed uint64, at int) bool {
	rng := rand.New(rand.NewPCG(seed, 4))
	mem := vfs.NewCrashableMem()
	count, armed := 0, false
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !armed || op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		if count++; count == at+1 {
			return errorfs.ErrInjected
		}
		return nil
	}))
	opts := Options{SegmentBytes: 6000, CacheBytes: 3000}
	l := mustOpen(t, fs, opts)
	armed = true
	m := &model{}
	history, minCommit := []*model{m}, uint64(0)
	var failure error
	for n := 0; n < 30 && failure == nil; n++ {
		s := randomStep(rng, m, 400)
		history = append(history, s.plan...)
		if failure = s.run(l); failure != nil {
			if !errors.Is(failure, errorfs.ErrInjected) {
				t.Fatalf("seed %d, operation %d, %s: %v", seed, at, s.name, failure)
			}
			break
		}
		m = s.plan[len(s.plan)-1]
		if s.durable {
			history, minCommit = []*model{m}, m.hs.Commit
		}
	}
	if failure == nil {
		return false
	}
	for what, err := range map[string]error{
		"empty Append": l.Append(nil, nil, false), "Append": l.Append(entriesOf(l.LastIndex()+1, 1, 1<<40, 10), nil, true),
		"Trim": l.Trim(l.State().Commit), "Reset": l.Reset(1<<40, 1<<40), "Err": l.Err(),
	} {
		if err != failure {
			t.Errorf("seed %d, operation %d: %s after the failure: %v, want %v", seed, at, what, err, failure)
		}
	}
	if err := l.Close(); err != failure {
		t.Errorf("seed %d, operation %d: Close: %v, want %v", seed, at, err, failure)
	}
	root, _ := mem.OpenDir("/")
	if err := root.Sync(); err != nil {
		t.Fatal(err)
	}
	for _, percent := range []int{0, 50, 100} {
		c := &crasher{t: t, trace: []string{fmt.Sprintf("seed %d, operation %d fails, %d%%", seed, at, percent)}, minCommit: minCommit}
		l, err := Open(mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}), testDir, opts)
		if err != nil {
			t.Fatalf("%s: %v", c.tail(), err)
		}
		c.match(l, history)
	}
	return true
}

// TestFailureToOpen lets each file-system operation of opening fail, reads as well. The error must come out, and harm nothing: the next attempt succeeds.
func TestFailureToOpen(t *testing.T) {
	files, want := sampleLog(t)
	fs := vfs.NewMem()
	if err := fs.MkdirAll(testDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		writeFile(t, fs, fs.PathJoin(testDir, name), b)
	}
	for at := int32(0); ; at++ {
		in := errorfs.OnIndex(at)
		l, err := Open(errorfs.Wrap(fs, in), testDir, Options{})
		if err == nil {
			if at < 5 {
				t.Errorf("opening took %d operations only", at)
			}
			l.Close()
			break
		}
		if !errors.Is(err, errorfs.ErrInjected) {
			t.Errorf("operation %d: %v", at, err)
		}
		l = mustOpen(t, fs, Options{})
		got, err := observe(l)
		if err != nil {
			t.Fatal(err)
		}
		if diff := diffEntries(want.entries, got.entries); diff != "" || got.hs != want.hs {
			t.Errorf("after a failure of operation %d: %+v %s", at, got.hs, diff)
		}
		l.Close()
	}
}

// TestFailureToRead is reported, and does not stick: it is the reader's business.
func TestFailureToRead(t *testing.T) {
	fail := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileReadAt {
			return errorfs.ErrInjected
		}
		return nil
	})}
	l := mustOpen(t, errorfs.Wrap(vfs.NewMem(), fail), Options{CacheBytes: 1})
	mustAppend(t, l, entriesOf(1, 5, 1, 100), true)
	fail.On()
	if _, err := l.Entries(1, 6, 1000); !errors.Is(err, errorfs.ErrInjected) {
		t.Errorf("got %v", err)
	}
	fail.Off()
	if got, err := l.Entries(1, 6, 1000); err != nil || len(got) != 5 {
		t.Errorf("got %v, %v", got, err)
	}
	mustAppend(t, l, entriesOf(6, 1, 1, 100), true)
}

// TestFailPoints fails the log at each of its points; as with any other failure, it sticks, and the log opened again has what was synced.
func TestFailPoints(t *testing.T) {
	for _, name := range []string{"logfile.beforeSync", "logfile.sealed", "logfile.beforeRemove"} {
		mem := vfs.NewMem()
		opts := Options{SegmentBytes: 6000}
		l := mustOpen(t, mem, opts)
		if err := l.Append(entriesOf(1, 8, 1, 400), &HardState{Term: 1, Commit: 8}, true); err != nil {
			t.Fatal(err)
		}
		disarm := invariant.Arm(name, func() error { return invariant.ErrInjected })
		err := l.Append(entriesOf(9, 8, 1, 400), nil, true)
		if err == nil {
			err = l.Trim(8)
		}
		disarm()
		if err != invariant.ErrInjected || l.Err() != err || l.Append(nil, nil, false) != err {
			t.Errorf("%s: %v, Err %v", name, err, l.Err())
		}
		l = mustOpen(t, mem, opts)
		if got, err := l.Term(8); l.LastIndex() < 8 || got != 1 || err != nil {
			t.Errorf("%s: reopened, last %d, term of 8: %d, %v", name, l.LastIndex(), got, err)
		}
		mustAppend(t, l, entriesOf(l.LastIndex()+1, 8, 1, 400), true)
	}
}
