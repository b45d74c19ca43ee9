package peer

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/peer/memnet"
	"github.com/mortondb/morton/internal/raftnode"
)

// TestSetWorks: three members elect a primary, replicate, and each knows the others' states and how far away they are.
func TestSetWorks(t *testing.T) {
	inSet(t, 3, func(t *testing.T, s *set) {
		hosts := []string{hostOf(1), hostOf(2), hostOf(3)}
		s.net.Change(hosts, func(_, _ string, l *memnet.Link) { l.Delay = 5 * time.Millisecond })
		p := s.primary(2 * time.Second)
		s.put(p, "a", "1")
		s.eventually("all members have the write", func() bool {
			for _, m := range s.list() {
				if m.sm.get("a") != "1" {
					return false
				}
			}
			return true
		})
		time.Sleep(3 * statusInterval)
		for _, m := range s.list() {
			peers := m.transport.Peers()
			if len(peers) != 2 {
				s.fatalf("member %d knows %d others", m.id, len(peers))
			}
			for _, x := range peers {
				want := int32(2)
				if x.ID == p.id {
					want = 1
				}
				if !x.Connected || x.Status.State != want || x.Status.Leader != p.id || x.Status.Applied.TS < 2 || x.Err != nil ||
					x.Ping < 10*time.Millisecond || x.Ping > 12*time.Millisecond || time.Since(x.LastStatus) > statusInterval+10*time.Millisecond {
					t.Errorf("member %d of %d: %+v", m.id, x.ID, x)
				}
			}
		}
	})
}

// TestPrimaryDies: its connections break, redialling is refused, and a new primary is there well before the election
// timeout; when the old one comes back it follows.
func TestPrimaryDies(t *testing.T) {
	inSet(t, 3, func(t *testing.T, s *set) {
		p := s.primary(2 * time.Second)
		s.put(p, "a", "1")
		time.Sleep(time.Second)
		began := time.Now()
		p.kill()
		next := s.primary(2 * time.Second)
		if took := time.Since(began); took > testElection/2 {
			t.Errorf("a new primary after %v", took)
		}
		s.put(next, "b", "2")
		p.start([]uint64{1, 2, 3})
		s.eventually("the old primary catches up", func() bool { return p.sm.get("b") == "2" })
		if p.sm.isPrimary() {
			t.Error("the old primary is primary again")
		}
	})
}

// TestPrimaryRestartsAtOnce: a process that comes up again before anybody could see its port closed is taken for what it is.
func TestPrimaryRestartsAtOnce(t *testing.T) {
	inSet(t, 3, func(t *testing.T, s *set) {
		p := s.primary(2 * time.Second)
		s.put(p, "a", "1")
		time.Sleep(time.Second)
		began := time.Now()
		p.kill()
		p.start([]uint64{1, 2, 3})
		s.primary(2 * time.Second)
		if took := time.Since(began); took > testElection/2 {
			t.Errorf("a new primary after %v", took)
		}
	})
}

// TestPartition: the primary is cut off without its connections being closed. The others elect one of them; it steps down, and
// after the cut follows.
func TestPartition(t *testing.T) {
	inSet(t, 3, func(t *testing.T, s *set) {
		hosts := []string{hostOf(1), hostOf(2), hostOf(3)}
		for round := range 3 {
			p := s.primary(2 * time.Second)
			s.put(p, fmt.Sprint("a", round), "1")
			s.net.Change(hosts, func(from, to string, l *memnet.Link) { l.Cut = from == p.host || to == p.host })
			s.eventually("the old primary steps down", func() bool { return !p.sm.isPrimary() })
			next := s.primary(2 * time.Second)
			s.put(next, fmt.Sprint("b", round), "1")
			time.Sleep(time.Duration(round) * 6 * time.Second) // also longer than a silent connection lasts
			s.net.Change(hosts, func(_, _ string, l *memnet.Link) { l.Cut = false })
			s.eventually("the old primary catches up", func() bool { return p.sm.get(fmt.Sprint("b", round)) == "1" })
		}
	})
}

// TestFlakyNetwork: connections break all the time, and yet writes go through.
func TestFlakyNetwork(t *testing.T) {
	inSet(t, 3, func(t *testing.T, s *set) {
		hosts := []string{hostOf(1), hostOf(2), hostOf(3)}
		s.primary(2 * time.Second)
		s.net.Change(hosts, func(_, _ string, l *memnet.Link) { l.Break, l.Jitter = 0.01, time.Millisecond })
		written := 0
		for i := range 300 {
			p := s.primary(10 * time.Second)
			op, err := p.sm.write(fmt.Sprint("k", i), "v")
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			if err == nil {
				err = p.node.WaitCommitted(ctx, op)
			}
			cancel()
			if err == nil {
				written++
			}
		}
		if written < 150 {
			t.Errorf("only %d of 300 writes went through", written)
		}
	})
}

