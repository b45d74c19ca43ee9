package raftnode

import (
	"log/slog"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/logfile"
)

// Log is the log on disk, as [logfile.Log] implements it.
type Log interface {
	State() logfile.HardState
	FirstIndex() uint64
	LastIndex() uint64
	Term(i uint64) (uint64, error)
	Entries(lo, hi, maxBytes uint64) ([]logfile.Entry, error)
	Append(entries []logfile.Entry, hs *logfile.HardState, sync bool) error
	KeepCommit(index uint64) error
	Reset(index, term uint64) error
	Trim(upTo uint64) error
}

// Transport carries messages to other members.
type Transport interface {
	// Send takes messages for their To. It is called with the node's mutex held: it must not block and not call the node.
	// It may lose messages; it tells the node of that later through [Node.ReportUnreachable]. A MsgSnap asks for a
	// checkpoint to be shipped ([Node.Checkpoint], [Node.SnapshotMessage], [Node.ReportSnapshot]). The slice, not what it
	// refers to, is reused after the call.
	Send(msgs []raftpb.Message)
}

// nobody is the transport of a node without others.
type nobody struct{}

func (nobody) Send([]raftpb.Message) {}

// Options of a node.
type Options struct {
	ID           uint64 // of the data directory: random, never used twice
	Log          Log    // the node does not close it
	StateMachine StateMachine
	Transport    Transport // nil: there are no other members

	// Applied is what the state machine durably holds: zero for a member that waits for its first snapshot.
	Applied Snapshot

	// ElectionTimeout is how long a member goes without a sign of the leader before it asks for votes; the real time is
	// between one and two of it. At least 5 ticks; DefaultElectionTimeout if zero. [Node.SetElectionTimeout] changes it.
	ElectionTimeout time.Duration

	Logger *slog.Logger // nil: nothing is logged

	// OnEvent hears what happens, in order, from a goroutine of its own. OnFatal is called once, from a goroutine of its
	// own, when the node had to stop because its log or state machine failed. Either may be nil.
	OnEvent func(Event)
	OnFatal func(error)
}

// Tick is how often the node looks at the time.
const Tick = 10 * time.Millisecond

// An election timeout is always as many ticks of raft's clock, which therefore runs faster or slower when the timeout
// changes: raft has no way to change the number.
const (
	raftElectionTicks  = 100
	raftHeartbeatTicks = 10
)

// DefaultElectionTimeout is used when the options give none.
const DefaultElectionTimeout = time.Second

// Member is what the node must know of a member beyond raft's own configuration ([Node.SetMembers]). A voter that is not
// listed is taken for one with priority 1 and data.
type Member struct {
	ID       uint64
	Priority float64 // 0: never asks for votes and is never handed the leadership
	Arbiter  bool    // keeps the log and no data: never primary, and not counted by WaitReplicated
	// Delay is how old an operation must be before the member applies it. Its log is as new as any other's.
	Delay time.Duration
}

func (m Member) electable() bool { return m.Priority > 0 && !m.Arbiter }
