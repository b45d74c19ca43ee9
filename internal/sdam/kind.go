package sdam

// A ServerKind is what a server is, as far as the client can tell.
type ServerKind uint8

// The kinds of servers, with the specification's names.
const (
	Unknown         ServerKind = iota // not checked yet, or the last check or operation failed
	PossiblePrimary                   // unknown, but another member says that it is the primary
	Standalone
	Mongos
	RSPrimary
	RSSecondary
	RSArbiter
	RSOther // a member that can serve nothing: it is hidden, starts or recovers
	RSGhost // a member without a configuration: not initiated, starting, or removed
	LoadBalancer
)

var serverKinds = [...]string{"Unknown", "PossiblePrimary", "Standalone", "Mongos", "RSPrimary", "RSSecondary", "RSArbiter", "RSOther", "RSGhost", "LoadBalancer"}

// String returns the specification's name.
func (k ServerKind) String() string { return serverKinds[k] }

// Known reports whether the server answered when it was last asked.
func (k ServerKind) Known() bool { return k > PossiblePrimary }

// DataBearing reports whether a server of the kind can be asked for data.
func (k ServerKind) DataBearing() bool {
	switch k {
	case Standalone, Mongos, RSPrimary, RSSecondary, LoadBalancer:
		return true
	}
	return false
}

// A TopologyKind is what the servers are together.
type TopologyKind uint8

// The kinds of topologies, with the specification's names.
const (
	TopologyUnknown TopologyKind = iota
	Single
	ReplicaSetNoPrimary
	ReplicaSetWithPrimary
	Sharded
	LoadBalanced
)

var topologyKinds = [...]string{"Unknown", "Single", "ReplicaSetNoPrimary", "ReplicaSetWithPrimary", "Sharded", "LoadBalanced"}

// String returns the specification's name.
func (k TopologyKind) String() string { return topologyKinds[k] }

// ReplicaSet reports whether the servers are known, or said by the connection string, to be a set.
func (k TopologyKind) ReplicaSet() bool {
	return k == ReplicaSetNoPrimary || k == ReplicaSetWithPrimary
}
