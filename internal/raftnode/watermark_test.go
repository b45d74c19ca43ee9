package raftnode

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/oplog"
)

// TestHeapWakesInOrder: against a plain list, any sequence of pushes, removals and wakes answers the same waiters.
func TestHeapWakesInOrder(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		var h waitHeap
		var model []*waiter
		answered := func(w *waiter) bool {
			select {
			case <-w.done:
				return true
			default:
				return false
			}
		}
		for range 200 {
			switch r.IntN(4) {
			case 0, 1:
				w := &waiter{ts: oplog.Timestamp(r.IntN(50)), pos: -1, done: make(chan error, 1)}
				h.push(w)
				model = append(model, w)
			case 2:
				if len(model) > 0 {
					i := r.IntN(len(model))
					if !h.remove(model[i]) || h.remove(model[i]) || answered(model[i]) {
						t.Fatalf("seed %d: removing a waiter", seed)
					}
					model = slices.Delete(model, i, i+1)
				}
			case 3:
				ts := oplog.Timestamp(r.IntN(50))
				h.wake(ts)
				model = slices.DeleteFunc(model, func(w *waiter) bool {
					if got := answered(w); got != (w.ts <= ts) {
						t.Fatalf("seed %d: waiter for %d answered %v by %d", seed, w.ts, got, ts)
					}
					return w.ts <= ts
				})
			}
			if len(h.list) != len(model) {
				t.Fatalf("seed %d: %d waiters, want %d", seed, len(h.list), len(model))
			}
		}
		h.fail(ErrStopped)
		for _, w := range model {
			if !answered(w) {
				t.Fatalf("seed %d: a waiter was forgotten", seed)
			}
		}
	}
}

// TestMarksNeverSayTooMuch: whatever is forgotten, the timestamp of a position is at most the true one, and near the end
// it is the true one.
func TestMarksNeverSayTooMuch(t *testing.T) {
	var m marks
	truth := []oplog.Timestamp{0}
	r := rand.New(rand.NewPCG(1, 1))
	for range 5 * maxMarks {
		last := truth[len(truth)-1]
		if r.IntN(3) > 0 { // else an entry without operations
			last += oplog.Timestamp(1 + r.IntN(5))
			m.add(mark{uint64(len(truth)), last})
		}
		truth = append(truth, last)
		if r.IntN(500) == 0 {
			cut := len(truth) - r.IntN(min(len(truth)-1, 30))
			m.truncate(uint64(cut))
			truth = truth[:cut]
		}
		if r.IntN(10000) == 0 {
			m.forget(uint64(r.IntN(len(truth))))
		}
	}
	if len(m.list) > maxMarks {
		t.Errorf("%d marks", len(m.list))
	}
	for i := range truth {
		got := m.at(uint64(i))
		if got > truth[i] || i > len(truth)-100 && got != truth[i] {
			t.Fatalf("position %d of %d: %d, truly %d", i, len(truth), got, truth[i])
		}
	}
}

// TestWaitsForLevels: a wait for a disk, for a majority and for a number of members ends when that is reached, neither earlier nor later;
// an arbiter does not count.
func TestWaitsForLevels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatermarks(1)
		w.reset(1, 1)
		w.setData([]uint64{1, 2, 3})
		w.lead()
		w.begin(5)
		truncated := w.appended(2, 4, []mark{{2, 20}, {3, 30}, {4, 40}})
		var mu sync.Mutex
		done := map[string]bool{} // guarded by mu: waits that end together write at the same time
		wait := func(name string, l level, ts oplog.Timestamp, count int) {
			go func() {
				if err := w.wait(t.Context(), l, ts, count, 5); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				mu.Lock()
				defer mu.Unlock()
				done[name] = true
			}()
			synctest.Wait()
		}
		expect := func(step string, names ...string) {
			t.Helper()
			synctest.Wait()
			for _, name := range names {
				if !done[name] {
					t.Errorf("%s: %q still waits", step, name)
				}
				delete(done, name)
			}
			if len(done) != 0 {
				t.Errorf("%s: %v are done", step, done)
			}
		}
		for _, ts := range []oplog.Timestamp{20, 25, 40} {
			wait(fmt.Sprint("disk ", uint64(ts)), levelDurable, ts, 0)
			wait(fmt.Sprint("majority ", uint64(ts)), levelCommitted, ts, 0)
			for n := 1; n <= 4; n++ {
				wait(fmt.Sprint(n, " members ", uint64(ts)), levelReplicated, ts, n)
			}
		}
		wait("old", levelCommitted, 1, 0)
		expect("at once", "old")
		w.matched(9, 4) // an arbiter
		expect("an arbiter has all")
		w.wrote(3, truncated)
		expect("3 on disk", "disk 20", "disk 25", "1 members 20", "1 members 25")
		w.matched(2, 2)
		expect("one member has 2", "2 members 20")
		w.commitTo(3)
		expect("3 committed", "majority 20", "majority 25")
		w.matched(2, 4)
		expect("one member has 4", "2 members 25", "1 members 40")
		w.wrote(4, truncated)
		expect("4 on disk", "disk 40", "2 members 40")
		w.matched(3, 4)
		expect("two members have 4", "3 members 20", "3 members 25", "3 members 40")
		w.commitTo(4)
		expect("4 committed", "majority 40")
		w.setData([]uint64{1, 2, 3, 4})
		w.matched(4, 4)
		expect("a new member", "4 members 20", "4 members 25", "4 members 40")
	})
}

// TestWaitsEnd: with the leadership, the context, and at once where there is none, or another one.
func TestWaitsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatermarks(1)
		w.reset(1, 1)
		for _, term := range []uint64{0, 5} {
			if err := w.wait(t.Context(), levelCommitted, 1, 0, term); !errors.Is(err, ErrNotPrimary) {
				t.Errorf("term %d on a secondary: %v", term, err)
			}
		}
		w.begin(5)
		if err := w.wait(t.Context(), levelCommitted, 1, 0, 4); !errors.Is(err, ErrNotPrimary) {
			t.Errorf("an earlier term: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.wait(ctx, levelDurable, 9, 0, 5); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		errs := make(chan error, 10)
		for i := range 10 {
			go func() { errs <- w.wait(t.Context(), level(i%3), 9, 2, 5) }()
		}
		synctest.Wait()
		w.end(ErrNotPrimary)
		for range 10 {
			if err := <-errs; !errors.Is(err, ErrNotPrimary) {
				t.Error(err)
			}
		}
		if n := len(w.free); n == 0 || n > 11 {
			t.Errorf("%d waiters are kept", n)
		}
	})
}

// TestOverwrittenLogIsNotDurable: a write that began before the log's end was overwritten says nothing of what is there now.
func TestOverwrittenLogIsNotDurable(t *testing.T) {
	w := newWatermarks(1)
	w.reset(1, 1)
	old := w.appended(2, 5, []mark{{2, 20}, {5, 50}})
	w.wrote(3, old)
	now := w.appended(3, 5, []mark{{3, 31}, {5, 51}})
	w.wrote(5, old)
	if durable, _ := w.positions(); durable != 20 {
		t.Errorf("durable up to %d, want 20", durable)
	}
	w.wrote(5, now)
	if durable, _ := w.positions(); durable != 51 {
		t.Errorf("durable up to %d, want 51", durable)
	}
}
