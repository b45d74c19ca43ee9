package sdam

import (
	"slices"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// A Server describes one server at one moment. It does not change once it is made, nor do its slices.
type Server struct {
	Address string // host:port as the client dials it, in lower case
	Kind    ServerKind
	Err     error // why Kind is Unknown, if anything went wrong

	SetName    string
	SetVersion int64             // 0: not told
	ElectionID document.ObjectID // zero: not told
	Primary    string            // who this member thinks is primary
	Me         string            // how the member calls itself
	Hosts      []string
	Passives   []string
	Arbiters   []string
	Hidden     bool
	Tags       TagSet

	MinWire, MaxWire int32
	MaxDocumentSize  int           // bytes
	MaxMessageSize   int           // bytes
	MaxWriteBatch    int           // statements in one write command
	SessionTimeout   time.Duration // 0: no sessions
	HelloOK          bool          // knows the command hello, not only isMaster
	TopologyVersion  TopologyVersion

	LastWrite  time.Time // by the server's clock; zero: not told
	LastUpdate time.Time // when the reply came, by the client's clock
	RTT        RTT
}

// Failed returns the description of a server whose check or operation failed with err. version is what the error said, if it
// said any.
func Failed(address string, err error, version TopologyVersion, now time.Time) *Server {
	return &Server{Address: address, Err: err, TopologyVersion: version, LastUpdate: now}
}

// String returns address, kind and error, for logs.
func (s *Server) String() string {
	text := s.Address + " " + s.Kind.String()
	if s.Err != nil {
		text += ": " + s.Err.Error()
	}
	return text
}

// Equal reports whether two descriptions of one server say the same, times of checks and round trips aside: if they do, no
// event tells of the newer one (Server Discovery and Monitoring, "Server Description Equality"). That another member takes
// an unknown server for the primary is no news of that server.
func (s *Server) Equal(o *Server) bool {
	return (s.Kind == o.Kind || !s.Kind.Known() && !o.Kind.Known()) && s.MinWire == o.MinWire && s.MaxWire == o.MaxWire && s.Me == o.Me &&
		slices.Equal(s.Hosts, o.Hosts) && slices.Equal(s.Passives, o.Passives) && slices.Equal(s.Arbiters, o.Arbiters) && slices.Equal(s.Tags, o.Tags) &&
		s.SetName == o.SetName && s.SetVersion == o.SetVersion && s.ElectionID == o.ElectionID && s.Primary == o.Primary &&
		s.SessionTimeout == o.SessionTimeout && s.TopologyVersion == o.TopologyVersion && sameError(s.Err, o.Err)
}

func sameError(a, b error) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Error() == b.Error()
}

// members returns the addresses of all members that the server told of.
func (s *Server) members(yield func(string) bool) {
	for _, list := range [...][]string{s.Hosts, s.Passives, s.Arbiters} {
		for _, address := range list {
			if !yield(address) {
				return
			}
		}
	}
}

// A TopologyVersion tells which of two replies of one process is newer. The zero value is none.
type TopologyVersion struct {
	Process document.ObjectID // made anew at each start of the process
	Counter int64             // grows with each change that clients should hear of
}

// IsZero reports whether there is none: the server is older than MongoDB 4.4, or did not answer.
func (v TopologyVersion) IsZero() bool { return v == TopologyVersion{} }

// comparable reports whether both come from one process. If not, what came later is taken to be newer.
func (v TopologyVersion) comparable(o TopologyVersion) bool {
	return !v.IsZero() && !o.IsZero() && v.Process == o.Process
}

// Document returns the version as a hello command carries it.
func (v TopologyVersion) Document() document.Doc {
	var b document.Builder
	b.AppendObjectID("processId", v.Process)
	b.AppendInt64("counter", v.Counter)
	return b.Finish()
}

// ParseTopologyVersion returns the version in the field topologyVersion of a reply; none if there is none.
func ParseTopologyVersion(reply document.Doc) (v TopologyVersion) {
	d := reply.Lookup("topologyVersion").Doc()
	v.Process = d.Lookup("processId").ObjectID()
	v.Counter, _ = d.Lookup("counter").AsInt64()
	return v
}

// A Tag is one name and value that the set's configuration gave a member.
type Tag struct{ Name, Value string }

// A TagSet is a member's tags, or those that a read preference asks for.
type TagSet []Tag

// Match reports whether a member with the tags s has all that want asks for.
func (s TagSet) Match(want TagSet) bool {
	for _, w := range want {
		if !slices.Contains(s, w) {
			return false
		}
	}
	return true
}

// normalize returns an address in lower case: names of hosts are the same in either, and a set that calls a seed by another
// case must not be discovered twice. Paths of sockets stay as they are.
func normalize(address string) string {
	if strings.Contains(address, "/") {
		return address
	}
	return strings.ToLower(address)
}
