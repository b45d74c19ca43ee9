package node

import (
	"context"
	"errors"
	"time"

	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/peer"
	"github.com/mortondb/morton/internal/raftnode"
	"github.com/mortondb/morton/internal/replset"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/document"
)

const (
	caretakeEvery = 100 * time.Millisecond
	compactEvery  = 10 * time.Second
	changeTimeout = 10 * time.Second
	// promoteWithin is how many entries a new voter may be behind: few enough to be caught up before it is needed.
	promoteWithin = 1000
)

// caretake looks after the set for as long as the node runs. What a primary has to do for its members is done here, by one goroutine.
func (n *Node) caretake() {
	tick := time.NewTicker(caretakeEvery)
	defer tick.Stop()
	compacted := time.Now()
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
		raft, s := n.raft.Load(), n.stored.Load()
		if raft == nil || s == nil {
			continue
		}
		if st := raft.Status(); st.Primary && !st.ConfState.Joint() {
			n.careFor(raft, s, st)
		}
	}
}

// careFor does the next thing that a primary has to do for its set.
func (n *Node) careFor(raft *raftnode.Node, s *stored, st raftnode.Status) {
	if id, ok := learnerToPromote(s, st); ok {
		n.change(raft, []raftnode.Change{{Kind: raftnode.AddVoter, ID: id}}, nil, "promote", id)
		return
	}
	if target, ok := n.View().Takeover(time.Now()); ok {
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

// change changes the members of the log.
func (n *Node) change(raft *raftnode.Node, changes []raftnode.Change, s *stored, what string, raftID uint64) {
	ctx, cancel := context.WithTimeout(n.ctx, changeTimeout)
	defer cancel()
	var config document.Doc
	if s != nil {
		config = s.encode()
	}
	_, err := raft.ProposeConfChange(ctx, changes, config)
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
	raft, s := n.raft.Load(), n.stored.Load()
	if raft == nil || s == nil || !raft.Status().Primary {
		return
	}
	i := s.memberOf(m.Expected)
	if i < 0 || s.config.Members[i].Host != m.Host || !m.Uninitialised || m.Actual == 0 {
		n.log.Warn("another member than expected answers", "c", "REPL", "id", 6015323, "member", m.Host, "reason", m.Reason)
		return
	}
	n.log.Info("a member came back with an empty data directory: it joins anew", "c", "REPL", "id", 6015324, "member", m.Host)
	n.change(raft, []raftnode.Change{{Kind: raftnode.Remove, ID: m.Expected}, {Kind: raftnode.AddLearner, ID: m.Actual}},
		s.withDisk(s.config.Members[i].ID, m.Actual), "replace disk", m.Actual)
}

// newTransport returns the transport of this member of the set.
func (n *Node) newTransport() (*peer.Transport, error) {
	return peer.New(peer.Options{
		ID: n.identity.RaftID, Host: n.ownHost(), Set: n.opts.Set.Name, SetID: n.identity.setID(),
		Dial: n.opts.Dial, FS: n.opts.FS, Dir: n.opts.FS.PathJoin(n.opts.DBPath, "transfer"),
		Status: n.status, OnMismatch: n.onMismatch, ElectionTimeout: n.electionTimeout(),
	})
}

// ownHost returns this member's host:port: as the configuration has it, if it is known yet.
func (n *Node) ownHost() string {
	if s := n.stored.Load(); s != nil {
		if i := s.memberOf(n.identity.RaftID); i >= 0 {
			return s.config.Members[i].Host
		}
	}
	return n.opts.Naming.OwnHost(n.opts.Set.Seeds)
}

// Status returns the reply of replSetGetStatus.
func (n *Node) Status() (document.Doc, error) {
	v := n.freshView()
	if err := v.RequireSet(); err != nil {
		return nil, err
	}
	return v.Status(time.Now()), nil
}

// StepDown gives up being primary for a while.
func (n *Node) StepDown(ctx context.Context, how command.StepDown) error {
	if err := n.View().RequireSet(); err != nil {
		return err
	}
	raft := n.raft.Load()
	if raft == nil || !raft.Status().Primary {
		return mongoerr.New(mongoerr.NotWritablePrimary, "not primary so can't step down")
	}
	err := raft.StepDownAndStay(ctx, raftnode.StepDownOptions{
		Stay: time.Duration(how.For) * time.Second, CatchUp: time.Duration(how.CatchUp) * time.Second, Force: how.Force,
	})
	if errors.Is(err, raftnode.ErrNoCandidate) {
		return mongoerr.New(mongoerr.ExceededTimeLimit, "No electable secondaries caught up as of %s. Please use the replSetStepDown command with the argument {force: true} to force node to step down.",
			time.Now().UTC().Format("2006-01-02T15:04:05.000+00:00"))
	}
	return lostPrimary(err)
}

// Freeze keeps this member from standing for election for some seconds; 0 ends that.
func (n *Node) Freeze(ctx context.Context, seconds int64) (document.Doc, error) {
	v := n.View()
	if err := v.RequireSet(); err != nil {
		return nil, err
	}
	if v.State == replset.Primary {
		return nil, mongoerr.New(mongoerr.NotSecondary, "cannot freeze node when primary or running for election. state: Primary")
	}
	raft := n.raft.Load()
	if raft == nil {
		return nil, mongoerr.New(mongoerr.NotYetInitialized, "no replset config has been received")
	}
	raft.Freeze(time.Duration(seconds) * time.Second)
	var b document.Builder
	if seconds == 0 {
		b.AppendString("info", "unfreezing")
	} else if seconds == 1 {
		b.AppendString("warning", "you really want to freeze for only 1 second?")
	}
	return b.Finish(), nil
}
