package node

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/peer"
	"github.com/mortondb/morton/internal/raftnode"
	"github.com/mortondb/morton/internal/replset"
)

// topology numbers the changes of what hello answers and wakes who waits for one.
type topology struct {
	view atomic.Pointer[shownView]

	beginning atomic.Bool // of the present term as primary nothing is committed yet

	appliedTerm uint64 // of the last operation applied; the applier's

	mu          sync.Mutex
	counter     int64
	saidPrimary int64         // the last counter with which hello said that this member is primary
	changed     chan struct{} // closed at the next change; nil if nobody waits
	writable    bool
	election    *replset.Election

	newTerm     newTerm
	maintenance int // how often maintenance was asked for and not ended yet
}

// shownView is a view and when it was made: optimes in it may be viewAge old, roles never are.
type shownView struct {
	*replset.View
	made time.Time
}

const viewAge = 20 * time.Millisecond

func (t *topology) elected(e *replset.Election) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writable, t.election = true, e
	t.beginning.Store(true)
}

func (t *topology) deposed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writable, t.election = false, nil
	t.beginning.Store(false)
}

// bump says that hello answers something else now.
func (n *Node) bump() {
	t := &n.topology
	t.mu.Lock()
	t.counter++
	t.view.Store(nil)
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
	t.mu.Unlock()
	if tr := n.transport.Load(); tr != nil {
		tr.Announce()
	}
}

// Changed returns a channel that is closed as soon as the topology counter is another one than counter.
func (n *Node) Changed(counter int64) <-chan struct{} {
	t := &n.topology
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counter != counter {
		done := make(chan struct{})
		close(done)
		return done
	}
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	return t.changed
}

// View returns what this member knows of its set.
func (n *Node) View() *replset.View {
	if v := n.topology.view.Load(); v != nil && time.Since(v.made) < viewAge {
		return v.View
	}
	return n.freshView()
}

func (n *Node) freshView() *replset.View {
	t := &n.topology
	t.mu.Lock()
	counter, writable, election, maintenance := t.counter, t.writable, t.election, t.maintenance
	t.mu.Unlock()
	v := &replset.View{
		SetName: n.opts.Set.Name, Self: -1, Primary: -1, SyncFrom: -1, Started: n.started, Maintenance: maintenance,
		Topology: replset.TopologyVersion{ProcessID: n.process, Counter: counter},
	}
	if raft := n.raft.Load(); raft != nil {
		n.describe(v, raft, writable, election)
	}
	t.mu.Lock()
	if v.IsWritablePrimary() {
		t.saidPrimary = counter + 1
	}
	v.SaidPrimary = t.saidPrimary == counter+1
	if t.counter == counter {
		t.view.Store(&shownView{v, time.Now()})
	}
	t.mu.Unlock()
	return v
}

// describe fills in what the log and the other members say.
func (n *Node) describe(v *replset.View, raft *raftnode.Node, writable bool, election *replset.Election) {
	st := raft.Status()
	v.Term, v.Frozen = st.Term, raft.Frozen()
	v.Applied = point(st.AppliedTS, st.AppliedTerm)
	v.Durable = point(st.DurableTS, st.Term)
	v.Committed = point(min(st.CommittedTS, st.AppliedTS), st.AppliedTerm)
	if v.Standalone() {
		v.State, v.Writable = replset.Primary, writable
		return
	}
	v.State = replset.Startup2
	n.syncing.describe(v)
	s := n.stored.Load()
	if s == nil {
		n.describeWithoutData(v, st)
		return
	}
	v.Config = s.config
	v.Self = s.memberOf(n.raftID())
	v.Primary = s.memberOf(st.Leader)
	switch {
	case v.Self < 0:
		v.State = replset.Removed
	case writable:
		v.State, v.Writable, v.Election = replset.Primary, true, election
		v.Primary = v.Self
		last := n.engine.LastTime()
		v.Applied = point(last.TS, last.Term)
	default:
		v.State = replset.Secondary
		v.SyncFrom = v.Primary
		if s.config.Members[v.Self].Arbiter {
			v.State, v.SyncFrom = replset.Arbiter, -1
		} else if v.Maintenance > 0 {
			v.State = replset.Recovering
		}
		if st.Leader == n.raftID() {
			v.Primary = -1 // elected, but not yet writable
		}
	}
	v.Stable = n.engine.Durable().TS
	if _, voted := raft.Elections(); voted.Term != 0 {
		v.Vote = n.describeVote(s, voted)
	}
	n.describeMembers(v, s)
}

