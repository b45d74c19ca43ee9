package node

import (
	"context"
	"errors"

	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/raftnode"
	"github.com/mortondb/morton/internal/replset"
)

// replicatedLog is the log as commands see it ([command.Log]).
type replicatedLog struct{ n *Node }

// Last returns the place of the newest operation that reads of this member show.
func (l replicatedLog) Last() oplog.OpTime { return l.n.engine.LastTime() }

// Newest returns the time of the newest operation that reads of this member have ever shown.
func (l replicatedLog) Newest() oplog.Timestamp { return l.n.engine.Newest() }

// Committed returns the place of the newest operation that majority reads show.
func (l replicatedLog) Committed() oplog.OpTime {
	p := l.n.engine.Applied()
	return oplog.OpTime{TS: oplog.Timestamp(p.TS), Term: p.Term}
}

// WaitApplied waits until local reads show ts.
func (l replicatedLog) WaitApplied(ctx context.Context, ts oplog.Timestamp) error {
	if l.Last().TS >= ts {
		return nil
	}
	if _, primary := l.n.engine.Primary(); primary {
		return l.n.engine.AdvanceTo(ts)
	}
	return l.n.engine.WaitApplied(ctx, ts)
}

// CatchUp waits until majority reads show everything that this member knows to be committed.
func (l replicatedLog) CatchUp(ctx context.Context) error {
	raft := l.n.raft.Load()
	s := l.n.stored.Load()
	if raft == nil || s != nil && s.delay(l.n.raftID()) > 0 {
		return nil // what a delayed member shows is old on purpose, and committed
	}
	committed := raft.Committed()
	if l.Committed().TS >= committed {
		return nil
	}
	return l.n.engine.WaitApplied(ctx, committed)
}

// WaitCommitted waits until a majority has op. Without a term, which then is a time that a client heard of, it also waits
// until majority reads show it.
func (l replicatedLog) WaitCommitted(ctx context.Context, op oplog.OpTime) error {
	raft, err := l.raft()
	if err != nil {
		return err
	}
	if op.Term == 0 {
		if err := l.WaitApplied(ctx, op.TS); err != nil {
			return err
		}
		return l.n.engine.WaitApplied(ctx, op.TS)
	}
	return lostPrimary(raft.WaitCommitted(ctx, op))
}

// WaitDurable waits until op, of this member's term as primary, is on its disk.
func (l replicatedLog) WaitDurable(ctx context.Context, op oplog.OpTime) error {
	raft, err := l.raft()
	if err != nil {
		return err
	}
	if _, primary := l.n.engine.Primary(); !primary {
		return nil // a secondary applies only what its log has on disk
	}
	return lostPrimary(raft.WaitDurable(ctx, op))
}

// WaitReplicated waits until count members, this one included, have op, of this member's term as primary.
func (l replicatedLog) WaitReplicated(ctx context.Context, op oplog.OpTime, count int) error {
	raft, err := l.raft()
	if err != nil {
		return err
	}
	return lostPrimary(raft.WaitReplicated(ctx, op, count))
}

// WaitTagged waits until the members have op, of this member's term as primary, that a write concern demands by their tags. When the members
// change meanwhile it is those of the new configuration.
func (l replicatedLog) WaitTagged(ctx context.Context, op oplog.OpTime, w replset.WriteConcern) error {
	raft, err := l.raft()
	if err != nil {
		return err
	}
	for {
		generation := raft.Generation()
		s := l.n.stored.Load()
		if err := w.Unsatisfiable(s.config); err != nil {
			return err
		}
		tags := w.TagCounts(s.config)
		err := raft.WaitSpread(ctx, op, tags.String(), s.demand(tags), generation)
		if !errors.Is(err, raftnode.ErrMembersChanged) {
			return lostPrimary(err)
		}
	}
}

// ReadBarrier waits until it is certain that this member was primary after the call began and that majority reads show everything
// committed before.
func (l replicatedLog) ReadBarrier(ctx context.Context) error {
	raft, err := l.raft()
	if err != nil {
		return err
	}
	return lostPrimary(raft.ReadBarrier(ctx))
}

// Holders returns the hosts of the members that are known to have ts.
func (l replicatedLog) Holders(ts oplog.Timestamp) []string {
	raft, err := l.raft()
	s := l.n.stored.Load()
	if err != nil || s == nil {
		return nil
	}
	var hosts []string
	for _, p := range raft.Status().Progress {
		if p.MatchTS >= ts {
			hosts = append(hosts, l.n.hostOf(p.ID))
		}
	}
	return hosts
}

func (l replicatedLog) raft() (*raftnode.Node, error) {
	if raft := l.n.raft.Load(); raft != nil {
		return raft, nil
	}
	return nil, mongoerr.New(mongoerr.NotYetInitialized, "no replset config has been received")
}

// lostPrimary is the client's error for a wait that ended because this member stopped being primary.
func lostPrimary(err error) error {
	switch {
	case errors.Is(err, raftnode.ErrNotPrimary):
		return mongoerr.New(mongoerr.InterruptedDueToReplStateChange, "operation was interrupted")
	case errors.Is(err, raftnode.ErrStopped):
		return mongoerr.New(mongoerr.InterruptedAtShutdown, "interrupted at shutdown")
	}
	return err
}