// TestSnapshotWhileWriting: a member without data, which knows nobody, gets everything while writes go on, over a connection that
// breaks now and then.
func TestSnapshotWhileWriting(t *testing.T) {
	inSet(t, 3, func(t *testing.T, s *set) {
		s.fill("before", 3<<20)
		var wg sync.WaitGroup
		stop := make(chan struct{})
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					s.put(s.primary(5*time.Second), fmt.Sprint("during", i), "v")
					time.Sleep(time.Millisecond)
				}
			}
		})
		p := s.primary(time.Second)
		for _, m := range s.list() {
			if err := m.node.Compact(m.sm.applied().Index); err != nil {
				s.fatalf("%v", err)
			}
			s.net.Set(m.host, hostOf(4), memnet.Link{Delay: time.Millisecond, Break: 0.03})
		}
		m := s.add(4, raftnode.Snapshot{}, nil)
		if _, err := p.node.ProposeConfChange(t.Context(), p.node.Status().Term, []raftnode.Change{{Kind: raftnode.AddLearner, ID: 4}}, nil); err != nil {
			s.fatalf("%v", err)
		}
		for _, m := range s.list() {
			m.know([]uint64{1, 2, 3, 4})
		}
		s.eventually("the new member has a snapshot", func() bool { return m.sm.applied().Index > 0 })
		s.net.Set(p.host, m.host, memnet.Link{})
		close(stop)
		wg.Wait()
		s.put(p, "after", "v")
		s.eventually("the new member catches up", func() bool {
			return m.sm.get("after") == "v" && m.sm.applied().Index == p.sm.applied().Index
		})
		want, got := p.sm.data, m.sm.data
		if len(want) != len(got) {
			t.Errorf("%d keys, the primary has %d", len(got), len(want))
		}
		for key, value := range want {
			if got[key] != value {
				t.Errorf("%s differs", key)
			}
		}
		for _, m := range s.list() {
			if names, err := m.fs.List("snapshots"); err != nil || len(names) != 0 {
				t.Errorf("member %d keeps %v: %v", m.id, names, err)
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		last := map[bool]SnapshotProgress{}
		for _, p := range s.progress {
			last[p.Sending] = p
		}
		for sending, p := range last {
			if p.Err != nil || p.CompletedAt.IsZero() || p.BytesDone != p.Bytes || p.FilesDone != 3 {
				t.Errorf("sending %v: %+v", sending, p)
			}
		}
	})
}

// TestMismatch: a member that has another data directory than the configuration says, or belongs to no set, is reported, and so is why.
func TestMismatch(t *testing.T) {
	inSet(t, 2, func(t *testing.T, s *set) {
		p := s.primary(2 * time.Second)
		other := s.members[3-p.id]
		s.net.Kill(other.host)
		l, err := s.net.Listen(hostOf(7))
		if err != nil {
			s.fatalf("%v", err)
		}
		defer l.Close()
		// Member 1's configuration says that member 5 is where member 2 is, and 7 is a host whose member belongs to no set.
		other.conns.Wait()
		if other.listener, err = s.net.Listen(other.host); err != nil {
			s.fatalf("%v", err)
		}
		nl := other.listener
		other.conns.Go(func() { other.serve(nl, other.transport) })
		go refuseAll(l)
		p.transport.SetMembers([]Member{{ID: 5, Host: other.host}, {ID: 7, Host: hostOf(7)}})
		find := func(expected uint64) *Mismatch {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, x := range s.mismatches {
				if x.Expected == expected {
					return &x
				}
			}
			return nil
		}
		s.eventually("both are reported", func() bool { return find(5) != nil && find(7) != nil })
		if x := find(5); x.Actual != other.id || x.Uninitialised || x.Host != other.host || x.Reason == "" {
			t.Errorf("another data directory: %+v", x)
		}
		if x := find(7); x.Actual != 77 || !x.Uninitialised {
			t.Errorf("no set: %+v", x)
		}
		time.Sleep(5 * time.Second)
		s.mu.Lock()
		defer s.mu.Unlock()
		if n := len(s.mismatches); n > 20 {
			t.Errorf("%d reports in 5 s", n)
		}
	})
}

// refuseAll answers as a member without set does.
func refuseAll(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		br := bufio.NewReader(conn)
		if _, err := readMessage(br); err == nil {
			_, _ = conn.Write(appendReply(Uninitialised(77)))
		}
		_ = conn.Close()
	}
}

