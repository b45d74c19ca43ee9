package sdam

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// Apply returns the topology after the news that s is: the outcome of a check, or a failure. News of servers that are not in
// the topology, or older than what is known, change nothing; the Update's Topology is then t itself.
func (t *Topology) Apply(s *Server) Update {
	old := t.Server(s.Address)
	if old == nil || t.Kind == LoadBalanced || old.newerThan(s) {
		return Update{Topology: t}
	}
	next := t.edit()
	next.learn(old, s)
	return next.finish(t)
}

// SetHosts returns the topology after an SRV record was found to have other hosts: those that are gone from it are removed,
// new ones are added, in their order and as many as srvMaxHosts allows. What has been found to be a replica set or a single
// server is not touched (Polling SRV Records for mongos Discovery). No hosts at all are taken for a fault of the name
// server.
func (t *Topology) SetHosts(hosts []string) Update {
	hosts = seeds(hosts, 0)
	if t.Kind != TopologyUnknown && t.Kind != Sharded || len(hosts) == 0 {
		return Update{Topology: t}
	}
	next := t.edit()
	for _, s := range t.Servers {
		if !slices.Contains(hosts, s.Address) {
			next.remove(s.Address)
		}
	}
	for _, address := range hosts {
		if most := t.config.SRVMaxHosts; most == 0 || len(next.t.Servers) < most {
			next.add(address)
		}
	}
	config := *t.config
	config.Seeds = hosts
	next.t.config = &config
	return next.finish(t)
}

// Close returns the empty topology at the end, with its events.
func (t *Topology) Close() Update {
	next := edit{t: &Topology{config: t.config}}
	for _, s := range t.Servers {
		next.events = append(next.events, ServerClosed{s.Address})
	}
	next.events = append(next.events, TopologyChanged{t, next.t}, TopologyClosed{})
	return next.update()
}

// An edit is a topology that is being made.
type edit struct {
	t         *Topology // not seen by anybody else yet
	events    []Event
	checkNow  []string
	clearPool []string
}

func (t *Topology) edit() edit {
	n := *t
	n.Servers = slices.Clone(t.Servers)
	n.removed = slices.Clone(t.removed)
	return edit{t: &n}
}

func (e *edit) update() Update {
	return Update{Topology: e.t, Events: e.events, CheckNow: e.checkNow, ClearPool: e.clearPool}
}

// finish compares the topology that was made with the old one. A server that said something and was removed for it is only
// closed.
func (e *edit) finish(old *Topology) Update {
	e.t.settle()
	if e.t.equal(old) {
		return e.update()
	}
	var closed []Event
	for _, s := range old.Servers {
		if now := e.t.Server(s.Address); now == nil {
			closed = append(closed, ServerClosed{s.Address})
		} else if !s.Equal(now) {
			e.events = append(e.events, ServerChanged{s, now})
		}
	}
	e.events = append(e.events, closed...)
	for _, s := range e.t.Servers {
		if old.Server(s.Address) == nil {
			e.events = append(e.events, ServerOpened{s.Address})
		}
	}
	e.events = append(e.events, TopologyChanged{old, e.t})
	return e.update()
}

// loadBalance makes the one server a load balancer, which needs no check.
func (e *edit) loadBalance() Update {
	unknown, t := e.t.Servers, *e.t
	t.Servers = nil
	for _, s := range unknown {
		balancer := &Server{Address: s.Address, Kind: LoadBalancer}
		t.Servers = append(t.Servers, balancer)
		e.events = append(e.events, ServerChanged{s, balancer})
	}
	e.events = append(e.events, TopologyChanged{e.t, &t})
	e.t = &t
	e.t.settle()
	return e.update()
}

// learn is the table of Server Discovery and Monitoring, "TopologyType table": what a server of some kind means to a
// topology of some kind.
func (e *edit) learn(old, s *Server) {
	if e.t.Kind == Single {
		e.replace(old, e.t.verified(s))
		return
	}
	e.replace(old, s)
	switch e.t.Kind {
	case TopologyUnknown:
		e.learnUnknown(s)
	case Sharded:
		if s.Kind.Known() && s.Kind != Mongos {
			e.expel(s, notMongos)
		}
	default:
		e.learnReplicaSet(s)
	}
}

func (e *edit) learnUnknown(s *Server) {
	switch s.Kind {
	case Standalone:
		if len(e.t.config.Seeds) == 1 {
			e.t.Kind = Single
		} else {
			e.expel(s, notMember)
		}
	case Mongos:
		e.t.Kind = Sharded
	case RSPrimary, RSSecondary, RSArbiter, RSOther:
		e.t.Kind = ReplicaSetNoPrimary
		e.learnReplicaSet(s)
	}
}

func (e *edit) learnReplicaSet(s *Server) {
	switch s.Kind {
	case Standalone, Mongos:
		e.expel(s, notMember)
	case RSPrimary:
		e.learnFromPrimary(s)
	case RSSecondary, RSArbiter, RSOther:
		if e.t.Kind == ReplicaSetWithPrimary {
			e.learnFromMember(s)
		} else {
			e.learnWithoutPrimary(s)
		}
	}
	e.lookForPrimary()
}

// lookForPrimary is checkIfHasPrimary.
func (e *edit) lookForPrimary() {
	e.t.Kind = ReplicaSetNoPrimary
	if slices.ContainsFunc(e.t.Servers, func(s *Server) bool { return s.Kind == RSPrimary }) {
		e.t.Kind = ReplicaSetWithPrimary
	}
}

