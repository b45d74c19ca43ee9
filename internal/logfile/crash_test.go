package logfile

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var crashSeeds = flag.Uint64("crashseeds", 4, "how many random histories TestCrashLosesOnlyWhatWasNotSynced crashes everywhere")

// TestCrashLosesOnlyWhatWasNotSynced does random operations and, before each change to the file system, looks at what would be found if the machine
// crashed there: with what was synced only, with everything, and with some of the blocks and names that were not. Opening the log must then give
// a state that the log went through, none older than the last one that was synced. In some of the crashed file systems the test
// goes on, and crashes again: while opening, or later.
func TestCrashLosesOnlyWhatWasNotSynced(t *testing.T) {
	for seed := range *crashSeeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 2))
			fs := vfs.NewCrashableMem()
			if err := fs.MkdirAll("/data", 0o755); err != nil {
				t.Fatal(err)
			}
			root, err := fs.OpenDir("/")
			if err != nil {
				t.Fatal(err)
			}
			if err := root.Sync(); err != nil {
				t.Fatal(err)
			}
			c := &crasher{t: t, rng: rng, fs: fs, depth: 2, trace: []string{fmt.Sprintf("seed %d", seed)},
				opts: Options{SegmentBytes: 5000 + rng.Int64N(12000), CacheBytes: 3000}}
			c.run([]*model{{}}, 0, 60)
		})
	}
}

// crasher runs a log on a file system and crashes copies of it.
type crasher struct {
	t     *testing.T
	rng   *rand.Rand
	fs    *vfs.MemFS
	opts  Options
	depth int
	trace []string

	history   []*model // the states that a crash may lead to now
	minCommit uint64   // commit positions alone need not survive; this one must
	quiet     bool
}

// run opens the log, which must be in one of the states of history, and does random steps.
func (c *crasher) run(history []*model, minCommit uint64, steps int) {
	c.history, c.minCommit = history, minCommit
	fs := errorfs.Wrap(c.fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && !c.quiet {
			c.crash(op)
		}
		return nil
	}))
	l, err := Open(fs, testDir, c.opts)
	if err != nil {
		c.t.Fatalf("%s: open: %v", c.tail(), err)
	}
	m := c.match(l, history)
	for range steps {
		c.history, c.minCommit = []*model{m}, m.hs.Commit // opening and durable steps leave nothing unsynced
		for range 1 + c.rng.IntN(4) {
			s := randomStep(c.rng, m, 400)
			c.trace = append(c.trace, s.name)
			c.history = append(c.history, s.plan...)
			if err := s.run(l); err != nil {
				c.t.Fatalf("%s: %v", c.tail(), err)
			}
			m = s.plan[len(s.plan)-1]
			if diff := m.compare(l); diff != "" {
				c.t.Fatalf("%s: %s", c.tail(), diff)
			}
			if s.durable {
				c.history, c.minCommit = []*model{m}, m.hs.Commit
			}
		}
		if err := l.Append(nil, nil, true); err != nil {
			c.t.Fatalf("%s: %v", c.tail(), err)
		}
		if c.rng.IntN(10) == 0 {
			if err := l.Close(); err != nil {
				c.t.Fatalf("%s: close: %v", c.tail(), err)
			}
			c.quiet = true // opening is crashed by the nested ones
			if l, err = Open(fs, testDir, c.opts); err != nil {
				c.t.Fatalf("%s: reopen: %v", c.tail(), err)
			}
			c.quiet = false
		}
	}
	if err := l.Close(); err != nil {
		c.t.Fatalf("%s: close: %v", c.tail(), err)
	}
}

// crash opens a crashed copy of the file system.
func (c *crasher) crash(op errorfs.Op) {
	at := fmt.Sprintf("crash before operation %d on %s", op.Kind, op.Path)
	percent := []int{0, 100, 50, c.rng.IntN(101)}[c.rng.IntN(4)]
	crashed := c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: c.rng})
	l, err := Open(crashed, testDir, c.opts)
	if err != nil {
		c.t.Fatalf("%s, %s with %d%% of what was not synced: %v", c.tail(), at, percent, err)
	}
	c.trace = append(c.trace, at)
	c.match(l, c.history)
	c.trace = c.trace[:len(c.trace)-1]
	// What opening found must stay, though the machine dies again at once.
	o, err := observe(l)
	if err != nil {
		c.t.Fatal(err)
	}
	again, err := Open(crashed.CrashClone(vfs.CrashCloneCfg{}), testDir, c.opts)
	if err != nil {
		c.t.Fatalf("%s, %s with %d%% of what was not synced, then again: %v", c.tail(), at, percent, err)
	}
	o2, err := observe(again)
	if err != nil {
		c.t.Fatal(err)
	}
	if diff := diffEntries(o.entries, o2.entries); diff != "" || o.hs != o2.hs || o.before != o2.before {
		c.t.Fatalf("%s, %s: opened twice, %+v %v, then %+v %v: %s", c.tail(), at, o.hs, o.before, o2.hs, o2.before, diff)
	}
	if c.depth > 0 && c.rng.IntN(40) == 0 {
		nested := &crasher{t: c.t, rng: c.rng, opts: c.opts, depth: c.depth - 1, trace: append(c.trace, at),
			fs: c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: c.rng})}
		nested.run(c.history, c.minCommit, 4)
	}
}

// match returns the newest state of history that the log is in.
func (c *crasher) match(l *Log, history []*model) *model {
	c.t.Helper()
	o, err := observe(l)
	if err != nil {
		c.t.Fatalf("%s: %v", c.tail(), err)
	}
	var why []string
	for i := len(history) - 1; i >= 0; i-- {
		diff := history[i].differs(o, c.minCommit)
		if diff == "" {
			m := history[i].clone()
			m.hs = o.hs
			return m
		}
		why = append(why, diff)
	}
	c.t.Fatalf("%s: the log was never like that:\n%s", c.tail(), strings.Join(why, "\n"))
	return nil
}

func (c *crasher) tail() string {
	return strings.Join(append(c.trace[:1:1], c.trace[max(1, len(c.trace)-8):]...), "\n  ")
}
