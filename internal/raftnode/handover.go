package raftnode

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

// closeEnough is how many entries a member may lack for the primary to stop writing and wait for it.
const closeEnough = 8

// TransferLeadership hands over to a member, or to the best one if to is 0. Appends stop (StepDown) only when the member
// is close; everything appended before is committed, and at the member, before it is told to take over. When it fails
// this node leads on (BecomePrimary again). It returns once this node does not lead any more.
func (n *Node) TransferLeadership(ctx context.Context, to uint64) error {
	return n.handOver(ctx, ctx, to)
}

// handOver is TransferLeadership with a shorter time, that of catchUp, to wait for a member that is close.
func (n *Node) handOver(ctx, catchUp context.Context, to uint64) error {
	select {
	case <-n.handover:
		defer func() { n.handover <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	case <-n.done:
		return ErrStopped
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	h := handing{n: n, ctx: ctx, to: to, term: n.leading}
	if n.primary == 0 || n.primary != n.leading {
		return ErrNotPrimary
	}
	return h.run(catchUp)
}

// handing is a hand-over under way. Its methods are called with mu held and let it go while they wait.
type handing struct {
	n    *Node
	ctx  context.Context
	to   uint64 // 0: the best
	term uint64
}

var errLeadershipLost = errors.New("raftnode: leadership lost") // within this file: what a hand-over wants

func (h *handing) run(catchUp context.Context) error {
	n := h.n
	if h.hopeless() {
		return ErrNoCandidate
	}
	err := h.until(catchUp, func() bool { return h.candidate(closeEnough) != 0 })
	if err != nil {
		return h.outcome(err)
	}
	h.pause()
	// This takes a round trip, or shows that the member was not close after all.
	drain, cancel := context.WithTimeout(h.ctx, 2*n.electionTimeout)
	defer cancel()
	err = h.until(drain, func() bool { return h.candidate(0) != 0 && n.commit >= n.last })
	for err == nil {
		err = h.transfer()
	}
	if errors.Is(err, errLeadershipLost) {
		return nil
	}
	n.resumeLocked(h.term)
	return h.outcome(err)
}

// outcome translates how the waiting ended while this node still wrote.
func (h *handing) outcome(err error) error {
	switch {
	case errors.Is(err, errLeadershipLost):
		return ErrNotPrimary
	case errors.Is(err, context.DeadlineExceeded):
		return ErrNoCandidate
	}
	return err
}

// until waits for cond, looking whenever something has changed.
func (h *handing) until(ctx context.Context, cond func() bool) error {
	n := h.n
	for {
		switch {
		case n.stopped != nil:
			return n.stopped
		case n.leading != h.term:
			return errLeadershipLost
		case cond():
			return nil
		}
		if err := n.waitLocked(ctx); err != nil {
			return err
		}
	}
}

// pause takes the right to write back from the state machine and proposes what it had appended.
func (h *handing) pause() {
	n := h.n
	n.handingOver, n.resumeAt = true, 0
	item := &handOverItem{term: h.term, done: make(chan struct{})}
	n.applies.put(applyItem{handOver: item})
	n.mu.Unlock()
	defer n.mu.Lock()
	select {
	case <-item.done:
	case <-n.done:
		return
	}
	n.flushAll()
}

// resumeLocked makes this node primary again after a hand-over that did not succeed, once everything it
// had appended is applied.
func (n *Node) resumeLocked(term uint64) {
	if n.leading == term && term != 0 && n.handingOver {
		n.resumeAt = n.last
		n.applies.put(applyItem{wake: true})
	}
}

// transfer tells the best member to take over and waits for what comes of it. nil: raft gave up after an election
// timeout, and it may be tried again.
func (h *handing) transfer() error {
	n := h.n
	id := h.candidate(0)
	if id == 0 {
		return h.until(h.ctx, func() bool { return h.candidate(0) != 0 })
	}
	n.raw.TransferLeader(id)
	n.readyLocked()
	err := h.until(h.ctx, func() bool { return n.raw.BasicStatus().LeadTransferee == raft.None })
	if err != nil && n.leading == h.term && n.stopped == nil {
		// Raft refuses proposals as long as a transfer lasts; one to this node itself ends it. It may be too late, if the
		// other member was told already: then leadership is lost soon after this node became primary again, as
		// may happen at any time.
		n.raw.TransferLeader(n.opts.ID)
		n.readyLocked()
	}
	return err
}

// candidate returns the member to hand over to, 0 if there is none: a voter that may lead, was heard from, and lacks at most
// slack entries; the one with the highest priority, then with the most of the log.
func (h *handing) candidate(slack uint64) uint64 {
	n := h.n
	var best Member
	var bestMatch uint64
	n.raw.WithProgress(func(id uint64, kind raft.ProgressType, p tracker.Progress) {
		m := n.memberLocked(id)
		if !h.eligible(m, kind) || !p.RecentActive || p.Match+slack < n.last {
			return
		}
		if best.ID == 0 || m.Priority > best.Priority || m.Priority == best.Priority && p.Match > bestMatch {
			best, bestMatch = m, p.Match
		}
	})
	return best.ID
}

// eligible reports whether a member could take over now, possible whether it could at all.
func (h *handing) eligible(m Member, kind raft.ProgressType) bool {
	return h.possible(m, kind) && !slices.Contains(h.n.unwilling, m.ID)
}

func (h *handing) possible(m Member, kind raft.ProgressType) bool {
	n := h.n
	return m.ID != n.opts.ID && (h.to == 0 || m.ID == h.to) && kind == raft.ProgressTypePeer &&
		slices.Contains(n.conf.Voters, m.ID) && m.electable()
}

// hopeless reports that nobody could ever take over as the members are.
func (h *handing) hopeless() bool {
	hopeless := true
	h.n.raw.WithProgress(func(id uint64, kind raft.ProgressType, _ tracker.Progress) {
		m := h.n.memberLocked(id)
		hopeless = hopeless && !h.possible(m, kind)
	})
	return hopeless
}

// StepDownOptions are those of MongoDB's replSetStepDown.
type StepDownOptions struct {
	Stay    time.Duration // how long this node does not campaign afterwards
	CatchUp time.Duration // how long to wait for an electable member that has everything
	Force   bool          // step down also when there is none
}

// StepDownAndStay hands over to the best member and does not campaign for a while. ErrNoCandidate: nobody was caught up
// in time, and Force is not set; this node leads on. ErrNotPrimary: it has lost its leadership meanwhile.
func (n *Node) StepDownAndStay(ctx context.Context, o StepDownOptions) error {
	n.mu.Lock()
	if n.steppingDown {
		n.mu.Unlock()
		return ErrSteppingDown
	}
	n.steppingDown = true
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		n.steppingDown = false
		n.mu.Unlock()
	}()
	return n.stepDownAndStay(ctx, o)
}

func (n *Node) stepDownAndStay(ctx context.Context, o StepDownOptions) error {
	catchUp, cancel := context.WithTimeout(ctx, o.CatchUp)
	defer cancel()
	err := n.handOver(ctx, catchUp, 0)
	if err == nil || o.Force && errors.Is(err, ErrNoCandidate) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.stopped != nil {
			return n.stopped
		}
		n.freezeLocked(o.Stay)
		n.abdicateLocked()
		return nil
	}
	return err
}

// abdicateLocked gives leadership up without a successor. Raft knows no such wish, but it yields to any message of a later
// term, and terms may be left out.
func (n *Node) abdicateLocked() {
	if n.leading == 0 {
		return
	}
	_ = n.raw.Step(raftpb.Message{Type: raftpb.MsgVoteResp, From: n.opts.ID, To: n.opts.ID, Term: n.leading + 1, Reject: true})
	n.readyLocked()
}

// yieldLocked hands over to a member that asked for it.
func (n *Node) yieldLocked(to uint64) {
	if n.leading == 0 {
		return
	}
	timeout := 2 * n.electionTimeout
	n.wg.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := n.TransferLeadership(ctx, to); err != nil {
			n.log.Info("did not hand over to a member that asked for it", "member", to, "error", err)
		}
	})
}
