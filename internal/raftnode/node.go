package raftnode

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/oplog"
)

// Errors that callers tell apart.
var (
	// ErrNotPrimary: this node is not primary, or stopped being it while the call waited. Of a write that was waited for
	// it means that nobody knows yet whether it is kept.
	ErrNotPrimary = errors.New("raftnode: not primary")
	// ErrStopped: the node was closed or had to stop.
	ErrStopped = errors.New("raftnode: stopped")
	// ErrChangeInProgress: the members can be changed when the change before has been applied.
	ErrChangeInProgress = errors.New("raftnode: another change of the members is in progress")
	// ErrNoCandidate: nobody who could lead is there, or caught up within the time given. This node still leads.
	ErrNoCandidate = errors.New("raftnode: no electable member is caught up")
	// ErrNotElectable: this node may not ask for votes now (learner, priority 0, arbiter, frozen).
	ErrNotElectable = errors.New("raftnode: not electable")
)

// Node is one member's end of the replicated log.
type Node struct{}

var errSkeleton = errors.New("raftnode: not written yet")

// Open makes a node out of what the log and the state machine hold. It does nothing before [Node.Start].
func Open(opts Options) (*Node, error) { return nil, errSkeleton }

// Start starts the clock. A single voter campaigns at once.
func (n *Node) Start() {}

// Close stops the node and waits for its goroutines. A primary's StepDown is called. Log and state machine stay open.
func (n *Node) Close() error { return errSkeleton }

// Append hands over a group of operations whose last timestamp is last. It never blocks for IO. It is called in the order
// of timestamps, only between BecomePrimary and StepDown; a group that comes when leadership is already
// lost is dropped, and whoever waits for it gets ErrNotPrimary. urgent says that somebody will wait for it.
func (n *Node) Append(group []byte, last oplog.Timestamp, urgent bool) {}

// WaitDurable waits until the log on this node's disk has everything up to ts.
func (n *Node) WaitDurable(ctx context.Context, ts oplog.Timestamp) error { return errSkeleton }

// WaitCommitted waits until a majority has everything up to ts on disk.
func (n *Node) WaitCommitted(ctx context.Context, ts oplog.Timestamp) error { return errSkeleton }

// WaitReplicated waits until count members that hold data, this one included, have everything up to ts on disk.
func (n *Node) WaitReplicated(ctx context.Context, ts oplog.Timestamp, count int) error {
	return errSkeleton
}

// ReadBarrier returns once this node has proved, after the call began, that it still leads, and has applied everything
// committed before: what is read then is linearizable.
func (n *Node) ReadBarrier(ctx context.Context) error { return errSkeleton }

// Backlog returns the bytes appended but not yet in raft's log, and those in it that were not yet applied here.
func (n *Node) Backlog() (pending, unapplied int64) { return 0, 0 }

// Status describes the node.
func (n *Node) Status() Status { return Status{} }

// Leader returns the leader's id, 0 if unknown, and the term.
func (n *Node) Leader() (id, term uint64) { return 0, 0 }

// SetMembers says who may lead and who holds data. It is called when the configuration changes.
func (n *Node) SetMembers(members []Member) {}

// ProposeConfChange changes the members, several at once through a joint configuration, and returns the entry's index once
// this node has applied it and left the joint configuration again. context goes to the state machine of every
// member with the change. It may be called without changes, to replicate a new context alone.
func (n *Node) ProposeConfChange(ctx context.Context, changes []Change, context []byte) (uint64, error) {
	return 0, errSkeleton
}

// TransferLeadership hands over to a member, or to the best one if to is 0. Appends stop (StepDown) only when the member
// is close, everything appended before is committed and at the member before it is told to take over. When it fails
// this node leads on (BecomePrimary again).
func (n *Node) TransferLeadership(ctx context.Context, to uint64) error { return errSkeleton }

// StepDownOptions are those of MongoDB's replSetStepDown.
type StepDownOptions struct {
	Stay    time.Duration // how long this node does not campaign afterwards
	CatchUp time.Duration // how long to wait for an electable member that has everything
	Force   bool          // step down also when there is none
}

// StepDownAndStay hands over to the best member and does not campaign for a while. ErrNoCandidate: nobody was
// caught up in time, and Force is not set; this node leads on.
func (n *Node) StepDownAndStay(ctx context.Context, o StepDownOptions) error { return errSkeleton }

// Freeze keeps this node from campaigning for d; 0 ends that, and a single voter then campaigns at once.
func (n *Node) Freeze(d time.Duration) {}

// Campaign asks for leadership now: of the leader, who hands over, or, without one, of the voters. It returns when this node
// is primary.
func (n *Node) Campaign(ctx context.Context) error { return errSkeleton }

// Compact lets the log drop entries up to and including upTo that no snapshot in transfer needs. The caller knows what the state machine
// has durably applied, and how much log is to be kept.
func (n *Node) Compact(upTo uint64) error { return errSkeleton }

// Step takes a message of another member. The caller vouches for From being its sender.
func (n *Node) Step(m raftpb.Message) error { return errSkeleton }

// StepSnapshot takes a MsgSnap whose checkpoint was received into dir. If it is accepted the state machine takes dir over,
// else dir is the caller's to remove.
func (n *Node) StepSnapshot(m raftpb.Message, dir string) (accepted bool, err error) {
	return false, errSkeleton
}

// Checkpoint has the state machine write a checkpoint into dir, for a MsgSnap. Until release is called the log keeps the
// entries that follow it.
func (n *Node) Checkpoint(ctx context.Context, dir string) (s Snapshot, release func(), err error) {
	return Snapshot{}, nil, errSkeleton
}

// SnapshotMessage returns the MsgSnap that tells a member, who has received all files, to install s. ErrNotPrimary if this node does
// not lead any more.
func (n *Node) SnapshotMessage(to uint64, s Snapshot) (raftpb.Message, error) {
	return raftpb.Message{}, errSkeleton
}

// ReportSnapshot says how sending a snapshot ended, to be called once per MsgSnap passed to the transport.
func (n *Node) ReportSnapshot(to uint64, ok bool) {}

// ReportUnreachable says that messages to a member may have been lost.
func (n *Node) ReportUnreachable(id uint64) {}

// PeerGone says that a member's process is known to have died. If it is the leader, this node forgets it and campaigns,
// members one after the other by rank so that they do not split the votes. It does no harm if the leader lives.
func (n *Node) PeerGone(id uint64) {}
