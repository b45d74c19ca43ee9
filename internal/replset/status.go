package replset

import (
	"time"

	"github.com/mortondb/morton/internal/document"
)

// AppendStatus appends the reply of replSetGetStatus, in mongod's field order, without ok. It fails for a member that
// is in no set.
func (v *View) AppendStatus(b *document.Builder, now time.Time) error {
	if v.Config == nil && v.InitSync != nil {
		v.appendFirstSync(b, now)
		return nil
	}
	if err := v.RequireSet(); err != nil {
		return err
	}
	if !v.Initiated() {
		return invalidf("Our replica set config is invalid or we are not a member of it")
	}
	self := v.member(v.Self)
	b.AppendString("set", v.Config.Name)
	b.AppendDate("date", millis(now))
	b.AppendInt32("myState", int32(v.State))
	b.AppendInt64("term", int64(v.Term))
	v.appendSyncSource(b, self.SyncFrom)
	b.AppendInt64("heartbeatIntervalMillis", v.Config.Settings.HeartbeatInterval.Milliseconds())
	b.AppendInt32("majorityVoteCount", int32(v.Config.Majority()))
	b.AppendInt32("writeMajorityCount", int32(v.Config.Majority()))
	b.AppendInt32("votingMembersCount", int32(v.Config.VotingMembers()))
	b.AppendInt32("writableVotingMembersCount", int32(v.Config.writableVoters()))
	v.appendOpTimes(b)
	b.AppendTimestamp("lastStableRecoveryTimestamp", v.Stable)
	if v.InitSync != nil {
		b.AppendDoc("initialSyncStatus", v.InitSync)
	}
	v.appendElection(b)
	v.appendVote(b)
	b.OpenArray("members")
	for i := range v.Config.Members {
		b.OpenDoc(document.Index(i))
		v.appendMember(b, i, now)
		b.Close()
	}
	b.Close()
	return nil
}

// appendFirstSync appends what a member can say that is receiving its first data: the configuration comes with it.
func (v *View) appendFirstSync(b *document.Builder, now time.Time) {
	b.AppendString("set", v.SetName)
	b.AppendDate("date", millis(now))
	b.AppendInt32("myState", int32(v.State))
	b.AppendInt64("term", int64(v.Term))
	b.AppendDoc("initialSyncStatus", v.InitSync)
	b.OpenArray("members")
	b.Close()
}

func (v *View) appendSyncSource(b *document.Builder, from int) {
	host, id := "", int32(-1)
	if from >= 0 {
		host, id = v.Config.Members[from].Host, v.Config.Members[from].ID
	}
	b.AppendString("syncSourceHost", host)
	b.AppendInt32("syncSourceId", id)
}

func (v *View) appendOpTimes(b *document.Builder) {
	b.OpenDoc("optimes")
	v.Committed.append(b, "lastCommittedOpTime")
	b.AppendDate("lastCommittedWallTime", millis(v.Committed.Wall))
	v.Committed.append(b, "readConcernMajorityOpTime")
	v.Applied.append(b, "appliedOpTime")
	v.Durable.append(b, "durableOpTime")
	b.AppendDate("lastAppliedWallTime", millis(v.Applied.Wall))
	b.AppendDate("lastDurableWallTime", millis(v.Durable.Wall))
	b.Close()
}

// appendElection appends how this member was elected, as long as it is primary.
func (v *View) appendElection(b *document.Builder) {
	e := v.Election
	if e == nil || v.State != Primary {
		return
	}
	b.OpenDoc("electionCandidateMetrics")
	b.AppendString("lastElectionReason", e.Reason)
	b.AppendDate("lastElectionDate", millis(e.Time))
	b.AppendInt64("electionTerm", int64(e.Term))
	e.CommittedAtStart.append(b, "lastCommittedOpTimeAtElection")
	e.LastSeenAtStart.append(b, "lastSeenOpTimeAtElection")
	b.AppendInt32("numVotesNeeded", int32(e.VotesNeeded))
	b.AppendDouble("priorityAtElection", v.Config.Members[v.Self].Priority)
	b.AppendInt64("electionTimeoutMillis", v.Config.Settings.ElectionTimeout.Milliseconds())
	if e.PriorPrimary >= 0 {
		b.AppendInt32("priorPrimaryMemberId", int32(e.PriorPrimary))
	}
	b.AppendInt64("numCatchUpOps", e.CatchUpOps)
	appendDateIfSet(b, "newTermStartDate", e.NewTermStart)
	appendDateIfSet(b, "wMajorityWriteAvailabilityDate", e.MajorityWritable)
	b.Close()
}

