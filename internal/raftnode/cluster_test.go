package raftnode

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/logfile"
	"github.com/mortondb/morton/internal/oplog"
)

const testElection = 100 * time.Millisecond

// cluster is a whole set in one process and in virtual time: real nodes and log files, a network that loses, delays and
// repeats messages, disks that forget what was not synced, members that stop and go on.
type cluster struct {
	t    testing.TB
	seed uint64

	mu       sync.Mutex
	rng      *rand.Rand
	members  map[uint64]*member
	initial  Snapshot
	applied  map[uint64]appliedEntry // by index: what the first member that applied it saw
	primary  map[uint64]uint64       // term -> member
	dirs     map[string]kvState
	acked    map[string]string // writes whose WaitCommitted returned nil
	cut      map[[2]uint64]bool
	lost     func(raftpb.Message) bool // messages that never arrive; nil: none
	drop     float64                   // part of the messages that is lost
	dup      float64
	delay    func(r *rand.Rand) time.Duration
	fsync    func(r *rand.Rand) time.Duration
	snapTime time.Duration
	ranks    []Member // SetMembers of those who start
	dirCount int
	failure  string
	events   []string
	kinds    []EventKind
	onFatal  func() // ends the goroutines of the test
}

type appliedEntry struct {
	term, hash uint64
}

// member is one member over its restarts.
type member struct {
	c    *cluster
	id   uint64
	fs   *vfs.MemFS
	sm   *kv
	log  *logfile.Log
	node *Node
	up   bool

	slow   func() time.Duration // in place of the cluster's fsync
	paused chan struct{}        // not nil: the process is stopped, and goes on when it is closed
	held   []raftpb.Message
	dead   chan struct{}
}

var epoch = Snapshot{Index: 1, Term: 1, TS: 1}

func newCluster(t testing.TB, seed uint64, voters int) *cluster {
	c := &cluster{
		t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), members: map[uint64]*member{}, applied: map[uint64]appliedEntry{},
		primary: map[uint64]uint64{}, dirs: map[string]kvState{}, acked: map[string]string{}, cut: map[[2]uint64]bool{},
		delay:    func(r *rand.Rand) time.Duration { return time.Duration(r.IntN(int(500 * time.Microsecond))) },
		fsync:    func(r *rand.Rand) time.Duration { return time.Duration(r.IntN(int(time.Millisecond))) },
		snapTime: 20 * time.Millisecond,
	}
	c.initial = epoch
	for id := uint64(1); id <= uint64(voters); id++ {
		c.initial.ConfState.Voters = append(c.initial.ConfState.Voters, id)
	}
	for _, id := range c.initial.ConfState.Voters {
		c.add(id, c.initial)
	}
	return c
}

// add makes a member that holds at; the zero Snapshot makes an empty one.
func (c *cluster) add(id uint64, at Snapshot) *member {
	m := &member{c: c, id: id, fs: vfs.NewCrashableMem()}
	st := kvState{data: map[string]string{}, at: at}
	m.sm = &kv{c: c, id: id, state: st, durable: st.clone()}
	c.mu.Lock()
	c.members[id] = m
	c.mu.Unlock()
	m.start()
	return m
}

func (c *cluster) failf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failLocked(fmt.Sprintf(format, args...))
}

func (c *cluster) failLocked(text string) {
	if c.failure == "" {
		c.failure = text
	}
}

func (c *cluster) logf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, time.Now().Format("05.000 ")+fmt.Sprintf(format, args...))
}

// sawApply checks that all members apply the same.
func (c *cluster) sawApply(id uint64, e Entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := appliedEntry{e.Term, hash(e.Data)}
	if was, ok := c.applied[e.Index]; ok && was != now {
		c.failLocked(fmt.Sprintf("member %d applied another entry %d: %v, another member %v", id, e.Index, now, was))
		return fmt.Errorf("entry %d differs", e.Index)
	}
	c.applied[e.Index] = now
	return nil
}

// sawPrimary checks that a term has one primary.
func (c *cluster) sawPrimary(id, term uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if was, ok := c.primary[term]; ok && was != id {
		c.failLocked(fmt.Sprintf("members %d and %d are both primary of term %d", was, id, term))
	}
	c.primary[term] = id
}

func (c *cluster) putDir(dir string, st kvState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dirs[dir] = st
}

