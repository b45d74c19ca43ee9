package peer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/raftnode"
)

// Node is what the transport wants of the node, as [raftnode.Node] implements it.
type Node interface {
	Step(m raftpb.Message) error
	StepSnapshot(m raftpb.Message, dir string) (accepted bool, err error)
	Checkpoint(ctx context.Context, to uint64, dir string) (s raftnode.Snapshot, release func(), err error)
	SnapshotMessage(to uint64, s raftnode.Snapshot) (raftpb.Message, error)
	ReportSnapshot(to uint64, ok bool)
	ReportUnreachable(id uint64)
	PeerGone(id uint64)
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
	ID    uint64        // this member's raft id
	Host  func() string // host:port under which others reach this member, as it is known now
	Set   string
	SetID document.ObjectID

	// Dial opens a connection that is ready for commands (authenticated, when the set wants that).
	Dial func(ctx context.Context, host string) (net.Conn, error)

	// FS and Dir are where checkpoints are written and received, in sub-directories. New empties Dir but for what was received
	// of a snapshot that was not finished.
	FS  vfs.FS
	Dir string

	// Status returns this member's state of the moment. It must be quick and not call the transport.
	Status func() Status

	// ElectionTimeout of the set: how soon a silent connection is given up follows from it.
	ElectionTimeout time.Duration

	// The others may be nil. They are called from the transport's goroutines and should be quick, except OnMismatch, which
	// only the connection to the host in question waits for.

	OnMismatch func(Mismatch)         // at most about once a second per host
	OnStatus   func(PeerStatus)       // a member's status changed in more than its times
	OnProgress func(SnapshotProgress) // a snapshot moved on
}

// Member is another member and where to dial it.
type Member struct {
	ID   uint64
	Host string
}

// ErrClosed is what a closed transport answers.
var ErrClosed = errors.New("peer: transport is closed")

// Transport connects a member with the others. It is the node's [raftnode.Transport].
type Transport struct {
	opts     Options
	instance int64        // of this process
	started  time.Time    // the zero of this process's clock in status frames
	silence  atomic.Int64 // how long a connection may show no sign of life
	interval atomic.Int64 // between two statuses
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	mu        sync.Mutex // a leaf, like the links' own
	node      Node
	links     map[uint64]*link
	accepted  map[net.Conn]struct{}
	receiving *receipt // the snapshot that is being received
	dirs      int      // numbers the directories
}

// Times.
const (
	statusInterval = 500 * time.Millisecond // between two signs of life, until the configuration says; and until others hear of what was applied
	minInterval    = 10 * time.Millisecond
	minSilence     = 5 * time.Second // after which a connection without a sign of life is given up
	writeTimeout   = 10 * time.Second
)

// New returns a transport that waits for its node.
func New(opts Options) (*Transport, error) {
	if err := opts.FS.MkdirAll(opts.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	names, err := opts.FS.List(opts.Dir)
	for _, name := range names {
		if name != incomingDir {
			err = errors.Join(err, opts.FS.RemoveAll(opts.FS.PathJoin(opts.Dir, name)))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("peer: emptying %s: %w", opts.Dir, err)
	}
	t := &Transport{opts: opts, instance: rand.Int64() | 1, started: time.Now(),
		links: map[uint64]*link{}, accepted: map[net.Conn]struct{}{}}
	t.silence.Store(int64(max(minSilence, 5*opts.ElectionTimeout)))
	t.interval.Store(int64(statusInterval))
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t, nil
}

// SetHeartbeats says how often members tell each other how they are, and after what time of silence one is taken for down. That more of the log is
// applied is told within statusInterval in any case.
func (t *Transport) SetHeartbeats(interval, timeout time.Duration) {
	interval = max(interval, minInterval)
	t.interval.Store(int64(interval))
	t.silence.Store(int64(max(timeout, 3*interval)))
}

func (t *Transport) silent() time.Duration { return time.Duration(t.silence.Load()) }

// Start connects to the members that are known, and to others as soon as they are.
func (t *Transport) Start(node Node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.node = node
	for _, l := range t.links {
		t.wg.Go(l.run)
	}
	t.wg.Go(func() { t.forget(nil) }) // what the process before received
}

// Close closes all connections and waits for the goroutines.
func (t *Transport) Close() {
	t.mu.Lock()
	t.cancel()
	for conn := range t.accepted {
		_ = conn.Close()
	}
	t.mu.Unlock()
	t.wg.Wait()
}

// spawn runs f in a goroutine that Close waits for, unless it is too late or too early for that.
func (t *Transport) spawn(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.node != nil && t.ctx.Err() == nil {
		t.wg.Go(f)
	}
}

// SetMembers says who the others are; this member itself may be among them. Connections to members that are no longer
// there are closed, unless they keep theirs open: a member whose configuration is old must not lock out one that is newer.
func (t *Transport) SetMembers(members []Member) {
	t.mu.Lock()
	defer t.mu.Unlock()
	hosts := map[uint64]string{}
	for _, m := range members {
		if m.ID != t.opts.ID && m.ID != 0 {
			hosts[m.ID] = m.Host
		}
	}
	for id, l := range t.links {
		if host, ok := hosts[id]; ok && host == l.host {
			l.setMember(true)
			delete(hosts, id)
		} else if ok || !l.setMember(false) {
			l.cancel()
			delete(t.links, id)
		}
	}
	for id, host := range hosts {
		t.addLocked(id, host).setMember(true)
	}
}

func (t *Transport) addLocked(id uint64, host string) *link {
	l := newLink(t, id, host)
	t.links[id] = l
	if t.node != nil && t.ctx.Err() == nil {
		t.wg.Go(l.run)
	}
	return l
}

// linkFrom returns the link to who connected to this member. One that is not known yet, because this member has not even
// received the configuration, is taken in for as long as its connection lasts.
func (t *Transport) linkFrom(id uint64, host string) *link {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.links[id]
	if l == nil {
		l = t.addLocked(id, host)
	}
	l.connectionBegins()
	return l
}

// connectionEnds is the counterpart of linkFrom.
func (t *Transport) connectionEnds(l *link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !l.connectionEnds() && t.links[l.id] == l {
		l.cancel()
		delete(t.links, l.id)
	}
}

func (t *Transport) link(id uint64) *link {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.links[id]
}

func (t *Transport) list() []*link {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Values(t.links))
}

// Send queues messages, see [raftnode.Transport].
func (t *Transport) Send(msgs []raftpb.Message) {
	for i := range msgs {
		m := &msgs[i]
		l := t.link(m.To)
		switch {
		case m.Type == raftpb.MsgSnap:
			t.startSnapshot(l, m.To)
		case l != nil:
			l.put(m)
		}
	}
}

// Announce sends this member's status to the others now, because it changed.
func (t *Transport) Announce() {
	for _, l := range t.list() {
		l.announce()
	}
}

// Peers returns what is known of the other members, by raft id.
func (t *Transport) Peers() []PeerStatus {
	var list []PeerStatus
	for _, l := range t.list() {
		list = append(list, l.peerStatus())
	}
	slices.SortFunc(list, func(a, b PeerStatus) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return list
}

func (t *Transport) mismatch(m Mismatch) {
	if t.opts.OnMismatch != nil {
		t.opts.OnMismatch(m)
	}
}
