package raftnode

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3"
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
	// ErrMembersChanged: what was demanded of members must be worked out again, for they are others now.
	ErrMembersChanged = errors.New("raftnode: the members changed")
	// ErrNoCandidate: nobody who could lead is there, or caught up within the time given. This node still leads.
	ErrNoCandidate = errors.New("raftnode: no electable member is caught up")
	// ErrSteppingDown: this node is stepping down already.
	ErrSteppingDown = errors.New("raftnode: a step-down is in progress")
	// ErrOwnVote: a primary was asked to take its own vote away. It has to hand over first: raft's leader would step down before the
	// others can know that its vote is no longer needed, and two voters may then wait for each other for ever.
	ErrOwnVote = errors.New("raftnode: a primary cannot remove or demote itself: hand over first")
	// ErrNotElectable: this node may not ask for votes now (learner, priority 0, arbiter, frozen).
	ErrNotElectable = errors.New("raftnode: not electable")
)

// Limits of what is in memory at a time. The caller of Append bounds the rest.
const (
	maxEntryBytes    = 1 << 20  // groups are packed into entries up to this; a larger group is an entry of its own
	maxApplyingBytes = 8 << 20  // committed entries handed to the applier and not yet applied
	maxInflightBytes = 16 << 20 // sent to a member and not yet acknowledged
	maxInflightMsgs  = 256
)

// Node is one member's end of the replicated log.
//
// Locks, in the order in which they are taken: proposing, mu, then any one of those inside pending, water, the
// queues and the transport, which are leaves. No callback runs under any of them.
type Node struct {
	opts      Options
	log       *slog.Logger
	storage   *storage
	transport Transport
	sm        StateMachine

	pending   pending    // groups that were appended and are not yet in raft's log
	proposing sync.Mutex // held by who packs and proposes pending groups, so that they keep their order
	water     *watermarks

	writes  *queue[writeItem] // for the log writer
	keeps   chan keepItem     // for it, too, from the applier
	applies *queue[applyItem] // for the applier
	delay   atomic.Int64      // of this member, see [Member].Delay
	events  *queue[Event]
	gather  chan struct{} // wakes the gatherer: there are pending groups nobody waits for

	// mu guards raft and what follows. It is never held for disk or network.
	mu      sync.Mutex
	raw     *raft.RawNode
	stopped error  // why, once the node was closed or failed
	lead    uint64 // the leader as this node knows it
	term    uint64
	told    leadership // in the last EventLeader
	last    uint64     // index of the last entry in raft's log
	commit  uint64
	marked  markedEntries // timestamps of the entries that the step in progress brings

	leading     uint64 // the term in which this node leads in raft's eyes, else 0
	primary     uint64 // the term for which BecomePrimary was called and StepDown was not, else 0
	handingOver bool   // StepDown was called for a hand-over, and this node still leads
	resumeAt    uint64 // a hand-over failed: primary again once this index is applied
	unapplied   int64  // bytes proposed in this term and not yet applied

	written      raftpb.HardState // the last one given to the log writer, or to be given
	writtenDirty bool             // only to be given: it differs by the commit position alone

	applied     uint64
	appliedTerm uint64
	appliedTS   oplog.Timestamp
	conf        ConfState

	barrier     barrier
	confWaiters []*confWaiter
	incoming    *incoming // the snapshot that is being stepped
	pins        map[*pin]struct{}

	members         []Member
	quiet           int // ticks since a leader was heard
	electionTimeout time.Duration
	elapsed         time.Duration // since raft's clock last ticked, times raftElectionTicks
	frozenUntil     time.Time
	barred          bool     // see Bar
	steppingDown    bool     // StepDownAndStay runs
	thawed          bool     // it was frozen since it led
	unwilling       []uint64 // see SetUnwilling
	gone            goneLeader
	cause           Cause  // of the next election, if it is not that nobody leads
	prior           uint64 // the last leader other than this node
	elected         Elected
	voted           Voted
	called, won     map[Cause]int64 // elections
	deposed         int64           // see Counts
	watchers        chan struct{}   // closed when something that a hand-over waits for has changed

	handover chan struct{} // a token: one hand-over at a time
	done     chan struct{} // closed when the goroutines are to end
	wg       sync.WaitGroup

	silent    chan struct{} // closed when there will be no more events
	closeOnce sync.Once
	hearers   sync.WaitGroup // the goroutine that delivers events, which ends after the others
}

