package raftnode

import (
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"

	"github.com/mortondb/morton/internal/oplog"
)

// Role is what a node is in raft's eyes.
type Role string

// The roles.
const (
	Follower     Role = "follower"
	PreCandidate Role = "preCandidate"
	Candidate    Role = "candidate"
	Leader       Role = "leader"
)

var roles = map[raft.StateType]Role{
	raft.StateFollower: Follower, raft.StatePreCandidate: PreCandidate, raft.StateCandidate: Candidate, raft.StateLeader: Leader,
}

// Status describes a node at one moment.
type Status struct {
	ID, Term, Leader uint64
	Role             Role
	Primary          bool // leads, and the state machine was told so
	HandingOver      bool // leads, and no longer takes appends because another member is to take over

	First, Last, Committed, Applied uint64 // indexes
	AppliedTerm                     uint64
	DurableTS, CommittedTS          oplog.Timestamp // of the log on this node's disk, and of what is known to be committed
	AppliedTS                       oplog.Timestamp

	ConfState ConfState
	Progress  []Progress // of every member, this one included; only on a leader

	PendingBytes, UnappliedBytes int64
	Stopped                      error // why the node does not take part any more
}

// Progress is what a leader knows of a member's log.
type Progress struct {
	ID             uint64
	Match          uint64          // last index known to be on the member's disk
	MatchTS        oplog.Timestamp // last timestamp known to be on the member's disk; too old, never too new
	Learner        bool
	RecentlyActive bool   // heard from within the last election timeout
	State          string // StateProbe, StateReplicate, StateSnapshot
}

// Status describes the node.
func (n *Node) Status() Status {
	pending := n.pending.size()
	n.mu.Lock()
	defer n.mu.Unlock()
	rs := n.raw.BasicStatus()
	s := Status{
		ID: n.opts.ID, Term: n.term, Leader: n.lead, Role: roles[rs.RaftState],
		Primary: n.primary != 0 && n.primary == n.leading, HandingOver: n.handingOver,
		First: n.opts.Log.FirstIndex(), Last: n.last, Committed: n.commit,
		Applied: n.applied, AppliedTerm: n.appliedTerm, AppliedTS: n.appliedTS,
		ConfState: n.conf, PendingBytes: pending, UnappliedBytes: n.unapplied, Stopped: n.stopped,
	}
	s.DurableTS, s.CommittedTS = n.water.positions()
	if n.leading == 0 {
		return s
	}
	n.raw.WithProgress(func(id uint64, kind raft.ProgressType, p tracker.Progress) {
		s.Progress = append(s.Progress, Progress{
			ID: id, Match: p.Match, MatchTS: n.water.at(p.Match), Learner: kind == raft.ProgressTypeLearner,
			RecentlyActive: p.RecentActive || id == n.opts.ID, State: p.State.String(),
		})
	})
	return s
}
