package raftnode

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestTransferLosesNothing: while writers are at work, some of whom wait for nothing, leadership goes round, and everything that was
// appended, acknowledged or not, is there in the end.
func TestTransferLosesNothing(t *testing.T) {
	inCluster(t, 1, 3, func(t *testing.T, c *cluster) {
		var stop atomic.Bool
		var wg sync.WaitGroup
		written := map[string]string{}
		var mu sync.Mutex
		for i := range 4 {
			wg.Go(func() {
				for n := 0; !stop.Load(); n++ {
					m := c.leader(time.Second)
					key, value := fmt.Sprintf("w%d-%d", i, n), fmt.Sprint(n)
					if _, err := m.sm.write(key, value, false); err == nil {
						mu.Lock()
						written[key] = value
						mu.Unlock()
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		for range 10 {
			from := c.leader(time.Second)
			time.Sleep(20 * time.Millisecond)
			began := time.Now()
			if err := from.node.TransferLeadership(t.Context(), 0); err != nil {
				c.fatalf("%v", err)
			}
			to := c.leader(time.Second)
			if from == to {
				c.fatalf("member %d handed over to itself", from.id)
			}
			if took := time.Since(began); took > 50*time.Millisecond {
				t.Errorf("the hand-over took %v", took)
			}
		}
		stop.Store(true)
		wg.Wait()
		l := c.leader(time.Second)
		c.mustPut(l, "last", "1")
		if err := l.node.ReadBarrier(t.Context()); err != nil {
			c.fatalf("%v", err)
		}
		if len(written) < 100 {
			c.fatalf("only %d writes", len(written))
		}
		for key, value := range written {
			if got, _ := l.sm.get(key); got != value {
				c.fatalf("%s = %q is %q after hand-overs", key, value, got)
			}
		}
	})
}

// TestTransferGoesToPriority: the member with the highest priority is chosen, one with priority 0 never, and one named is taken.
func TestTransferGoesToPriority(t *testing.T) {
	inCluster(t, 1, 5, func(t *testing.T, c *cluster) {
		members := []Member{{ID: 1, Priority: 1}, {ID: 2, Priority: 0}, {ID: 3, Priority: 5}, {ID: 4, Priority: 1, Arbiter: true}, {ID: 5, Priority: 2}}
		for _, m := range c.list() {
			m.node.SetMembers(members)
		}
		l := c.leader(time.Second)
		time.Sleep(testElection) // until it has heard from everybody that they are caught up
		if l.id != 3 {
			c.transfer(l, 0)
		}
		if l = c.leader(time.Second); l.id != 3 {
			c.fatalf("member %d is primary", l.id)
		}
		time.Sleep(testElection)
		c.transfer(l, 0)
		if l = c.leader(time.Second); l.id != 5 {
			c.fatalf("member %d is primary after the one with the highest priority", l.id)
		}
		for _, id := range []uint64{2, 4} {
			if err := l.node.TransferLeadership(t.Context(), id); !errors.Is(err, ErrNoCandidate) {
				c.fatalf("hand-over to member %d, which may not lead: %v", id, err)
			}
			if err := c.member(id).node.Campaign(t.Context()); !errors.Is(err, ErrNotElectable) {
				c.fatalf("member %d may not lead and campaigns: %v", id, err)
			}
		}
		c.transfer(l, 1)
		if l = c.leader(time.Second); l.id != 1 {
			c.fatalf("member %d is primary after a hand-over to member 1", l.id)
		}
		if err := c.member(3).node.Campaign(t.Context()); err != nil {
			c.fatalf("%v", err)
		}
		if l = c.leader(time.Second); l.id != 3 {
			c.fatalf("member %d is primary after member 3 asked for it", l.id)
		}
	})
}

func (c *cluster) transfer(from *member, to uint64) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := from.node.TransferLeadership(ctx, to); err != nil {
		c.fatalf("hand-over from %d to %d: %v", from.id, to, err)
	}
}

// TestTransferThatFails: nobody is caught up, so that the primary stays, and takes writes again.
func TestTransferThatFails(t *testing.T) {
	inCluster(t, 1, 3, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		var others []uint64
		for _, m := range c.list() {
			if m != l {
				others = append(others, m.id)
			}
		}
		// One member hears what the leader says and is not heard. The other one is well, but is not asked.
		c.mustPut(l, "a", "1")
		c.mu.Lock()
		c.cut[[2]uint64{others[0], l.id}] = true
		c.mu.Unlock()
		for i := range 20 {
			c.mustPut(l, fmt.Sprint("b", i), "1")
		}
		if err := l.node.TransferLeadership(ctx, others[0]); !errors.Is(err, ErrNoCandidate) {
			c.fatalf("hand-over to a member that is not caught up: %v", err)
		}
		if l.sm.becomes != 1 {
			t.Error("writes were stopped for a member that was far behind")
		}
		c.mustPut(l, "c", "1")

		// It is caught up, but does not hear that it is to take over.
		c.heal()
		c.mustPut(l, "d", "1")
		time.Sleep(testElection)
		c.mu.Lock()
		c.cut[[2]uint64{l.id, others[0]}] = true
		c.mu.Unlock()
		ctx2, cancel2 := context.WithTimeout(t.Context(), 3*testElection)
		defer cancel2()
		if err := l.node.TransferLeadership(ctx2, others[0]); !errors.Is(err, ErrNoCandidate) {
			c.fatalf("hand-over to a member that does not hear: %v", err)
		}
		for !l.sm.isPrimary() {
			time.Sleep(time.Millisecond)
		}
		c.mustPut(l, "e", "1")
		if s := l.node.Status(); !s.Primary || s.HandingOver {
			t.Errorf("after a hand-over that failed: %+v", s)
		}
	})
}

// TestTransferThatFailsLosesNothing: when a hand-over begins a group is on its way from those that wait into the log, and the hand-over ends before the group is
// there. The state machine has dropped what it had appended, so it may write again only when it has got it back from the log: else it
// would write on without the group, which takes effect later.
func TestTransferThatFailsLosesNothing(t *testing.T) {
	inCluster(t, 1, 3, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		to := l.id%3 + 1
		c.mustPut(l, "a", "1")
		time.Sleep(testElection / 2)
		c.mu.Lock()
		c.cut[[2]uint64{to, l.id}] = true // close, but never quite there
		c.mu.Unlock()
		c.mustPut(l, "b", "1")

		n := l.node
		n.proposing.Lock()
		op, err := l.sm.write("slow", "1", true)
		if err != nil {
			c.fatalf("%v", err)
		}
		groups, _ := n.pending.take()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.TransferLeadership(ctx, to) }()
		for l.sm.isPrimary() {
			runtime.Gosched()
		}
		cancel()
		for range 10000 { // the clock stands still meanwhile
			runtime.Gosched()
		}
		if l.sm.isPrimary() {
			t.Error("primary again without what it had appended")
		}
		entries, list := pack(groups)
		n.mu.Lock()
		n.proposeLocked(entries, list)
		n.mu.Unlock()
		n.proposing.Unlock()

		if err := <-ended; !errors.Is(err, context.Canceled) {
			c.fatalf("the hand-over ended with %v", err)
		}
		if err := n.WaitCommitted(t.Context(), op); err != nil {
			c.fatalf("%v", err)
		}
		for !l.sm.isPrimary() {
			time.Sleep(time.Millisecond)
		}
		if got, _ := l.sm.get("slow"); got != "1" {
			t.Error("primary again without what it had appended and was acknowledged")
		}
	})
}

// TestStepDownAndStay: replSetStepDown hands over, and the member does not come back before its time; without anybody to take
// over it fails, or, forced, leaves the set without primary for that time.
func TestStepDownAndStay(t *testing.T) {
	inCluster(t, 1, 3, func(t *testing.T, c *cluster) {
		first := c.leader(time.Second)
		c.mustPut(first, "a", "1")
		if err := first.node.StepDownAndStay(t.Context(), StepDownOptions{Stay: 10 * time.Second}); err != nil {
			c.fatalf("%v", err)
		}
		if err := first.node.Campaign(t.Context()); !errors.Is(err, ErrNotElectable) {
			c.fatalf("a member that stepped down campaigns: %v", err)
		}
		second := c.leader(time.Second)
		for _, m := range c.list() {
			if m != first && m != second {
				m.node.Freeze(time.Hour)
			}
		}
		second.crash()
		time.Sleep(5 * time.Second)
		for _, m := range c.list() {
			if m.alive() && m.sm.isPrimary() {
				c.fatalf("member %d is primary though all are frozen", m.id)
			}
		}
		time.Sleep(5 * time.Second)
		if l := c.leader(time.Second); l != first {
			c.fatalf("member %d is primary, want %d whose time has come", l.id, first.id)
		}
	})
	inCluster(t, 1, 1, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		if err := l.node.StepDownAndStay(t.Context(), StepDownOptions{Stay: time.Second, CatchUp: time.Second}); !errors.Is(err, ErrNoCandidate) {
			c.fatalf("%v", err)
		}
		if err := l.node.StepDownAndStay(t.Context(), StepDownOptions{Stay: time.Second, CatchUp: time.Second, Force: true}); err != nil {
			c.fatalf("%v", err)
		}
		began := time.Now()
		c.leader(10 * time.Second)
		if took := time.Since(began); took < 900*time.Millisecond || took > 1100*time.Millisecond {
			c.fatalf("a set of one has a primary again after %v", took)
		}
		if err := l.node.StepDownAndStay(t.Context(), StepDownOptions{Stay: time.Hour, Force: true}); err != nil {
			c.fatalf("%v", err)
		}
		l.node.Freeze(0)
		c.leader(20 * time.Millisecond)
	})
}

// TestPeerGone: when the others learn that the primary's process died they have a new one in a fraction of the election
// timeout; a false alarm changes nothing, unless a majority believes it.
func TestPeerGone(t *testing.T) {
	for seed := range uint64(20) {
		inCluster(t, seed, 3, func(t *testing.T, c *cluster) {
			first := c.leader(time.Second)
			c.mustPut(first, "a", "1")
			_, term := first.node.Leader()
			c.member(first.id%3 + 1).node.PeerGone(first.id)
			time.Sleep(5 * testElection)
			if l := c.leader(time.Second); l != first || l.node.Status().Term != term {
				c.fatalf("seed %d: a false alarm made member %d primary of term %d", seed, l.id, l.node.Status().Term)
			}
			began := time.Now()
			first.crash()
			time.Sleep(time.Millisecond) // its last messages arrive
			for _, m := range c.list() {
				if m != first {
					m.node.PeerGone(first.id)
				}
			}
			c.leader(time.Second)
			if took := time.Since(began); took > 80*time.Millisecond {
				c.fatalf("a new primary after %v", took)
			}
		})
	}
}
