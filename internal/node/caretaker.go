package node

import (
	"context"
	"errors"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/peer"
	"github.com/mortondb/morton/internal/raftnode"
)

const (
	caretakeEvery = 100 * time.Millisecond
	compactEvery  = 10 * time.Second
	compareEvery  = time.Second // how often a member looks whether others have a newer configuration
	changeTimeout = 10 * time.Second
	// promoteWithin is how many entries a new voter may be behind: few enough to be caught up before it is needed.
	promoteWithin = 1000
)

// caretake looks after the set for as long as the node runs. What a primary has to do for its members is done here, by one goroutine.
func (n *Node) caretake() {
	tick := time.NewTicker(caretakeEvery)
	defer tick.Stop()
	compacted, compared := time.Now(), time.Now()
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-tick.C:
		}
		if time.Since(compacted) > compactEvery {
			n.compactLog()
			compacted = time.Now()
		}
		if setID := n.successor.Swap(nil); setID != nil {
			if err := n.followSuccessor(*setID); err != nil {
				n.fatal(err)
			}
		}
		raft, s := n.raft.Load(), n.stored.Load()
		if raft != nil && s == nil && n.promised.Load() == nil && n.opts.Set.Name != "" {
			n.learnFirstConfig()
		}
		if raft == nil || s == nil {
			continue
		}
		n.noteUnwilling(raft)
		switch st := raft.Status(); {
		case st.Primary && !st.ConfState.Joint():
			n.careFor(raft, s, st)
		case !st.Primary && time.Since(compared) > compareEvery:
			n.learnOfConfig(s)
			compared = time.Now()
		}
	}
}

// noteUnwilling tells the log which members would refuse to take over.
func (n *Node) noteUnwilling(raft *raftnode.Node) {
	var ids []uint64
	if tr := n.transport.Load(); tr != nil {
		for _, p := range tr.Peers() {
			if p.Connected && p.Status.Unwilling {
				ids = append(ids, p.ID)
			}
		}
	}
	raft.SetUnwilling(ids)
}

// careFor does the next thing that a primary has to do for its set.
func (n *Node) careFor(raft *raftnode.Node, s *stored, st raftnode.Status) {
	if id, ok := learnerToPromote(s, st); ok {
		if n.changing.TryLock() {
			defer n.changing.Unlock()
			n.change(raft, st.Term, []raftnode.Change{{Kind: raftnode.AddVoter, ID: id}}, nil, "promote", id)
		}
		return
	}
	if target, ok := n.View().Takeover(); ok {
		ctx, cancel := context.WithTimeout(n.ctx, changeTimeout)
		defer cancel()
		if err := raft.TransferLeadership(ctx, s.disks[s.config.Members[target].ID]); err != nil {
			n.log.Warn("the member of higher priority could not take over", "c", "REPL", "id", 6015320, "member", s.config.Members[target].Host, "error", err)
		}
	}
}

// learnerToPromote returns a learner that is to vote and is caught up.
func learnerToPromote(s *stored, st raftnode.Status) (raftID uint64, ok bool) {
	for _, p := range st.Progress {
		i := s.memberOf(p.ID)
		if i >= 0 && p.Learner && s.config.Members[i].Voting() && p.State == "StateReplicate" && p.RecentlyActive && p.Match+promoteWithin >= st.Last {
			return p.ID, true
		}
	}
	return 0, false
}

// change changes the members of the log, in the term in which that was decided. n.changing is held.
func (n *Node) change(raft *raftnode.Node, term uint64, changes []raftnode.Change, s *stored, what string, raftID uint64) {
	ctx, cancel := context.WithTimeout(n.ctx, changeTimeout)
	defer cancel()
	var config document.Doc
	if s != nil {
		config = s.encode()
	}
	_, err := raft.ProposeConfChange(ctx, term, changes, config)
	switch {
	case err == nil:
		n.log.Info("the members of the log changed", "c", "REPL", "id", 6015321, "what", what, "member", n.hostOf(raftID))
	case !errors.Is(err, raftnode.ErrChangeInProgress) && !errors.Is(err, raftnode.ErrNotPrimary) && n.ctx.Err() == nil:
		n.log.Warn("the members of the log could not be changed", "c", "REPL", "id", 6015322, "what", what, "member", n.hostOf(raftID), "error", err)
	}
}

// onMismatch hears that at a member's host another data directory answers. If it is a new one, started for this set, the
// member's disk was replaced: the primary puts the new one in the old one's place, first without a vote.
func (n *Node) onMismatch(m peer.Mismatch) {
	if n.superseded(m) {
		return
	}
	raft := n.raft.Load()
	if raft == nil || !raft.Status().Primary {
		return
	}
	joins, arbiter := m.Uninitialised, false
	if !joins {
		joins, arbiter = n.returns(m)
	}
	n.changing.Lock()
	defer n.changing.Unlock()
	st := raft.Status()
	s := n.stored.Load()
	if s == nil || !st.Primary {
		return
	}
	i := s.memberOf(m.Expected)
	if i < 0 || s.config.Members[i].Host != m.Host || !joins || arbiter && !s.config.Members[i].Arbiter || m.Actual == 0 || s.memberOf(m.Actual) >= 0 {
		n.log.Warn("another member than expected answers", "c", "REPL", "id", 6015323, "member", m.Host, "reason", m.Reason)
		return
	}
	n.log.Info("a member has another data directory than before: it joins with this one", "c", "REPL", "id", 6015324, "member", m.Host)
	n.change(raft, st.Term, []raftnode.Change{{Kind: raftnode.Remove, ID: m.Expected}, {Kind: raftnode.AddLearner, ID: m.Actual}},
		s.withDisk(s.config.Members[i].ID, m.Actual), "replace disk", m.Actual)
}

// returns reports whether the member that answered was in this set before, and whether as an arbiter, without data.
func (n *Node) returns(m peer.Mismatch) (returns, arbiter bool) {
	ctx, cancel := context.WithTimeout(n.ctx, askTimeout)
	defer cancel()
	a, err := n.askIdentity(ctx, m.Host)
	return err == nil && a.RaftID == m.Actual && a.Initiated && a.SetID == n.identity.Load().setID(), a.Arbiter
}

// newTransport returns the transport of this member of the set.
func (n *Node) newTransport() (*peer.Transport, error) {
	return peer.New(peer.Options{
		ID: n.raftID(), Host: n.ownHost, Set: n.opts.Set.Name, SetID: n.identity.Load().setID(),
		Dial: n.opts.Dial, FS: n.opts.FS, Dir: n.opts.FS.PathJoin(n.opts.DBPath, "transfer"),
		Status: n.status, OnMismatch: n.onMismatch, OnProgress: n.onProgress, ElectionTimeout: n.electionTimeout(),
	})
}

// ownHost returns this member's host:port: as the configuration has it, if it is known yet.
func (n *Node) ownHost() string {
	if s := n.stored.Load(); s != nil {
		if i := s.memberOf(n.raftID()); i >= 0 {
			return s.config.Members[i].Host
		}
	}
	return n.opts.Naming.OwnHost(n.opts.Set.Seeds)
}
