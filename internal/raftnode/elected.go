package raftnode

import (
	"maps"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/oplog"
)

// Cause is why a node asked for votes.
type Cause string

// The causes.
const (
	CauseTimeout  Cause = "timeout"  // nobody led, or the leader was gone
	CauseHandOver Cause = "handOver" // the leader told it to
	CauseAsked    Cause = "asked"    // [Node.Campaign]
	CauseAlone    Cause = "alone"    // it is the only voter

	// Only in [Counts]:
	CauseTakeover Cause = "takeover" // a leader of lower priority told it to
	CauseThawed   Cause = "thawed"   // it is the only voter, and was frozen
)

// Counts says how often this node asked for votes, by the cause, and was elected, and how often it lost its leadership to a later term that it
// had not asked for itself.
type Counts struct {
	Called, Won map[Cause]int64
	Deposed     int64
}

// Elected is the last election that this node won, as things were then. The zero value: it has won none.
type Elected struct {
	Term      uint64
	Cause     Cause
	Time      time.Time
	Prior     uint64 // the leader before; 0 if none was known
	Last      oplog.OpTime
	Committed oplog.OpTime
	Needed    int // votes
}

// Voted is the last vote that this node was asked for, as things were then. The zero value: it was asked for none.
type Voted struct {
	Term      uint64
	Candidate uint64
	For       bool
	Earlier   uint64 // who had the vote in that term already, if it was refused for that
	Time      time.Time
	Last      oplog.OpTime // of this node's log
}

// electedLocked notes how this node became leader, before it appends anything.
func (n *Node) electedLocked() {
	cause := n.cause
	switch {
	case n.singleLocked():
		cause = CauseAlone
	case cause == "":
		cause = CauseTimeout
	}
	n.countLocked(n.called, CauseAlone, cause == CauseAlone)
	n.countLocked(n.won, cause, true)
	n.thawed = false
	n.elected = Elected{Term: n.leading, Cause: cause, Time: time.Now(), Prior: n.prior, Last: n.opTimeLocked(n.last), Committed: n.opTimeLocked(n.commit),
		Needed: len(n.conf.Voters)/2 + 1}
}

// opTimeLocked returns the place in time of an entry of the log.
func (n *Node) opTimeLocked(index uint64) oplog.OpTime {
	term, err := n.opts.Log.Term(index)
	if err != nil {
		return oplog.OpTime{} // it is not on disk yet, or not there any more
	}
	return oplog.OpTime{TS: n.water.at(index), Term: term}
}

// askedLocked notes what became of a candidate's question for a vote.
func (n *Node) askedLocked(m *raftpb.Message) {
	rs := n.raw.BasicStatus()
	v := Voted{Term: m.Term, Candidate: m.From, For: rs.Vote == m.From && rs.Term == m.Term, Time: time.Now(), Last: n.opTimeLocked(n.last)}
	if m.Term == n.voted.Term && m.From == n.voted.Candidate && (n.voted.For || !v.For) {
		return // asked again
	}
	if !v.For && rs.Term == m.Term {
		v.Earlier = rs.Vote
	}
	n.voted = v
}

// Elections returns the last election that this node won and the last vote that it was asked for since it was opened.
func (n *Node) Elections() (Elected, Voted) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.elected, n.voted
}

// countLocked counts an election, of cause or of none, which is a timeout, if it is one.
func (n *Node) countLocked(counts map[Cause]int64, cause Cause, isOne bool) {
	switch {
	case !isOne:
		return
	case cause == "", cause == CauseAsked && n.prior == 0:
		cause = CauseTimeout
	case cause == CauseAlone && n.thawed:
		cause = CauseThawed
	case cause == CauseHandOver && n.prior != 0 && n.memberLocked(n.opts.ID).Priority > n.memberLocked(n.prior).Priority:
		cause = CauseTakeover
	}
	counts[cause]++
}

// ElectionCounts returns what happened since the node was opened.
func (n *Node) ElectionCounts() Counts {
	n.mu.Lock()
	defer n.mu.Unlock()
	return Counts{Called: maps.Clone(n.called), Won: maps.Clone(n.won), Deposed: n.deposed}
}
