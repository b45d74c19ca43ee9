package sdam

import (
	"fmt"
	"slices"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// The wire versions that the client speaks. OP_MSG came with 6; servers newer than the upper one say by their minWireVersion
// whether they still speak it.
const (
	MinWire        = 6
	MaxWire        = 25
	minWireRelease = "3.6"
)

// A Config is what the connection string says about the topology.
type Config struct {
	Seeds          []string      // host:port; with SRVMaxHosts in the order in which they are to be taken
	ReplicaSet     string        // the name that members must have; "": any
	Direct         bool          // directConnection=true: the one seed is the server, whatever it is
	LoadBalanced   bool          // the one seed is a load balancer, which is not monitored
	SRVMaxHosts    int           // how many of an SRV record's hosts are used; 0: all
	Heartbeat      time.Duration // between two checks of a server; matters to staleness
	LocalThreshold time.Duration // how much longer than the nearest server's a round trip may be for a server to be chosen
}

// A Topology is what the client believes about all servers. It does not change once it is made; Apply and its like return
// the next one.
type Topology struct {
	Kind           TopologyKind
	SetName        string            // "": not known yet
	MaxElectionID  document.ObjectID // the greatest that a primary told
	MaxSetVersion  int64             // and the version that came with it
	SessionTimeout time.Duration     // the shortest of all servers that have data; 0: sessions are not there
	Incompatible   error             // why no operation is possible at all: a server is too old or too new
	Servers        []*Server         // in the order in which they became known

	config  *Config
	primary *Server
	writer  *Server   // the only server that takes writes, if the client can talk to all servers
	removed []removal // for Explain: what was taken out, and why
}

// A removal is a server that was taken out of the topology because of what it said.
type removal struct {
	server *Server
	reason removalReason
}

// An Update is the outcome of a change.
type Update struct {
	Topology *Topology
	Events   []Event
	CheckNow []string // servers to be checked without waiting for the next heartbeat
	// ClearPool has servers, of MongoDB 4.0 and older, that closed their connections when another became primary.
	ClearPool []string
}

// New returns the topology before anything is known, with an event for each seed.
func New(config Config) Update {
	c := config
	c.Seeds = seeds(config.Seeds, config.SRVMaxHosts)
	next := edit{t: &Topology{config: &c}}
	switch {
	case c.LoadBalanced:
		next.t.Kind = LoadBalanced
	case c.Direct:
		next.t.Kind = Single
		next.t.SetName = c.ReplicaSet
	case c.ReplicaSet != "":
		next.t.Kind = ReplicaSetNoPrimary
		next.t.SetName = c.ReplicaSet
	}
	next.events = append(next.events, TopologyOpened{})
	for _, address := range c.Seeds {
		next.t.Servers = append(next.t.Servers, &Server{Address: address})
	}
	next.events = append(next.events, TopologyChanged{&Topology{config: &c}, next.t})
	for _, address := range c.Seeds {
		next.events = append(next.events, ServerOpened{address})
	}
	if c.LoadBalanced {
		return next.loadBalance()
	}
	return next.update()
}

// seeds returns the addresses in lower case, each once, as many as are wanted.
func seeds(addresses []string, most int) (list []string) {
	for _, address := range addresses {
		if address = normalize(address); !slices.Contains(list, address) && (most == 0 || len(list) < most) {
			list = append(list, address)
		}
	}
	return list
}

// Server returns the description of the server at address, or nil.
func (t *Topology) Server(address string) *Server {
	for _, s := range t.Servers {
		if s.Address == address {
			return s
		}
	}
	return nil
}

// String returns the kind, the set's name and the servers with their kinds, for logs.
func (t *Topology) String() string {
	text := t.Kind.String()
	if t.SetName != "" {
		text += " " + t.SetName
	}
	for _, s := range t.Servers {
		text += " [" + s.Address + " " + s.Kind.String() + "]"
	}
	return text
}

// Primary returns the primary, or nil. For a topology that is no replica set it is nil.
func (t *Topology) Primary() *Server { return t.primary }

// Usable reports whether operations may be sent to the server at address: its pool may make connections. (A direct
// connection is one to any member; otherwise only those with data are of use.)
func (t *Topology) Usable(address string) bool {
	s := t.Server(address)
	return s != nil && (s.Kind.DataBearing() || t.Kind == Single && s.Kind.Known())
}

// HasWritable reports whether a write would find a server.
func (t *Topology) HasWritable() bool { return t.suits(Request{Write: true}) }

// HasReadable reports whether a read with the preference would find a server.
func (t *Topology) HasReadable(p *ReadPreference) bool { return t.suits(Request{Read: p}) }

func (t *Topology) suits(r Request) bool {
	s, err := t.Select(r, 0, func(*Server) int { return 0 })
	return s != nil && err == nil
}

// newerThan reports whether o, of the same process as s, is from before s.
func (s *Server) newerThan(o *Server) bool {
	return s.TopologyVersion.comparable(o.TopologyVersion) && s.TopologyVersion.Counter > o.TopologyVersion.Counter
}

// settle computes what follows from the servers: who takes writes, the sessions' timeout and whether the client can talk to
// all of them.
func (t *Topology) settle() {
	t.primary, t.writer, t.SessionTimeout, t.Incompatible = nil, nil, 0, nil
	first := true
	for _, s := range t.Servers {
		if s.Kind == RSPrimary && t.Kind == ReplicaSetWithPrimary {
			t.primary = s
		}
		if s.Kind.DataBearing() && s.Kind != LoadBalancer {
			if first || s.SessionTimeout < t.SessionTimeout { // 0, not told, is the shortest
				t.SessionTimeout = s.SessionTimeout
			}
			first = false
		}
		if t.Incompatible == nil {
			t.Incompatible = s.incompatible()
		}
	}
	if t.Incompatible == nil {
		if writers := t.matching(nil, Request{Write: true}, nil); len(writers) == 1 {
			t.writer = writers[0]
		}
	}
}

// incompatible returns why the client cannot talk to the server, in the words of Server Discovery and Monitoring, "Checking
// wire protocol compatibility".
func (s *Server) incompatible() error {
	switch {
	case !s.Kind.Known() || s.Kind == LoadBalancer:
		return nil
	case s.MinWire > MaxWire:
		return fmt.Errorf("server at %s requires wire version %d, but this version of Morton's client only supports up to %d", s.Address, s.MinWire, MaxWire)
	case s.MaxWire < MinWire:
		return fmt.Errorf("server at %s reports wire version %d, but this version of Morton's client requires at least %d (MongoDB %s)", s.Address, s.MaxWire, MinWire, minWireRelease)
	}
	return nil
}

// equal reports whether two topologies say the same, so that no event is due.
func (t *Topology) equal(o *Topology) bool {
	return t.Kind == o.Kind && t.SetName == o.SetName && t.MaxElectionID == o.MaxElectionID && t.MaxSetVersion == o.MaxSetVersion &&
		t.SessionTimeout == o.SessionTimeout && sameError(t.Incompatible, o.Incompatible) &&
		slices.EqualFunc(t.Servers, o.Servers, func(a, b *Server) bool { return a == b || a.Address == b.Address && a.Equal(b) })
}
