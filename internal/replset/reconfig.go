package replset

import (
	"errors"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// CheckReconfig returns why the member cannot change the configuration, whatever the new one is; nil if it can. Force
// lets a member do it that is not primary.
func (v *View) CheckReconfig(force bool) error {
	if err := v.RequireSet(); err != nil {
		return err
	}
	if !force && !v.IsWritablePrimary() {
		return mongoerr.New(mongoerr.NotWritablePrimary,
			"New config is rejected :: caused by :: replSetReconfig should only be run on a writable PRIMARY. Current state %s;", v.State)
	}
	return nil
}

// ParseReconfig reads the argument of replSetReconfig, the configuration that is to follow the one of v, and checks all
// that can be known without asking the members. The term is the set's whatever the argument says, as in mongod. Force
// makes any version the next one.
//
// MongoDB lets one voting member come or go at a time, because it changes votes without agreement on the change; here any
// number may, in one step that majorities of both the old and the new members agree to.
func (v *View) ParseReconfig(arg document.Value, force bool) (*Config, error) {
	if arg.Type != document.TypeDocument {
		return nil, mongoerr.New(mongoerr.NoCode, "no configuration specified")
	}
	next, err := readConfig(arg.Doc())
	if err != nil {
		return nil, err
	}
	if next.Name != v.SetName {
		return nil, invalidf("Rejecting reconfig where new config set name differs from command line set name, "+
			"new config set name: %s, old config set name: %s", next.Name, v.SetName)
	}
	next.Term = int64(v.Term)
	if next.Settings.ReplicaSetID.IsZero() {
		next.Settings.ReplicaSetID = v.Config.Settings.ReplicaSetID
	}
	if force {
		next.Version = max(next.Version, v.Config.Version+1)
	}
	if err := next.validate(); err != nil {
		return nil, incompatible("%s", err.Error())
	}
	if err := next.checkFollows(v.Config); err != nil {
		return nil, err
	}
	return next, nil
}

func incompatible(format string, args ...any) error {
	return mongoerr.New(mongoerr.NewReplicaSetConfigurationIncompatible, format, args...)
}

// checkFollows refuses what cannot come after old.
func (c *Config) checkFollows(old *Config) error {
	if c.Version <= old.Version {
		return incompatible("New replica set configuration version and term must be greater than old, "+
			"but {version: %d, term: %d} is not greater than {version: %d, term: %d} for replica set %s",
			c.Version, c.Term, old.Version, old.Term, c.Name)
	}
	if id, was := c.Settings.ReplicaSetID, old.Settings.ReplicaSetID; id != was {
		return incompatible("New and old configurations differ in replica set ID; old was %s, and new is %s", was.Hex(), id.Hex())
	}
	for i := range c.Members {
		m := &c.Members[i]
		if j := old.IndexOf(m.Host); j >= 0 && old.Members[j].ID != m.ID {
			return incompatible("New and old configurations both have members with host of %s but in the new configuration the _id field is MemberId(%d) "+
				"and in the old configuration it is MemberId(%d) for replica set %s", m.Host, m.ID, old.Members[j].ID, c.Name)
		}
		if j := old.IndexOf(m.Host); j >= 0 && old.Members[j].Arbiter != m.Arbiter {
			return incompatible("New and old configurations differ in the setting of the arbiterOnly field for member %s; "+
				"to make this change, remove then re-add the member", m.Host)
		}
	}
	return nil
}

// CheckSelf returns why the primary that is asked to install c, and that is its member at index self, cannot: it would
// not be primary any more. self is -1 if it has no place in c.
func (c *Config) CheckSelf(self int) error {
	const where = "new configuration with {version: %d, term: %d} for replica set %s"
	if self < 0 {
		return mongoerr.New(mongoerr.NodeNotFound, "No host described in "+where+" maps to this node", c.Version, c.Term, c.Name)
	}
	if m := &c.Members[self]; !m.Electable() {
		return mongoerr.New(mongoerr.NodeNotElectable, "This node, %s, with _id MemberId(%d) is not electable under the "+where,
			m.Host, m.ID, c.Version, c.Term, c.Name)
	}
	return nil
}

// CheckReconfigQuorum returns why c, which is to follow another configuration, could not be kept up, given the answers of all its
// members but this one, which votes and may lead: a majority of the voters must be there. A member may be added before it is started.
func (c *Config) CheckReconfigQuorum(self int, probes []Probe) error {
	voters, absent := []string{c.Members[self].Host}, []string(nil)
	for _, p := range probes {
		m := &c.Members[p.Member]
		var other *mongoerr.Error
		switch err := p.check(c); {
		case errors.As(err, &other):
			return err
		case err != nil:
			absent = append(absent, err.Error())
		case m.Voting():
			voters = append(voters, m.Host)
		}
	}
	if len(voters) >= c.Majority() {
		return nil
	}
	return mongoerr.New(mongoerr.NodeNotFound, "Quorum check failed because not enough voting nodes responded; required %d but only the following %d "+
		"voting nodes responded: %s; the following nodes did not respond affirmatively: %s",
		c.Majority(), len(voters), strings.Join(voters, ", "), strings.Join(absent, ", "))
}
