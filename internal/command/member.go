package command

import (
	"bufio"
	"context"
	"net"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/replset"
)

// Topology is what this member knows of its set.
type Topology interface {
	// View returns the newest state. It is immutable and never nil.
	View() *replset.View
	// Changed returns a channel that is closed as soon as the view's topology counter is another one than counter (which
	// may be at once).
	Changed(counter int64) <-chan struct{}
}

// Log is what commands need to know of the replicated log.
type Log interface {
	// Last returns the place of the newest operation that reads of this member show; zero before the set is initiated.
	Last() oplog.OpTime
	// Newest returns the time of the newest operation that reads of this member have ever shown.
	Newest() oplog.Timestamp
	// Committed returns the place of the newest operation that majority reads of this member show.
	Committed() oplog.OpTime

	// WaitApplied waits until local reads show ts. On a primary whose log ends before ts (a time that a client heard of from
	// somebody else) it makes a no-op entry, so that the wait ends.
	WaitApplied(ctx context.Context, ts oplog.Timestamp) error
	// CatchUp waits until majority reads show everything that this member knows to be committed: what a write concern has vouched
	// for may still be on its way into storage.
	CatchUp(ctx context.Context) error
	// WaitCommitted waits until a majority has op; majority reads show it after CatchUp. An op with a term is one that this member wrote, or
	// showed, as primary of that term: the wait fails if the term ends, since nobody then knows whether op is kept. Without
	// a term it is a time that a client heard of.
	WaitCommitted(ctx context.Context, op oplog.OpTime) error
	// WaitDurable waits until op, of this member's term as primary, is on its disk.
	WaitDurable(ctx context.Context, op oplog.OpTime) error
	// WaitReplicated waits until n members, this one included, have op, of this member's term as primary.
	WaitReplicated(ctx context.Context, op oplog.OpTime, n int) error
	// WaitTagged waits until the members have op, of this member's term as primary, that w demands by their tags.
	WaitTagged(ctx context.Context, op oplog.OpTime, w replset.WriteConcern) error
	// ReadBarrier waits until it is certain that this member was primary after the call began and that majority reads show
	// everything that was committed before.
	ReadBarrier(ctx context.Context) error
	// Holders returns the hosts of the members that are known to have ts, this one included.
	Holders(ts oplog.Timestamp) []string
}

// ReplicaSet carries out what the replication commands ask for. Errors are *[mongoerr.Error]s where MongoDB has words for
// them. The documents returned are the reply's own fields, without ok.
type ReplicaSet interface {
	Topology
	// Initiate makes the set. config is the command's argument: a configuration if it is a document that is not empty,
	// otherwise one is made from the seeds of --replSet. Legacy asks for the reply in the words of the first release.
	Initiate(ctx context.Context, config document.Value, legacy bool) (document.Doc, error)
	// Reconfigure installs config, the command's argument, in place of the present configuration.
	Reconfigure(ctx context.Context, config document.Value, force bool) (document.Doc, error)
	// Config returns the configuration document.
	Config() (document.Doc, error)
	// Status returns the reply of replSetGetStatus.
	Status() (document.Doc, error)
	// Elections returns what this member counts of elections.
	Elections() replset.ElectionMetrics
	// StepDown gives up being primary for a while.
	StepDown(ctx context.Context, how StepDown) error
	// StepUp has this member elected.
	StepUp(ctx context.Context) error
	// Freeze keeps this member from standing for election for some seconds; 0 ends that.
	Freeze(ctx context.Context, seconds int64) (document.Doc, error)
	// Maintain takes this secondary out of service, or back into it.
	Maintain(on bool) error
	// ResizeOplog changes how much of the log is kept: bytes (0: as much as before), and at least that of so long a time (negative: as long as before).
	ResizeOplog(bytes int64, retention time.Duration) error
	// OplogBytes returns how much of the log is kept.
	OplogBytes() int64
	// Identity returns what this process tells another member that asks who it is (_mortonIdentity).
	Identity() document.Doc
}

// PeerAcceptor turns a client's connection into one of another member's (_mortonPeer).
type PeerAcceptor interface {
	// Answer returns the reply, and whether the other member is let in.
	Answer(cmd document.Doc) (reply document.Doc, ok bool)
	// Accept takes over the connection of a member that was let in, after the reply. It returns when it is done with.
	Accept(conn net.Conn, br *bufio.Reader, cmd document.Doc)
}

// StepDown is the wish of replSetStepDown, in seconds.
type StepDown struct {
	For     int64 // not to be elected again for so long
	CatchUp int64 // how long to wait for a secondary that has everything
	Force   bool  // step down even if none has
}

// Process is what commands need of the program around them.
type Process interface {
	// Stop begins the shutdown of the member, after the reply has been sent. It refuses (an error, nothing happens) if this
	// member is primary and no secondary catches up, unless forced.
	Stop(ctx context.Context, force bool, timeoutSecs int64) error
	// CommandLine returns argv and the options as a configuration file would have them.
	CommandLine() (argv []string, parsed document.Doc)
	// LogLines returns the newest lines (each a JSON object) of a log, "global" or "startupWarnings", and how many there
	// ever were.
	LogLines(name string) (lines []string, total int)
	// Network returns the counters of the server's sockets.
	Network() NetworkStats
}

// NetworkStats is the sockets' part of serverStatus.
type NetworkStats struct {
	Connections, ConnectionsAvailable, ConnectionsCreated int64
	BytesIn, BytesOut, Requests                           int64
}
