package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
)

// model is what a log should be, kept in the simplest way. It does not forget what is trimmed: how far a Trim goes is the log's business, as long as
// it does not go further than asked.
type model struct {
	hs      HardState
	start   position // a new log's or a Reset's
	entries []Entry  // from start on
	maxTrim uint64   // the most that Trim was asked for
}

func (m *model) clone() *model {
	c := *m
	c.entries = slices.Clone(m.entries)
	return &c
}

func (m *model) last() uint64 { return m.start.index + uint64(len(m.entries)) }

func (m *model) term(i uint64) uint64 {
	if i == m.start.index {
		return m.start.term
	}
	return m.entries[i-m.start.index-1].Term
}

func (m *model) append(e Entry) {
	m.entries = append(m.entries[:e.Index-m.start.index-1:e.Index-m.start.index-1], e)
}

// observed is what a log shows of itself.
type observed struct {
	hs      HardState
	before  position // the entry before the first
	entries []Entry
}

func observe(l *Log) (observed, error) {
	o := observed{hs: l.State()}
	first, last := l.FirstIndex(), l.LastIndex()
	term, err := l.Term(first - 1)
	if err != nil {
		return o, err
	}
	o.before = position{first - 1, term}
	if c := &l.cache; c.len() > 0 && (c.first() < first || c.first()+uint64(c.len()) != last+1) {
		return o, fmt.Errorf("the cache has %d entries from %d in a log from %d to %d", c.len(), c.first(), first, last)
	}
	cached, err := l.entries(first, last+1, 1<<40, true)
	if err != nil {
		return o, err
	}
	if o.entries, err = l.entries(first, last+1, 1<<40, false); err != nil {
		return o, err
	}
	if diff := diffEntries(o.entries, cached); diff != "" {
		return o, fmt.Errorf("the cache does not have what the files have: %s", diff)
	}
	for _, e := range o.entries {
		if term, err := l.Term(e.Index); err != nil || term != e.Term {
			return o, fmt.Errorf("entry %d has term %d, Term says %d, %v", e.Index, e.Term, term, err)
		}
	}
	return o, nil
}

// differs says how o differs from m, "" if it does not. A commit position from minCommit on will do.
func (m *model) differs(o observed, minCommit uint64) string {
	most := max(m.maxTrim, m.start.index)
	switch {
	case o.before.index < m.start.index || o.before.index > most:
		return fmt.Sprintf("log begins after %d, want %d to %d", o.before.index, m.start.index, most)
	case o.before.index+uint64(len(o.entries)) != m.last():
		return fmt.Sprintf("last entry is %d, want %d", o.before.index+uint64(len(o.entries)), m.last())
	case o.before.term != m.term(o.before.index):
		return fmt.Sprintf("entry %d has term %d, want %d", o.before.index, o.before.term, m.term(o.before.index))
	case o.hs.Term != m.hs.Term || o.hs.Vote != m.hs.Vote:
		return fmt.Sprintf("hard state is %+v, want %+v", o.hs, m.hs)
	case o.hs.Commit < max(minCommit, o.before.index) || o.hs.Commit > max(m.hs.Commit, o.before.index):
		return fmt.Sprintf("commit is %d, want %d to %d, or %d", o.hs.Commit, minCommit, m.hs.Commit, o.before.index)
	}
	return diffEntries(m.entries[o.before.index-m.start.index:], o.entries)
}

// diffEntries says how got differs from want, "" if it does not.
func diffEntries(want, got []Entry) string {
	same := slices.EqualFunc(want, got, func(w, g Entry) bool {
		return w.Index == g.Index && w.Term == g.Term && w.Type == g.Type && bytes.Equal(w.Data, g.Data)
	})
	if same {
		return ""
	}
	return cmp.Diff(want, got, cmpEmpty)
}

// compare says how l differs from m, "" if it does not.
func (m *model) compare(l *Log) string {
	o, err := observe(l)
	if err != nil {
		return err.Error()
	}
	return m.differs(o, m.hs.Commit)
}

var cmpEmpty = cmp.Transformer("bytes", func(b []byte) string { return string(b) })

// step is one random operation on a log. plan gives the states that the log goes through, in order; a crash may leave it in
// any of them after the last durable one. durable says that after run it must be in the last.
type step struct {
	name    string
	run     func(l *Log) error
	plan    []*model
	durable bool
}

// randomStep returns an operation that is legal on a log in state m.
func randomStep(rng *rand.Rand, m *model, dataMax int) step {
	switch n := rng.IntN(100); {
	case n < 80:
		return randomAppend(rng, m, dataMax)
	case n < 95:
		upTo := m.start.index + rng.Uint64N(uint64(len(m.entries))+2)
		upTo = min(upTo, max(m.hs.Commit, m.start.index))
		next := m.clone()
		next.maxTrim = max(m.maxTrim, upTo)
		return step{name: fmt.Sprintf("trim to %d", upTo), run: func(l *Log) error { return l.Trim(upTo) }, plan: []*model{next}}
	default:
		to := position{m.hs.Commit + rng.Uint64N(10), m.hs.Term + rng.Uint64N(2)}
		if to.index < m.last() {
			to.term = max(to.term, m.term(to.index))
		}
		next := &model{hs: m.hs, start: to}
		next.hs.Commit = to.index
		if next.hs.Term < to.term {
			next.hs.Term, next.hs.Vote = to.term, 0
		}
		return step{name: fmt.Sprintf("reset to %v", to), run: func(l *Log) error { return l.Reset(to.index, to.term) }, plan: []*model{next}, durable: true}
	}
}

