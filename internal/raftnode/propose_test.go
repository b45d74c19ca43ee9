package raftnode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/oplog"
)

// TestPack: groups share entries up to the limit, keep their order, and one that is alone is passed on as it is.
func TestPack(t *testing.T) {
	small, half, large := make([]byte, 100), make([]byte, maxEntryBytes/2), make([]byte, 3*maxEntryBytes)
	var groups []group
	for i, data := range [][]byte{small, small, large, half, half, small, large, large, small} {
		data := bytes.Clone(data)
		data[0] = byte(i)
		groups = append(groups, group{data, oplog.Timestamp(i + 1)})
	}
	entries, list := pack(groups)
	wantSizes := []int{200, 3 * maxEntryBytes, maxEntryBytes, 100, 3 * maxEntryBytes, 3 * maxEntryBytes, 100}
	wantLast := []oplog.Timestamp{2, 3, 5, 6, 7, 8, 9}
	if len(entries) != len(wantSizes) {
		t.Fatalf("%d entries, want %d", len(entries), len(wantSizes))
	}
	var all, want []byte
	for i, e := range entries {
		if len(e.Data) != wantSizes[i] || list[i] != wantLast[i] {
			t.Errorf("entry %d has %d bytes up to %d, want %d up to %d", i, len(e.Data), list[i], wantSizes[i], wantLast[i])
		}
		all = append(all, e.Data...)
	}
	for _, g := range groups {
		want = append(want, g.data...)
	}
	if !bytes.Equal(all, want) {
		t.Error("the entries hold something else than the groups")
	}
	for _, pair := range [][2][]byte{{entries[1].Data, groups[2].data}, {entries[6].Data, groups[8].data}} {
		if &pair[0][0] != &pair[1][0] {
			t.Error("a group that is alone in its entry was copied")
		}
	}
}

// entriesSince counts the entries with data that a member has applied.
func (c *cluster) entries(m *member) (n int) {
	for i := uint64(1); i <= m.sm.at().Index; i++ {
		if list, err := m.log.Entries(i, i+1, 1); err == nil && len(list[0].Data) > 0 {
			n++
		}
	}
	return n
}

// TestGathering: a write that nobody waits for goes out at once when it comes alone; many within a millisecond share an
// entry, and so do those that wait while the disk is at work.
func TestGathering(t *testing.T) {
	inCluster(t, 1, 1, func(t *testing.T, c *cluster) {
		c.mu.Lock()
		c.fsync = func(*rand.Rand) time.Duration { return 100 * time.Microsecond }
		c.mu.Unlock()
		l := c.leader(time.Second)
		time.Sleep(10 * time.Millisecond)
		before := c.entries(l)
		op, err := l.sm.write("alone", "1", false)
		if err != nil {
			c.fatalf("%v", err)
		}
		time.Sleep(150 * time.Microsecond)
		if durable, _ := l.node.water.positions(); durable < op.TS {
			t.Error("a write that came alone has not been proposed at once")
		}
		for i := range 100 {
			if _, err := l.sm.write(fmt.Sprint("many", i), "1", false); err != nil {
				c.fatalf("%v", err)
			}
		}
		if p, _ := l.node.Backlog(); p == 0 {
			t.Error("nothing is pending")
		}
		time.Sleep(5 * time.Millisecond)
		if n := c.entries(l) - before; n > 3 {
			t.Errorf("101 writes that nobody waited for made %d entries", n)
		}
		if p, u := l.node.Backlog(); p != 0 || u != 0 {
			t.Errorf("%d bytes are pending, %d not applied, after everything was", p, u)
		}

		before = c.entries(l)
		done := make(chan error, 50)
		for i := range 50 {
			go func() {
				_, err := c.put(l, fmt.Sprint("waiting", i), "1", time.Second)
				done <- err
			}()
		}
		for range 50 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Millisecond)
		if n := c.entries(l) - before; n > 40 {
			t.Errorf("50 writers at a time made %d entries", n)
		}
	})
}

// TestSlowDiskOfPrimary: a primary with a slow disk does not hold up writes that two others have on theirs.
func TestSlowDiskOfPrimary(t *testing.T) {
	inCluster(t, 1, 3, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		c.mustPut(l, "a", "1")
		time.Sleep(10 * time.Millisecond)
		l.disk(func() time.Duration { return 50 * time.Millisecond })
		for i := range 10 {
			began := time.Now()
			op := c.mustPut(l, fmt.Sprint("b", i), "1")
			if took := time.Since(began); took > 10*time.Millisecond {
				t.Errorf("write %d was committed after %v", i, took)
			}
			if durable, _ := l.node.water.positions(); durable >= op.TS {
				t.Errorf("write %d is on the slow disk already", i)
			}
		}
		l.disk(nil)
	})
}

// TestMembersWaitedFor: w: 3 waits for the third member, and a member that is down shows in the time-out.
func TestMembersWaitedFor(t *testing.T) {
	inCluster(t, 1, 3, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		op := c.mustPut(l, "a", "1")
		if err := l.node.WaitReplicated(t.Context(), op, 3); err != nil {
			t.Error(err)
		}
		other := c.member(l.id%3 + 1)
		other.crash()
		op = c.mustPut(l, "b", "1")
		if err := l.node.WaitReplicated(t.Context(), op, 2); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.node.WaitReplicated(ctx, op, 3); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a member down: %v", err)
		}
		time.AfterFunc(time.Second, other.restart)
		if err := l.node.WaitReplicated(t.Context(), op, 3); err != nil {
			t.Error(err)
		}
		if err := c.member(l.id%3+1).node.WaitCommitted(t.Context(), op); !errors.Is(err, ErrNotPrimary) {
			t.Errorf("on a secondary: %v", err)
		}
		if err := c.member(l.id%3 + 1).node.ReadBarrier(t.Context()); !errors.Is(err, ErrNotPrimary) {
			t.Errorf("barrier on a secondary: %v", err)
		}
	})
}

// TestUrgentGroupNobodyWaitsFor goes out all the same.
func TestUrgentGroupNobodyWaitsFor(t *testing.T) {
	inCluster(t, 1, 1, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		if _, err := l.sm.write("a", "1", true); err != nil {
			c.fatalf("%v", err)
		}
		time.Sleep(3 * Tick)
		if got, _ := l.sm.get("a"); got != "1" {
			t.Error("it was forgotten")
		}
	})
}