func (v *View) appendVote(b *document.Builder) {
	e := v.Vote
	if e == nil {
		return
	}
	b.OpenDoc("electionParticipantMetrics")
	b.AppendBool("votedForCandidate", e.For)
	b.AppendInt64("electionTerm", int64(e.Term))
	b.AppendDate("lastVoteDate", millis(e.Time))
	b.AppendInt32("electionCandidateMemberId", int32(e.Candidate))
	b.AppendString("voteReason", e.Reason)
	e.AppliedAtStart.append(b, "lastAppliedOpTimeAtElection")
	e.MaxAppliedSeen.append(b, "maxAppliedOpTimeInSet")
	b.AppendDouble("priorityAtElection", v.Config.Members[v.Self].Priority)
	appendDateIfSet(b, "newTermStartDate", e.NewTermStart)
	appendDateIfSet(b, "newTermAppliedDate", e.NewTermApplied)
	b.Close()
}

func appendDateIfSet(b *document.Builder, key string, t time.Time) {
	if !t.IsZero() {
		b.AppendDate(key, t.UnixMilli())
	}
}

// appendMember appends one element of members. mongod orders the fields of the member itself and of the others
// differently, and shows positions of a member only while it is up.
func (v *View) appendMember(b *document.Builder, i int, now time.Time) {
	m, self := v.member(i), i == v.Self
	if !m.Up || m.State == Primary {
		m.SyncFrom = -1
	}
	b.AppendInt32("_id", v.Config.Members[i].ID)
	b.AppendString("name", v.Config.Members[i].Host)
	m.appendHealth(b, now)
	if !v.Config.Members[i].Arbiter {
		m.appendProgress(b, self)
	}
	if !self {
		m.appendHeartbeats(b)
	}
	v.appendSyncSource(b, m.SyncFrom)
	if self && v.Maintenance > 0 {
		b.AppendInt32("maintenanceMode", int32(v.Maintenance))
	}
	b.AppendString("infoMessage", m.InfoMessage)
	if m.State == Primary {
		b.AppendTimestamp("electionTime", m.ElectionTime)
		b.AppendDate("electionDate", millis(OpTime{TS: m.ElectionTime}.Time()))
	}
	m.appendConfigVersion(b)
	if self {
		b.AppendBool("self", true)
		b.AppendString("lastHeartbeatMessage", "")
	}
}

func (m *MemberStatus) appendHealth(b *document.Builder, now time.Time) {
	health, uptime := 0.0, time.Duration(0)
	if m.Up {
		health = 1
		if !m.UpSince.IsZero() {
			uptime = now.Sub(m.UpSince)
		}
	}
	b.AppendDouble("health", health)
	b.AppendInt32("state", int32(m.State))
	b.AppendString("stateStr", m.State.String())
	b.AppendInt32("uptime", int32(uptime/time.Second))
}

func (m *MemberStatus) appendProgress(b *document.Builder, self bool) {
	applied, durable := m.Applied, m.Durable
	if !m.Up {
		applied.OpTime, durable.OpTime = OpTime{}, OpTime{}
	}
	applied.append(b, "optime")
	if !self {
		durable.append(b, "optimeDurable")
	}
	b.AppendDate("optimeDate", millis(applied.Time()))
	if !self {
		b.AppendDate("optimeDurableDate", millis(durable.Time()))
	}
	b.AppendDate("lastAppliedWallTime", millis(applied.Wall))
	b.AppendDate("lastDurableWallTime", millis(durable.Wall))
}

func (m *MemberStatus) appendHeartbeats(b *document.Builder) {
	b.AppendDate("lastHeartbeat", millis(m.LastHeartbeat))
	b.AppendDate("lastHeartbeatRecv", millis(m.LastHeartbeatRecv))
	b.AppendInt64("pingMs", m.Ping.Milliseconds())
	b.AppendString("lastHeartbeatMessage", m.Message)
}

// appendConfigVersion appends -1 for a member that has not said which configuration it has.
func (m *MemberStatus) appendConfigVersion(b *document.Builder) {
	version, term := m.ConfigVersion, m.ConfigTerm
	if version == 0 {
		version, term = -1, -1
	}
	appendInt(b, "configVersion", version)
	appendInt(b, "configTerm", term)
}

// GetConfig returns the configuration for replSetGetConfig, or why there is none.
func (v *View) GetConfig() (*Config, error) {
	if err := v.RequireSet(); err != nil {
		return nil, err
	}
	return v.Config, nil
}
