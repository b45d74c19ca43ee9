package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/logfile"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/peer"
	"github.com/mortondb/morton/internal/raftnode"
	"github.com/mortondb/morton/internal/replset"
	"github.com/mortondb/morton/internal/server"
	"github.com/mortondb/morton/internal/storage"
)

// Options of a member.
type Options struct {
	FS     vfs.FS // nil: the machine's
	DBPath string // must exist

	Listeners []net.Listener // the node closes them
	Naming    replset.Naming // what this member may be called
	Dial      func(ctx context.Context, host string) (net.Conn, error)

	Set replset.SetOption // of --replSet; without a name for a standalone

	CacheBytes     int64         // block cache of the stores; 0: DefaultCacheBytes
	OplogBytes     int64         // how much log is kept, if replSetResizeOplog has not said otherwise; 0: DefaultOplogBytes
	OplogRetention time.Duration // and that of so long a time at least

	MaxConns           int
	Quiet              bool // no line for each connection
	EnableTestCommands bool
	Parameters         map[string]string // of --setParameter
	SlowMS             int64             // operations that take longer are logged; 0: DefaultSlowMS, negative: all of them

	// Process is what commands ask of the program around the node; nil: nothing is known of it, and the shutdown command is refused.
	Process Process

	// Now is the wall clock that timestamps follow; nil: time.Now.
	Now func() time.Time

	Logger *slog.Logger
	// OnFatal is called once if the member cannot go on (its disk failed). It must end the process, or close the node.
	OnFatal func(error)
}

// Process is the program around a node.
type Process interface {
	CommandLine() (argv []string, parsed document.Doc)
	LogLines(name string) (lines []string, total int)
	// Exit ends the process after a clean shutdown of the node.
	Exit()
}

// Defaults of the options.
const (
	DefaultCacheBytes = 64 << 20 // of a node inside another program; the binary asks [CacheFor]
	DefaultOplogBytes = 1 << 30
	DefaultSlowMS     = 100
)

// Node is a running member.
type Node struct {
	opts    Options
	log     *slog.Logger
	started time.Time
	process document.ObjectID // of topologyVersion
	lock    io.Closer

	store      *storage.Store
	engine     *engine.Engine
	file       *logfile.Log
	dispatcher *command.Dispatcher
	server     *server.Server

	// raft and transport are nil until the member has a set (or is a standalone).
	raft      atomic.Pointer[raftnode.Node]
	transport atomic.Pointer[peer.Transport]
	stored    atomic.Pointer[stored]
	promised  atomic.Pointer[stored] // the configuration that the first data will bring, see learnFirstConfig
	topology  topology
	window    oplogWindow
	syncing   initialSync

	failing  sync.Once  // of fatal
	changing sync.Mutex // held by who changes the members of the set, as their primary
	adopting sync.Mutex // held by who changes stored

	identity    atomic.Pointer[identity]
	identifying sync.Mutex                        // held by who changes identity
	successor   atomic.Pointer[document.ObjectID] // the set that took the place of this one, see superseded
	arbiter     atomic.Bool                       // this member follows the log without its data
	flushed     time.Time                         // when an arbiter last made its place in the log durable; the applier's

	ctx    context.Context // of the node's own goroutines
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu     sync.Mutex // held while the member gets its set; guards:
	closed bool
}

