package replset

import (
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// View is what a member knows of its set at one moment. It is a plain value; once it is handed out nobody changes it.
//
// There are three kinds: of a standalone (SetName is empty), of a member that waits to be initiated (Config is nil) or
// is not in the configuration (Self is -1), and of a member. Methods accept all of them.
type View struct {
	SetName  string    // of --replSet; empty for a standalone
	Config   *Config   // nil until the set is initiated
	Self     int       // this member's index in Config.Members; -1 if it has no place there
	State    State     // this member's
	Writable bool      // State is Primary and everything of earlier terms is applied: clients may write
	Primary  int       // index of the member that is known to be primary; -1 if none is
	Term     uint64    // the highest seen
	Started  time.Time // when the process started
	Topology TopologyVersion
	// SaidPrimary says that hello has called this member primary under this version. An error that says otherwise must not carry it.
	SaidPrimary bool

	Applied   Point  // this member's last entry that reads see
	Durable   Point  // this member's last entry on disk
	Committed Point  // the last entry known to be on a majority
	Stable    uint64 // timestamp that the stores would start from after a crash; 0 if there is none

	Members  []MemberStatus // of the same length and order as Config.Members; the own element may be left zero
	SyncFrom int            // index of the member that entries come from; -1 if from nobody
	Election *Election      // the last one this member won; nil if it is not primary
	Vote     *Vote          // the last one this member took part in; nil if none since the process started
	InitSync document.Doc   // progress of the initial sync, for initialSyncStatus; nil if none runs
	// Maintenance is how often replSetMaintenance took the member out of service and not back yet.
	Maintenance int
	Frozen      time.Time // until when this member does not seek election; zero if it does
	Info        string    // what this member says about itself, such as why it has nobody to sync from; mostly empty
}

// TopologyVersion numbers the changes of a process's view, so that clients can order hello replies and wait for the next.
type TopologyVersion struct {
	ProcessID document.ObjectID // made at start
	Counter   int64
}

// Append appends t as a field of MongoDB's form.
func (t TopologyVersion) Append(b *document.Builder) {
	b.OpenDoc("topologyVersion")
	b.AppendObjectID("processId", t.ProcessID)
	b.AppendInt64("counter", t.Counter)
	b.Close()
}

// MemberStatus is what this member knows of another one.
type MemberStatus struct {
	State             State
	Up                bool      // the connection to it works; if not, State is Down (or Unknown, if it never did)
	UpSince           time.Time // when it was first heard of after being down
	Ping              time.Duration
	LastHeartbeat     time.Time // when it last answered
	LastHeartbeatRecv time.Time // when it last asked
	Message           string    // why it is not up
	Applied           Point
	Durable           Point
	SyncFrom          int    // index of the member that it gets entries from; -1 if from nobody
	InfoMessage       string // what it says about itself
	ConfigVersion     int64
	ConfigTerm        int64
	ElectionTime      uint64 // timestamp of its election if it is primary, else 0
	Frozen            bool   // it does not seek election (replSetFreeze, step-down)
}

// Election is how this member became primary.
type Election struct {
	Reason           string // electionTimeout, priorityTakeover, stepUpRequest, ...: the Reason constants
	Time             time.Time
	TS               uint64 // of the entry that began the term; 0 until there is one
	Term             uint64
	CommittedAtStart OpTime
	LastSeenAtStart  OpTime
	VotesNeeded      int
	PriorPrimary     int // member _id of the primary before; -1 if there was none
	CatchUpOps       int64
	NewTermStart     time.Time // wall clock of the entry that began the term
	MajorityWritable time.Time // when that entry was committed; zero until it is
}

// The reasons of an election, in the words of mongod's lastElectionReason.
const (
	ReasonTimeout          = "electionTimeout"
	ReasonPriorityTakeover = "priorityTakeover"
	ReasonStepUp           = "stepUpRequest"
	ReasonHandoff          = "stepUpRequestSkipDryRun" // the primary stepped down in favour of this member
	ReasonCatchupTakeover  = "catchupTakeover"
	ReasonSingleNode       = "singleNodePromptElection"
)

// Vote is this member's last vote.
type Vote struct {
	For            bool
	Term           uint64
	Time           time.Time
	Candidate      int    // member _id
	Reason         string // why not, if not
	AppliedAtStart OpTime
	MaxAppliedSeen OpTime
	NewTermStart   time.Time // when the new primary's first entry was made; zero until known
	NewTermApplied time.Time // when it was applied here
}

// Initiated reports whether v is of a member with a place in an initiated set.
func (v *View) Initiated() bool { return v.Config != nil && v.Self >= 0 }

// Standalone reports whether the process runs without --replSet.
func (v *View) Standalone() bool { return v.SetName == "" }

// Me returns this member's host:port as the configuration has it; "" if it is not in one.
func (v *View) Me() string {
	if !v.Initiated() {
		return ""
	}
	return v.Config.Members[v.Self].Host
}

// PrimaryHost returns the primary's host:port; "" if none is known.
func (v *View) PrimaryHost() string {
	if v.Config == nil || v.Primary < 0 {
		return ""
	}
	return v.Config.Members[v.Primary].Host
}

// IsWritablePrimary reports whether clients may write here.
func (v *View) IsWritablePrimary() bool {
	return v.Standalone() || v.Initiated() && v.State == Primary && v.Writable
}

// RequireSet returns the error of a command that needs replication when there is none (yet): 76 for a standalone, 94
// before the set is initiated.
func (v *View) RequireSet() error {
	switch {
	case v.Standalone():
		return mongoerr.New(mongoerr.NoReplicationEnabled, "not running with --replSet")
	case v.Config == nil:
		return mongoerr.New(mongoerr.NotYetInitialized, "no replset config has been received")
	}
	return nil
}

// member returns what is known of the member at index i, this one included.
func (v *View) member(i int) MemberStatus {
	if i == v.Self {
		m := MemberStatus{
			State: v.State, Up: true, UpSince: v.Started, Applied: v.Applied, Durable: v.Durable, SyncFrom: v.SyncFrom,
			InfoMessage: v.Info, ConfigVersion: v.Config.Version, ConfigTerm: v.Config.Term, Frozen: !v.Frozen.IsZero(),
		}
		if v.Election != nil && v.State == Primary {
			m.ElectionTime = v.Election.TS
		}
		return m
	}
	if i < len(v.Members) {
		return v.Members[i]
	}
	return MemberStatus{State: Unknown, SyncFrom: -1}
}
