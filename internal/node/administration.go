package node

import (
	"context"
	"errors"
	"time"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/raftnode"
	"github.com/mortondb/morton/internal/replset"
)

// What administrators ask of a member: the rest of [command.ReplicaSet].

// Config returns the configuration document.
func (n *Node) Config() (document.Doc, error) {
	config, err := n.View().GetConfig()
	if err != nil {
		return nil, err
	}
	return config.Document(), nil
}

// Status returns the reply of replSetGetStatus.
func (n *Node) Status() (document.Doc, error) {
	var b document.Builder
	err := n.freshView().AppendStatus(&b, time.Now())
	return b.Finish(), err
}

// StepDown gives up being primary for a while.
func (n *Node) StepDown(ctx context.Context, how command.StepDown) error {
	raft := n.raft.Load()
	if raft == nil {
		return n.View().CheckStepDown()
	}
	err := raft.StepDownAndStay(ctx, raftnode.StepDownOptions{
		Stay: time.Duration(how.For) * time.Second, CatchUp: time.Duration(how.CatchUp) * time.Second, Force: how.Force,
	})
	switch {
	case errors.Is(err, raftnode.ErrNoCandidate):
		return replset.NoneCaughtUp(time.Now())
	case errors.Is(err, raftnode.ErrSteppingDown):
		return mongoerr.New(mongoerr.ConflictingOperationInProgress, "This node is already in the process of stepping down")
	case errors.Is(err, raftnode.ErrNotPrimary):
		return mongoerr.New(mongoerr.PrimarySteppedDown, "While waiting for secondaries to catch up before stepping down, this node decided to step down for other reasons")
	}
	return lostPrimary(err)
}

// stepUpTimeout is how long an election that was asked for may take.
const stepUpTimeout = 10 * time.Second

// StepUp has this member elected: a primary hands over to it.
func (n *Node) StepUp(ctx context.Context) error {
	failed := mongoerr.New(mongoerr.CommandFailed, "Election failed.")
	raft := n.raft.Load()
	if raft == nil || !n.View().Initiated() {
		return failed
	}
	ctx, cancel := context.WithTimeout(ctx, stepUpTimeout)
	defer cancel()
	if err := raft.Campaign(ctx); err != nil {
		return failed
	}
	return nil
}

// Freeze keeps this member from standing for election for some seconds; 0 ends that.
func (n *Node) Freeze(_ context.Context, seconds int64) (document.Doc, error) {
	raft := n.raft.Load()
	if raft == nil {
		return nil, n.View().CheckFreeze()
	}
	period := time.Duration(seconds) * time.Second
	raft.Freeze(period)
	n.bump() // the others are to know that it would not take over
	var b document.Builder
	replset.AppendFreezeReply(&b, period)
	return b.Finish(), nil
}

// Maintain takes this secondary out of service, or back into it once for each time that it was taken out.
func (n *Node) Maintain(on bool) error {
	if err := n.freshView().CheckMaintenance(); err != nil {
		return err
	}
	t := &n.topology
	t.mu.Lock()
	if !on && t.maintenance == 0 {
		t.mu.Unlock()
		return mongoerr.New(mongoerr.OperationFailed, "already out of maintenance mode")
	}
	if on {
		t.maintenance++
	} else {
		t.maintenance--
	}
	out := t.maintenance > 0
	t.mu.Unlock()
	if raft := n.raft.Load(); raft != nil {
		raft.Bar(out)
	}
	n.bump()
	return nil
}

// process is the program around the node as commands see it ([command.Process]).
type process struct{ n *Node }

// Stop begins the shutdown of the member. A primary that cannot hand over in time refuses, unless forced.
func (p process) Stop(ctx context.Context, force bool, timeoutSecs int64) error {
	if p.n.opts.Process == nil {
		return mongoerr.New(mongoerr.IllegalOperation, "this member is part of another program and can't be shut down by a command")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(timeoutSecs)*time.Second)
	defer cancel()
	handedOver, err := p.n.handOver(ctx)
	if err != nil && !force {
		return mongoerr.New(mongoerr.ExceededTimeLimit, "No electable secondaries caught up as of %s. Please use {force: true} to force node to step down.",
			time.Now().UTC().Format("2006-01-02T15:04:05.000+00:00"))
	}
	if err == nil {
		p.n.quiesce(ctx, handedOver)
	}
	p.n.opts.Process.Exit()
	return nil
}

func (p process) CommandLine() (argv []string, parsed document.Doc) {
	if p.n.opts.Process == nil {
		return nil, document.Empty
	}
	return p.n.opts.Process.CommandLine()
}

func (p process) LogLines(name string) (lines []string, total int) {
	if p.n.opts.Process == nil {
		return nil, 0
	}
	return p.n.opts.Process.LogLines(name)
}
