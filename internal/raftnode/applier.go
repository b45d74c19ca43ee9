package raftnode

import (
	"fmt"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/invariant"
	"github.com/mortondb/morton/internal/oplog"
)

// applyItem is one thing for the applier to do: exactly one of its parts is set.
type applyItem struct {
	entries   []raftpb.Entry
	responses []raftpb.Message // delivered when entries are applied

	stepDown   uint64 // leadership of this term is lost
	handOver   *handOverItem
	checkpoint *checkpointItem
	install    *installItem
	wake       bool // see whether this node may become primary
}

type handOverItem struct {
	term uint64
	done chan struct{}
}

type checkpointItem struct {
	dir      string
	snapshot Snapshot
	pin      *pin
	done     chan error
}

type installItem struct {
	dir      string
	snapshot Snapshot
	done     chan error
}

// applyLoop is the applier: the one goroutine that calls the state machine.
func (n *Node) applyLoop() {
	a := applier{node: n, ripe: time.NewTimer(0)}
	defer a.ripe.Stop()
	for {
		select {
		case <-n.applies.signal:
			for _, item := range n.applies.take() {
				a.do(&item)
			}
			a.flush()
		case <-a.ripe.C:
			a.release()
			a.flush()
		case <-n.done:
			a.end()
			return
		}
	}
}

// applier is the applier's own state: the entries that are gathered for one call of Apply.
type applier struct {
	node      *Node
	run       []Entry
	bytes     int
	responses []raftpb.Message
	failed    bool

	held []applyItem // entries that are not old enough for a delayed member yet, and those behind them
	ripe *time.Timer // fires when the first of them is
}

func (a *applier) do(item *applyItem) {
	if a.failed {
		return
	}
	n := a.node
	if item.entries == nil {
		a.flush()
	}
	switch {
	case item.entries != nil && len(a.held) == 0 && n.delay.Load() == 0:
		a.entries(item)
	case item.entries != nil:
		a.held = append(a.held, *item)
		a.release()
	case item.stepDown != 0:
		n.stepDown(item.stepDown)
	case item.handOver != nil:
		n.stepDown(item.handOver.term)
		close(item.handOver.done)
	case item.checkpoint != nil:
		item.checkpoint.done <- n.makeCheckpoint(item.checkpoint)
	case item.install != nil:
		a.abandon()
		item.install.done <- n.installSnapshot(item.install)
	case item.wake:
		a.release()
		a.flush()
		n.becomePrimary()
	}
}

// release applies what was held back and is old enough now. The other things that the applier does, such as a hand-over, do not wait
// for held entries: they concern the log, which has them.
func (a *applier) release() {
	delay := time.Duration(a.node.delay.Load())
	for len(a.held) > 0 && !a.failed {
		item := &a.held[0]
		k, wait := ripe(item.entries, delay)
		if k == len(item.entries) {
			a.entries(item)
			a.held[0] = applyItem{}
			a.held = a.held[1:]
			continue
		}
		a.entries(&applyItem{entries: item.entries[:k]})
		item.entries = item.entries[k:]
		a.ripe.Reset(wait)
		return
	}
}

// ripe returns how many of the first entries are older than delay, and how long the next one has to wait.
func ripe(entries []raftpb.Entry, delay time.Duration) (n int, wait time.Duration) {
	if delay == 0 {
		return len(entries), 0
	}
	for n = range entries {
		if k, ok := spanOf(&entries[n]); ok {
			if wait = delay - time.Since(k.ts.Time()); wait > 0 {
				return n, wait
			}
		}
	}
	return len(entries), 0
}

// abandon drops what is held back: a snapshot that has it all takes its place.
func (a *applier) abandon() {
	for i := range a.held {
		a.responses = append(a.responses, a.held[i].responses...)
	}
	a.held = nil
	a.flush()
}

// end takes the right to write back when the node stops. Those who wait for the applier watch done themselves.
func (a *applier) end() {
	n := a.node
	n.mu.Lock()
	term := n.primary
	n.mu.Unlock()
	n.stepDown(term)
}

// entries gathers committed entries. Those that change the members end a run, and so does a run's size.
func (a *applier) entries(item *applyItem) {
	for i := range item.entries {
		e := &item.entries[i]
		if e.Type == raftpb.EntryNormal {
			a.run = append(a.run, Entry{Index: e.Index, Term: e.Term, Data: e.Data})
			a.bytes += len(e.Data)
			continue
		}
		a.flush()
		if a.failed {
			return
		}
		if err := a.node.applyConfChange(e); err != nil {
			a.fail(err)
			return
		}
	}
	a.responses = append(a.responses, item.responses...)
	if a.bytes >= maxApplyingBytes/2 {
		a.flush()
	}
}

func (a *applier) fail(err error) {
	a.failed = true
	a.node.fail(err)
}

// flush applies the run and tells raft.
func (a *applier) flush() {
	if a.failed || len(a.run) == 0 && len(a.responses) == 0 {
		return
	}
	n := a.node
	if invariant.Mutated("applyOutOfOrder") {
		swapData(a.run)
	}
	if len(a.run) > 0 {
		if err := n.sm.Apply(a.run); err != nil {
			a.fail(fmt.Errorf("applying entries %d to %d: %w", a.run[0].Index, a.run[len(a.run)-1].Index, err))
			return
		}
	}
	n.noteApplied(a.run, a.bytes, a.responses)
	clear(a.run)
	clear(a.responses)
	a.run, a.bytes, a.responses = a.run[:0], 0, a.responses[:0]
	n.becomePrimary()
}

// swapData is the deliberate bug of entries applied in another order than the log's.
func swapData(run []Entry) {
	if k := len(run); k > 1 {
		run[k-1].Data, run[k-2].Data = run[k-2].Data, run[k-1].Data
	}
}

// noteApplied moves the applied position on, wakes who waits for it and tells raft.
func (n *Node) noteApplied(run []Entry, bytes int, responses []raftpb.Message) {
	ts := lastTimestamp(run)
	n.mu.Lock()
	defer n.mu.Unlock()
	if k := len(run); k > 0 {
		n.appliedLocked(run[k-1].Index, run[k-1].Term, ts)
		if run[k-1].Term == n.leading {
			n.unapplied -= min(n.unapplied, int64(bytes))
		}
	}
	if n.stopped != nil {
		return
	}
	for _, r := range responses {
		_ = n.raw.Step(r)
	}
	n.readyLocked()
}

// appliedLocked notes that the state machine holds everything up to an entry.
func (n *Node) appliedLocked(index, term uint64, ts oplog.Timestamp) {
	n.applied, n.appliedTerm = index, term
	if ts > n.appliedTS {
		n.appliedTS = ts
		n.water.appliedTo(ts)
	}
	n.releaseBarrierLocked()
	n.changedLocked()
}

func lastTimestamp(run []Entry) oplog.Timestamp {
	for i := len(run) - 1; i >= 0; i-- {
		if len(run[i].Data) == 0 {
			continue
		}
		if _, last, err := oplog.Span(run[i].Data); err == nil {
			return last
		}
	}
	return 0
}
