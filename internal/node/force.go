package node

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/peer"
	"github.com/mortondb/morton/internal/raftnode"
	"github.com/mortondb/morton/internal/replset"
)

// A set that has lost its majority for ever can elect nobody and agree on nothing. With force one member is made the set: it begins a new log with
// all that it has. That can't be done safely, only so that what may go wrong is known:
//
//   - what only other members have is lost, also what a majority had acknowledged;
//   - the new log has another set id and the member another raft id, so that nobody can take the two logs for one. Its indexes begin far behind all
//     those of the old log;
//   - the other members, whether they are up or come back, find out that they were superseded when they call at the member's address. They take a raft
//     id and the set id of the new log and, if they are in the configuration, are sent the data like members with an empty disk;
//   - should a majority of the old set come back together they may elect a primary before they hear of it. What that writes is lost, too.

// Steps between the old log and the new one.
const (
	lineageGap  = 1 << 40 // of indexes
	revisionGap = 1 << 32
)

const forceWarning = "this member was made the whole set, with the data that it has: writes that only other members have are lost, even if they were acknowledged by a majority; " +
	"members that are or come back up drop what they have and copy this one's data"

// forceReconfigure makes this member the set, with the configuration. n.changing is held.
func (n *Node) forceReconfigure(ctx context.Context, raft *raftnode.Node, arg document.Value) (document.Doc, error) {
	v, s := n.freshView(), n.stored.Load()
	st := raft.Status()
	switch {
	case !v.Initiated():
		return nil, mongoerr.New(mongoerr.InvalidReplicaSetConfig, "Our replica set config is invalid or we are not a member of it")
	case st.Leader != 0:
		return nil, mongoerr.New(mongoerr.NotWritablePrimary, "the set has a primary, %s: replSetReconfig should be run there", n.hostOf(st.Leader))
	}
	config, err := v.ParseReconfig(arg, true)
	if err != nil {
		return nil, err
	}
	answers, errs := n.askAll(ctx, config)
	selves, _ := n.sortAnswers(answers, errs)
	self := -1
	if len(selves) > 0 {
		self = selves[0]
	}
	if err := config.CheckSelf(self); err != nil {
		return nil, err
	}
	began, err := n.becomeSet(raft, s, config, self)
	if err != nil {
		if began {
			n.fatal(err) // there is no log any more, and after a restart it is the old one or the new one
		}
		return nil, err
	}
	n.log.Warn("replSetReconfig with force: "+forceWarning, "c", "REPL", "id", 6015350, "version", config.Version, "members", len(config.Members),
		"entriesNotKnownToBeCommitted", st.Last-st.Committed)
	var b document.Builder
	b.AppendString("warning", forceWarning)
	return b.Finish(), nil
}

// becomeSet ends the old log and begins the new one. began says that the old one has ended, also if the new one could not begin.
func (n *Node) becomeSet(raft *raftnode.Node, s *stored, config *replset.Config, self int) (began bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false, mongoerr.New(mongoerr.ShutdownInProgress, "the server is shutting down")
	}
	n.transport.Load().Close()
	raft.Close()
	if err := n.replayLog(); err != nil {
		return true, err
	}
	id := newRaftID()
	next := &stored{config: config.WithTerm(n.firstTerm()), disks: map[int32]uint64{}, revision: s.revision + revisionGap}
	for i := range config.Members {
		next.disks[config.Members[i].ID] = newRaftID() // till they call
	}
	next.disks[config.Members[self].ID] = id
	if err := n.bootstrap(raftnode.ConfState{Voters: []uint64{id}}, next, lineageGap); err != nil {
		return true, err
	}
	setID := newObjectID()
	if err := n.changeIdentity(func(i *identity) { i.RaftID, i.SetID = id, setID.Hex() }); err != nil {
		return true, err
	}
	return true, n.run(nil)
}

// superseded finds out whether the member that answered has become the set, by force, and this one's log therefore is at its end. The caretaker does the rest: this is called
// by the transport that has to be closed.
func (n *Node) superseded(m peer.Mismatch) bool {
	s := n.stored.Load()
	if m.Uninitialised || m.Actual == 0 || s == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(n.ctx, askTimeout)
	defer cancel()
	a, err := n.askIdentity(ctx, m.Host)
	if err != nil || a.RaftID != m.Actual || a.Set != n.opts.Set.Name || a.SetID == n.identity.Load().setID() || a.Stored == nil ||
		a.Stored.config.Settings.ReplicaSetID != s.config.Settings.ReplicaSetID || a.Stored.revision <= s.revision {
		return false
	}
	n.successor.Store(&a.SetID)
	return true
}

// followSuccessor gives up the log of the old set and waits to be sent the new one's.
func (n *Node) followSuccessor(setID document.ObjectID) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	raft, transport := n.raft.Load(), n.transport.Load()
	if n.closed || raft == nil || transport == nil {
		return nil
	}
	st := raft.Status()
	n.log.Warn("another member was made the set by replSetReconfig with force: this one drops its data and copies that of the new set, if it is in its configuration",
		"c", "REPL", "id", 6015351, "lastIndex", st.Last, "committedIndex", st.Committed)
	transport.Close()
	raft.Close()
	if err := n.changeIdentity(func(i *identity) { i.RaftID, i.SetID = newRaftID(), setID.Hex() }); err != nil {
		return err
	}
	return n.run(nil)
}
