package replset

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mortondb/morton/internal/document"
)

// The tests of this file take a reply recorded from a mongod 6.0.5, read from it what a View of the same situation
// would hold, and demand that the view's reply is the recorded one: the same fields with the same types and values in
// the same order.

func date(v document.Value) time.Time {
	if v.Int64() == 0 {
		return time.Time{}
	}
	return time.UnixMilli(v.Int64())
}

func opTime(d document.Doc) OpTime {
	o := OpTime{TS: d.Lookup("ts").Timestamp()}
	if t := d.Lookup("t").Int64(); t > 0 {
		o.Term = uint64(t)
	}
	return o
}

// configOf returns the recorded configuration, with the member that the recorder added for a while if there are four.
func configOf(t *testing.T, members int) *Config {
	t.Helper()
	c, err := ParseConfig(recorded(t, "config"))
	if err != nil {
		t.Fatal(err)
	}
	if members == 4 {
		c.Version = 2
		c.Members = append(c.Members, Member{ID: 3, Host: "127.0.0.1:1"})
	}
	return c
}

// viewFromHello returns the view that the recorded hello or isMaster reply was made from.
func viewFromHello(t *testing.T, d document.Doc) *View {
	v := &View{Self: -1, Primary: -1, Topology: TopologyVersion{
		d.LookupPath("topologyVersion.processId").ObjectID(), d.LookupPath("topologyVersion.counter").Int64()}}
	if d.Lookup("setName").IsMissing() {
		if d.Lookup("isreplicaset").Bool() {
			v.SetName = "rs0"
		}
		return v
	}
	v.SetName, v.Config = d.Lookup("setName").Str(), configOf(t, 3)
	v.Self = v.Config.IndexOf(d.Lookup("me").Str())
	v.Primary = v.Config.IndexOf(d.Lookup("primary").Str())
	v.State, v.Term = Secondary, 3
	if v.Self == v.Primary {
		v.State, v.Writable = Primary, true
	}
	v.Applied.OpTime = opTime(d.LookupPath("lastWrite.opTime").Doc())
	v.Committed.OpTime = opTime(d.LookupPath("lastWrite.majorityOpTime").Doc())
	return v
}

func TestHelloIsMongods(t *testing.T) {
	for _, name := range []string{"hello-primary", "ismaster-primary", "hello-secondary-with-tags", "hello-passive", "hello-uninitiated", "hello-standalone"} {
		t.Run(name, func(t *testing.T) {
			want := recorded(t, name)
			var b document.Builder
			viewFromHello(t, want).AppendHello(&b, HelloRequest{
				IsMaster:     !want.Lookup("ismaster").IsMissing(),
				ConnectionID: int64(want.Lookup("connectionId").Int32()),
				Now:          date(want.Lookup("localTime")),
			})
			b.AppendDouble("ok", 1)
			compare(t, b.Finish(), want)
		})
	}
}

func viewFromStatus(t *testing.T, d document.Doc) *View {
	members := d.Lookup("members").Doc()
	v := &View{SetName: d.Lookup("set").Str(), Config: configOf(t, members.Len()), Primary: -1, SyncFrom: -1,
		State: State(d.Lookup("myState").Int32()), Term: uint64(d.Lookup("term").Int64()),
		Stable: d.Lookup("lastStableRecoveryTimestamp").Timestamp()}
	v.Writable = v.State == Primary
	o := d.Lookup("optimes").Doc()
	v.Applied = Point{opTime(o.Lookup("appliedOpTime").Doc()), date(o.Lookup("lastAppliedWallTime"))}
	v.Durable = Point{opTime(o.Lookup("durableOpTime").Doc()), date(o.Lookup("lastDurableWallTime"))}
	v.Committed = Point{opTime(o.Lookup("lastCommittedOpTime").Doc()), date(o.Lookup("lastCommittedWallTime"))}
	if e := d.Lookup("electionCandidateMetrics").Doc(); e != nil {
		v.Election = &Election{
			Reason: e.Lookup("lastElectionReason").Str(), Time: date(e.Lookup("lastElectionDate")), Term: uint64(e.Lookup("electionTerm").Int64()),
			CommittedAtStart: opTime(e.Lookup("lastCommittedOpTimeAtElection").Doc()), LastSeenAtStart: opTime(e.Lookup("lastSeenOpTimeAtElection").Doc()),
			VotesNeeded: int(e.Lookup("numVotesNeeded").Int32()), PriorPrimary: int(e.Lookup("priorPrimaryMemberId").Int32()),
			CatchUpOps: e.Lookup("numCatchUpOps").Int64(), NewTermStart: date(e.Lookup("newTermStartDate")),
			MajorityWritable: date(e.Lookup("wMajorityWriteAvailabilityDate")),
		}
	}
	if e := d.Lookup("electionParticipantMetrics").Doc(); e != nil {
		v.Vote = &Vote{
			For: e.Lookup("votedForCandidate").Bool(), Term: uint64(e.Lookup("electionTerm").Int64()), Time: date(e.Lookup("lastVoteDate")),
			Candidate: int(e.Lookup("electionCandidateMemberId").Int32()), Reason: e.Lookup("voteReason").Str(),
			AppliedAtStart: opTime(e.Lookup("lastAppliedOpTimeAtElection").Doc()), MaxAppliedSeen: opTime(e.Lookup("maxAppliedOpTimeInSet").Doc()),
			NewTermStart: date(e.Lookup("newTermStartDate")), NewTermApplied: date(e.Lookup("newTermAppliedDate")),
		}
	}
	i := 0
	for it := members.Iter(); it.Next(); i++ {
		v.addRecordedMember(i, it.Value().Doc(), date(d.Lookup("date")))
	}
	return v
}

