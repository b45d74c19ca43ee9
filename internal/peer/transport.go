package peer

import (
	"bufio"
	"context"
	"errors"
	"net"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/raftnode"
)

// Version is the protocol spoken after _mortonPeer.
const Version = 1

// Node is what the transport wants of the node, as [raftnode.Node] implements it.
type Node interface {
	Step(m raftpb.Message) error
	StepSnapshot(m raftpb.Message, dir string) (accepted bool, err error)
	Checkpoint(ctx context.Context, dir string) (s raftnode.Snapshot, release func(), err error)
	SnapshotMessage(to uint64, s raftnode.Snapshot) (raftpb.Message, error)
	ReportSnapshot(to uint64, ok bool)
	ReportUnreachable(id uint64)
	PeerGone(id uint64)
}

// Status is what a member tells the others of itself.
type Status struct {
	State         int32 // MongoDB's member state: 1 primary, 2 secondary, ...
	Applied       oplog.OpTime
	Durable       oplog.OpTime
	Term          uint64
	Leader        uint64 // raft id, 0 if unknown
	ConfigVersion int64
	ConfigTerm    int64
	Started       time.Time // when the process began; the uptime at the receiver's clock follows from Uptime
	Uptime        time.Duration
	Wall          time.Time // the sender's clock when it was sent
	Message       string    // what the member is busy with, for replSetGetStatus's infoMessage
}

// PeerStatus is what this member knows of another one.
type PeerStatus struct {
	ID         uint64
	Host       string
	Status     Status    // zero if none was received yet
	Connected  bool      // this member's connection to it stands
	LastSent   time.Time // when something was last written to it
	LastHeard  time.Time // when anything was last read from it
	LastStatus time.Time
	Ping       time.Duration // round-trip time, 0 if not yet measured
	Err        error         // why there is no connection
}

// Mismatch says that another member than expected, or none yet, answers at a host.
type Mismatch struct {
	Expected      uint64 // raft id that the configuration has for the host
	Host          string
	Actual        uint64 // raft id of the data directory there, 0 if it did not say
	Uninitialised bool   // it belongs to no set yet
	Reason        string // the member's error message
}

// Options of a transport.
type Options struct {
	ID    uint64 // this member's raft id
	Host  string // host:port under which others reach this member
	Set   string
	SetID document.ObjectID

	// Dial opens a connection that is ready for commands (authenticated, when the set wants that).
	Dial func(ctx context.Context, host string) (net.Conn, error)

	// FS and Dir are where checkpoints are written and received, in sub-directories. Dir is emptied by New.
	FS  vfs.FS
	Dir string

	// Status returns this member's state of the moment. It must be quick and not call the transport.
	Status func() Status

	OnMismatch func(Mismatch)         // called from the transport's goroutines, at most once a second per host
	OnStatus   func(PeerStatus)       // a member's status changed in more than its times
	OnProgress func(SnapshotProgress) // a snapshot moved on
	Throttle   func(ctx context.Context, bytes int) error

	// Election timeout of the set: how soon a silent connection is given up follows from it.
	ElectionTimeout time.Duration
}

// SnapshotProgress tells how far a snapshot is. Sending tells the direction.
type SnapshotProgress struct {
	Peer        uint64
	Sending     bool
	Index       uint64
	File        string
	Bytes       int64
	TotalBytes  int64
	Done        bool
	Err         error
	StartedAt   time.Time
	CompletedAt time.Time
}

// Member is another member and where to dial it.
type Member struct {
	ID   uint64
	Host string
}

var errSkeleton = errors.New("peer: not written yet")

// Transport connects a member with the others. It is the node's [raftnode.Transport].
type Transport struct{}

// New returns a transport that waits for its node.
func New(opts Options) (*Transport, error) { return nil, errSkeleton }

// Start connects to the members as soon as they are known.
func (t *Transport) Start(node Node) {}

// SetMembers says who the others are; this member itself may be among them. Connections to others are closed.
func (t *Transport) SetMembers(members []Member) {}

// Send queues messages, see [raftnode.Transport].
func (t *Transport) Send(msgs []raftpb.Message) {}

// Answer returns the reply to another member's _mortonPeer command, and whether it is let in. If so, the server sends
// the reply and passes the connection to [Transport.Accept].
func (t *Transport) Answer(hello document.Doc) (reply document.Doc, ok bool) { return nil, false }

// Accept serves a connection whose _mortonPeer was answered. It returns when the connection is done with, and closes it.
func (t *Transport) Accept(conn net.Conn, br *bufio.Reader, hello document.Doc) {}

// Announce sends this member's status to the others now, because it changed.
func (t *Transport) Announce() {}

// Peers returns what is known of the other members, by raft id.
func (t *Transport) Peers() []PeerStatus { return nil }

// Close closes all connections and waits for the goroutines.
func (t *Transport) Close() {}
