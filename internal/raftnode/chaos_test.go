package raftnode

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestSchedules runs sets through seeded schedules of trouble: lost, repeated and late messages, partitions, one-way cuts, crashes
// that lose unsynced data, stopped processes, slow disks, hand-overs, members added, promoted and removed, trimmed logs and thus
// snapshots, news of dead leaders that may be false; with writers and readers at work all the time. No acknowledged write may be lost, members apply the same, a term has one primary, and a read behind a barrier sees
// every write acknowledged before. RAFTNODE_SEED repeats one.
func TestSchedules(t *testing.T) {
	count := 300
	if testing.Short() {
		count = 40
	}
	for _, seed := range seeds(t, count) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { runSchedule(t, seed) })
		})
	}
}

type schedule struct {
	c     *cluster
	stop  chan struct{}
	wg    sync.WaitGroup
	acks  atomic.Int64
	reads atomic.Int64
	rng   *rand.Rand // of the goroutine that makes trouble
}

func runSchedule(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	voters := []int{1, 3, 3, 3, 5}[r.IntN(5)]
	c := newCluster(t, seed, voters)
	s := &schedule{c: c, stop: make(chan struct{}), rng: r}
	c.onFatal = func() { close(s.stop) }
	c.mu.Lock()
	if r.IntN(2) == 0 {
		c.drop, c.dup = r.Float64()*0.1, r.Float64()*0.1
	}
	if r.IntN(4) == 0 {
		c.fsync = func(r *rand.Rand) time.Duration { return time.Duration(r.IntN(int(30 * time.Millisecond))) }
	}
	if r.IntN(4) == 0 {
		c.delay = func(r *rand.Rand) time.Duration { return time.Duration(r.IntN(int(15 * time.Millisecond))) }
	}
	c.mu.Unlock()
	c.snapTime = time.Duration(r.IntN(int(100 * time.Millisecond)))
	for i := range 3 {
		s.wg.Go(func() { s.writer(i) })
	}
	s.wg.Go(s.reader)
	for range 25 {
		s.trouble()
		time.Sleep(time.Duration(r.IntN(int(200 * time.Millisecond))))
		c.check()
	}
	c.heal()
	s.rank(func(id uint64) Member { return Member{ID: id, Priority: 1} })
	c.leader(20 * time.Second)
	c.onFatal = nil
	close(s.stop)
	s.wg.Wait()
	c.settle()
	c.close()
	kinds := map[EventKind]int{}
	c.mu.Lock()
	for _, k := range c.kinds {
		kinds[k]++
	}
	c.mu.Unlock()
	t.Logf("%d voters: %d acknowledged writes, %d reads behind barriers, %v", voters, s.acks.Load(), s.reads.Load(), kinds)
}

func (s *schedule) stopped() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// somePrimary returns a member that believes it may write. It may be wrong.
func (s *schedule) somePrimary(skip int) *member {
	for _, m := range s.c.list() {
		if m.alive() && m.kv().isPrimary() {
			if skip--; skip < 0 {
				return m
			}
		}
	}
	return nil
}

func (s *schedule) writer(i int) {
	r := rand.New(rand.NewPCG(s.c.seed, uint64(100+i)))
	for n := 0; !s.stopped(); n++ {
		m := s.somePrimary(r.IntN(2))
		if m == nil {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		key := fmt.Sprintf("w%d-%d", i, n)
		if r.IntN(4) == 0 { // nobody waits for this one, and it may be lost
			_, _ = m.kv().write(key, "unacknowledged", false)
			continue
		}
		value := fmt.Sprint(r.Uint64())
		if r.IntN(50) == 0 {
			value = string(make([]byte, 3000))
		}
		if _, err := s.c.put(m, key, value, 300*time.Millisecond); err == nil {
			s.acks.Add(1)
		} else if !errors.Is(err, ErrNotPrimary) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrStopped) {
			s.c.failf("writer: %v", err)
		}
		time.Sleep(time.Duration(r.IntN(int(4 * time.Millisecond))))
	}
}

// reader checks that behind a barrier every acknowledged write is seen.
func (s *schedule) reader() {
	r := rand.New(rand.NewPCG(s.c.seed, 50))
	for !s.stopped() {
		time.Sleep(time.Duration(r.IntN(int(10 * time.Millisecond))))
		m := s.somePrimary(r.IntN(2))
		if m == nil {
			continue
		}
		s.c.mu.Lock()
		var key, value string
		for key, value = range s.c.acked {
			break
		}
		s.c.mu.Unlock()
		sm := m.kv()
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		err := sm.node.ReadBarrier(ctx)
		cancel()
		if err == nil && key != "" {
			s.reads.Add(1)
			if got, _ := sm.get(key); got != value {
				s.c.failf("member %d: after a barrier %s = %q is %q", m.id, key, value, got)
			}
		}
	}
}

