package raftnode

import "github.com/mortondb/morton/internal/oplog"

// Role is what a node is in raft's eyes.
type Role string

// The roles.
const (
	Follower     Role = "follower"
	PreCandidate Role = "preCandidate"
	Candidate    Role = "candidate"
	Leader       Role = "leader"
)

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