func randomAppend(rng *rand.Rand, m *model, dataMax int) step {
	s := step{durable: rng.IntN(3) > 0}
	next := m.clone()
	first := next.last() + 1
	if rng.IntN(8) == 0 && next.last() > max(next.hs.Commit, next.maxTrim) { // replace a suffix
		low := max(next.hs.Commit, next.maxTrim, next.start.index)
		first = low + 1 + rng.Uint64N(next.last()-low)
	}
	term := next.term(next.last()) + rng.Uint64N(8)/7
	if first <= next.last() {
		term++
	}
	term = max(term, 1)
	var entries []Entry
	for i := range uint64(rng.IntN(6)) {
		data := make([]byte, rng.IntN(dataMax))
		if rng.IntN(10) == 0 {
			data = make([]byte, rng.IntN(dataMax*8))
		}
		for j := range data {
			data[j] = byte(rng.Uint32())
		}
		e := Entry{Index: first + i, Term: term, Type: byte(rng.IntN(3)), Data: data}
		entries = append(entries, e)
		next.append(e)
		s.plan = append(s.plan, next.clone())
	}
	var hs *HardState
	if rng.IntN(2) == 0 {
		h := next.hs
		if rng.IntN(4) == 0 {
			h.Term++
			h.Vote = rng.Uint64N(3)
		}
		h.Commit = max(h.Commit, next.start.index)
		h.Commit += rng.Uint64N(next.last() - h.Commit + 1)
		hs, next.hs = &h, h
		s.plan = append(s.plan, next.clone())
	}
	s.name = fmt.Sprintf("append %d from %d, term %d, hard state %v, sync %v", len(entries), first, term, hs, s.durable)
	s.run = func(l *Log) error { return l.Append(entries, hs, s.durable) }
	if len(s.plan) == 0 {
		s.plan = append(s.plan, next)
	}
	return s
}

// TestLogIsItsModel does random operations on a log and on a model, and compares them; it reopens the log often. Segments and cache
// are small, so that every operation crosses their borders.
func TestLogIsItsModel(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			fs := vfs.NewMem()
			fs.UseWindowsSemantics(seed%2 == 0)
			opts := Options{SegmentBytes: 5000 + rng.Int64N(30000), CacheBytes: 1 + rng.Int64N(20000)}
			l := mustOpen(t, fs, opts)
			m := &model{}
			for n := range 300 {
				if rng.IntN(20) == 0 {
					if err := l.Close(); err != nil {
						t.Fatal(err)
					}
					l = mustOpen(t, fs, opts)
				}
				s := randomStep(rng, m, 600)
				if err := s.run(l); err != nil {
					t.Fatalf("step %d, %s: %v", n, s.name, err)
				}
				m = s.plan[len(s.plan)-1]
				checkRange(t, rng, l, m)
				if n%4 != 3 {
					continue
				}
				if diff := m.compare(l); diff != "" {
					t.Fatalf("step %d, %s: %s", n, s.name, diff)
				}
			}
			if err := l.Check(); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// checkRange compares a random piece of the log.
func checkRange(t *testing.T, rng *rand.Rand, l *Log, m *model) {
	t.Helper()
	lo := rng.Uint64N(m.last() + 3)
	hi := lo + rng.Uint64N(8)
	maxBytes := rng.Uint64N(3000)
	got, err := l.Entries(lo, hi, maxBytes)
	switch {
	case lo >= hi:
		if err != nil || len(got) != 0 {
			t.Fatalf("entries from %d to %d: %v, %v", lo, hi, got, err)
		}
	case lo < l.FirstIndex():
		if !errors.Is(err, ErrCompacted) {
			t.Fatalf("entries from %d to %d: error %v, want ErrCompacted", lo, hi, err)
		}
	case hi > m.last()+1:
		if !errors.Is(err, ErrUnavailable) {
			t.Fatalf("entries from %d to %d: error %v, want ErrUnavailable", lo, hi, err)
		}
	default:
		if err != nil {
			t.Fatalf("entries from %d to %d: %v", lo, hi, err)
		}
		var want []Entry
		var size uint64
		for i := lo; i < hi; i++ {
			e := m.entries[i-m.start.index-1]
			if size += uint64(len(e.Data)); len(want) > 0 && size > maxBytes {
				break
			}
			want = append(want, e)
		}
		if diff := diffEntries(want, got); diff != "" {
			t.Fatalf("entries from %d to %d, %d bytes: %s", lo, hi, maxBytes, diff)
		}
	}
}

const testDir = "/data/log"

func mustOpen(t testing.TB, fs vfs.FS, opts Options) *Log {
	t.Helper()
	if err := fs.MkdirAll("/data", 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := Open(fs, testDir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