// trouble does one thing to the set.
func (s *schedule) trouble() {
	c, r := s.c, s.rng
	members := c.list()
	m := members[r.IntN(len(members))]
	switch r.IntN(22) {
	case 0, 1:
		c.logf("crash %d", m.id)
		m.crash()
		if r.IntN(2) == 0 {
			s.gone(m.id)
		}
	case 2, 3:
		c.logf("restart all")
		for _, m := range members {
			m.restart()
		}
	case 4:
		c.logf("isolate %d", m.id)
		c.isolate(m.id)
	case 5:
		other := members[r.IntN(len(members))]
		c.logf("cut %d -> %d", m.id, other.id)
		c.mu.Lock()
		c.cut[[2]uint64{m.id, other.id}] = true
		c.mu.Unlock()
	case 6, 7:
		c.logf("heal")
		c.heal()
	case 8:
		c.logf("stop %d", m.id)
		m.pause()
	case 9:
		c.logf("continue all")
		for _, m := range members {
			m.resume()
		}
	case 10, 11:
		for _, m := range members {
			s.trim(m)
		}
	case 12:
		if p := s.somePrimary(0); p != nil {
			c.logf("hand over from %d", p.id)
			node := p.kv().node
			s.wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
				defer cancel()
				_ = node.TransferLeadership(ctx, 0)
			})
		}
	case 13:
		if p := s.somePrimary(0); p != nil {
			c.logf("step down %d", p.id)
			node := p.kv().node
			s.wg.Go(func() {
				_ = node.StepDownAndStay(context.Background(), StepDownOptions{Stay: 200 * time.Millisecond, CatchUp: 100 * time.Millisecond, Force: true})
			})
		}
	case 14:
		c.logf("false news that %d is gone", m.id)
		s.gone(m.id)
	case 15:
		id := uint64(len(members) + 1)
		if id <= 7 {
			c.add(id, Snapshot{})
			s.change(Change{AddLearner, id})
		}
	case 16, 17:
		s.change(Change{AddVoter, m.id})
	case 18:
		id := uint64(len(members) + 1)
		if id <= 7 && len(members) > 2 {
			c.add(id, Snapshot{})
			s.change(Change{Remove, m.id}, Change{AddLearner, id})
		}
	case 20:
		s.rank(func(id uint64) Member {
			return Member{ID: id, Priority: float64(r.IntN(3)), Arbiter: r.IntN(6) == 0}
		})
	case 21:
		if m.alive() {
			m.kv().node.Freeze(time.Duration(r.IntN(int(300 * time.Millisecond))))
		}
	case 19:
		c.mu.Lock()
		c.drop = r.Float64() * 0.2
		c.mu.Unlock()
	}
}

// rank gives members priorities.
func (s *schedule) rank(f func(id uint64) Member) {
	var list []Member
	for _, m := range s.c.list() {
		list = append(list, f(m.id))
	}
	s.c.mu.Lock()
	s.c.ranks = list
	s.c.mu.Unlock()
	for _, m := range s.c.list() {
		if m.alive() {
			m.kv().node.SetMembers(list)
		}
	}
}

// gone tells the others that a member's process died.
func (s *schedule) gone(id uint64) {
	for _, m := range s.c.list() {
		if m.id != id && m.alive() {
			m.kv().node.PeerGone(id)
		}
	}
}

// change proposes a change of members to whoever is primary.
func (s *schedule) change(changes ...Change) {
	p := s.somePrimary(0)
	if p == nil {
		return
	}
	sm := p.kv()
	voters := sm.node.Status().ConfState.Voters
	for _, ch := range changes {
		if ch.Kind == Remove && (len(voters) == 1 || !slices.Contains(voters, ch.ID)) {
			return
		}
	}
	s.c.logf("change %v", changes)
	s.wg.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		if _, err := sm.node.ProposeConfChange(ctx, sm.node.Status().Term, changes, fmt.Appendf(nil, "%v", changes)); err != nil {
			s.c.logf("change %v: %v", changes, err)
		}
	})
}

// trim makes what a member has applied durable and drops the log before it.
func (s *schedule) trim(m *member) {
	if !m.alive() {
		return
	}
	sm := m.kv()
	node := sm.node
	upTo := sm.flush()
	if err := node.Compact(upTo); err != nil && !errors.Is(err, ErrStopped) {
		s.c.failf("member %d: trimming to %d: %v", m.id, upTo, err)
	}
}
