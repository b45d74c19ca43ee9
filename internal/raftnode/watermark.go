package raftnode

import (
	"context"
	"math"
	"slices"
	"sync"

	"github.com/mortondb/morton/internal/oplog"
)

// watermarks know how far the log is durable here, committed, and durable at each member, and wake those who wait for a
// timestamp. Positions come in as indexes, from raft; waiters think in timestamps.
//
// A wait belongs to one term of this node's leadership: it fails when that ends, even if a later primary's log passes the
// timestamp, because that log may not have the operation.
type watermarks struct {
	mu    sync.Mutex
	marks marks

	commit    uint64
	durable   uint64
	last      uint64 // handed to the log writer
	truncated uint64 // how often the log's end was overwritten: writes that began before do not count as durable

	committedTS oplog.Timestamp
	durableTS   oplog.Timestamp

	term    uint64            // waits are possible: the term of which this node is primary, else 0
	self    uint64            // this node's id
	match   map[uint64]uint64 // of the other members, while this node leads
	data    map[uint64]bool   // members that hold data
	scratch []oplog.Timestamp

	committed  waitHeap
	local      waitHeap
	replicated map[int]*waitHeap   // by the number of members asked for
	spread     map[string]*spreads // by the demand's name
	generation uint64              // of the members: demands are made of them
	free       []*waiter
}

// Demand is what a wait can ask of members in groups, such as data centres: of each Spread that so many of its groups have a
// member with the operation.
type Demand []Spread

// Spread is a part of a Demand. The groups hold raft ids.
type Spread struct {
	Groups [][]uint64
	Count  int
}

// spreads are those who wait for one demand.
type spreads struct {
	demand Demand
	heap   waitHeap
}

func newWatermarks(self uint64) *watermarks {
	return &watermarks{self: self, match: map[uint64]uint64{}, data: map[uint64]bool{}, replicated: map[int]*waitHeap{}, spread: map[string]*spreads{}}
}

// reset begins at a position that is durable and committed and has ts.
func (w *watermarks) reset(index uint64, ts oplog.Timestamp) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.marks = marks{}
	w.marks.add(mark{index, ts})
	w.commit, w.durable, w.last = index, index, index
	w.truncated++
	w.committedTS, w.durableTS = max(w.committedTS, ts), ts
}

// restored notes that a snapshot up to index is going to replace the log. It returns the number to be passed to wrote when
// that is done.
func (w *watermarks) restored(index uint64, ts oplog.Timestamp) (truncated uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.marks = marks{}
	w.marks.add(mark{index, ts})
	w.durable, w.last, w.commit = 0, index, max(w.commit, index)
	w.truncated++
	w.advanceCommitLocked()
	return w.truncated
}

// appended notes entries that were handed to the log writer, the first of which has index first. It returns the
// number to be passed to wrote.
func (w *watermarks) appended(first, last uint64, list []mark) (truncated uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last < first {
		return w.truncated
	}
	if first <= w.last {
		w.marks.truncate(first)
		w.durable = min(w.durable, first-1)
		w.durableTS = w.marks.at(w.durable)
		w.truncated++
	}
	w.last = last
	for _, k := range list {
		w.marks.add(k)
	}
	w.advanceCommitLocked()
	return w.truncated
}

// wrote notes that the log on disk reaches index.
func (w *watermarks) wrote(index, truncated uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if truncated != w.truncated || index <= w.durable {
		return
	}
	w.durable = index
	w.durableTS = max(w.durableTS, w.marks.at(index))
	w.local.wake(w.durableTS)
	w.advanceReplicatedLocked()
}

// commitTo notes that everything up to index is committed.
func (w *watermarks) commitTo(index uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if index > w.commit {
		w.commit = index
		w.advanceCommitLocked()
	}
}

func (w *watermarks) advanceCommitLocked() {
	if ts := w.marks.at(w.commit); ts > w.committedTS {
		w.committedTS = ts
		w.committed.wake(ts)
		w.forgetLocked()
	}
}

// appliedTo notes a timestamp that is committed because it was applied, which is better knowledge than
// forgotten marks have.
func (w *watermarks) appliedTo(ts oplog.Timestamp) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ts > w.committedTS {
		w.committedTS = ts
		w.committed.wake(ts)
	}
}

// matched notes that a member's log on disk reaches index, while this node leads.
func (w *watermarks) matched(id, index uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if index > w.match[id] {
		w.match[id] = index
		w.advanceReplicatedLocked()
	}
}

func (w *watermarks) advanceReplicatedLocked() {
	for count, heap := range w.replicated {
		if len(heap.list) > 0 {
			heap.wake(w.replicatedTSLocked(count))
		}
	}
	for name, s := range w.spread {
		if s.heap.wake(w.spreadTSLocked(s.demand)); len(s.heap.list) == 0 {
			delete(w.spread, name)
		}
	}
}

// spreadTSLocked returns the last timestamp that meets a demand.
func (w *watermarks) spreadTSLocked(d Demand) oplog.Timestamp {
	met := oplog.Timestamp(math.MaxUint64)
	for _, s := range d {
		list := w.scratch[:0]
		for _, group := range s.Groups {
			best := oplog.Timestamp(0)
			for _, id := range group {
				best = max(best, w.diskTSLocked(id))
			}
			list = append(list, best)
		}
		w.scratch = list
		if s.Count > len(list) {
			return 0
		}
		if s.Count > 0 {
			slices.Sort(list)
			met = min(met, list[len(list)-s.Count])
		}
	}
	return met
}