func (c *cluster) dir(dir string) (kvState, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, ok := c.dirs[dir]
	return st, ok
}

// slowLog is a log file whose disk takes its time, and whose process can be stopped.
type slowLog struct {
	*logfile.Log
	m *member
}

func (l slowLog) Append(entries []logfile.Entry, hs *logfile.HardState, sync bool) (err error) {
	l.m.gate()
	if sync {
		l.m.c.mu.Lock()
		d, slow := l.m.c.fsync(l.m.c.rng), l.m.slow
		l.m.c.mu.Unlock()
		if slow != nil {
			defer func() {
				if broken, ok := recover().(error); ok {
					err = broken
				}
			}()
			d = slow()
		}
		time.Sleep(d)
	}
	return l.Log.Append(entries, hs, sync)
}

func (l slowLog) Reset(index, term uint64) error {
	l.m.gate()
	time.Sleep(l.m.c.snapTime / 2) // a crash may come between the state machine and the log
	return l.Log.Reset(index, term)
}

// kv returns the state machine of the present process.
func (m *member) kv() *kv {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	return m.sm
}

// alive reports whether the process runs.
func (m *member) alive() bool {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	return m.up && m.paused == nil
}

func (m *member) start() {
	m.c.t.Helper()
	log, err := logfile.Open(m.fs, "log", logfile.Options{SegmentBytes: 8 << 10, CacheBytes: 16 << 10})
	if err != nil {
		m.c.t.Fatalf("seed %d: opening the log of member %d: %v", m.c.seed, m.id, err)
	}
	m.log = log
	m.dead = make(chan struct{})
	node, err := Open(Options{
		ID: m.id, Log: slowLog{log, m}, StateMachine: m.sm, Transport: link{m, m.dead}, Applied: m.sm.at(), ElectionTimeout: testElection,
		OnEvent: func(e Event) {
			m.c.logf("member %d: %+v", m.id, e)
			m.c.mu.Lock()
			m.c.kinds = append(m.c.kinds, e.Kind)
			m.c.mu.Unlock()
		},
		OnFatal: func(err error) { m.c.failf("member %d stopped: %v", m.id, err) },
	})
	if err != nil {
		m.c.t.Fatalf("seed %d: member %d: %v", m.c.seed, m.id, err)
	}
	m.c.mu.Lock()
	m.node, m.sm.node, m.up = node, node, true
	ranks := m.c.ranks
	m.c.mu.Unlock()
	node.SetMembers(ranks)
	node.start(func() { m.clock(node) })
}

// clock is tickLoop for a process that can be stopped.
func (m *member) clock(node *Node) {
	ticker := time.NewTicker(Tick)
	defer ticker.Stop()
	for count := 0; ; count++ {
		select {
		case <-ticker.C:
			m.gate()
			node.tick(count)
		case <-node.done:
			return
		}
	}
}

// disk makes a member's disk take the time that f says, or fail with the error that f panics with.
func (m *member) disk(f func() time.Duration) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	m.slow = f
}

// gate holds a goroutine of a stopped process.
func (m *member) gate() {
	m.c.mu.Lock()
	paused := m.paused
	m.c.mu.Unlock()
	if paused != nil {
		<-paused
	}
}

func (m *member) pause() {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if m.up && m.paused == nil {
		m.paused = make(chan struct{})
	}
}

// resume lets the process go on, with all that has come for it meanwhile.
func (m *member) resume() {
	m.c.mu.Lock()
	if m.paused == nil {
		m.c.mu.Unlock()
		return
	}
	close(m.paused)
	m.paused = nil
	held, node := m.held, m.node
	m.held = nil
	m.c.mu.Unlock()
	for _, msg := range held {
		_ = node.Step(msg)
	}
}

// crash ends the process at once. What the disk had not synced is lost, or not, at random.
func (m *member) crash() {
	m.resume()
	m.c.mu.Lock()
	if !m.up {
		m.c.mu.Unlock()
		return
	}
	m.up = false
	close(m.dead)
	node := m.node
	m.fs = m.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: m.c.rng.IntN(101), RNG: m.c.rng})
	old := m.sm
	m.c.mu.Unlock()
	old.mu.Lock()
	sm := &kv{c: m.c, id: m.id, state: old.durable.clone(), durable: old.durable.clone(), last: old.durable.at.TS, becomes: old.becomes}
	old.mu.Unlock()
	m.c.mu.Lock()
	m.sm = sm
	m.c.mu.Unlock()
	node.Close()
	_ = m.log.Close()
}

