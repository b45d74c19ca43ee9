package raftnode

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"go.etcd.io/raft/v3/confchange"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

// maxConfContext bounds the context of a membership change: a configuration document is a few kilobytes.
const maxConfContext = 1 << 20

// confTokenSize is the length of the random number that stands before the context in an entry and lets the proposer recognise
// its own change.
const confTokenSize = 8

// confWaiter waits for a change to be applied, and for the joint configuration to be left if there is one.
type confWaiter struct {
	token uint64
	index uint64 // 0 until applied
	done  chan error
}

// ProposeConfChange changes the members, several at once through a joint configuration, and returns the entry's index once
// this node has applied it and left the joint configuration again. context goes to the state machine of every
// member with the change. It may be called without changes, to replicate a new context alone. term is the one in which
// the caller saw this node as primary: in any other the change may rest on members that have changed since, and is
// refused with ErrNotPrimary. Of an error other than that, ErrChangeInProgress and those about the change itself, nobody
// knows whether the change will happen.
func (n *Node) ProposeConfChange(ctx context.Context, term uint64, changes []Change, context []byte) (uint64, error) {
	if len(context) > maxConfContext {
		return 0, fmt.Errorf("raftnode: configuration of %d bytes is larger than %d", len(context), maxConfContext)
	}
	w := &confWaiter{token: rand.Uint64() | 1, done: make(chan error, 1)}
	n.flushAll() // what was appended before keeps its place before the change
	n.mu.Lock()
	err := n.proposeConfLocked(w, term, changes, context)
	n.mu.Unlock()
	if err != nil {
		return 0, err
	}
	select {
	case err := <-w.done:
		return w.index, err
	case <-ctx.Done():
		n.mu.Lock()
		n.confWaiters = slices.DeleteFunc(n.confWaiters, func(o *confWaiter) bool { return o == w })
		n.mu.Unlock()
		return 0, ctx.Err()
	}
}

func (n *Node) proposeConfLocked(w *confWaiter, term uint64, changes []Change, context []byte) error {
	if n.leading == 0 || n.leading != term || n.primary != n.leading {
		return ErrNotPrimary
	}
	if n.conf.Joint() {
		return ErrChangeInProgress
	}
	if slices.ContainsFunc(changes, func(c Change) bool { return c.ID == n.opts.ID && c.Kind != AddVoter }) {
		return ErrOwnVote
	}
	cc := raftpb.ConfChangeV2{Changes: raftChanges(changes, n.opts.ID)}
	if err := checkChange(n.conf, cc, n.last); err != nil {
		return err
	}
	cc.Context = append(binary.LittleEndian.AppendUint64(nil, w.token), context...)
	data, err := cc.Marshal()
	if err != nil {
		return err
	}
	entries := []raftpb.Entry{{Type: raftpb.EntryConfChangeV2, Data: data}}
	if err := n.raw.Step(raftpb.Message{Type: raftpb.MsgProp, From: n.opts.ID, Entries: entries}); err != nil {
		return fmt.Errorf("%w: %w", ErrNotPrimary, err)
	}
	// Raft takes the place of a change that it refuses with an empty entry.
	refused := entries[0].Type == raftpb.EntryNormal
	if !refused {
		n.confWaiters = append(n.confWaiters, w)
	}
	n.readyLocked()
	if refused {
		return ErrChangeInProgress
	}
	return nil
}

// raftChanges translates changes. Raft takes a change without changes for the end of a joint configuration, so that one which only
// carries a context adds the leader, who is there already.
func raftChanges(changes []Change, self uint64) []raftpb.ConfChangeSingle {
	if len(changes) == 0 {
		return []raftpb.ConfChangeSingle{{Type: raftpb.ConfChangeAddNode, NodeID: self}}
	}
	var list []raftpb.ConfChangeSingle
	for _, c := range changes {
		kind := raftpb.ConfChangeAddNode
		switch c.Kind {
		case AddLearner:
			kind = raftpb.ConfChangeAddLearnerNode
		case Remove:
			kind = raftpb.ConfChangeRemoveNode
		}
		list = append(list, raftpb.ConfChangeSingle{Type: kind, NodeID: c.ID})
	}
	return list
}

