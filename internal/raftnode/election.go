package raftnode

import (
	"context"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
)

// goneLeader counts down to the elections that follow the death of the leader's process.
type goneLeader struct {
	ticks    int // until the next attempt; 0: none is planned
	rank     int
	attempts int  // left after the next one
	patient  bool // the last attempt was left out, for a vote that was under way
}

// An attempt at once, then again while nobody leads: a vote may have been split, or the others did not know yet. After the
// last one the election timeout is near.
const (
	goneAttempts   = 16
	goneRankTicks  = 2 // between the first attempts of two members
	goneRetryTicks = 5 // between two attempts of the first member; those of lower rank wait longer
	startTicks     = 5 // from a start to the first attempt: time to connect, and to hear of a leader
)

// tickLoop is the ticker. It only moves the clock, so that neither disk nor state machine can delay a heartbeat.
func (n *Node) tickLoop() {
	ticker := time.NewTicker(Tick)
	defer ticker.Stop()
	for count := 0; ; count++ {
		select {
		case <-ticker.C:
			n.tick(count)
		case <-n.done:
			return
		}
	}
}

// hardStateTicks is how often a commit position is written that no entries take along.
const hardStateTicks = 50

func (n *Node) tick(count int) {
	if n.pending.some.Load() { // urgent groups for which nobody came
		n.wakeGatherer()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped != nil {
		return
	}
	n.thawLocked()
	n.quiet++
	n.elapsed += Tick * raftElectionTicks
	for ; n.elapsed >= n.electionTimeout; n.elapsed -= n.electionTimeout {
		n.raftTickLocked()
	}
	n.goneTickLocked()
	n.readyLocked()
	n.yieldAsCaretakerLocked()
	if n.leading != 0 {
		n.changedLocked() // raft may have given a transfer up, or heard of a member again
	}
	if count%hardStateTicks == 0 {
		n.flushHardStateLocked()
	}
}

func (n *Node) raftTickLocked() {
	if n.leading != 0 || n.mayCampaignLocked() || n.caretakerLocked() {
		n.raw.Tick()
		return
	}
	// Time passes, so that this node's promise to the old leader runs out, but it asks for no votes. Raft has no other way
	// to say that.
	n.raw.TickQuiesced()
}

// minElectionTimeout leaves room for a heartbeat to come late by a few ticks.
const minElectionTimeout = 5 * Tick

// SetElectionTimeout changes how long this node goes without a sign of the leader before it asks for votes. Shorter
// ones than the least that Open takes count as that. All members should have the same.
func (n *Node) SetElectionTimeout(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.electionTimeout = max(d, minElectionTimeout)
}

// singleLocked reports whether this node is the only voter.
func (n *Node) singleLocked() bool {
	return len(n.conf.Voters) == 1 && n.conf.Voters[0] == n.opts.ID && !n.conf.Joint()
}

// mayCampaignLocked reports whether this node may ask for votes.
func (n *Node) mayCampaignLocked() bool {
	return n.frozenUntil.IsZero() && !n.barred && slices.Contains(n.conf.Voters, n.opts.ID) && n.memberLocked(n.opts.ID).electable()
}

// Bar keeps this node from campaigning until it is called again. It is for a member in maintenance; one that leads goes on.
func (n *Node) Bar(barred bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.barred = barred
}

// SetUnwilling says which members would not take leadership over if this node handed over to them: they have said so.
func (n *Node) SetUnwilling(ids []uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Equal(n.unwilling, ids) {
		n.unwilling = slices.Clone(ids)
		n.changedLocked()
	}
}

// Frozen returns until when this node does not campaign; zero if it does.
func (n *Node) Frozen() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.frozenUntil
}

// caretakerTimeouts is how many election timeouts a set goes without leader before a voter that may not be primary asks for
// votes.
const caretakerTimeouts = 4

// caretakerLocked reports whether this voter, which may not be primary, should ask for votes all the same: nobody has led
// for long, because it alone has the end of the log, and so may be the only one who can be elected. It never becomes primary, and
// hands over as soon as another one has what it has. (A primary and an arbiter have committed something, the primary dies,
// and the third member had been away.)
func (n *Node) caretakerLocked() bool {
	return n.quiet > caretakerTimeouts*int(n.electionTimeout/Tick) && n.frozenUntil.IsZero() && !n.barred &&
		slices.Contains(n.conf.Voters, n.opts.ID)
}