// restart brings a crashed member up again.
func (m *member) restart() {
	m.c.mu.Lock()
	up := m.up
	m.c.mu.Unlock()
	if !up {
		m.start()
	}
}

// link is the network as one process of a member sees it.
type link struct {
	m    *member
	dead chan struct{}
}

func (l link) Send(msgs []raftpb.Message) {
	c := l.m.c
	select {
	case <-l.dead:
		return
	default:
	}
	for _, msg := range msgs {
		msg.Entries = slices.Clone(msg.Entries)
		if msg.Type == raftpb.MsgSnap {
			go l.sendSnapshot(msg)
			continue
		}
		c.mu.Lock()
		copies := 1
		if c.rng.Float64() < c.drop {
			copies = 0
		} else if c.rng.Float64() < c.dup {
			copies = 2
		}
		for range copies {
			time.AfterFunc(c.delay(c.rng), func() { c.deliver(msg) })
		}
		c.mu.Unlock()
	}
}

func (c *cluster) deliver(msg raftpb.Message) {
	c.mu.Lock()
	to := c.members[msg.To]
	if to == nil || !to.up || c.cut[[2]uint64{msg.From, msg.To}] || c.lost != nil && c.lost(msg) {
		c.mu.Unlock()
		return
	}
	if to.paused != nil {
		if len(to.held) < 1000 {
			to.held = append(to.held, msg)
		}
		c.mu.Unlock()
		return
	}
	node := to.node
	c.mu.Unlock()
	if err := node.Step(msg); err != nil {
		if _, ok := err.(*SuspectError); ok {
			c.failf("member %d: %v", msg.To, err)
		}
	}
}

// sendSnapshot is what package peer does over a connection.
func (l link) sendSnapshot(msg raftpb.Message) {
	c := l.m.c
	c.mu.Lock()
	node := l.m.node
	c.dirCount++
	dir := "dir" + strconv.Itoa(c.dirCount)
	took := c.snapTime
	c.mu.Unlock()
	ok := false
	snap, release, err := node.Checkpoint(context.Background(), msg.To, dir)
	if err == nil {
		time.Sleep(took)
		if m, err := node.SnapshotMessage(msg.To, snap); err == nil {
			c.mu.Lock()
			to := c.members[msg.To]
			reachable := to != nil && to.up && to.paused == nil && !c.cut[[2]uint64{msg.From, msg.To}]
			var target *Node
			if reachable {
				target = to.node
			}
			c.mu.Unlock()
			if reachable {
				ok, err = target.StepSnapshot(m, dir)
				if err != nil && err != ErrStopped {
					c.logf("snapshot for %d: %v", msg.To, err)
				}
			}
		}
		release()
	}
	if !ok {
		time.Sleep(50 * time.Millisecond)
	}
	node.ReportSnapshot(msg.To, ok)
}

func (c *cluster) list() []*member {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []*member
	for _, m := range c.members {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *member) int { return int(a.id) - int(b.id) })
	return list
}

func (c *cluster) member(id uint64) *member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.members[id]
}

// leader waits for a member that may write and that a majority follows.
func (c *cluster) leader(within time.Duration) *member {
	c.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(time.Millisecond) {
		c.check()
		for _, m := range c.list() {
			if m.alive() && m.kv().isPrimary() {
				ctx, cancel := context.WithTimeout(context.Background(), testElection)
				err := m.kv().node.ReadBarrier(ctx)
				cancel()
				if err == nil {
					return m
				}
			}
		}
	}
	c.fatalf("no primary within %v", within)
	return nil
}

func (c *cluster) fatalf(format string, args ...any) {
	c.t.Helper()
	c.mu.Lock()
	for _, e := range c.events {
		c.t.Log(e)
	}
	c.mu.Unlock()
	for _, m := range c.list() {
		if m.alive() {
			node := m.kv().node
			c.t.Logf("member %d: %+v", m.id, node.Status())
			node.mu.Lock()
			c.t.Logf("  may campaign %v, raft %+v, conf %+v, members %+v, quiet %d", node.mayCampaignLocked(), node.raw.BasicStatus(), node.conf, node.members, node.quiet)
			node.mu.Unlock()
		}
	}
	c.t.Errorf("seed %d: %s", c.seed, fmt.Sprintf(format, args...))
	if c.onFatal != nil {
		c.onFatal()
	}
	c.stopAll()
	time.Sleep(10 * time.Second) // whatever still runs comes to its end
	c.t.FailNow()
}

