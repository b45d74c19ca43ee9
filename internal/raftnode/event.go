package raftnode

// EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	EventLeader     EventKind = "leader"     // the leader or the term as this node knows them changed; Leader may be 0
	EventPrimary    EventKind = "primary"    // this node became primary: its BecomePrimary has returned
	EventStepDown   EventKind = "stepDown"   // this node is no longer primary: its StepDown has returned
	EventConfig     EventKind = "config"     // a membership change was applied
	EventCheckpoint EventKind = "checkpoint" // a checkpoint for another member was made
	EventInstall    EventKind = "install"    // a snapshot of another member replaced this node's state
	EventPeerGone   EventKind = "peerGone"   // the leader's process died: Peer; an election follows
	EventSuspect    EventKind = "suspect"    // a message of Peer made no sense and was dropped: Err
)

// Event is something that happened to a node, for the log, the console and tests.
type Event struct {
	Kind   EventKind
	Term   uint64
	Leader uint64
	Index  uint64
	Peer   uint64
	Err    error
}