// Start opens the data directory and begins to serve. The node runs until it is closed.
func Start(opts Options) (*Node, error) {
	if opts.FS == nil {
		opts.FS = vfs.Default
	}
	if opts.CacheBytes == 0 {
		opts.CacheBytes = DefaultCacheBytes
	}
	if opts.OplogBytes == 0 {
		opts.OplogBytes = DefaultOplogBytes
	}
	if opts.SlowMS == 0 {
		opts.SlowMS = DefaultSlowMS
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	n := &Node{opts: opts, log: opts.Logger, started: time.Now(), process: newObjectID()}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	if err := n.open(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) open() (err error) {
	fs, path := n.opts.FS, n.opts.FS.PathJoin
	if n.lock, err = fs.Lock(path(n.opts.DBPath, "mongod.lock")); err != nil {
		return &LockedError{DBPath: n.opts.DBPath, Err: err}
	}
	id, err := loadIdentity(fs, n.identityPath())
	if err != nil {
		return err
	}
	n.identity.Store(id)
	n.arbiter.Store(id.Arbiter)
	n.openWindow(id)
	if n.store, err = storage.Open(storage.Options{FS: fs, Dir: path(n.opts.DBPath, "storage"), CacheBytes: n.opts.CacheBytes,
		MemTableSize: memTableBytes(n.opts.CacheBytes), OnFlush: n.compactLog, Logf: n.logf, Fatalf: n.fatalf}); err != nil {
		return err
	}
	spills, err := newSpillDir(fs, n.opts.DBPath)
	if err != nil {
		return err
	}
	if n.engine, err = engine.Open(engine.Options{Storage: n.store, OverlayBytes: overlayBytes(n.opts.CacheBytes), Logf: n.logf, Spills: spills, Now: n.opts.Now}); err != nil {
		return err
	}
	if n.file, err = logfile.Open(fs, path(n.opts.DBPath, "log"), logfile.Options{}); err != nil {
		return err
	}
	if err := storage.SyncDir(fs, n.opts.DBPath); err != nil {
		return err
	}
	n.engine.Connect(appender{n}, entryReader{n.file})
	if err := n.checkSet(); err != nil {
		return err
	}
	if err := n.assemble(); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.resume(); err != nil {
		return err
	}
	n.serve()
	n.work.Go(n.caretake)
	n.work.Go(func() { n.dispatcher.Maintain(n.ctx) })
	n.work.Go(func() { n.dispatcher.ExpireDocuments(n.ctx) })
	return nil
}

// LockedError says that another process uses the data directory.
type LockedError struct {
	DBPath string
	Err    error
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("the data directory %s is in use by another process, or can't be locked: %v", e.DBPath, e.Err)
}

func (e *LockedError) Unwrap() error { return e.Err }

// raftID returns the id of the data directory in the log.
func (n *Node) raftID() uint64 { return n.identity.Load().RaftID }

func (n *Node) identityPath() string { return n.opts.FS.PathJoin(n.opts.DBPath, "identity") }

// checkSet refuses a data directory that belongs to another set, or to none, than the member was started for.
func (n *Node) checkSet() error {
	set, name := n.identity.Load().Set, n.opts.Set.Name
	members, err := n.engine.Members()
	switch {
	case err != nil:
		return err
	case set == name:
		return nil
	case set == "" && members == nil:
		return nil // new
	case set == "":
		return n.replayLog() // to be initiated with its data
	case name == "":
		return fmt.Errorf("the data directory %s belongs to the replica set %q: start with --replSet %s", n.opts.DBPath, set, set)
	}
	return fmt.Errorf("the data directory %s belongs to the replica set %q, not to %q: start with --replSet %s", n.opts.DBPath, set, name, set)
}

// resume goes on where the member was when it stopped. A standalone that is new begins.
func (n *Node) resume() error {
	if n.opts.Set.Name == "" {
		if err := n.bootstrapStandalone(); err != nil {
			return err
		}
		if err := n.run(nil); err != nil {
			return err
		}
		return n.raft.Load().Campaign(n.ctx) // it has only itself to ask
	}
	if n.identity.Load().SetID == "" {
		return nil // to be initiated
	}
	return n.run(nil)
}

// bootstrapStandalone makes a log with one voter, if there is none.
func (n *Node) bootstrapStandalone() error {
	members, err := n.engine.Members()
	if err != nil || members != nil {
		return err
	}
	if err := n.identity.Load().save(n.opts.FS, n.identityPath()); err != nil {
		return err
	}
	return n.bootstrap(raftnode.ConfState{Voters: []uint64{n.raftID()}}, nil, 0)
}

// bootstrap makes the state that a log begins with: one entry, which has the members and their configuration. skip leaves out so many indexes before it.
func (n *Node) bootstrap(cs raftnode.ConfState, config *stored, skip uint64) error {
	members, err := cs.MarshalBinary()
	if err != nil {
		return err
	}
	var doc document.Doc
	if config != nil {
		doc = config.encode()
	}
	first := engine.Entry{Index: n.engine.Applied().Index + 1 + skip, Term: n.firstTerm()}
	if err := n.engine.ApplyConfig(first, members, doc); err != nil {
		return err
	}
	if err := n.store.Flush(); err != nil {
		return err
	}
	return n.file.Reset(first.Index, first.Term)
}

// run starts the log and, in a set, the transport. from is the member that this one joins through, nil if the configuration is known. n.mu is held.
func (n *Node) run(from *peer.Member) error {
	applied, err := n.snapshotAt(n.engine.Applied())
	if err != nil {
		return err
	}
	if err := n.loadConfig(); err != nil { // before anybody is told by which name to reach this member
		return err
	}
	var carrier raftnode.Transport // nil for a standalone: there is nobody to send to
	var transport *peer.Transport
	if n.opts.Set.Name != "" {
		if transport, err = n.newTransport(); err != nil {
			return err
		}
		carrier = transport
	}
	raft, err := raftnode.Open(raftnode.Options{
		ID: n.raftID(), Log: n.file, StateMachine: machine{n}, Transport: carrier,
		Applied: applied, ElectionTimeout: n.electionTimeout(), Logger: n.log,
		OnEvent: n.onEvent, OnFatal: n.fatal,
	})
	if err != nil {
		return err
	}
	n.raft.Store(raft)
	if transport != nil {
		n.transport.Store(transport)
	}
	if s := n.stored.Load(); s != nil {
		n.adopt(s)
	}
	if transport != nil {
		if from != nil {
			transport.SetMembers([]peer.Member{*from})
		}
		transport.Start(raft)
	}
	raft.Start()
	n.bump()
	return nil
}

func (n *Node) electionTimeout() time.Duration {
	if s := n.stored.Load(); s != nil {
		return s.config.Settings.ElectionTimeout
	}
	return 0
}

// loadConfig takes over the configuration that storage has.
func (n *Node) loadConfig() error {
	d, err := n.engine.StoredConfig()
	if err != nil || d == nil {
		return err
	}
	s, err := decodeStored(d)
	if err != nil {
		return err
	}
	return n.adopt(s)
}

// adopt makes a configuration the one that this member goes by, unless it has heard of a newer one already.
func (n *Node) adopt(s *stored) error {
	n.adopting.Lock()
	defer n.adopting.Unlock()
	if old := n.stored.Load(); old != nil && old.revision > s.revision {
		return nil
	}
	if i := s.memberOf(n.raftID()); i >= 0 {
		if err := n.takeRole(s.config.Members[i].Arbiter); err != nil {
			return err
		}
	}
	n.stored.Store(s)
	if raft := n.raft.Load(); raft != nil {
		raft.SetMembers(s.raftMembers())
		raft.SetElectionTimeout(s.config.Settings.ElectionTimeout)
	}
	if t := n.transport.Load(); t != nil {
		t.SetMembers(s.peers())
		t.SetHeartbeats(s.config.Settings.HeartbeatInterval, s.config.Settings.HeartbeatTimeout)
	}
	n.bump()
	return nil
}

// changeIdentity changes what the data directory is, durably.
func (n *Node) changeIdentity(change func(*identity)) error {
	n.identifying.Lock()
	defer n.identifying.Unlock()
	id := *n.identity.Load()
	change(&id)
	if err := id.save(n.opts.FS, n.identityPath()); err != nil {
		go n.fatal(err) // not from here: who hears of it may close the node, and locks are held
		return err
	}
	n.identity.Store(&id)
	return nil
}

// takeRole makes the member an arbiter, or one with data. An arbiter leaves out what the log brings, so that its directory can never be that of
// a member with data: it remembers before it leaves anything out.
func (n *Node) takeRole(arbiter bool) error {
	id := n.identity.Load()
	if arbiter == id.Arbiter {
		n.arbiter.Store(arbiter)
		return nil
	}
	if !arbiter {
		return fmt.Errorf("the data directory %s was an arbiter's and has none of the set's data: start this member with an empty --dbpath", n.opts.DBPath)
	}
	if err := n.changeIdentity(func(id *identity) { id.Arbiter = true }); err != nil {
		return err
	}
	n.arbiter.Store(true)
	return nil
}

// becamePrimary and steppedDown are called when the engine has changed sides.
func (n *Node) becamePrimary(term uint64) {
	n.topology.elected(n.describeElection(term))
	n.bump()
	n.log.Info("transition to primary complete; database writes are now permitted", "c", "REPL", "id", 21331, "term", term)
}

func (n *Node) steppedDown() {
	n.topology.deposed()
	n.bump()
	n.log.Info("stepped down: this member is no longer primary", "c", "REPL", "id", 21343)
	if n.server != nil {
		n.server.CloseLegacy()
	}
}

func (n *Node) onEvent(ev raftnode.Event) {
	switch ev.Kind {
	case raftnode.EventLeader:
		n.log.Info("the primary or the term changed", "c", "ELECTION", "id", 6015300, "term", ev.Term, "primary", n.hostOf(ev.Leader))
	case raftnode.EventPeerGone:
		n.log.Info("the primary's process is gone: asking for votes", "c", "ELECTION", "id", 6015301, "member", n.hostOf(ev.Peer))
	case raftnode.EventInstall:
		n.log.Info("initial sync finished", "c", "INITSYNC", "id", 6015302, "index", ev.Index)
	case raftnode.EventSuspect:
		n.log.Warn("a message that made no sense was dropped", "c", "REPL", "id", 6015303, "member", n.hostOf(ev.Peer), "error", ev.Err)
	}
	n.bump()
}

func (n *Node) hostOf(raftID uint64) string {
	if s := n.stored.Load(); s != nil {
		if i := s.memberOf(raftID); i >= 0 {
			return s.config.Members[i].Host
		}
	}
	if raftID == 0 {
		return ""
	}
	return fmt.Sprintf("raft id %x", raftID)
}

// appender hands the engine's groups to the log.
type appender struct{ n *Node }

func (a appender) Append(group []byte, last oplog.Timestamp, urgent bool) {
	a.n.raft.Load().Append(group, last, urgent)
}

func (n *Node) logf(format string, args ...any) {
	n.log.Warn(fmt.Sprintf(format, args...), "c", "STORAGE", "id", 6015310)
}

func (n *Node) fatalf(format string, args ...any) { n.fatal(fmt.Errorf(format, args...)) }

// fatal reports that the member cannot go on.
func (n *Node) fatal(err error) {
	n.failing.Do(func() { n.failed(err) })
}

func (n *Node) failed(err error) {
	n.log.Error("this member cannot go on", "c", "STORAGE", "id", 6015311, "error", err)
	if n.opts.OnFatal != nil {
		n.opts.OnFatal(err)
		return
	}
	panic(err)
}

// Of a shutdown: how long it may take to find a successor, and how long to send the replies of operations that it interrupted.
const (
	handOverTime = 10 * time.Second
	goodbye      = time.Second
)

// Shutdown hands over to another member, if this one is primary and another is up, lets clients go to the others, and closes the node.
func (n *Node) Shutdown(ctx context.Context) error {
	quiet, cancelQuiet := context.WithTimeout(ctx, n.dispatcher.QuiesceTime())
	defer cancelQuiet()
	handedOver := false
	if target, _ := n.View().HandOver(); target >= 0 {
		soon, cancel := context.WithTimeout(ctx, handOverTime)
		defer cancel()
		var err error
		if handedOver, err = n.handOver(soon); err != nil {
			n.log.Warn("no other member could take over before the shutdown", "c", "REPL", "id", 6015312, "error", err)
		}
	}
	n.quiesce(quiet, handedOver)
	last, cancelLast := context.WithTimeout(ctx, goodbye)
	defer cancelLast()
	n.server.Shutdown(last)
	return n.Close()
}

// quiesce lets clients go to the other members of the set, if there are any that could serve them. A primary has handed over before; one that could not goes
// on taking writes to its end, as there is nobody else to send clients to.
func (n *Node) quiesce(ctx context.Context, handedOver bool) {
	if v := n.freshView(); v.Initiated() && v.State == replset.Secondary {
		n.dispatcher.Quiesce(ctx, handedOver, n.bump)
	}
}

// handOver gives the role of a primary that is about to stop to another member, so that clients hardly notice, and reports whether it did. A set of one has nobody to hand over to.
func (n *Node) handOver(ctx context.Context) (bool, error) {
	raft := n.raft.Load()
	s := n.stored.Load()
	if raft == nil || s == nil || len(s.config.Members) < 2 || !raft.Status().Primary {
		return false, nil
	}
	raft.Freeze(handOverTime + n.dispatcher.QuiesceTime()) // or it is given its place back at once, if it has the highest priority
	err := raft.TransferLeadership(ctx, 0)
	if err != nil {
		raft.Freeze(0)
	}
	return err == nil, err
}

// Close stops the node. It does not hand over; what was acknowledged is on disk all the same.
func (n *Node) Close() error {
	n.mu.Lock()
	closed := n.closed
	n.closed = true // from here on the member joins nothing
	n.mu.Unlock()
	if closed {
		return nil
	}
	n.cancel()
	if n.server != nil {
		n.server.Close()
	}
	n.work.Wait()
	var errs []error
	if t := n.transport.Load(); t != nil {
		t.Close()
	}
	if raft := n.raft.Load(); raft != nil {
		raft.Close()
	}
	if n.dispatcher != nil {
		n.dispatcher.Close()
	}
	if n.engine != nil {
		n.engine.Close()
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	if n.file != nil {
		errs = append(errs, n.file.Close())
	}
	if n.lock != nil {
		errs = append(errs, n.lock.Close())
	}
	return errors.Join(errs...)
}

// compactLog drops what of the log neither storage nor readers of the oplog need.
func (n *Node) compactLog() {
	raft := n.raft.Load()
	if raft == nil {
		return
	}
	upTo := min(n.engine.Durable().Index, n.behindOplog())
	if err := raft.Compact(upTo); err != nil && n.ctx.Err() == nil {
		n.log.Warn("the log could not be trimmed", "c", "STORAGE", "id", 6015313, "error", err)
	}
}