// Open makes a node out of what the log and the state machine hold. It does nothing before [Node.Start].
func Open(opts Options) (*Node, error) {
	if opts.ElectionTimeout == 0 {
		opts.ElectionTimeout = DefaultElectionTimeout
	}
	if opts.ElectionTimeout < minElectionTimeout {
		return nil, fmt.Errorf("raftnode: election timeout %v is shorter than %v", opts.ElectionTimeout, minElectionTimeout)
	}
	if opts.Transport == nil {
		opts.Transport = nobody{}
	}
	if err := reconcile(opts.Log, opts.Applied); err != nil {
		return nil, err
	}
	logger := opts.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	n := &Node{
		opts: opts, log: logger, transport: opts.Transport, sm: opts.StateMachine,
		water: newWatermarks(opts.ID), writes: newQueue[writeItem](), applies: newQueue[applyItem](), events: newQueue[Event](),
		electionTimeout: opts.ElectionTimeout,
		called:          map[Cause]int64{}, won: map[Cause]int64{},
		gather: make(chan struct{}, 1), pins: map[*pin]struct{}{}, keeps: make(chan keepItem), handover: make(chan struct{}, 1), done: make(chan struct{}), silent: make(chan struct{}),
		applied: opts.Applied.Index, appliedTerm: opts.Applied.Term, appliedTS: opts.Applied.TS, conf: opts.Applied.ConfState,
	}
	n.handover <- struct{}{}
	n.storage = &storage{log: opts.Log, initial: opts.Applied, snapshot: n.snapshotLocked}
	if err := n.recoverMarks(); err != nil {
		return nil, err
	}
	raw, err := raft.NewRawNode(&raft.Config{
		ID: opts.ID, ElectionTick: raftElectionTicks, HeartbeatTick: raftHeartbeatTicks,
		Storage: n.storage, Applied: opts.Applied.Index, AsyncStorageWrites: true,
		MaxSizePerMsg: maxEntryBytes, MaxCommittedSizePerReady: maxApplyingBytes,
		MaxInflightMsgs: maxInflightMsgs, MaxInflightBytes: maxInflightBytes,
		CheckQuorum: true, PreVote: true, DisableProposalForwarding: true, StepDownOnRemoval: true,
		Logger: raftLogger{logger},
	})
	if err != nil {
		return nil, fmt.Errorf("raftnode: %w", err)
	}
	n.raw = raw
	status := raw.BasicStatus()
	n.term, n.last, n.commit, n.written = status.Term, opts.Log.LastIndex(), status.Commit, status.HardState
	n.told = leadership{term: n.term}
	n.water.commitTo(n.commit)
	n.setDataLocked()
	return n, nil
}

// recoverMarks finds the timestamps of what is on disk: of the state machine, and of the end of the log.
func (n *Node) recoverMarks() error {
	applied, last := n.opts.Applied, n.opts.Log.LastIndex()
	n.water.reset(applied.Index, applied.TS)
	n.water.appended(applied.Index+1, last, nil)
	for i := last; i > applied.Index; i-- {
		list, err := n.storage.Entries(i, i+1, 0)
		if err != nil {
			return fmt.Errorf("raftnode: reading entry %d of the log: %w", i, err)
		}
		if k, ok := spanOf(&list[0]); ok {
			n.water.appended(i, last, []mark{k})
			break
		}
	}
	n.water.mu.Lock()
	truncated := n.water.truncated
	n.water.mu.Unlock()
	n.water.wrote(last, truncated)
	return nil
}