// describeWithoutData describes a member that waits for its first data, once it knows the configuration.
func (n *Node) describeWithoutData(v *replset.View, st raftnode.Status) {
	s := n.promised.Load()
	if s == nil {
		return
	}
	v.Applied, v.Durable, v.Committed = replset.Point{}, replset.Point{}, replset.Point{}
	v.Config, v.Self, v.Primary = s.config, s.memberOf(n.raftID()), s.memberOf(st.Leader)
	v.SyncFrom = v.Primary
	n.describeMembers(v, s)
}

func (n *Node) describeMembers(v *replset.View, s *stored) {
	tr := n.transport.Load()
	if tr == nil {
		return
	}
	peers := map[uint64]peer.PeerStatus{}
	for _, p := range tr.Peers() {
		peers[p.ID] = p
	}
	v.Members = make([]replset.MemberStatus, len(s.config.Members))
	for i := range s.config.Members {
		p, ok := peers[s.disks[s.config.Members[i].ID]]
		if !ok || i == v.Self {
			v.Members[i] = replset.MemberStatus{State: replset.Unknown, SyncFrom: -1}
			continue
		}
		v.Members[i] = memberStatus(p, s)
	}
}

func memberStatus(p peer.PeerStatus, s *stored) replset.MemberStatus {
	m := replset.MemberStatus{
		State: replset.State(p.Status.State), Up: p.Connected && !p.LastHeard.IsZero(), Ping: p.Ping, LastHeartbeat: p.LastHeard, LastHeartbeatRecv: p.LastStatus,
		Applied: point(p.Status.Applied.TS, p.Status.Applied.Term), Durable: point(p.Status.Durable.TS, p.Status.Durable.Term),
		SyncFrom: -1, InfoMessage: p.Status.Message, ElectionTime: uint64(p.Status.Elected), Frozen: p.Status.Unwilling, ConfigVersion: p.Status.ConfigVersion, ConfigTerm: p.Status.ConfigTerm,
	}
	if p.Status.Leader != 0 && p.Status.Leader != p.ID && m.State != replset.Arbiter {
		m.SyncFrom = s.memberOf(p.Status.Leader)
	}
	if !p.LastStatus.IsZero() {
		m.UpSince = p.LastStatus.Add(-p.Status.Uptime)
	}
	switch {
	case m.Up && p.LastStatus.IsZero():
		m.State = replset.Unknown
	case !m.Up:
		m.State = replset.Down
		if p.Err != nil {
			m.Message = p.Err.Error()
		}
	}
	return m
}

func point(ts oplog.Timestamp, term uint64) replset.Point {
	return replset.Point{OpTime: replset.OpTime{TS: uint64(ts), Term: term}, Wall: ts.Time()}
}

// status is what this member tells the others.
func (n *Node) status() peer.Status {
	st := peer.Status{State: int32(replset.Startup2), Uptime: time.Since(n.started), Wall: time.Now()}
	raft := n.raft.Load()
	if raft == nil {
		return st
	}
	v := n.View()
	rs := raft.Status()
	st.State = int32(v.State)
	st.Applied = oplog.OpTime{TS: oplog.Timestamp(v.Applied.TS), Term: v.Applied.Term}
	st.Durable = oplog.OpTime{TS: rs.DurableTS, Term: rs.Term}
	st.Term, st.Leader = rs.Term, rs.Leader
	st.Unwilling = !v.Frozen.IsZero() || v.Maintenance > 0
	if v.Election != nil {
		st.Elected = oplog.Timestamp(v.Election.TS)
	}
	st.Message = v.Info
	if v.Config != nil {
		st.ConfigVersion, st.ConfigTerm = v.Config.Version, v.Config.Term
	}
	return st
}

func newObjectID() document.ObjectID { return document.NewObjectID() }
