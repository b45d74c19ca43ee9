package raftnode

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

func (c *cluster) change(changes ...Change) {
	c.t.Helper()
	for range 100 {
		l := c.leader(time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_, err := l.node.ProposeConfChange(ctx, l.node.Status().Term, changes, fmt.Appendf(nil, "%v", changes))
		cancel()
		if err == nil {
			return
		}
		if !errors.Is(err, ErrChangeInProgress) {
			c.fatalf("change %v: %v", changes, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	c.fatalf("change %v never went through", changes)
}

func (c *cluster) caughtUp(id uint64) {
	c.t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		c.check()
		s := c.leader(time.Second).node.Status()
		for _, p := range s.Progress {
			if p.ID == id && p.Match == s.Last {
				return
			}
		}
	}
	c.fatalf("member %d does not catch up", id)
}

// TestLearnerIsAddedAndPromoted: a member without data gets a snapshot while writes go on, becomes a voter, and then the set
// survives the loss of another one.
func TestLearnerIsAddedAndPromoted(t *testing.T) {
	inCluster(t, 1, 2, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		var wg sync.WaitGroup
		stop := make(chan struct{})
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					c.mustPut(l, fmt.Sprint("k", i), "v")
				}
			}
		})
		time.Sleep(100 * time.Millisecond)
		c.add(3, Snapshot{})
		c.change(Change{AddLearner, 3})
		if cs := l.node.Status().ConfState; !cs.Contains(3) || cs.IsVoter(3) {
			c.fatalf("after adding a learner: %+v", cs)
		}
		for c.member(3).sm.at().Index == 0 {
			time.Sleep(time.Millisecond)
		}
		close(stop)
		wg.Wait()
		c.caughtUp(3)
		c.change(Change{AddVoter, 3})
		if got, _ := l.sm.get("config"); got != "[{0 3}]" {
			t.Errorf("the configuration document is %q", got)
		}
		for _, m := range c.list() {
			if m != l && m.id != 3 {
				m.crash()
			}
		}
		c.mustPut(l, "after", "v")
	})
}

// TestDiskReplaced: a member whose disk was lost comes back under a new id, in one change, and the old id never votes
// again.
func TestDiskReplaced(t *testing.T) {
	inCluster(t, 1, 3, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		for i := range 50 {
			c.mustPut(l, fmt.Sprint("k", i), "v")
		}
		lost := uint64(1)
		if l.id == 1 {
			lost = 2
		}
		c.member(lost).crash()
		c.mu.Lock()
		delete(c.members, lost)
		c.mu.Unlock()
		c.add(9, Snapshot{})
		c.change(Change{Remove, lost}, Change{AddLearner, 9})
		c.caughtUp(9)
		c.change(Change{AddVoter, 9})
		cs := c.leader(time.Second).node.Status().ConfState
		if len(cs.Voters) != 3 || !cs.IsVoter(9) || cs.Contains(lost) || cs.Joint() {
			c.fatalf("members after the replacement: %+v", cs)
		}
		l.crash() // the new disk is as good as the old one
		c.mustPut(c.leader(time.Second), "after", "v")
	})
}

// TestPrimaryKeepsItsVote: a primary that is to be removed hands over first, and its successor removes it.
func TestPrimaryKeepsItsVote(t *testing.T) {
	inCluster(t, 1, 3, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		c.mustPut(l, "a", "1")
		for _, change := range []Change{{Remove, l.id}, {AddLearner, l.id}} {
			if _, err := l.node.ProposeConfChange(t.Context(), l.node.Status().Term, []Change{change}, nil); !errors.Is(err, ErrOwnVote) {
				c.fatalf("change %v: %v", change, err)
			}
		}
		if err := l.node.TransferLeadership(t.Context(), 0); err != nil {
			c.fatalf("hand over: %v", err)
		}
		other := c.leader(time.Second)
		c.change(Change{Remove, l.id})
		c.mustPut(other, "b", "1")
	})
}

// TestConfigurationAlone: a new configuration document with the same members is replicated like any change.
func TestConfigurationAlone(t *testing.T) {
	inCluster(t, 1, 3, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		index, err := l.node.ProposeConfChange(t.Context(), l.node.Status().Term, nil, []byte("priorities"))
		if err != nil {
			c.fatalf("%v", err)
		}
		if got, _ := l.sm.get("config"); got != "priorities" || l.sm.at().Index < index {
			c.fatalf("configuration %q at %d, the change has %d", got, l.sm.at().Index, index)
		}
	})
}

// TestImpossibleChanges: what raft would panic about when it is applied is refused when it is asked for.
func TestImpossibleChanges(t *testing.T) {
	inCluster(t, 1, 1, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		for _, changes := range [][]Change{
			{{Remove, 1}},
			{{AddLearner, 1}},
			{{AddVoter, 2}, {AddVoter, 3}, {Remove, 1}, {Remove, 2}, {Remove, 3}},
		} {
			if _, err := l.node.ProposeConfChange(t.Context(), l.node.Status().Term, changes, nil); err == nil {
				t.Errorf("change %v was accepted", changes)
			}
		}
		c.mustPut(l, "a", "1")
	})
}

// TestChangesOneAfterTheOther: of two changes at a time one is told to come again.
func TestChangesOneAfterTheOther(t *testing.T) {
	inCluster(t, 1, 3, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		errs := make(chan error, 2)
		for i := range 2 {
			go func() {
				_, err := l.node.ProposeConfChange(context.Background(), l.node.Status().Term, []Change{{AddLearner, uint64(7 + i)}}, nil)
				errs <- err
			}()
		}
		a, b := <-errs, <-errs
		if !errors.Is(errors.Join(a, b), ErrChangeInProgress) || a != nil && b != nil {
			c.fatalf("two changes at a time: %v and %v", a, b)
		}
		c.change(Change{Remove, 7}, Change{Remove, 8})
	})
}

// TestLastVoterRemembersThatItIsAlone: a primary that let the only other voter go does not need that one's vote after a crash. Nobody could give it: what
// was removed is gone, and one that only lost its vote may have more of the log than the primary had synced.
func TestLastVoterRemembersThatItIsAlone(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t, seed, 2)
			l := c.leader(time.Second)
			other := c.members[3-l.id]
			c.mustPut(l, "a", "1")
			c.change(Change{Kind: Remove, ID: other.id})
			l.crash()
			other.crash()
			l.restart()
			c.mustPut(c.leader(time.Second), "b", "1")
			c.close()
		})
	}
}

// TestReadBarrierOutlivesThoseWhoWereAsked: a read that waits for others to confirm who leads is answered when they have no say any more.
func TestReadBarrierOutlivesThoseWhoWereAsked(t *testing.T) {
	inCluster(t, 1, 2, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		c.mu.Lock()
		c.lost = func(m raftpb.Message) bool { return m.Type == raftpb.MsgHeartbeatResp }
		c.mu.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 10*testElection)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- l.node.ReadBarrier(ctx) }()
		time.Sleep(2 * time.Millisecond)
		if _, err := l.node.ProposeConfChange(t.Context(), l.node.Status().Term, []Change{{Kind: Remove, ID: 3 - l.id}}, nil); err != nil {
			c.fatalf("%v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("a read that waited for a member that was removed: %v", err)
		}
		if err := l.node.ReadBarrier(ctx); err != nil {
			t.Errorf("a read afterwards: %v", err)
		}
	})
}
