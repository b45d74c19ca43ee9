package raftnode

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestElectionsEnd: sets of 1, 3 and 5 get a primary, a write commits, and when the primary is cut off another one takes over and
// the old one notices by itself.
func TestElectionsEnd(t *testing.T) {
	for _, voters := range []int{1, 3, 5} {
		inCluster(t, 1, voters, func(t *testing.T, c *cluster) {
			first := c.leader(time.Second)
			c.mustPut(first, "a", "1")
			if voters == 1 {
				return
			}
			c.isolate(first.id)
			began := time.Now()
			pending, err := first.sm.write("lost", "x", true)
			if err != nil {
				c.fatalf("%v", err)
			}
			if err := first.node.WaitCommitted(t.Context(), pending); !errors.Is(err, ErrNotPrimary) {
				c.fatalf("a write through a primary without majority: %v, want %v", err, ErrNotPrimary)
			}
			if took := time.Since(began); took > 3*testElection {
				c.fatalf("the old primary noticed after %v", took)
			}
			second := c.leader(time.Second)
			if second == first {
				c.fatalf("the isolated member is primary")
			}
			c.mustPut(second, "b", "2")
		})
	}
}

// TestElectionTimeoutChangesWhileTheSetRuns: a longer one makes the others wait longer for a primary that was cut off, a shorter
// one less long.
func TestElectionTimeoutChangesWhileTheSetRuns(t *testing.T) {
	for _, timeout := range []time.Duration{10 * testElection, testElection / 2} {
		inCluster(t, 1, 3, func(t *testing.T, c *cluster) {
			first := c.leader(time.Second)
			for _, m := range c.list() {
				m.node.SetElectionTimeout(timeout)
			}
			time.Sleep(2 * timeout)
			c.isolate(first.id)
			cut := time.Now()
			for first.sm.isPrimary() || c.leader(20*timeout) == first {
				time.Sleep(time.Millisecond)
			}
			if took := time.Since(cut); took < timeout*4/5 || took > 6*timeout {
				t.Errorf("another primary after %v, with an election timeout of %v", took, timeout)
			}
		})
	}
}

// TestSingleVoterLeadsAtOnce: a set of one needs no election timeout.
func TestSingleVoterLeadsAtOnce(t *testing.T) {
	inCluster(t, 1, 1, func(t *testing.T, c *cluster) {
		began := time.Now()
		c.leader(time.Second)
		if took := time.Since(began); took > 5*time.Millisecond {
			c.fatalf("primary after %v", took)
		}
	})
}

// TestLostTimestampIsNotAcknowledged: a write that was lost with its term is not reported as committed when the same member
// is primary again and its log passes the timestamp, which another primary has used as well.
func TestLostTimestampIsNotAcknowledged(t *testing.T) {
	inCluster(t, 3, 3, func(t *testing.T, c *cluster) {
		first := c.leader(time.Second)
		c.mustPut(first, "a", "1")
		c.isolate(first.id)
		lost, err := first.sm.write("lost", "x", true)
		if err != nil {
			c.fatalf("%v", err)
		}
		c.mustPut(c.leader(time.Second), "b", "2")
		c.heal()
		for c.leader(time.Second) != first {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := first.node.Campaign(ctx)
			cancel()
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				c.fatalf("%v", err)
			}
		}
		c.mustPut(first, "c", "3")
		if err := first.node.WaitCommitted(t.Context(), lost); !errors.Is(err, ErrNotPrimary) {
			c.fatalf("lost write: %v", err)
		}
		if _, ok := first.sm.get("lost"); ok {
			c.fatalf("the lost write is there")
		}
	})
}

// TestCaretaker: a primary and an arbiter have committed a write, the third member was away, and then the primary dies. The
// arbiter alone can be elected. It takes no writes and hands over to the third member.
func TestCaretaker(t *testing.T) {
	for seed := range uint64(5) {
		inCluster(t, seed, 3, func(t *testing.T, c *cluster) {
			l := c.leader(time.Second)
			var members []Member
			arbiter, third := l.id%3+1, (l.id+1)%3+1
			for id := uint64(1); id <= 3; id++ {
				members = append(members, Member{ID: id, Priority: 1, Arbiter: id == arbiter})
			}
			for _, m := range c.list() {
				m.node.SetMembers(members)
			}
			c.member(third).crash()
			c.mustPut(l, "a", "1")
			l.crash()
			c.member(third).restart()
			c.member(third).node.SetMembers(members)
			next := c.leader(20 * testElection)
			if next.id != third || c.member(arbiter).sm.becomes > 0 {
				c.fatalf("member %d is primary, the arbiter was it %d times", next.id, c.member(arbiter).sm.becomes)
			}
			if got, _ := next.sm.get("a"); got != "1" {
				c.fatalf("the write is not there")
			}
			time.Sleep(20 * testElection)
			if again := c.leader(time.Second); again != next {
				c.fatalf("member %d is primary after %d", again.id, next.id)
			}
			l.restart()
			l.node.SetMembers(members)
		})
	}
}