// learnWithoutPrimary is updateRSWithoutPrimary: any member's list of members is as good as another's.
func (e *edit) learnWithoutPrimary(s *Server) {
	if !e.sameSet(s) {
		return
	}
	for address := range s.members {
		e.add(address)
	}
	e.believe(s.Primary)
	if s.Me != "" && s.Me != s.Address {
		e.expel(s, otherName)
	}
}

// learnFromMember is updateRSWithPrimaryFromMember: the primary's list of members is the one that counts.
func (e *edit) learnFromMember(s *Server) {
	if !e.sameSet(s) {
		return
	}
	if s.Me != "" && s.Me != s.Address {
		e.expel(s, otherName)
		return
	}
	e.lookForPrimary()
	if e.t.Kind == ReplicaSetNoPrimary { // it had been the primary
		e.believe(s.Primary)
	}
}

// sameSet takes the name of the set from the first member, and expels members of others.
func (e *edit) sameSet(s *Server) bool {
	if e.t.SetName == "" {
		e.t.SetName = s.SetName
	}
	if e.t.SetName == s.SetName {
		return true
	}
	e.expel(s, otherSet)
	return false
}

// believe takes a member's word for who is primary, if nothing else is known of that one.
func (e *edit) believe(primary string) {
	if s := e.t.Server(primary); s != nil && s.Kind == Unknown {
		possible := *s
		possible.Kind = PossiblePrimary
		e.replace(s, &possible)
		e.checkNow = append(e.checkNow, primary)
	}
}

// learnFromPrimary is updateRSFromPrimary: a primary's list of members is the set, unless a newer primary has been heard of.
func (e *edit) learnFromPrimary(s *Server) {
	if !e.sameSet(s) {
		return
	}
	if why := e.stale(s); why != nil {
		e.replace(s, Failed(s.Address, why, TopologyVersion{}, s.LastUpdate))
		return
	}
	e.dethrone(s)
	for address := range s.members {
		e.add(address)
	}
	listed := slices.Collect(s.members)
	for _, other := range slices.Clone(e.t.Servers) {
		if !slices.Contains(listed, other.Address) {
			e.expel(other, notListed)
		}
	}
}

// stale returns why s, which says that it is primary, is one no longer, or remembers its election. From MongoDB 6.0 on an
// election counts more than a configuration: a forced reconfiguration can make versions go back. Before, election ids of
// different protocols could not be compared, so that the version counted more.
func (e *edit) stale(s *Server) error {
	t := e.t
	election := bytes.Compare(s.ElectionID[:], t.MaxElectionID[:])
	if s.MaxWire >= 17 {
		if election < 0 || election == 0 && s.SetVersion < t.MaxSetVersion {
			return staleError(s, t)
		}
		t.MaxElectionID, t.MaxSetVersion = s.ElectionID, s.SetVersion
		return nil
	}
	if s.SetVersion != 0 && !s.ElectionID.IsZero() {
		if t.MaxSetVersion != 0 && !t.MaxElectionID.IsZero() && (s.SetVersion < t.MaxSetVersion || s.SetVersion == t.MaxSetVersion && election < 0) {
			return staleError(s, t)
		}
		t.MaxElectionID = s.ElectionID
	}
	t.MaxSetVersion = max(t.MaxSetVersion, s.SetVersion)
	return nil
}

func staleError(s *Server, t *Topology) error {
	return fmt.Errorf("primary marked stale due to electionId/setVersion mismatch: it was elected with %s and has version %d of the configuration, but %s and %d are known",
		s.ElectionID.Hex(), s.SetVersion, t.MaxElectionID.Hex(), t.MaxSetVersion)
}

var errDethroned = errors.New("primary marked stale due to electionId/setVersion mismatch: another member is primary now")

// dethrone marks every other primary unknown: it will be seen to be a secondary at once, if it still runs.
func (e *edit) dethrone(by *Server) {
	for _, s := range slices.Clone(e.t.Servers) {
		if s.Kind != RSPrimary || s.Address == by.Address {
			continue
		}
		e.replace(s, Failed(s.Address, errDethroned, TopologyVersion{}, by.LastUpdate))
		e.checkNow = append(e.checkNow, s.Address)
		if s.MaxWire < keepsConnections {
			e.clearPool = append(e.clearPool, s.Address)
		}
	}
}

// verified returns s, or an unknown server in its place if the connection string asks for a member of another set. It is
// "Verifying setName with TopologyType Single".
func (t *Topology) verified(s *Server) *Server {
	if t.config.ReplicaSet == "" || !s.Kind.Known() || s.SetName == t.config.ReplicaSet {
		return s
	}
	return Failed(s.Address, &WrongSetError{Has: s.SetName, Want: t.config.ReplicaSet}, TopologyVersion{}, s.LastUpdate)
}

// replace puts s in the place of old, which is in the topology.
func (e *edit) replace(old, s *Server) { e.t.Servers[slices.Index(e.t.Servers, old)] = s }

func (e *edit) add(address string) {
	if e.t.Server(address) != nil {
		return
	}
	e.t.Servers = append(e.t.Servers, &Server{Address: address})
	e.t.removed = slices.DeleteFunc(e.t.removed, func(r removal) bool { return r.server.Address == address })
}

func (e *edit) remove(address string) {
	e.t.Servers = slices.DeleteFunc(e.t.Servers, func(s *Server) bool { return s.Address == address })
}

// removedMax is how many removed servers are remembered for Explain.
const removedMax = 16

// expel removes a server because of what is known of it.
func (e *edit) expel(s *Server, why removalReason) {
	e.remove(s.Address)
	e.t.removed = append(e.t.removed, removal{s, why})
	if len(e.t.removed) > removedMax {
		e.t.removed = e.t.removed[1:]
	}
}
