package raftnode

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// SuspectError says that a message made no sense and was dropped. Its sender has another idea of the log than this node can
// have left it with: a bug, or a disk that lost what it had confirmed.
type SuspectError struct {
	From   uint64
	Type   raftpb.MessageType
	Reason string
}

func (e *SuspectError) Error() string {
	return fmt.Sprintf("raftnode: dropped %s of member %x: %s", e.Type, e.From, e.Reason)
}

func suspect(m *raftpb.Message, reason string) error {
	return &SuspectError{From: m.From, Type: m.Type, Reason: reason}
}

// wireTypes are the messages that members send each other. Snapshots come through StepSnapshot; proposals and reads are
// not forwarded.
var wireTypes = map[raftpb.MessageType]bool{
	raftpb.MsgApp: true, raftpb.MsgAppResp: true,
	raftpb.MsgHeartbeat: true, raftpb.MsgHeartbeatResp: true,
	raftpb.MsgVote: true, raftpb.MsgVoteResp: true,
	raftpb.MsgPreVote: true, raftpb.MsgPreVoteResp: true,
	raftpb.MsgTimeoutNow: true, raftpb.MsgTransferLeader: true,
}

// check refuses messages that would make raft panic or believe nonsense, as far as they show it by themselves.
func check(m *raftpb.Message, self uint64) error {
	switch {
	case !wireTypes[m.Type]:
		return suspect(m, "not a message between members")
	case m.From == 0 || m.From == self || raft.IsLocalMsgTarget(m.From) || m.To != self:
		return suspect(m, "wrong address")
	case m.Term == 0:
		return suspect(m, "no term")
	case len(m.Entries) > 0 && m.Type != raftpb.MsgApp:
		return suspect(m, "entries")
	}
	term := m.LogTerm
	for i := range m.Entries {
		e := &m.Entries[i]
		if e.Index != m.Index+1+uint64(i) || e.Term < term || e.Term > m.Term || e.Term == 0 {
			return suspect(m, "entries out of order")
		}
		term = e.Term
		switch e.Type {
		case raftpb.EntryNormal:
		case raftpb.EntryConfChange, raftpb.EntryConfChangeV2:
			if _, err := decodeConfChange(e); err != nil {
				return suspect(m, "unreadable change of members")
			}
		default:
			return suspect(m, "entry of an unknown type")
		}
	}
	return nil
}

// checkLocked refuses what does not fit this node's log.
func (n *Node) checkLocked(m *raftpb.Message) error {
	switch {
	case m.Type == raftpb.MsgHeartbeat && m.Commit > n.last && m.Term >= n.term:
		return suspect(m, fmt.Sprintf("entry %d is said to be here and committed, but the log ends at %d: the disk lost data", m.Commit, n.last))
	case m.Type == raftpb.MsgAppResp && !m.Reject && m.Index > n.last && m.Term == n.leading && n.leading != 0:
		return suspect(m, fmt.Sprintf("entry %d is acknowledged, but the log ends at %d", m.Index, n.last))
	}
	return nil
}

// Step takes a message of another member. The caller vouches for From being its sender. A *[SuspectError] means that the
// message was dropped because it makes no sense.
func (n *Node) Step(m raftpb.Message) error {
	if err := check(&m, n.opts.ID); err != nil {
		return err
	}
	marked := markEntries(m.Entries)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped != nil {
		return n.stopped
	}
	if err := n.checkLocked(&m); err != nil {
		n.event(Event{Kind: EventSuspect, Peer: m.From, Term: m.Term, Err: err})
		return err
	}
	switch m.Type {
	case raftpb.MsgTransferLeader: // a member asks to take over; raft alone would do it without ado
		n.yieldLocked(m.From)
		return nil
	case raftpb.MsgTimeoutNow:
		if !n.mayCampaignLocked() {
			return nil
		}
		if n.cause == "" {
			n.cause = CauseHandOver
		}
		n.countLocked(n.called, n.cause, true)
	}
	n.marked = marked
	err := n.raw.Step(m)
	if m.Type == raftpb.MsgVote {
		n.askedLocked(&m)
	}
	if m.Type == raftpb.MsgAppResp && !m.Reject && n.leading != 0 && m.Term == n.leading {
		n.water.matched(m.From, m.Index)
		n.changedLocked()
	}
	n.readyLocked()
	if m.From == n.lead && m.Term == n.term {
		n.quiet = 0
	}
	if errors.Is(err, raft.ErrProposalDropped) || errors.Is(err, raft.ErrStepPeerNotFound) {
		return nil // a member that was removed, or that this node does not know yet
	}
	return err
}
