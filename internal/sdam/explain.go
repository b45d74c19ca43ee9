package sdam

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Explain says in words why no server suits a request, so that a person can act on it. It is for the error of an operation whose time for finding a server is over.
func (t *Topology) Explain(r Request) string {
	if t.Incompatible != nil {
		return t.Incompatible.Error()
	}
	parts := make([]string, 0, len(t.Servers))
	for _, s := range t.Servers {
		parts = append(parts, t.describe(s, r))
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
	set := ""
	if t.SetName != "" {
		set = " of " + t.SetName
	}
	switch t.Kind {
	case Sharded:
		return "no mongos answers"
	case Single:
		return "the server does not answer"
	case ReplicaSetNoPrimary, ReplicaSetWithPrimary:
		return "no " + wanted(t.effective(r)) + set
	}
	if len(t.Servers) == 0 {
		return "no server is left"
	}
	return "no server is known to be usable"
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

// describe says what is known of a server, and why it does not suit.
func (t *Topology) describe(s *Server, r Request) string {
	switch s.Kind {
	case Unknown, PossiblePrimary:
		return t.describeUnknown(s)
	case RSGhost:
		return s.Address + " has no configuration of a set: run rs.initiate() if the set is new, or see whether this member was removed from it"
	case RSOther:
		if s.Hidden {
			return s.Address + " is a hidden member of " + s.SetName
		}
		return s.Address + " is a member of " + s.SetName + " that starts up or recovers"
	case RSSecondary:
		return s.Address + " is a secondary of " + s.SetName + t.unfit(s, t.effective(r))
	case RSArbiter:
		return s.Address + " is an arbiter of " + s.SetName
	case RSPrimary:
		return s.Address + " is the primary of " + s.SetName
	}
	return s.Address + " is a " + strings.ToLower(s.Kind.String())
}

// unfit says why a secondary does not suit a preference for secondaries.
func (t *Topology) unfit(s *Server, p *ReadPreference) string {
	if p.mode() == Primary {
		return ""
	}
	if behind := t.staleness(s); !t.fresh(s, p.MaxStaleness) {
		if s.LastWrite.IsZero() {
			return " (which does not say how far it is behind)"
		}
		return fmt.Sprintf(" (about %d s behind)", behind/time.Second)
	}
	if len(p.TagSets) > 0 && !slices.ContainsFunc(p.TagSets, s.Tags.Match) {
		return " (tags " + s.Tags.String() + ")"
	}
	return ""
}

func (t *Topology) describeUnknown(s *Server) string {
	text := s.Address
	if s.Kind == PossiblePrimary {
		text += ", which another member takes for the primary,"
	}
	if s.Err == nil {
		return text + " has not answered yet"
	}
	return text + " (" + cause(s.Err, t.advertised(s.Address)) + ")"
}

// advertised reports whether the set gave the client the address, not the connection string.
func (t *Topology) advertised(address string) bool { return !slices.Contains(t.config.Seeds, address) }

// hints returns what is remarkable about the set as a whole.
func (t *Topology) hints() (list []string) {
	if t.Kind == ReplicaSetNoPrimary {
		if hint := t.majority(); hint != "" {
			list = append(list, hint)
		}
	}
	for _, r := range t.removed {
		list = append(list, t.describeRemoved(r))
	}
	return list
}

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
	if answer == 0 || answer > members/2 {
		return ""
	}
	return fmt.Sprintf("%d of %d members answer, and a primary needs the votes of a majority", answer, members)
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
		return (&WrongSetError{Address: s.Address, Has: s.SetName, Want: t.SetName, found: t.config.ReplicaSet == ""}).Error()
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
	Address string
	Has     string // "": it is no member of a set
	Want    string
	found   bool // Want is not from the connection string, but from another server
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
	return e.Address + " is " + has + ", " + want
}