// yieldAsCaretakerLocked hands over without ado: a caretaker has appended nothing.
func (n *Node) yieldAsCaretakerLocked() {
	if n.leading == 0 || n.primary == n.leading || n.handingOver || n.memberLocked(n.opts.ID).electable() {
		return
	}
	h := handing{n: n, term: n.leading}
	if id := h.candidate(0); id != 0 && n.raw.BasicStatus().LeadTransferee == raft.None {
		n.raw.TransferLeader(id)
		n.readyLocked()
	}
}

// campaignLocked asks for votes, first without raising the term (raft's pre-vote).
func (n *Node) campaignLocked() {
	_ = n.raw.Campaign() // raft says no to learners, and while a change of members is not yet applied
	n.readyLocked()
}

// Freeze keeps this node from campaigning for d; 0 ends that, and a single voter then campaigns at once.
func (n *Node) Freeze(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped != nil {
		return
	}
	n.freezeLocked(d)
	n.thawLocked()
}

func (n *Node) freezeLocked(d time.Duration) {
	n.thawed = true
	n.frozenUntil = time.Now().Add(d)
}

// thawLocked ends a freeze whose time has come.
func (n *Node) thawLocked() {
	if n.frozenUntil.IsZero() || time.Now().Before(n.frozenUntil) {
		return
	}
	n.frozenUntil = time.Time{}
	if n.leading == 0 && n.singleLocked() && n.mayCampaignLocked() {
		n.campaignLocked()
	}
}

// PeerGone says that a member's process is known to have died. If it is the leader, this node forgets it and campaigns,
// members one after the other by rank so that they do not split the votes. It does no harm if the leader lives: the others,
// who hear it, refuse their votes, and its next heartbeat reminds this node. For the same reason it is to be called once all messages
// of the dead process were stepped, and again as long as it is known to be dead.
func (n *Node) PeerGone(id uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped != nil || id == 0 || n.lead != id || n.leading != 0 {
		return
	}
	n.event(Event{Kind: EventPeerGone, Peer: id, Term: n.term})
	if err := n.raw.ForgetLeader(); err != nil {
		return
	}
	n.readyLocked()
	if !n.mayCampaignLocked() {
		return
	}
	rank := n.rankLocked(id)
	n.gone = goneLeader{ticks: 1 + rank*goneRankTicks, rank: rank, attempts: goneAttempts - 1}
	if rank == 0 {
		n.gone.ticks = goneRetryTicks
		n.campaignLocked()
	}
}

// campaignAfterStartLocked plans to ask for votes soon after the start, by rank, unless a leader is heard of: if all members were down nobody is to
// wait for. Where there is a leader it does no harm, as PeerGone does none.
func (n *Node) campaignAfterStartLocked() {
	rank := n.rankLocked(0)
	n.gone = goneLeader{ticks: startTicks + rank*goneRankTicks, rank: rank, attempts: goneAttempts - 1}
}

// goneTickLocked campaigns when its time has come.
func (n *Node) goneTickLocked() {
	g := &n.gone
	if g.ticks == 0 {
		return
	}
	if g.ticks--; g.ticks > 0 {
		return
	}
	if g.attempts > 0 {
		g.attempts--
		g.ticks = goneRetryTicks + g.rank*goneRankTicks
	}
	voting := n.raw.BasicStatus().RaftState == raft.StateCandidate
	if voting && !g.patient {
		g.patient = true // the votes may be on slow disks
		return
	}
	g.patient = false
	if n.mayCampaignLocked() {
		n.campaignLocked()
	}
}

// rankLocked returns this node's place among those who may lead once member without is gone: priorities first, then ids.
func (n *Node) rankLocked(without uint64) int {
	self := n.memberLocked(n.opts.ID)
	rank := 0
	for _, id := range n.conf.Voters {
		m := n.memberLocked(id)
		if id == without || id == self.ID || !m.electable() {
			continue
		}
		if m.Priority > self.Priority || m.Priority == self.Priority && id < self.ID {
			rank++
		}
	}
	return rank
}

// Campaign asks for leadership now: of the leader, who hands over, or, without one, of the voters, and of these again for a
// while as long as nobody leads. It returns when this node is primary.
func (n *Node) Campaign(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped != nil {
		return n.stopped
	}
	if !n.mayCampaignLocked() {
		return ErrNotElectable
	}
	switch n.lead {
	case n.opts.ID:
	case raft.None:
		n.cause = CauseAsked
		n.gone = goneLeader{ticks: goneRetryTicks, attempts: goneAttempts}
		n.campaignLocked()
	default:
		n.cause = CauseAsked
		n.raw.TransferLeader(n.opts.ID)
		n.readyLocked()
	}
	for n.primary == 0 || n.primary != n.leading {
		if err := n.waitLocked(ctx); err != nil {
			return err
		}
	}
	return nil
}
