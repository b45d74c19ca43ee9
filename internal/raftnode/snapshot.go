package raftnode

import (
	"context"
	"fmt"
	"math"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// pin keeps log entries behind index from being trimmed: a snapshot up to it is on its way to a member.
type pin struct {
	to       uint64
	index    uint64
	released time.Time // when it had arrived; the pin holds until the member has installed it, or too long has passed
}

// pinGrace is how long a member may take to install a snapshot before the log is trimmed all the same. If it takes longer it
// may need another one.
const pinGrace = 5 * time.Minute

// incoming is a received snapshot while raft decides whether to take it.
type incoming struct {
	index uint64
	dir   string
}

// Checkpoint has the state machine write a checkpoint into dir, for a MsgSnap to a member. The log keeps the entries that follow
// it until release is called and the member has installed it.
func (n *Node) Checkpoint(ctx context.Context, to uint64, dir string) (s Snapshot, release func(), err error) {
	item := &checkpointItem{dir: dir, pin: &pin{to: to}, done: make(chan error, 1)}
	n.mu.Lock()
	item.pin.index = n.applied // the checkpoint holds at least this
	n.pins[item.pin] = struct{}{}
	n.mu.Unlock()
	release = func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		item.pin.released = time.Now()
	}
	n.applies.put(applyItem{checkpoint: item})
	select {
	case err = <-item.done:
	case <-ctx.Done():
		err = ctx.Err()
	case <-n.done:
		err = ErrStopped
	}
	if err != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.pins, item.pin)
		return Snapshot{}, nil, err
	}
	return item.snapshot, release, nil
}

// unpinLocked takes off the pins that are no longer needed and returns how far the others let the log be trimmed.
func (n *Node) unpinLocked() (upTo uint64) {
	upTo = math.MaxUint64
	for p := range n.pins {
		arrived := !p.released.IsZero()
		if arrived && (n.leading == 0 || n.water.matchOf(p.to) >= p.index || time.Since(p.released) > pinGrace) {
			delete(n.pins, p)
			continue
		}
		upTo = min(upTo, p.index)
	}
	return upTo
}

// makeCheckpoint is Checkpoint's part on the applier.
func (n *Node) makeCheckpoint(item *checkpointItem) error {
	n.mu.Lock()
	withData := !n.memberLocked(item.pin.to).Arbiter
	n.mu.Unlock()
	snap, err := n.sm.Checkpoint(item.dir, withData)
	if err != nil {
		return fmt.Errorf("raftnode: checkpoint: %w", err)
	}
	item.snapshot = snap
	n.mu.Lock()
	item.pin.index = max(item.pin.index, snap.Index)
	n.mu.Unlock()
	n.event(Event{Kind: EventCheckpoint, Index: snap.Index, Term: snap.Term})
	return nil
}

// SnapshotMessage returns the MsgSnap that tells a member, who has received all files, to install s. It carries the term
// of now, not of when the snapshot was asked for, so that sending may outlast an election that this node wins. ErrNotPrimary if this
// node does not lead any more.
func (n *Node) SnapshotMessage(to uint64, s Snapshot) (raftpb.Message, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.leading == 0 {
		return raftpb.Message{}, ErrNotPrimary
	}
	rs := s.raft()
	return raftpb.Message{Type: raftpb.MsgSnap, From: n.opts.ID, To: to, Term: n.leading, Snapshot: &rs}, nil
}

// StepSnapshot takes a MsgSnap whose checkpoint was received into dir. If it is accepted the state machine takes dir over,
// else dir is the caller's to remove.
func (n *Node) StepSnapshot(m raftpb.Message, dir string) (accepted bool, err error) {
	if m.Type != raftpb.MsgSnap || m.Snapshot == nil || m.Term == 0 {
		return false, suspect(&m, "no snapshot")
	}
	snap, err := snapshotFromRaft(m.Snapshot)
	if err != nil {
		return false, err
	}
	if snap.Index == 0 || snap.Term == 0 || snap.Term > m.Term {
		return false, suspect(&m, "snapshot of nothing")
	}
	if _, _, err := restoreConf(snap.ConfState, snap.Index); err != nil {
		return false, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped != nil {
		return false, n.stopped
	}
	n.incoming = &incoming{index: snap.Index, dir: dir}
	err = n.raw.Step(m)
	n.readyLocked()
	accepted = n.incoming == nil
	n.incoming = nil
	return accepted, err
}

// installSnapshot is the applier's part of taking a snapshot. Raft hands out no entries to apply while one is
// being installed.
func (n *Node) installSnapshot(item *installItem) error {
	s := item.snapshot
	if err := n.sm.InstallSnapshot(item.dir, s); err != nil {
		return fmt.Errorf("installing the snapshot up to entry %d: %w", s.Index, err)
	}
	n.mu.Lock()
	n.conf = s.ConfState
	n.setDataLocked()
	n.appliedLocked(s.Index, s.Term, s.TS)
	n.mu.Unlock()
	n.event(Event{Kind: EventInstall, Index: s.Index, Term: s.Term})
	return nil
}

// ReportSnapshot says how sending a snapshot ended, to be called once per MsgSnap passed to the transport.
func (n *Node) ReportSnapshot(to uint64, ok bool) {
	status := raft.SnapshotFinish
	if !ok {
		status = raft.SnapshotFailure
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped == nil {
		n.raw.ReportSnapshot(to, status)
		n.readyLocked()
	}
}

// ReportUnreachable says that messages to a member may have been lost.
func (n *Node) ReportUnreachable(id uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped == nil {
		n.raw.ReportUnreachable(id)
		n.readyLocked()
	}
}

// Compact lets the log drop entries up to and including upTo that no snapshot in transfer needs. The caller knows what
// the state machine has durably applied, and how much log is to be kept.
func (n *Node) Compact(upTo uint64) error {
	n.mu.Lock()
	upTo = min(upTo, n.applied, n.unpinLocked())
	stopped := n.stopped
	n.mu.Unlock()
	if stopped != nil {
		return stopped
	}
	// The log takes what it trims for committed. It must not get ahead of the commit position that the log writer is about to write.
	return n.opts.Log.Trim(min(upTo, n.opts.Log.State().Commit))
}
