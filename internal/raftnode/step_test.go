package raftnode

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// TestSenselessMessages: what no member sends, and what would make raft panic, is refused by name.
func TestSenselessMessages(t *testing.T) {
	inCluster(t, 1, 3, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		c.mustPut(l, "a", "1")
		follower := c.member(l.id%3 + 1)
		time.Sleep(testElection / 2)
		s, fs := l.node.Status(), follower.node.Status()
		entry := func(index, term uint64, kind raftpb.EntryType, data string) raftpb.Entry {
			return raftpb.Entry{Index: index, Term: term, Type: kind, Data: []byte(data)}
		}
		app := func(entries ...raftpb.Entry) raftpb.Message {
			return raftpb.Message{Type: raftpb.MsgApp, From: l.id, To: follower.id, Term: s.Term, LogTerm: s.Term, Index: fs.Last, Entries: entries}
		}
		for name, m := range map[string]raftpb.Message{
			"proposal":                     {Type: raftpb.MsgProp, Entries: []raftpb.Entry{{Data: []byte("x")}}},
			"read":                         {Type: raftpb.MsgReadIndex, Term: 1},
			"snapshot":                     {Type: raftpb.MsgSnap, Term: 1},
			"local":                        {Type: raftpb.MsgHup, Term: 1},
			"storage":                      {Type: raftpb.MsgStorageAppendResp, From: raft.LocalAppendThread, Term: 1},
			"from a thread":                {Type: raftpb.MsgAppResp, From: raft.LocalApplyThread, Term: 1},
			"from itself":                  {Type: raftpb.MsgAppResp, From: follower.id, Term: 1},
			"for another":                  {Type: raftpb.MsgAppResp, To: l.id, Term: 1},
			"without term":                 {Type: raftpb.MsgAppResp},
			"unknown type":                 {Type: 99, Term: 1},
			"negative type":                {Type: -1, Term: 1},
			"heartbeat with entries":       {Type: raftpb.MsgHeartbeat, Term: 1, Entries: []raftpb.Entry{{}}},
			"commit of what is not there":  {Type: raftpb.MsgHeartbeat, Term: s.Term, Commit: fs.Last + 1},
			"gap":                          app(entry(fs.Last+2, s.Term, 0, "")),
			"terms going back":             app(entry(fs.Last+1, s.Term-1, 0, "")),
			"term of the future":           app(entry(fs.Last+1, s.Term+1, 0, "")),
			"unknown kind of entry":        app(entry(fs.Last+1, s.Term, 7, "")),
			"unreadable change of members": app(entry(fs.Last+1, s.Term, raftpb.EntryConfChangeV2, "\xff\xff\xff")),
		} {
			if m.From == 0 {
				m.From = l.id
			}
			if m.To == 0 {
				m.To = follower.id
			}
			var suspect *SuspectError
			if err := follower.node.Step(m); !errors.As(err, &suspect) {
				t.Errorf("%s: %v", name, err)
			}
		}
		ack := raftpb.Message{Type: raftpb.MsgAppResp, From: follower.id, To: l.id, Term: s.Term, Index: s.Last + 1}
		var suspect *SuspectError
		if err := l.node.Step(ack); !errors.As(err, &suspect) {
			t.Errorf("acknowledgement of what is not there: %v", err)
		}
		stranger := raftpb.Message{Type: raftpb.MsgAppResp, From: 99, To: l.id, Term: s.Term, Index: 1}
		if err := l.node.Step(stranger); err != nil {
			t.Errorf("a member that was removed: %v", err)
		}
		for name, snap := range map[string]*raftpb.Snapshot{
			"none":         nil,
			"empty":        {},
			"no timestamp": {Metadata: raftpb.SnapshotMetadata{Index: 9, Term: 1}},
			"members": {Data: make([]byte, 8), Metadata: raftpb.SnapshotMetadata{Index: 9, Term: 1,
				ConfState: raftpb.ConfState{Learners: []uint64{1}, Voters: []uint64{1}}}},
		} {
			if ok, err := follower.node.StepSnapshot(raftpb.Message{Type: raftpb.MsgSnap, From: l.id, To: follower.id, Term: s.Term, Snapshot: snap}, "x"); ok || err == nil {
				t.Errorf("snapshot with %s: accepted %v, %v", name, ok, err)
			}
		}
	})
}

// TestRandomMessages: no message makes a node panic, whatever numbers are in it. What it believes of the log is then no longer
// true, so that nothing else is checked.
func TestRandomMessages(t *testing.T) {
	for _, seed := range seeds(t, 50) {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t, seed, 3)
			l := c.leader(time.Second)
			c.mustPut(l, "a", "1")
			r := rand.New(rand.NewPCG(seed, 3))
			for range 300 {
				m := c.member(1 + r.Uint64N(3))
				_ = m.node.Step(randomMessage(r, m))
				if r.IntN(10) == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			c.mu.Lock()
			c.failure = ""
			c.mu.Unlock()
			for _, m := range c.list() {
				m.sm.mu.Lock()
				m.sm.c = newQuietCluster(c)
				m.sm.mu.Unlock()
			}
			c.stopAll()
			time.Sleep(time.Second)
		})
	}
}

// newQuietCluster takes the complaints that nobody wants to hear.
func newQuietCluster(c *cluster) *cluster {
	return &cluster{t: c.t, applied: map[uint64]appliedEntry{}, primary: map[uint64]uint64{}, dirs: map[string]kvState{}}
}

func randomMessage(r *rand.Rand, to *member) raftpb.Message {
	st := to.node.Status()
	near := func(n uint64) uint64 {
		switch r.IntN(6) {
		case 0:
			return 0
		case 1:
			return r.Uint64()
		default:
			return n + r.Uint64N(5) - min(n, 2)
		}
	}
	types := []raftpb.MessageType{raftpb.MsgApp, raftpb.MsgAppResp, raftpb.MsgHeartbeat, raftpb.MsgHeartbeatResp, raftpb.MsgVote,
		raftpb.MsgVoteResp, raftpb.MsgPreVote, raftpb.MsgPreVoteResp, raftpb.MsgTimeoutNow, raftpb.MsgTransferLeader}
	m := raftpb.Message{
		Type: types[r.IntN(len(types))], From: 1 + (to.id+r.Uint64N(3))%4, To: to.id, Term: st.Term + r.Uint64N(3), LogTerm: near(st.Term),
		Index: near(st.Last), Commit: near(st.Committed), Reject: r.IntN(2) == 0, RejectHint: near(st.Last),
	}
	if m.Type == raftpb.MsgApp && m.Index < 1<<40 {
		for i := range r.IntN(3) {
			m.Entries = append(m.Entries, raftpb.Entry{Index: m.Index + 1 + uint64(i), Term: m.Term})
		}
	}
	if r.IntN(4) == 0 {
		m.Context = []byte("CampaignTransfer")
	}
	return m
}
