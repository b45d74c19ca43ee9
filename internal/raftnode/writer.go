package raftnode

import (
	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/invariant"
	"github.com/mortondb/morton/internal/logfile"
)

// writeItem is what one Ready wants to have on disk, and what may be said once it is there.
type writeItem struct {
	entries   []raftpb.Entry
	hardState *raftpb.HardState
	truncated uint64 // for watermarks.wrote
	responses []raftpb.Message

	snapshot *raftpb.Snapshot // installed before the entries are appended
	dir      string           // where its files are
}

// keepItem asks the log writer to make a commit position durable.
type keepItem struct {
	index uint64
	done  chan error
}

// keepCommit makes durable that the log is committed up to index. The applier calls it.
func (n *Node) keepCommit(index uint64) error {
	item := keepItem{index, make(chan error, 1)}
	select {
	case n.keeps <- item:
	case <-n.done:
		return ErrStopped
	}
	select {
	case err := <-item.done:
		return err
	case <-n.done:
		return ErrStopped
	}
}

// writeLoop is the log writer. Everything that has gathered while one fsync ran goes into the next one.
func (n *Node) writeLoop() {
	w := writer{node: n, hs: n.opts.Log.State()}
	for {
		select {
		case <-n.writes.signal:
			w.busy(n.writes.take())
		case item := <-n.keeps:
			item.done <- n.opts.Log.KeepCommit(item.index)
		case <-n.done:
			w.drain()
			return
		}
	}
}

// writer is the log writer's own state.
type writer struct {
	node      *Node
	hs        logfile.HardState // as it is on disk
	entries   []logfile.Entry   // gathered for one append
	scratch   []raftpb.Message
	truncated uint64
	failed    bool
}

// busy writes items; whoever appends meanwhile need not hurry.
func (w *writer) busy(items []writeItem) {
	n := w.node
	n.pending.writing.Store(true)
	w.write(items)
	n.pending.writing.Store(false)
	n.flush()
}

// drain writes what is left when the node stops, without telling anybody, and the commit position.
func (w *writer) drain() {
	n := w.node
	n.mu.Lock()
	n.flushHardStateLocked()
	n.mu.Unlock()
	w.write(n.writes.take())
}

func (w *writer) write(items []writeItem) {
	for len(items) > 0 && !w.failed {
		k := 1
		for k < len(items) && items[k].snapshot == nil {
			k++
		}
		if err := w.batch(items[:k]); err != nil {
			w.failed = true
			w.node.fail(err)
			return
		}
		items = items[k:]
	}
}

// batch writes items, of which only the first may have a snapshot, with one fsync and then delivers their responses.
func (w *writer) batch(items []writeItem) error {
	if items[0].snapshot != nil {
		if err := w.install(&items[0]); err != nil {
			return err
		}
	}
	w.entries = w.entries[:0]
	hs := w.hs
	for i := range items {
		w.gather(items[i].entries)
		if items[i].hardState != nil {
			hs = logfile.HardState{Term: items[i].hardState.Term, Vote: items[i].hardState.Vote, Commit: items[i].hardState.Commit}
		}
		if len(items[i].entries) > 0 {
			w.truncated = items[i].truncated
		}
	}
	if err := w.append(hs); err != nil {
		return err
	}
	w.deliver(items)
	return nil
}

// gather adds entries, which may overwrite the end of those gathered before.
func (w *writer) gather(entries []raftpb.Entry) {
	if len(entries) == 0 {
		return
	}
	if k := len(w.entries); k > 0 && entries[0].Index <= w.entries[k-1].Index {
		keep := 0
		if first := w.entries[0].Index; entries[0].Index > first {
			keep = int(entries[0].Index - first)
		}
		clear(w.entries[keep:])
		w.entries = w.entries[:keep]
	}
	w.entries = toLog(entries, w.entries)
}

// append brings the gathered entries and hs to disk. A vote, a term or an entry must be there before anything is said of
// it; a commit position alone need not.
func (w *writer) append(hs logfile.HardState) error {
	var changed *logfile.HardState
	if hs != w.hs {
		changed = &hs
	}
	if len(w.entries) == 0 && changed == nil {
		return nil
	}
	sync := len(w.entries) > 0 || hs.Term != w.hs.Term || hs.Vote != w.hs.Vote
	if invariant.Mutated("ackBeforeSync") {
		sync = false
	}
	if invariant.Mutated("forgetVote") && len(w.entries) == 0 {
		w.hs = hs
		return nil
	}
	if err := w.node.opts.Log.Append(w.entries, changed, sync); err != nil {
		return err
	}
	w.hs = hs
	if k := len(w.entries); k > 0 {
		w.node.water.wrote(w.entries[k-1].Index, w.truncated)
		clear(w.entries)
	}
	return nil
}

// deliver sends the responses, which vouch for what is now on disk.
func (w *writer) deliver(items []writeItem) {
	n := w.node
	remote := w.scratch[:0]
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped != nil {
		return
	}
	for i := range items {
		for _, r := range items[i].responses {
			if r.To == n.opts.ID {
				_ = n.raw.Step(r)
			} else {
				remote = append(remote, r)
			}
		}
	}
	if len(remote) > 0 && n.transport != nil {
		n.transport.Send(remote)
	}
	clear(remote)
	w.scratch = remote[:0]
	n.readyLocked()
}

// await waits for the applier, which may itself be waiting for this writer.
func (w *writer) await(done chan error) error {
	n := w.node
	for {
		select {
		case err := <-done:
			return err
		case item := <-n.keeps:
			item.done <- n.opts.Log.KeepCommit(item.index)
		case <-n.done:
			select { // the applier ends without looking at its queue
			case err := <-done:
				return err
			default:
				return ErrStopped
			}
		}
	}
}

// install puts a snapshot in the place of state machine and log. The state machine comes first: should the process die in between, it holds
// what the log lacks, and Open resets the log; the other way round there would be a log without its beginning.
func (w *writer) install(item *writeItem) error {
	n := w.node
	snap, err := snapshotFromRaft(item.snapshot)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	n.applies.put(applyItem{install: &installItem{dir: item.dir, snapshot: snap, done: done}})
	if err := w.await(done); err != nil {
		return err
	}
	if err := n.opts.Log.Reset(snap.Index, snap.Term); err != nil {
		return err
	}
	w.hs = n.opts.Log.State()
	n.water.wrote(snap.Index, item.truncated)
	return nil
}
