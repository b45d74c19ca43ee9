package node

import (
	"context"
	"sync"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/replset"
)

// Initiate makes the set. This member's log begins with the configuration and it stands for election at once; the others, who must be there and
// empty, join when its log calls on them.
func (n *Node) Initiate(ctx context.Context, arg document.Value, legacy bool) (document.Doc, error) {
	if err := n.View().CheckInitiate(); err != nil {
		return nil, err
	}
	me := n.opts.Naming.OwnHost(n.opts.Set.Seeds)
	in, err := replset.ParseInitiate(arg, n.opts.Set, me)
	if err != nil {
		return nil, err
	}
	setID := newObjectID()
	s := &stored{config: in.Config.WithID(setID).WithTerm(n.firstTerm()), disks: map[int32]uint64{}}
	self, err := n.probe(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := n.begin(s, setID); err != nil {
		return nil, err
	}
	n.work.Go(n.stand)
	var b document.Builder
	in.AppendReply(&b, s.config.Members[self].Host, legacy)
	return b.Finish(), nil
}

// stand stands for election, again and again until somebody leads: the connections to the other members are only being made.
func (n *Node) stand() {
	const attempt = 20 * time.Millisecond
	raft := n.raft.Load()
	for n.ctx.Err() == nil {
		if leader, _ := raft.Leader(); leader != 0 {
			return
		}
		ctx, cancel := context.WithTimeout(n.ctx, attempt)
		_ = raft.Campaign(ctx) // what comes of it is seen above
		cancel()
	}
}

// probe asks all members of the first configuration who they are, fills in their raft ids, and returns which of them is this process.
func (n *Node) probe(ctx context.Context, s *stored) (self int, err error) {
	answers, errs := n.askAll(ctx, s.config)
	for i, a := range answers {
		s.disks[s.config.Members[i].ID] = a.RaftID
	}
	selves, probes := n.sortAnswers(answers, errs)
	if self, err = s.config.Initiator(selves); err != nil {
		return -1, err
	}
	return self, s.config.CheckQuorum(probes)
}

// askAll asks all members of a configuration, this one included, who they are.
func (n *Node) askAll(ctx context.Context, c *replset.Config) (answers []answer, errs []error) {
	answers, errs = make([]answer, len(c.Members)), make([]error, len(c.Members))
	var asked sync.WaitGroup
	for i := range answers {
		asked.Go(func() { answers[i], errs[i] = n.askIdentity(ctx, c.Members[i].Host) })
	}
	asked.Wait()
	return answers, errs
}

// sortAnswers tells this process, which answers under the addresses of the members in selves, from the others.
func (n *Node) sortAnswers(answers []answer, errs []error) (selves []int, others []replset.Probe) {
	for i, a := range answers {
		if errs[i] == nil && a.RaftID == n.raftID() {
			selves = append(selves, i)
			continue
		}
		p := replset.Probe{Member: i, Err: errs[i], SetName: a.Set, HasData: !a.Empty}
		if a.Initiated {
			p.ReplicaSetID = a.SetID
			if own := n.stored.Load(); own != nil && a.SetID == n.identity.Load().setID() {
				p.ReplicaSetID = own.config.Settings.ReplicaSetID
			}
		}
		others = append(others, p)
	}
	return selves, others
}

// begin starts the log with a configuration.
func (n *Node) begin(s *stored, setID document.ObjectID) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		return mongoerr.New(mongoerr.ShutdownInProgress, "the server is shutting down")
	case n.identity.Load().SetID != "":
		return mongoerr.New(mongoerr.AlreadyInitialized, "already initialized")
	}
	// In this order: a directory that belongs to the set has its configuration.
	if err := n.bootstrap(s.confState(), s, 0); err != nil {
		return err
	}
	if err := n.join(setID); err != nil {
		return err
	}
	return n.run(nil)
}

// join makes it durable that this data directory belongs to the set. n.mu is held.
func (n *Node) join(setID document.ObjectID) error {
	return n.changeIdentity(func(id *identity) { id.Set, id.SetID = n.opts.Set.Name, setID.Hex() })
}
