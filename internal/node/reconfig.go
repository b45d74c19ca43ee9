package node

import (
	"context"
	"errors"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/raftnode"
	"github.com/mortondb/morton/internal/replset"
)

// Reconfigure installs another configuration: one entry of the log carries the document and changes the log's members. A
// voter that comes in begins as one without vote, until it has caught up ([learnerToPromote]), so that the set never waits for it.
func (n *Node) Reconfigure(ctx context.Context, arg document.Value, force bool) (document.Doc, error) {
	if !n.changing.TryLock() {
		return nil, mongoerr.New(mongoerr.ConfigurationInProgress, "Cannot run replSetReconfig because the node is currently updating its configuration")
	}
	defer n.changing.Unlock()
	raft := n.raft.Load()
	if raft == nil {
		return nil, n.View().CheckReconfig(force)
	}
	st := raft.Status() // before the configuration is read: what is proposed in its term follows what is read
	v, s := n.freshView(), n.stored.Load()
	if err := v.CheckReconfig(force); err != nil {
		return nil, err
	}
	if !v.IsWritablePrimary() {
		return n.forceReconfigure(ctx, raft, arg)
	}
	config, err := v.ParseReconfig(arg, force)
	if err != nil {
		return nil, err
	}
	next, err := n.place(ctx, s, config)
	if err != nil {
		return nil, err
	}
	_, err = raft.ProposeConfChange(ctx, st.Term, membershipChanges(st.ConfState, next), next.encode())
	switch {
	case errors.Is(err, raftnode.ErrChangeInProgress):
		return nil, mongoerr.New(mongoerr.ConfigurationInProgress, "Cannot run replSetReconfig because a member is just being added or replaced: try again")
	case err != nil:
		return nil, lostPrimary(err)
	}
	n.log.Info("the set has another configuration", "c", "REPL", "id", 21353, "version", config.Version, "members", len(config.Members))
	return nil, nil
}

// place finds the data directory of each member of a configuration that is to follow s. Members that do not answer keep theirs; one that is new gets a
// made-up one, for which the real one is put when it answers ([Node.onMismatch]).
func (n *Node) place(ctx context.Context, s *stored, config *replset.Config) (*stored, error) {
	answers, errs := n.askAll(ctx, config)
	selves, probes := n.sortAnswers(answers, errs)
	self := -1
	if len(selves) > 0 {
		self = selves[0]
	}
	if err := config.CheckSelf(self); err != nil {
		return nil, err
	}
	if err := config.CheckReconfigQuorum(self, probes); err != nil {
		return nil, err
	}
	next := &stored{config: config, disks: map[int32]uint64{}, revision: s.revision + 1}
	for i := range config.Members {
		m := &config.Members[i]
		old := s.config.IndexOfID(m.ID)
		switch {
		case errs[i] == nil && answers[i].Arbiter && !m.Arbiter:
			return nil, mongoerr.New(mongoerr.NewReplicaSetConfigurationIncompatible, "%s was an arbiter and has none of the data; "+
				"to make it a member with data, start it with an empty --dbpath", m.Host)
		case errs[i] == nil:
			next.disks[m.ID] = answers[i].RaftID
		case old >= 0 && s.config.Members[old].Host == m.Host:
			next.disks[m.ID] = s.disks[m.ID]
		default:
			next.disks[m.ID] = newRaftID()
		}
	}
	return next, nil
}

// membershipChanges returns what turns the log's members into those of s. Nobody gets a vote by it.
func membershipChanges(conf raftnode.ConfState, s *stored) []raftnode.Change {
	var changes []raftnode.Change
	for _, id := range conf.Members() {
		if s.memberOf(id) < 0 {
			changes = append(changes, raftnode.Change{Kind: raftnode.Remove, ID: id})
		}
	}
	for i := range s.config.Members {
		m := &s.config.Members[i]
		id := s.disks[m.ID]
		voter := slices.Contains(conf.Voters, id)
		if !conf.Contains(id) || voter && !m.Voting() {
			changes = append(changes, raftnode.Change{Kind: raftnode.AddLearner, ID: id})
		}
	}
	return changes
}

// learnFirstConfig asks the member through which this one joins for the configuration, to tell clients and to get to know the other members while the
// data is on its way. It comes into force with the data.
func (n *Node) learnFirstConfig() {
	tr := n.transport.Load()
	if tr == nil {
		return
	}
	for _, p := range tr.Peers() {
		if !p.Connected {
			continue
		}
		ctx, cancel := context.WithTimeout(n.ctx, askTimeout)
		a, err := n.askIdentity(ctx, p.Host)
		cancel()
		if err != nil || a.Stored == nil || a.Stored.memberOf(n.raftID()) < 0 {
			continue
		}
		n.adopting.Lock()
		if n.stored.Load() == nil { // the data came meanwhile
			n.promised.Store(a.Stored)
			tr.SetMembers(a.Stored.peers())
		}
		n.adopting.Unlock()
		n.bump()
		return
	}
}

// learnOfConfig finds out about a newer configuration that this member's log does not bring, or not soon: because the set goes on without it,
// or because it applies its log late. Another member says that it has one, and is asked for it.
func (n *Node) learnOfConfig(s *stored) {
	tr := n.transport.Load()
	if tr == nil {
		return
	}
	for _, p := range tr.Peers() {
		stranger := p.Status.Leader != 0 && s.memberOf(p.Status.Leader) < 0 // a primary whose disk was replaced
		if !p.Connected || p.Status.ConfigVersion <= s.config.Version && !stranger {
			continue
		}
		ctx, cancel := context.WithTimeout(n.ctx, askTimeout)
		a, err := n.askIdentity(ctx, p.Host)
		cancel()
		if err != nil || a.Stored == nil || a.Stored.revision <= s.revision {
			continue
		}
		self := a.Stored.memberOf(n.raftID())
		switch {
		case self < 0:
			n.log.Warn("this member is no longer part of its set", "c", "REPL", "id", 21358, "newState", "REMOVED", "version", a.Stored.config.Version, "told by", p.Host)
		case a.Stored.config.Members[self].Delay == 0 && s.delay(n.raftID()) == 0:
			continue // the log will bring it
		}
		if err := n.adopt(a.Stored); err != nil {
			n.fatal(err)
		}
		return
	}
}