// diskTSLocked returns the last timestamp known to be on a member's disk.
func (w *watermarks) diskTSLocked(id uint64) oplog.Timestamp {
	switch {
	case id == w.self:
		return w.durableTS
	case !w.data[id]:
		return 0
	}
	return w.marks.at(w.match[id])
}

// replicatedTSLocked returns the last timestamp that count members with data have on disk.
func (w *watermarks) replicatedTSLocked(count int) oplog.Timestamp {
	list := w.scratch[:0]
	for id := range w.data {
		list = append(list, w.diskTSLocked(id))
	}
	w.scratch = list
	if count > len(list) || count < 1 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)-count]
}

// forgetLocked drops marks that nobody's position needs. A member far behind does not keep them: marks are thinned.
func (w *watermarks) forgetLocked() {
	low := min(w.commit, w.durable)
	for id := range w.data {
		if id != w.self && w.term != 0 {
			low = min(low, w.match[id])
		}
	}
	w.marks.forget(low)
}

// lead forgets what was known of the other members: a term of leadership begins.
func (w *watermarks) lead() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.match)
}

// begin lets waits in.
func (w *watermarks) begin(term uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.term = term
}

// end fails all waits.
func (w *watermarks) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.term = 0
	w.committed.fail(err)
	w.local.fail(err)
	for _, heap := range w.replicated {
		heap.fail(err)
	}
	for _, s := range w.spread {
		s.heap.fail(err)
	}
	clear(w.spread)
	clear(w.match)
}

// setData says which members hold data.
func (w *watermarks) setData(ids []uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.data)
	for _, id := range ids {
		w.data[id] = true
	}
	for id := range w.match {
		if !w.data[id] {
			delete(w.match, id)
		}
	}
	w.generation++
	for _, s := range w.spread {
		s.heap.fail(ErrMembersChanged)
	}
	clear(w.spread)
	w.advanceReplicatedLocked()
}

// positions returns the timestamps that are durable here and committed.
func (w *watermarks) positions() (durable, committed oplog.Timestamp) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.durableTS, w.committedTS
}

// matchOf returns how far another member's log on disk is known to reach.
func (w *watermarks) matchOf(id uint64) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.match[id]
}

// at returns the last timestamp known to be in the log up to index.
func (w *watermarks) at(index uint64) oplog.Timestamp {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.marks.at(index)
}

// level is what a wait is for.
type level int

const (
	levelDurable level = iota
	levelCommitted
	levelReplicated
)

// heapLocked returns the heap of those who wait for a level, and how far it has come.
func (w *watermarks) heapLocked(l level, count int) (*waitHeap, oplog.Timestamp) {
	switch l {
	case levelDurable:
		return &w.local, w.durableTS
	case levelCommitted:
		return &w.committed, w.committedTS
	}
	heap := w.replicated[count]
	if heap == nil {
		heap = &waitHeap{}
		w.replicated[count] = heap
	}
	return heap, w.replicatedTSLocked(count)
}

// wait waits for ts to come to a level, as long as this node is primary of term.
func (w *watermarks) wait(ctx context.Context, l level, ts oplog.Timestamp, count int, term uint64) error {
	w.mu.Lock()
	if w.term != term || term == 0 {
		w.mu.Unlock()
		return ErrNotPrimary
	}
	heap, at := w.heapLocked(l, count)
	return w.waitInLocked(ctx, heap, at, ts)
}

// waitSpread waits for ts to meet a demand, which was made for one generation of the members. Demands of one name are the same.
func (w *watermarks) waitSpread(ctx context.Context, ts oplog.Timestamp, name string, d Demand, term, generation uint64) error {
	w.mu.Lock()
	switch {
	case w.term != term || term == 0:
		w.mu.Unlock()
		return ErrNotPrimary
	case w.generation != generation:
		w.mu.Unlock()
		return ErrMembersChanged
	}
	s := w.spread[name]
	if s == nil {
		s = &spreads{demand: d}
		w.spread[name] = s
	}
	return w.waitInLocked(ctx, &s.heap, w.spreadTSLocked(d), ts)
}

// waitInLocked waits in a heap that has come to at, and unlocks.
func (w *watermarks) waitInLocked(ctx context.Context, heap *waitHeap, at, ts oplog.Timestamp) error {
	if ts <= at {
		w.mu.Unlock()
		return nil
	}
	wt := w.waiterLocked(ts)
	heap.push(wt)
	w.mu.Unlock()

	var err error
	select {
	case err = <-wt.done:
		w.mu.Lock()
	case <-ctx.Done():
		w.mu.Lock()
		if heap.remove(wt) {
			err = ctx.Err()
		} else {
			err = <-wt.done // it was answered just now
		}
	}
	if len(w.free) < maxFreeWaiters {
		w.free = append(w.free, wt)
	}
	w.mu.Unlock()
	return err
}

// maxFreeWaiters bounds the waiters kept for the next who wait.
const maxFreeWaiters = 256

func (w *watermarks) waiterLocked(ts oplog.Timestamp) *waiter {
	k := len(w.free)
	if k == 0 {
		return &waiter{ts: ts, pos: -1, done: make(chan error, 1)}
	}
	wt := w.free[k-1]
	w.free = w.free[:k-1]
	wt.ts = ts
	return wt
}
