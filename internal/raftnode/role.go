package raftnode

import (
	"context"

	"go.etcd.io/raft/v3"
)

// roleLocked notes who leads. Raft is looked at after every step, and to lead again a node must vote for itself through the log
// writer, so that no loss of leadership goes unseen.
func (n *Node) roleLocked(ss *raft.SoftState) {
	leads := ss.RaftState == raft.StateLeader
	if n.leading != 0 && !leads {
		if n.raw.BasicStatus().Term > n.leading && !n.steppingDown {
			n.deposed++
		}
		n.loseLocked(ErrNotPrimary)
	}
	if leads && n.leading == 0 {
		n.leading = n.raw.BasicStatus().Term
		n.water.lead()
		n.electedLocked()
	}
	n.lead = ss.Lead
	if n.lead != 0 {
		n.gone, n.cause = goneLeader{}, ""
	}
	if n.lead != 0 && n.lead != n.opts.ID {
		n.prior = n.lead
	}
	n.changedLocked()
}

// loseLocked ends this node's leadership: nothing more is taken, everybody who waits is told, and the state
// machine learns it before anything that the applier gets from now on.
func (n *Node) loseLocked(reason error) {
	if n.leading == 0 {
		return
	}
	term := n.leading
	n.leading, n.unapplied, n.resumeAt, n.handingOver, n.quiet = 0, 0, 0, false, 0
	n.pending.close()
	n.water.end(reason)
	n.failBarrierLocked(reason)
	n.failConfWaitersLocked(reason)
	n.applies.put(applyItem{stepDown: term})
	n.changedLocked()
}

// becomePrimary tells the state machine that it may write, once everything before this node's term is applied: the first
// entry of the term, raft's own empty one, was. The applier calls it.
func (n *Node) becomePrimary() {
	n.mu.Lock()
	term := n.leading
	ready := term != 0 && n.primary != term && n.appliedTerm == term && n.stopped == nil && n.memberLocked(n.opts.ID).electable()
	if n.handingOver {
		ready = ready && n.resumeAt != 0 && n.applied >= n.resumeAt
	}
	if !ready {
		n.mu.Unlock()
		return
	}
	n.primary, n.handingOver, n.resumeAt = term, false, 0
	n.pending.open(term)
	n.water.begin(term)
	n.mu.Unlock()

	n.sm.BecomePrimary(term)
	n.event(Event{Kind: EventPrimary, Term: term, Leader: n.opts.ID})
	n.mu.Lock()
	n.changedLocked()
	n.mu.Unlock()
}

// stepDown takes the right to write back. The applier calls it. It may come for a term whose BecomePrimary never
// came, or after a hand-over's StepDown.
func (n *Node) stepDown(term uint64) {
	n.mu.Lock()
	was := n.primary == term && term != 0
	n.mu.Unlock()
	if !was {
		return
	}
	n.sm.StepDown(term)
	n.mu.Lock()
	n.primary = 0
	n.mu.Unlock()
	n.event(Event{Kind: EventStepDown, Term: term})
}

// changedLocked wakes those who watch what a hand-over or an election waits for.
func (n *Node) changedLocked() {
	if n.watchers != nil {
		close(n.watchers)
		n.watchers = nil
	}
}

// watchLocked returns a channel that is closed at the next change.
func (n *Node) watchLocked() <-chan struct{} {
	if n.watchers == nil {
		n.watchers = make(chan struct{})
	}
	return n.watchers
}

// waitLocked waits for the next change, without mu.
func (n *Node) waitLocked(ctx context.Context) error {
	changed := n.watchLocked()
	n.mu.Unlock()
	defer n.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-n.done:
		return ErrStopped
	}
}