// checkChange tries a change out: raft finds out about impossible ones only when they are applied, on all members, and
// panics.
func checkChange(conf ConfState, cc raftpb.ConfChangeV2, last uint64) error {
	cfg, progress, err := restoreConf(conf, last)
	if err != nil {
		return err
	}
	changer := confchange.Changer{Tracker: tracker.ProgressTracker{Config: cfg, Progress: progress, MaxInflight: 1}, LastIndex: last}
	if autoLeave, joint := cc.EnterJoint(); joint {
		_, _, err = changer.EnterJoint(autoLeave, cc.Changes...)
	} else {
		_, _, err = changer.Simple(cc.Changes...)
	}
	if err != nil {
		return fmt.Errorf("raftnode: members cannot be changed so: %w", err)
	}
	return nil
}

// restoreConf checks that a ConfState makes sense.
func restoreConf(conf ConfState, last uint64) (tracker.Config, tracker.ProgressMap, error) {
	cfg, progress, err := confchange.Restore(confchange.Changer{Tracker: tracker.MakeProgressTracker(1, 0), LastIndex: last}, conf.raft())
	if err != nil {
		err = fmt.Errorf("raftnode: members make no sense: %w", err)
	}
	return cfg, progress, err
}

func decodeConfChange(e *raftpb.Entry) (raftpb.ConfChangeV2, error) {
	if e.Type == raftpb.EntryConfChange {
		var cc raftpb.ConfChange
		err := cc.Unmarshal(e.Data)
		return cc.AsV2(), err
	}
	var cc raftpb.ConfChangeV2
	err := cc.Unmarshal(e.Data)
	return cc, err
}

// applyConfChange makes a committed change take effect, in raft and then in the state machine. The applier calls it.
//
// Before that it is made durable that the change is committed. Raft does not ask for it, and a node that forgot would go by the
// members of before after a restart. It may then need the vote of one that gives it to nobody any more: that is gone, or lost its own
// vote and has more of the log than this node had synced.
func (n *Node) applyConfChange(e *raftpb.Entry) error {
	cc, err := decodeConfChange(e)
	if err != nil {
		return fmt.Errorf("entry %d changes the members in an unknown way: %w", e.Index, err)
	}
	if err := n.keepCommit(e.Index); err != nil {
		return err
	}
	var token uint64
	var context []byte
	if len(cc.Context) >= confTokenSize {
		token = binary.LittleEndian.Uint64(cc.Context)
		if rest := cc.Context[confTokenSize:]; len(rest) > 0 {
			context = rest
		}
	}

	n.mu.Lock()
	if n.stopped != nil {
		n.mu.Unlock()
		return n.stopped
	}
	conf := fromRaft(*n.raw.ApplyConfChange(cc))
	waiting := n.takeConfWaitersLocked(token, e.Index, conf)
	n.askAgainLocked()
	n.readyLocked() // a leader that is no longer a voter steps down here
	n.mu.Unlock()

	if err := n.sm.ApplyConfChange(Entry{Index: e.Index, Term: e.Term, Data: e.Data}, conf, context); err != nil {
		return fmt.Errorf("applying the change of members in entry %d: %w", e.Index, err)
	}

	n.mu.Lock()
	n.conf = conf
	n.setDataLocked()
	n.appliedLocked(e.Index, e.Term, 0)
	n.mu.Unlock()
	for _, w := range waiting {
		w.done <- nil
	}
	n.event(Event{Kind: EventConfig, Index: e.Index, Term: e.Term})
	return nil
}

// takeConfWaitersLocked notes that the change with token was applied, and returns the waiters who have all they wait for.
func (n *Node) takeConfWaitersLocked(token, index uint64, conf ConfState) []*confWaiter {
	var finished []*confWaiter
	n.confWaiters = slices.DeleteFunc(n.confWaiters, func(w *confWaiter) bool {
		if w.token == token {
			w.index = index
		}
		if w.index == 0 || conf.Joint() {
			return false
		}
		finished = append(finished, w)
		return true
	})
	return finished
}

func (n *Node) failConfWaitersLocked(err error) {
	for _, w := range n.confWaiters {
		w.done <- err
	}
	n.confWaiters = nil
}
