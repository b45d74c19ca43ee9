package replset

import (
	"slices"
	"strconv"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// Limits on a configuration.
const (
	MaxMembers       = 50
	MaxVotingMembers = 7
	MaxPriority      = 1000

	// DefaultElectionTimeout is a tenth of MongoDB's: heartbeats here are raft's, and a process that dies is seen at once.
	DefaultElectionTimeout = time.Second
	// MinElectionTimeout is the shortest electionTimeoutMillis that is honoured.
	MinElectionTimeout = 100 * time.Millisecond
)

// Config is the configuration of a set, complete and valid. It does not change once it is made.
type Config struct {
	Name           string // _id
	Version        int64
	Term           int64 // of the primary that wrote it; 0 before the first election
	Members        []Member
	JournalDefault bool // writeConcernMajorityJournalDefault
	Settings       Settings
}

// Member is one member of a set.
type Member struct {
	ID       int32
	Host     string // host:port
	Priority float64
	Votes    int
	Tags     document.Doc  // never nil
	Arbiter  bool          // votes and keeps the log, but no data
	Hidden   bool          // clients do not hear of it
	Delay    time.Duration // secondaryDelaySecs: how old an operation must be to be applied
}

// Voting reports whether the member takes part in elections and majorities.
func (m *Member) Voting() bool { return m.Votes > 0 }

// Electable reports whether the member may become primary at all.
func (m *Member) Electable() bool { return m.Voting() && m.Priority > 0 && !m.Arbiter }

// shown reports whether clients hear of the member.
func (m *Member) shown() bool { return !m.Hidden && m.Delay == 0 }

// Settings are the set's settings.
type Settings struct {
	ChainingAllowed      bool // kept and shown; every member follows the primary, which either value allows
	HeartbeatInterval    time.Duration
	HeartbeatTimeout     time.Duration
	ElectionTimeout      time.Duration
	CatchUpTimeout       time.Duration // -1 ms: no limit
	CatchUpTakeoverDelay time.Duration // -1 ms: never
	Modes                []Mode        // getLastErrorModes, in the order of their names
	ReplicaSetID         document.ObjectID
}

// DefaultSettings are the settings of a configuration that names none.
func DefaultSettings() Settings {
	return Settings{
		ChainingAllowed:      true,
		HeartbeatInterval:    2 * time.Second,
		HeartbeatTimeout:     10 * time.Second,
		ElectionTimeout:      DefaultElectionTimeout,
		CatchUpTimeout:       -time.Millisecond,
		CatchUpTakeoverDelay: 30 * time.Second,
	}
}

// WithTerm returns c as the primary of a new term writes it.
func (c *Config) WithTerm(term uint64) *Config {
	n := *c
	n.Term = int64(term)
	return &n
}

// IndexOf returns the index of the member with the host:port, or -1.
func (c *Config) IndexOf(host string) int {
	return slices.IndexFunc(c.Members, func(m Member) bool { return m.Host == host })
}

// IndexOfID returns the index of the member with the _id, or -1.
func (c *Config) IndexOfID(id int32) int {
	return slices.IndexFunc(c.Members, func(m Member) bool { return m.ID == id })
}

// DataMembers returns how many members hold data.
func (c *Config) DataMembers() int {
	n := len(c.Members)
	for i := range c.Members {
		if c.Members[i].Arbiter {
			n--
		}
	}
	return n
}

// writableVoters returns how many members vote and hold data.
func (c *Config) writableVoters() int {
	n := 0
	for i := range c.Members {
		if !c.Members[i].Arbiter {
			n += c.Members[i].Votes
		}
	}
	return n
}

// VotingMembers returns how many members vote.
func (c *Config) VotingMembers() int {
	n := 0
	for i := range c.Members {
		n += c.Members[i].Votes
	}
	return n
}

// Majority returns how many votes elect a primary, and how many voting members a majority write waits for.
func (c *Config) Majority() int { return c.VotingMembers()/2 + 1 }

func (c *Config) hosts(which func(*Member) bool) []string {
	var hosts []string
	for i := range c.Members {
		if which(&c.Members[i]) {
			hosts = append(hosts, c.Members[i].Host)
		}
	}
	return hosts
}

// Document returns the whole configuration, defaults filled in, as replSetGetConfig shows it and as it is stored.
// ParseConfig reads it back.
func (c *Config) Document() document.Doc {
	var b document.Builder
	b.AppendString("_id", c.Name)
	appendInt(&b, "version", c.Version)
	appendInt(&b, "term", c.Term)
	b.OpenArray("members")
	for i := range c.Members {
		b.OpenDoc(strconv.Itoa(i))
		c.Members[i].appendFields(&b)
		b.Close()
	}
	b.Close()
	b.AppendInt64("protocolVersion", 1)
	b.AppendBool("writeConcernMajorityJournalDefault", c.JournalDefault)
	b.OpenDoc("settings")
	c.Settings.appendFields(&b)
	b.Close()
	return b.Finish()
}

func (m *Member) appendFields(b *document.Builder) {
	appendInt(b, "_id", int64(m.ID))
	b.AppendString("host", m.Host)
	b.AppendBool("arbiterOnly", m.Arbiter)
	b.AppendBool("buildIndexes", true)
	b.AppendBool("hidden", m.Hidden)
	b.AppendDouble("priority", m.Priority)
	b.AppendDoc("tags", m.tags())
	b.AppendInt64("secondaryDelaySecs", int64(m.Delay/time.Second))
	appendInt(b, "votes", int64(m.Votes))
}

func (m *Member) tags() document.Doc {
	if m.Tags == nil {
		return document.Empty
	}
	return m.Tags
}

func (s *Settings) appendFields(b *document.Builder) {
	b.AppendBool("chainingAllowed", s.ChainingAllowed)
	appendInt(b, "heartbeatIntervalMillis", s.HeartbeatInterval.Milliseconds())
	appendInt(b, "heartbeatTimeoutSecs", int64(s.HeartbeatTimeout/time.Second))
	appendInt(b, "electionTimeoutMillis", s.ElectionTimeout.Milliseconds())
	appendInt(b, "catchUpTimeoutMillis", s.CatchUpTimeout.Milliseconds())
	appendInt(b, "catchUpTakeoverDelayMillis", s.CatchUpTakeoverDelay.Milliseconds())
	b.OpenDoc("getLastErrorModes")
	for _, m := range s.Modes {
		b.AppendDoc(m.Name, m.Tags.document())
	}
	b.Close()
	b.OpenDoc("getLastErrorDefaults")
	b.AppendInt32("w", 1)
	b.AppendInt32("wtimeout", 0)
	b.Close()
	b.AppendObjectID("replicaSetId", s.ReplicaSetID)
}

// appendInt appends n as an int32 if it fits, as mongod writes integers whose width does not matter.
func appendInt(b *document.Builder, key string, n int64) {
	if int64(int32(n)) == n {
		b.AppendInt32(key, int32(n))
	} else {
		b.AppendInt64(key, n)
	}
}
