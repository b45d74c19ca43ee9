package replset

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Initiation is what a replSetInitiate command asks for.
type Initiation struct {
	Config    *Config // complete but for Settings.ReplicaSetID, which the caller makes up
	Defaulted bool    // the command had no configuration: it was made from the --replSet option
}

// CheckInitiate returns why v's member cannot initiate a set, whatever the configuration.
func (v *View) CheckInitiate() error {
	switch {
	case v.Standalone():
		return mongoerr.New(mongoerr.NoReplicationEnabled, "server is not running with --replSet")
	case v.Config != nil:
		return mongoerr.New(mongoerr.AlreadyInitialized, "already initialized")
	}
	return nil
}

// ParseInitiate reads the argument of replSetInitiate. Everything but a document with fields means no configuration, as
// it has since the first release: clients of that time send the number 1. The set then has the member me and the seeds.
func ParseInitiate(arg document.Value, option SetOption, me string) (Initiation, error) {
	if arg.Type != document.TypeDocument || arg.Doc().IsEmpty() {
		c, err := DefaultConfig(option, me)
		return Initiation{c, true}, err
	}
	c, err := parseForInitiate(arg.Doc())
	if err != nil {
		return Initiation{}, err
	}
	if c.Name != option.Name {
		return Initiation{}, invalidf("Rejecting initiate with a set name that differs from command line set name, "+
			"initiate set name: %s, command line set name: %s", c.Name, option.Name)
	}
	return Initiation{c, false}, nil
}

// DefaultConfig returns the configuration of a set with the member me and those of the seeds that are not me.
func DefaultConfig(option SetOption, me string) (*Config, error) {
	c := &Config{Name: option.Name, Version: 1, JournalDefault: true, Settings: DefaultSettings()}
	add := func(host string) {
		c.Members = append(c.Members, Member{ID: int32(len(c.Members)), Host: host, Priority: 1, Votes: 1, Tags: document.Empty})
	}
	add(me)
	for _, seed := range option.Seeds {
		if seed == me {
			continue
		}
		add(seed)
		if len(c.Members) > MaxVotingMembers {
			m := &c.Members[len(c.Members)-1]
			m.Votes, m.Priority = 0, 0
		}
	}
	return c, c.validate()
}

// parseForInitiate reads the configuration that replSetInitiate was given. It may lack a version, which is 1, and must
// not have what only the set itself decides.
func parseForInitiate(d document.Doc) (*Config, error) {
	if d.Lookup("version").IsMissing() {
		var b document.Builder
		for it := d.Iter(); it.Next(); {
			b.AppendValue(it.Key(), it.Value())
		}
		b.AppendInt32("version", 1)
		d = b.Finish()
	}
	c, err := ParseConfig(d)
	switch {
	case err != nil:
		return nil, err
	case !c.Settings.ReplicaSetID.IsZero():
		return nil, invalidf("replica set configuration cannot contain 'replicaSetId' field when called from replSetInitiate: %s", d.Shell())
	case c.Version != 1:
		return nil, invalidf("Configuration used to initiate a replica set must  have version 1, but found %d", c.Version)
	}
	c.Term = 0
	return c, nil
}

// WithID returns c with its replicaSetId.
func (c *Config) WithID(id document.ObjectID) *Config {
	n := *c
	n.Settings.ReplicaSetID = id
	return &n
}

// Initiator returns which member of c this process is, given the indexes of the members that were found to be this
// process by asking them, and whether it can initiate the set: it becomes the first primary, so it must be electable.
func (c *Config) Initiator(selves []int) (int, error) {
	const where = "new configuration with {version: %d, term: %d} for replica set %s"
	switch len(selves) {
	case 0:
		return -1, invalidf("No host described in "+where+" maps to this node", c.Version, c.Term, c.Name)
	case 1:
	default:
		return -1, invalidf("The hosts %s and %s all map to this node in "+where,
			c.Members[selves[0]].Host, c.Members[selves[1]].Host, c.Version, c.Term, c.Name)
	}
	if m := &c.Members[selves[0]]; !m.Electable() {
		return -1, invalidf("This node, %s, with _id MemberId(%d) is not electable under the "+where,
			m.Host, m.ID, c.Version, c.Term, c.Name)
	}
	return selves[0], nil
}

// Probe is the answer of one member to the question whether it can become part of a new set.
type Probe struct {
	Member       int               // its index in the configuration
	Err          error             // it could not be asked; all else is then unset
	SetName      string            // of its --replSet; empty: it runs without
	ReplicaSetID document.ObjectID // of the set that it is in already; zero: of none
	HasData      bool              // it has databases of its own, which would be lost
}

// check returns why the member cannot take part in c: an error for the client if it belongs to another set, any other if it is
// not there.
func (p *Probe) check(c *Config) error {
	host := c.Members[p.Member].Host
	switch {
	case p.Err != nil:
		return fmt.Errorf("%s failed with %v", host, p.Err)
	case p.SetName == "":
		return fmt.Errorf("%s failed with not running using replication", host)
	case p.SetName != c.Name:
		return incompatible("Our set name did not match that of the request target, requestTarget:%s", host)
	case !p.ReplicaSetID.IsZero() && p.ReplicaSetID != c.Settings.ReplicaSetID:
		return incompatible("Our replica set ID did not match that of our request target, replSetId: %s, requestTarget: %s, requestTargetReplSetId: %s",
			c.Settings.ReplicaSetID.Hex(), host, p.ReplicaSetID.Hex())
	}
	return nil
}

// CheckQuorum returns why c cannot be initiated, given the answers of all its other members. All must be there, be
// started for this set, be in none, and be empty.
func (c *Config) CheckQuorum(probes []Probe) error {
	var absent []string
	for _, p := range probes {
		var other *mongoerr.Error
		switch err := p.check(c); {
		case errors.As(err, &other):
			return err
		case err != nil:
			absent = append(absent, err.Error())
		case p.HasData:
			return mongoerr.New(mongoerr.CannotInitializeNodeWithData,
				"'%s' has data already, cannot initiate set. All members except the initiator must be empty.", c.Members[p.Member].Host)
		}
	}
	if len(absent) > 0 {
		return mongoerr.New(mongoerr.NodeNotFound,
			"replSetInitiate quorum check failed because not all proposed set members responded affirmatively: %s", strings.Join(absent, ", "))
	}
	return nil
}

// AppendReply appends the reply to a replSetInitiate that succeeded, without ok. The words for a configuration that
// was made up are those of the first release with replica sets, which its documentation prints. A client of that time
// sees nothing that it did not see then; others see their address, too.
func (i Initiation) AppendReply(b *document.Builder, me string, legacy bool) {
	if !i.Defaulted {
		return
	}
	b.AppendString("info2", "no configuration explicitly specified -- making one")
	if !legacy {
		b.AppendString("me", me)
	}
	b.AppendString("info", "Config now saved locally.  Should come online in about a minute.")
}