// check fails the test when a member has noticed something wrong.
func (c *cluster) check() {
	c.t.Helper()
	c.mu.Lock()
	failure := c.failure
	c.mu.Unlock()
	if failure != "" {
		c.fatalf("%s", failure)
	}
}

// put writes through a member and waits until the write is committed.
func (c *cluster) put(m *member, key, value string, timeout time.Duration) (oplog.OpTime, error) {
	sm := m.kv()
	op, err := sm.write(key, value, true)
	if err != nil {
		return op, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := sm.node.WaitCommitted(ctx, op); err != nil {
		return op, err
	}
	c.mu.Lock()
	c.acked[key] = value
	c.mu.Unlock()
	return op, nil
}

func (c *cluster) mustPut(m *member, key, value string) oplog.OpTime {
	c.t.Helper()
	op, err := c.put(m, key, value, 10*time.Second)
	if err != nil {
		c.fatalf("writing %s through member %d: %v", key, m.id, err)
	}
	return op
}

// heal repairs network and members.
func (c *cluster) heal() {
	c.mu.Lock()
	clear(c.cut)
	c.drop, c.dup = 0, 0
	c.mu.Unlock()
	for _, m := range c.list() {
		m.resume()
		m.restart()
	}
}

// isolate cuts a member off from all others.
func (c *cluster) isolate(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for other := range c.members {
		c.cut[[2]uint64{id, other}] = true
		c.cut[[2]uint64{other, id}] = true
	}
}

// settle heals everything, and checks that all members come to hold the same, with every acknowledged write in it.
func (c *cluster) settle() {
	c.t.Helper()
	c.heal()
	l := c.leader(20 * time.Second)
	for try := 0; ; try++ { // a primary may find that an entry removes it
		_, err := c.put(l, "settled", strconv.Itoa(int(c.seed)), time.Second)
		if err == nil {
			err = l.node.ReadBarrier(context.Background()) // committed is not yet applied
		}
		if err == nil {
			break
		}
		if try == 10 {
			c.fatalf("writing through member %d: %v", l.id, err)
		}
		l = c.leader(20 * time.Second)
	}
	want := l.sm.at().Index
	deadline := time.Now().Add(20 * time.Second)
	for _, m := range c.list() {
		for l.node.Status().ConfState.Contains(m.id) && m.sm.at().Index < want {
			c.check()
			if time.Now().After(deadline) {
				c.fatalf("member %d has applied %d of %d: %+v\nleader %+v", m.id, m.sm.at().Index, want, m.node.Status(), l.node.Status())
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	c.check()
	c.mu.Lock()
	acked := c.acked
	c.mu.Unlock()
	for _, m := range c.list() {
		if !l.node.Status().ConfState.Contains(m.id) {
			continue
		}
		for key, value := range acked {
			if got, _ := m.sm.get(key); got != value {
				c.fatalf("member %d: acknowledged write %s = %q is %q", m.id, key, value, got)
			}
		}
	}
}

func (c *cluster) stopAll() {
	for _, m := range c.list() {
		m.resume()
		c.mu.Lock()
		up := m.up
		m.up = false
		c.mu.Unlock()
		if up {
			m.node.Close()
			_ = m.log.Close()
		}
	}
}

func (c *cluster) close() {
	c.t.Helper()
	c.stopAll()
	time.Sleep(time.Second) // snapshots on their way come to their end
	c.check()
}

// seeds returns the seeds of a test: count of them, or the one in RAFTNODE_SEED.
func seeds(t testing.TB, count int) []uint64 {
	if s := os.Getenv("RAFTNODE_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return []uint64{n}
	}
	base := uint64(time.Now().UnixNano()) % 1e9 * 1000
	list := make([]uint64, count)
	for i := range list {
		list[i] = base + uint64(i)
	}
	return list
}

// inCluster runs f with a new cluster, in virtual time, and checks it at the end.
func inCluster(t *testing.T, seed uint64, voters int, f func(t *testing.T, c *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, seed, voters)
		f(t, c)
		c.settle()
		c.close()
	})
}