// Start starts the goroutines and the clock. A single voter campaigns at once.
func (n *Node) Start() { n.start(n.tickLoop) }

// start is Start with a clock of the caller's.
func (n *Node) start(clock func()) {
	for _, run := range []func(){n.writeLoop, n.applyLoop, n.gatherLoop, clock} {
		n.wg.Go(run)
	}
	n.hearers.Go(n.eventLoop)
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case !n.mayCampaignLocked():
	case n.singleLocked():
		n.campaignLocked()
	default:
		n.campaignAfterStartLocked()
	}
}

// Close stops the node and waits for its goroutines. A primary's StepDown is called. What was appended is written to the log.
// Log and state machine stay open.
func (n *Node) Close() {
	n.stop(ErrStopped)
	n.wg.Wait()
	n.closeOnce.Do(func() { close(n.silent) })
	n.hearers.Wait()
}

// stop ends the node's part in the set. It does not wait.
func (n *Node) stop(reason error) (first bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped != nil {
		return false
	}
	n.stopped = reason
	n.loseLocked(ErrStopped)
	n.lead = 0
	close(n.done)
	return true
}

// fail stops the node because its log or its state machine cannot go on.
func (n *Node) fail(err error) {
	if !n.stop(fmt.Errorf("%w: %w", ErrStopped, err)) {
		return
	}
	n.log.Error("the replicated log has stopped", "error", err)
	if n.opts.OnFatal != nil {
		go n.opts.OnFatal(err)
	}
}

func (n *Node) event(e Event) { n.events.put(e) }

func (n *Node) eventLoop() {
	deliver := func() {
		for _, e := range n.events.take() {
			if n.opts.OnEvent != nil {
				n.opts.OnEvent(e)
			}
		}
	}
	for {
		select {
		case <-n.events.signal:
			deliver()
		case <-n.silent:
			deliver()
			return
		}
	}
}

// snapshotLocked returns what a checkpoint made now would hold at least; nothing on an arbiter, which has no data to give.
func (n *Node) snapshotLocked() Snapshot {
	if n.memberLocked(n.opts.ID).Arbiter {
		return Snapshot{}
	}
	return Snapshot{Index: n.applied, Term: n.appliedTerm, TS: n.appliedTS, ConfState: n.conf}
}

// Leader returns the leader's id, 0 if unknown, and the term.
func (n *Node) Leader() (id, term uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lead, n.term
}

// Committed returns the last timestamp that is known to be committed.
func (n *Node) Committed() oplog.Timestamp {
	_, committed := n.water.positions()
	return committed
}

// Backlog returns the bytes appended but not yet in raft's log, and those in it that were not yet applied here.
func (n *Node) Backlog() (pending, unapplied int64) {
	pending = n.pending.size()
	n.mu.Lock()
	defer n.mu.Unlock()
	return pending, n.unapplied
}

// SetMembers says who may lead and who holds data. It is called when the configuration changes.
func (n *Node) SetMembers(members []Member) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.members = slices.Clone(members)
	n.setDataLocked()
	was := n.delay.Swap(int64(n.memberLocked(n.opts.ID).Delay))
	if n.leading != 0 && n.primary != n.leading || was != n.delay.Load() {
		n.applies.put(applyItem{wake: true}) // it may be primary now, or apply what was held back
	}
	n.changedLocked()
}

func (n *Node) memberLocked(id uint64) Member {
	for _, m := range n.members {
		if m.ID == id {
			return m
		}
	}
	return Member{ID: id, Priority: 1}
}

// setDataLocked tells the watermarks who holds data.
func (n *Node) setDataLocked() {
	ids := slices.DeleteFunc(n.conf.Members(), func(id uint64) bool { return n.memberLocked(id).Arbiter })
	n.water.setData(ids)
}
