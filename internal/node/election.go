package node

import (
	"time"

	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/raftnode"
	"github.com/mortondb/morton/internal/replset"
)

// What replSetGetStatus tells of elections: the one that made this member primary, and the one in which it was asked for its vote.

// describeElection is called when this member became primary: the engine's first entry of the term is its newest one.
func (n *Node) describeElection(term uint64) *replset.Election {
	e := &replset.Election{Reason: replset.ReasonTimeout, Time: time.Now(), Term: term, PriorPrimary: -1, NewTermStart: time.Now(), TS: uint64(n.engine.LastTime().TS)}
	raft, s := n.raft.Load(), n.stored.Load()
	if raft == nil || s == nil {
		return e
	}
	won, _ := raft.Elections()
	if won.Term != term {
		return e
	}
	e.Time, e.VotesNeeded = won.Time, won.Needed
	e.CommittedAtStart, e.LastSeenAtStart = opTime(won.Committed), opTime(won.Last)
	prior, self := s.memberOf(won.Prior), s.memberOf(n.raftID())
	if prior >= 0 {
		e.PriorPrimary = int(s.config.Members[prior].ID)
	}
	switch won.Cause {
	case raftnode.CauseAlone:
		e.Reason = replset.ReasonSingleNode
	case raftnode.CauseAsked:
		if prior >= 0 {
			e.Reason = replset.ReasonStepUp
		}
	case raftnode.CauseHandOver:
		e.Reason = replset.ReasonHandoff
		if prior >= 0 && self >= 0 && s.config.Members[self].Priority > s.config.Members[prior].Priority {
			e.Reason = replset.ReasonPriorityTakeover
		}
	}
	return e
}

// describeVote describes the last vote that this member was asked for.
func (n *Node) describeVote(s *stored, voted raftnode.Voted) *replset.Vote {
	v := &replset.Vote{For: voted.For, Term: voted.Term, Time: voted.Time, Candidate: -1, AppliedAtStart: opTime(voted.Last), MaxAppliedSeen: opTime(voted.Last)}
	if i := s.memberOf(voted.Candidate); i >= 0 {
		v.Candidate = int(s.config.Members[i].ID)
	}
	switch {
	case voted.For:
	case voted.Earlier != 0:
		v.Reason = "already voted for another candidate (" + n.hostOf(voted.Earlier) + ") this term"
	default:
		v.Reason = "candidate's data is staler than mine"
	}
	t := &n.topology
	t.mu.Lock()
	defer t.mu.Unlock()
	if v.For && t.newTerm.term == voted.Term {
		v.NewTermStart, v.NewTermApplied = t.newTerm.started, t.newTerm.applied
	}
	return v
}

// Elections counts those that this member took part in as a candidate.
func (n *Node) Elections() replset.ElectionMetrics {
	raft := n.raft.Load()
	if raft == nil || n.opts.Set.Name == "" {
		return replset.ElectionMetrics{}
	}
	c := raft.ElectionCounts()
	count := func(causes ...raftnode.Cause) (sum replset.ElectionCount) {
		for _, cause := range causes {
			sum.Called += c.Called[cause]
			sum.Successful += c.Won[cause]
		}
		return sum
	}
	return replset.ElectionMetrics{
		StepUp: count(raftnode.CauseAsked, raftnode.CauseHandOver), Takeover: count(raftnode.CauseTakeover),
		Timeout: count(raftnode.CauseTimeout), Alone: count(raftnode.CauseAlone), Thawed: count(raftnode.CauseThawed), Deposed: c.Deposed,
	}
}

// newTerm is when the first operation of a term was made, and when it was applied here.
type newTerm struct {
	term             uint64
	started, applied time.Time
}

// noteApplied sees what was applied: the first operation of a term, and whether a majority has this primary's.
func (n *Node) noteApplied(entries []raftnode.Entry) {
	t := &n.topology
	if last := entries[len(entries)-1].Term; last == t.appliedTerm && !t.beginning.Load() {
		return
	}
	for i := range entries {
		e := &entries[i]
		first, last, err := oplog.Span(e.Data)
		if err != nil || last == 0 {
			continue
		}
		t.mu.Lock()
		if e.Term != t.newTerm.term {
			t.newTerm = newTerm{term: e.Term, started: first.Time(), applied: time.Now()}
		}
		if el := t.election; el != nil && uint64(last) >= el.TS && el.MajorityWritable.IsZero() {
			changed := *el // who was shown it goes on reading it
			changed.MajorityWritable = time.Now()
			t.election = &changed
			t.beginning.Store(false)
		}
		t.mu.Unlock()
		t.appliedTerm = e.Term
	}
}

func opTime(o oplog.OpTime) replset.OpTime { return replset.OpTime{TS: uint64(o.TS), Term: o.Term} }