func (v *View) addRecordedMember(i int, d document.Doc, now time.Time) {
	m := MemberStatus{
		State: State(d.Lookup("state").Int32()), Up: d.Lookup("health").Double() == 1,
		UpSince: now.Add(-time.Duration(d.Lookup("uptime").Int32()) * time.Second),
		Ping:    time.Duration(d.Lookup("pingMs").Int64()) * time.Millisecond, Message: d.Lookup("lastHeartbeatMessage").Str(),
		LastHeartbeat: date(d.Lookup("lastHeartbeat")), LastHeartbeatRecv: date(d.Lookup("lastHeartbeatRecv")),
		Applied:       Point{opTime(d.Lookup("optime").Doc()), date(d.Lookup("lastAppliedWallTime"))},
		Durable:       Point{opTime(d.Lookup("optimeDurable").Doc()), date(d.Lookup("lastDurableWallTime"))},
		SyncFrom:      v.Config.IndexOf(d.Lookup("syncSourceHost").Str()),
		ConfigVersion: int64(d.Lookup("configVersion").Int32()), ConfigTerm: int64(d.Lookup("configTerm").Int32()),
		ElectionTime: d.Lookup("electionTime").Timestamp(),
	}
	if m.State == Primary {
		v.Primary = i
	}
	if d.Lookup("self").Bool() {
		v.Self, v.Started, v.SyncFrom = i, m.UpSince, m.SyncFrom
		if v.Election != nil {
			v.Election.TS = m.ElectionTime
		}
		m = MemberStatus{}
	}
	v.Members = append(v.Members, m)
}

func TestStatusIsMongods(t *testing.T) {
	for _, name := range []string{"status-primary", "status-secondary", "status-with-members-down"} {
		t.Run(name, func(t *testing.T) {
			want := recorded(t, name)
			var b document.Builder
			if err := viewFromStatus(t, want).AppendStatus(&b, date(want.Lookup("date"))); err != nil {
				t.Fatal(err)
			}
			b.AppendDouble("ok", 1)
			compare(t, b.Finish(), want)
		})
	}
}

func TestConfigIsShownAsByMongod(t *testing.T) {
	compare(t, configOf(t, 3).Document(), recorded(t, "config"))
}

// compare reports the fields in which two documents differ.
func compare(t *testing.T, got, want document.Doc) {
	t.Helper()
	if diff := cmp.Diff(flatten(nil, "", want), flatten(nil, "", got)); diff != "" {
		t.Errorf("- mongod, + ours:\n%s", diff)
	}
}

// flatten prints one line for each field of d: path, type and value.
func flatten(lines []string, prefix string, d document.Doc) []string {
	for it := d.Iter(); it.Next(); {
		name, v := prefix+it.Key(), it.Value()
		if v.Type == document.TypeDocument || v.Type == document.TypeArray {
			lines = flatten(append(lines, name+" "+v.Type.String()), name+".", v.Doc())
			continue
		}
		lines = append(lines, name+" "+v.Type.String()+" "+v.Shell())
	}
	return lines
}
