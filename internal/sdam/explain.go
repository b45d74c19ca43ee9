package sdam

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Explain says in words why no server suits a request, so that a person can act on it. It is for the error of an operation
// whose time for finding a server is over. First comes what was looked for, then each server with its state in parentheses,
// then what is remarkable or can be done.
func (t *Topology) Explain(r Request) string {
	if t.Incompatible != nil {
		return t.Incompatible.Error()
	}
	parts := make([]string, len(t.Servers))
	for i, s := range t.Servers {
		parts[i] = s.Address + " (" + t.state(s, r) + ")"
	}
	text := t.missing(r)
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	for _, hint := range t.hints() {
		text += "; " + hint
	}
	return text
}

// missing says what the request did not find.
func (t *Topology) missing(r Request) string {
	switch {
	case t.Kind.ReplicaSet() && t.SetName != "":
		return "no " + wanted(t.effective(r)) + " in " + t.SetName
	case t.Kind.ReplicaSet():
		return "no " + wanted(t.effective(r))
	case t.Kind == Sharded:
		return "no mongos answers"
	case t.Kind == Single:
		return "the server cannot be used"
	}
	return "no server can be used"
}

// wanted says what a preference looks for in a set.
func wanted(p *ReadPreference) string {
	text := [...]string{
		Primary:            "primary",
		PrimaryPreferred:   "primary or secondary",
		Secondary:          "secondary",
		SecondaryPreferred: "secondary or primary",
		Nearest:            "primary or secondary",
	}[p.mode()]
	if p == nil {
		return text
	}
	if len(p.TagSets) > 0 {
		sets := make([]string, len(p.TagSets))
		for i, set := range p.TagSets {
			sets[i] = set.String()
		}
		text += " with tags " + strings.Join(sets, " or ")
	}
	if p.MaxStaleness > 0 {
		text += fmt.Sprintf(" at most %d s behind", p.MaxStaleness/time.Second)
	}
	return text
}

// String returns the tags as a document of the shell.
func (s TagSet) String() string {
	parts := make([]string, len(s))
	for i, tag := range s {
		parts[i] = tag.Name + ": " + tag.Value
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// state says what is known of a server, and why it does not suit.
func (t *Topology) state(s *Server, r Request) string {
	switch s.Kind {
	case Unknown:
		return t.unknown(s)
	case PossiblePrimary:
		return t.unknown(s) + "; another member takes it for the primary"
	case RSGhost:
		return "no configuration yet"
	case RSOther:
		if s.Hidden {
			return "hidden"
		}
		return "starts up or recovers"
	case RSSecondary:
		return "secondary" + t.unfit(s, t.effective(r))
	case RSArbiter:
		return "arbiter"
	case RSPrimary:
		return "primary"
	}
	return strings.ToLower(s.Kind.String())
}

func (t *Topology) unknown(s *Server) string {
	if s.Err == nil {
		return "no answer yet"
	}
	return cause(s.Err)
}

// unfit says why a secondary does not suit a preference for secondaries.
func (t *Topology) unfit(s *Server, p *ReadPreference) string {
	switch {
	case p.mode() == Primary:
		return ""
	case !t.fresh(s, p.MaxStaleness) && s.LastWrite.IsZero():
		return ", does not say how far behind"
	case !t.fresh(s, p.MaxStaleness):
		return fmt.Sprintf(", about %d s behind", t.staleness(s)/time.Second)
	case len(p.TagSets) > 0 && !slices.ContainsFunc(p.TagSets, s.Tags.Match):
		return ", tags " + s.Tags.String()
	}
	return ""
}

// hints returns what is remarkable about the servers together, and what can be done.
func (t *Topology) hints() (list []string) {
	for _, hint := range []string{t.uninitiated(), t.unresolved(), t.loopback(), t.majority()} {
		if hint != "" {
			list = append(list, hint)
		}
	}
	for _, r := range t.removed {
		if me := t.Server(r.server.Me); me == nil || !me.Kind.Known() { // a member that is there under its own name is not missed
			list = append(list, t.describeRemoved(r))
		}
	}
	return list
}

// uninitiated says what can be done about members without a configuration.
func (t *Topology) uninitiated() string {
	for _, s := range t.Servers {
		if s.Kind == RSGhost {
			return "run rs.initiate() on " + s.Address + ", unless it was removed from its set"
		}
	}
	return ""
}

// unresolved says what can be done about a set whose members have names that only they can resolve.
func (t *Topology) unresolved() string {
	for _, s := range t.Servers {
		if name := (*net.DNSError)(nil); t.advertised(s) && errors.As(s.Err, &name) && name.IsNotFound {
			return "the set advertises " + s.Address + ", which this machine cannot resolve: fix members[n].host or use directConnection=true"
		}
	}
	return ""
}

// loopback says what can be done about a set whose members call themselves localhost, when the connection string does not.
func (t *Topology) loopback() string {
	if slices.ContainsFunc(t.config.Seeds, isLoopback) {
		return ""
	}
	for _, s := range t.Servers {
		if t.advertised(s) && s.Err != nil && isLoopback(s.Address) {
			return "the set advertises " + s.Address + ", which is another machine for each client: fix members[n].host or use directConnection=true"
		}
	}
	return ""
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// advertised reports whether the client has the server's address from the set, not from the connection string.
func (t *Topology) advertised(s *Server) bool { return !slices.Contains(t.config.Seeds, s.Address) }

// majority says that too few members answer to elect a primary, as far as the client can tell.
func (t *Topology) majority() string {
	members, answer := 0, 0
	for _, s := range t.Servers {
		if s.Kind != RSGhost {
			members++
		}
		if s.Kind.Known() && s.Kind != RSGhost {
			answer++
		}
	}
	if t.Kind != ReplicaSetNoPrimary || answer == 0 || answer > members/2 {
		return ""
	}
	return fmt.Sprintf("%d of %d members can be heard, and a primary needs the votes of a majority", answer, members)
}

// A removalReason is why a server is no part of the topology.
type removalReason uint8

const (
	notListed removalReason = iota // the primary does not name it
	notMember                      // it is a standalone or a mongos
	notMongos                      // it is no mongos
	otherSet                       // it is a member of another set
	otherName                      // it calls itself otherwise
)

func (t *Topology) describeRemoved(r removal) string {
	s := r.server
	switch {
	case r.reason == otherSet:
		return s.Address + " is " + (&WrongSetError{Has: s.SetName, Want: t.SetName, found: t.config.ReplicaSet == ""}).Error()
	case r.reason == notMember && s.Kind == Mongos:
		return s.Address + " is a mongos, not a member of a set"
	case r.reason == notMember && t.Kind.ReplicaSet():
		return s.Address + " runs without --replSet: it is no member of a set"
	case r.reason == notMember:
		return s.Address + " runs without --replSet: such a server must be the only one in the connection string"
	case r.reason == notMongos:
		return s.Address + " is no mongos, as the others are"
	case s.Me != "" && s.Me != s.Address:
		return s.Address + " answers, but the set calls it " + s.Me
	}
	return s.Address + " is not in the set's configuration"
}

// A WrongSetError says that a server is not a member of the set that is looked for.
type WrongSetError struct {
	Has   string // "": it is no member of a set
	Want  string
	found bool // Want is not from the connection string, but from another server
}

// Error says both names.
func (e *WrongSetError) Error() string {
	has, want := "no member of a set", "the connection string says "+e.Want
	if e.Has != "" {
		has = "a member of " + e.Has
	}
	if e.found {
		want = "other servers are of " + e.Want
	}
	return has + ", " + want
}