// TestAnswer: who is not let in is told why, in MongoDB's codes.
func TestAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, 1)
		good := greeting{set: "rs", setID: testSetID, from: 2, fromHost: "h:1", to: 1, kind: kindRaft}
		for _, c := range []struct {
			name   string
			change func(g *greeting)
			code   int32
		}{
			{"good", func(*greeting) {}, 0},
			{"other set", func(g *greeting) { g.set = "other" }, 108},
			{"other set of the same name", func(g *greeting) { g.setID = document.ObjectID{9} }, 108},
			{"other member", func(g *greeting) { g.to = 3 }, 74},
			{"myself", func(g *greeting) { g.from = 1 }, 2},
			{"nobody", func(g *greeting) { g.from = 0 }, 2},
			{"no host", func(g *greeting) { g.fromHost = "" }, 2},
			{"kind", func(g *greeting) { g.kind = "x" }, 2},
		} {
			g := good
			c.change(&g)
			reply, ok := s.members[1].transport.Answer(g.document())
			w := parseWelcome(reply)
			if ok != (c.code == 0) || w.ok != ok || w.code != c.code || w.raftID != 1 || ok == (w.message != "") {
				t.Errorf("%s: %v", c.name, reply)
			}
		}
		newer, err := document.FromJSON(`{"_mortonPeer": 1, "version": 2, "set": "rs"}`)
		if err != nil {
			t.Fatal(err)
		}
		if reply, ok := s.members[1].transport.Answer(newer); ok || parseWelcome(reply).code != 188 {
			t.Errorf("newer version: %v", reply)
		}
		s.close()
	})
}

// TestMemberMoves: the connections follow when the configuration has another host for a member.
func TestMemberMoves(t *testing.T) {
	inSet(t, 2, func(t *testing.T, s *set) {
		p := s.primary(2 * time.Second)
		s.put(p, "a", "1")
		m := s.members[3-p.id]
		m.kill()
		m.host = "elsewhere:1"
		m.start([]uint64{1, 2})
		time.Sleep(time.Second)
		p.transport.SetMembers([]Member{{ID: m.id, Host: m.host}})
		next := s.primary(5 * time.Second)
		s.put(next, "b", "1")
		s.eventually("the member is known where it is", func() bool {
			x := p.transport.Peers()
			return len(x) == 1 && x[0].Host == m.host && x[0].Connected && x[0].Status.State != 0
		})
	})
}

// TestHalfDeadConnection: what one member sends gets lost without its connection breaking. After a while it gives the connection up,
// and all is well as soon as a new one can be made.
func TestHalfDeadConnection(t *testing.T) {
	inSet(t, 2, func(t *testing.T, s *set) {
		p := s.primary(2 * time.Second)
		s.put(p, "a", "1")
		m := s.members[3-p.id]
		time.Sleep(2 * statusInterval)
		s.net.Set(p.host, m.host, memnet.Link{Cut: true})
		time.Sleep(minSilence + 2*statusInterval)
		if x := p.transport.Peers(); x[0].Connected || x[0].Err == nil {
			t.Errorf("the dead connection is taken for alive: %+v", x[0])
		}
		s.net.Set(p.host, m.host, memnet.Link{})
		s.put(s.primary(5*time.Second), "b", "1")
	})
}

// TestQueueIsBounded: a member that reads nothing does not fill this one's memory.
func TestQueueIsBounded(t *testing.T) {
	tr, err := New(Options{ID: 1, FS: vfs.NewMem(), Dir: "snapshots", Status: func() Status { return Status{} }})
	if err != nil {
		t.Fatal(err)
	}
	tr.SetMembers([]Member{{ID: 2, Host: "h"}})
	l := tr.link(2)
	l.connected = true
	m := raftpb.Message{Type: raftpb.MsgApp, To: 2, Entries: []raftpb.Entry{{Data: make([]byte, 1<<20)}}}
	for range 200 {
		tr.Send([]raftpb.Message{m})
	}
	if l.bytes > maxQueueBytes || !l.lost {
		t.Errorf("%d bytes are queued, lost %v", l.bytes, l.lost)
	}
	for range 2 * maxQueueMessages {
		tr.Send([]raftpb.Message{{Type: raftpb.MsgHeartbeat, To: 2}})
	}
	if k := len(l.queue) + len(l.urgent); k > maxQueueMessages {
		t.Errorf("%d messages are queued", k)
	}
	var out outbox
	l.take(&out)
	if !out.lost || len(out.urgent) == 0 || l.bytes != 0 {
		t.Errorf("taken: lost %v, %d urgent, %d bytes stay", out.lost, len(out.urgent), l.bytes)
	}
	tr.Close()
}
