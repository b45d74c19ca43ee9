package replset

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// ParseConfig reads and checks a configuration document and fills in the defaults. Errors have mongod's code (93
// InvalidReplicaSetConfig) and words. What mongod accepts and this release does not do is refused: members without indexes,
// horizons, and settings that mongod never had.
func ParseConfig(d document.Doc) (*Config, error) {
	c, err := readConfig(d)
	if err != nil {
		return nil, err
	}
	if err := c.validate(); err != nil {
		return nil, invalid(err)
	}
	return c, nil
}

// readConfig is ParseConfig without the checks of what concerns the members together.
func readConfig(d document.Doc) (*Config, error) {
	p := configParser{Config: Config{JournalDefault: true, Settings: DefaultSettings()}}
	if err := p.fields().parse(d); err != nil {
		return nil, invalid(err)
	}
	return &p.Config, nil
}

// invalid gives err the one code that all errors of a configuration have.
func invalid(err error) error {
	return mongoerr.New(mongoerr.InvalidReplicaSetConfig, "%s", err.Error())
}

func invalidf(format string, args ...any) error {
	return mongoerr.New(mongoerr.InvalidReplicaSetConfig, format, args...)
}

// unsupported is the error about what this release does not do yet.
func unsupported(what string) error {
	return invalidf("%s is not supported by this release of Morton", what)
}

var (
	positive  = bounds{min: 0, max: math.MaxInt32 + 1, exclusive: true}
	fromMinus = bounds{min: -1, max: math.MaxInt32}
)

// configParser is a Config under construction, with what is only checked and not kept.
type configParser struct {
	Config
}

func (p *configParser) fields() fields {
	var protocol int64
	return fields{"ReplSetConfig", map[string]fieldParser{
		"_id":                                stringField(&p.Name),
		"version":                            wholeField(&p.Version, positive),
		"term":                               wholeField(&p.Term, bounds{min: -1, max: math.MaxInt64}),
		"members":                            p.parseMembers,
		"protocolVersion":                    intField(&protocol, bounds{min: 1, max: 1}),
		"writeConcernMajorityJournalDefault": boolField(&p.JournalDefault),
		"configsvr":                          p.parseConfigServer,
		"settings":                           p.Settings.parse,
	}, []string{"_id", "version", "members"}}
}

func (p *configParser) parseConfigServer(name string, v document.Value) error {
	configServer := false
	if err := boolField(&configServer)(name, v); err != nil {
		return err
	}
	if configServer {
		return invalidf("Nodes being used for config servers must be started with the --configsvr flag")
	}
	return nil
}

func (p *configParser) parseMembers(name string, v document.Value) error {
	if v.IsNullish() {
		return nil
	}
	if v.Type != document.TypeArray {
		return wrongType(name, v, "array")
	}
	i := 0
	for it := v.Doc().Iter(); it.Next(); i++ {
		if it.Value().Type != document.TypeDocument {
			return wrongType(name+"."+strconv.Itoa(i), it.Value(), "object")
		}
		m, err := parseMember(it.Value().Doc())
		if err != nil {
			return err
		}
		p.Members = append(p.Members, m)
	}
	return nil
}

// memberParser is a Member under construction, with the options that this release refuses.
type memberParser struct {
	Member
	id, votes, delay int64
	buildIndexes     bool
	newlyAdded       bool
	horizons         document.Doc
}

func parseMember(d document.Doc) (Member, error) {
	p := memberParser{votes: 1, buildIndexes: true}
	p.Priority, p.Tags = 1, document.Empty
	err := fields{"MemberConfig", map[string]fieldParser{
		"_id":                p.parseID,
		"host":               p.parseHost,
		"arbiterOnly":        boolField(&p.Arbiter),
		"buildIndexes":       boolField(&p.buildIndexes),
		"hidden":             boolField(&p.Hidden),
		"priority":           floatField(&p.Priority, bounds{min: 0, max: MaxPriority}),
		"tags":               docField(&p.Tags),
		"secondaryDelaySecs": intField(&p.delay, bounds{min: 0, max: 366 * 24 * 3600}),
		"votes":              intField(&p.votes, bounds{min: 0, max: 1}),
		"newlyAdded":         boolField(&p.newlyAdded),
		"horizons":           docField(&p.horizons),
	}, []string{"_id", "host"}}.parse(d)
	if p.Arbiter && p.Priority == 1 {
		p.Priority = 0 // what it is if nothing is said means nothing for an arbiter
	}
	if err == nil {
		err = p.check()
	}
	if err != nil {
		return Member{}, invalidf("member: %s :: caused by :: %s", d.Shell(), err)
	}
	p.ID, p.Votes, p.Delay = int32(p.id), int(p.votes), time.Duration(p.delay)*time.Second
	for it := p.Tags.Iter(); it.Next(); {
		if it.Value().Type != document.TypeString {
			return Member{}, invalidf("tags.%s field has non-string value of type %s", it.Key(), it.Value().Type)
		}
	}
	return p.Member, nil
}

func (p *memberParser) parseID(_ string, v document.Value) error {
	n, ok := v.ToInt64()
	switch {
	case !ok:
		return invalidf("Element for MemberId was not a number: _id: %s", v.Shell())
	case n < 0:
		return invalidf("_id field value of %d can't be a negative number", n)
	case n > math.MaxInt32:
		return invalidf("_id field value of %d is greater than %d", n, math.MaxInt32)
	}
	p.id = n
	return nil
}

func (p *memberParser) parseHost(name string, v document.Value) error {
	var text string
	if err := stringField(&text)(name, v); err != nil || v.IsNullish() {
		return err
	}
	host, port, err := ParseHost(text)
	if err != nil {
		return err
	}
	p.Host = JoinHost(host, port)
	return nil
}

// check refuses what contradicts itself, in mongod's words, and then what this release does not do.
func (p *memberParser) check() error {
	prior := p.Priority > 0 && !p.Arbiter // an arbiter's priority is looked at with the whole configuration
	switch {
	case p.votes == 0 && p.Arbiter:
		return invalidf("Arbiter must vote (cannot have 0 votes)")
	case p.votes == 0 && prior:
		return invalidf("priority must be 0 when non-voting (votes:0)")
	case p.delay > 0 && prior:
		return invalidf("priority must be 0 when secondaryDelaySecs is used")
	case p.Hidden && prior:
		return invalidf("priority must be 0 when hidden=true")
	case !p.buildIndexes && prior:
		return invalidf("priority must be 0 when buildIndexes=false")
	case math.IsNaN(p.Priority):
		return invalidf("priority must be a number from 0 to %d", MaxPriority)
	case !p.buildIndexes:
		return unsupported("buildIndexes: false")
	case p.newlyAdded:
		return unsupported("newlyAdded: true")
	}
	return p.checkHorizons()
}

// checkHorizons refuses horizons: in mongod's words if they make no sense, and otherwise because a client says by which name it knows a member only
// with TLS, which this release has not.
func (p *memberParser) checkHorizons() error {
	if p.horizons == nil {
		return nil
	}
	if p.horizons.IsEmpty() {
		return invalidf("The horizons field cannot be empty, if present.")
	}
	var hosts []string
	for it := p.horizons.Iter(); it.Next(); {
		switch name := it.Key(); {
		case it.Value().Type != document.TypeString:
			return invalidf("horizons.%s field has non-string value of type %s", name, it.Value().Type)
		case name == "":
			return invalidf("Horizons cannot have empty names")
		case name == "__default":
			return invalidf("Horizon name \"__default\" is reserved for internal mongodb usage")
		}
		host, _, err := ParseHost(it.Value().Str())
		switch {
		case err != nil:
			return err
		case slices.Contains(hosts, host):
			return invalidf("Duplicate horizon member found %q.", host)
		}
		hosts = append(hosts, host)
	}
	return unsupported("horizons")
}

func (s *Settings) parse(_ string, v document.Value) error {
	if v.IsNullish() {
		return nil
	}
	if v.Type != document.TypeDocument {
		return wrongType("ReplSetConfig.settings", v, "object")
	}
	return fields{"ReplSetConfig.settings", map[string]fieldParser{
		"chainingAllowed":            boolField(&s.ChainingAllowed),
		"heartbeatIntervalMillis":    durationField(&s.HeartbeatInterval, time.Millisecond, positive),
		"heartbeatTimeoutSecs":       durationField(&s.HeartbeatTimeout, time.Second, positive),
		"electionTimeoutMillis":      s.parseElectionTimeout,
		"catchUpTimeoutMillis":       durationField(&s.CatchUpTimeout, time.Millisecond, fromMinus),
		"catchUpTakeoverDelayMillis": durationField(&s.CatchUpTakeoverDelay, time.Millisecond, fromMinus),
		"getLastErrorModes":          s.parseModes,
		"getLastErrorDefaults":       parseWriteDefaults,
		"replicaSetId":               s.parseReplicaSetID,
	}, nil}.parse(v.Doc())
}

func durationField(into *time.Duration, unit time.Duration, r bounds) fieldParser {
	return func(name string, v document.Value) error {
		var n int64
		if err := wholeField(&n, r)(name, v); err != nil {
			return err
		}
		*into = time.Duration(n) * unit
		return nil
	}
}

func (s *Settings) parseElectionTimeout(name string, v document.Value) error {
	if err := durationField(&s.ElectionTimeout, time.Millisecond, positive)(name, v); err != nil {
		return err
	}
	if s.ElectionTimeout < MinElectionTimeout {
		return invalidf("electionTimeoutMillis of less than %d is not supported by this release of Morton, actual value '%d'",
			MinElectionTimeout.Milliseconds(), s.ElectionTimeout.Milliseconds())
	}
	return nil
}

// parseWriteDefaults accepts only the value that replSetGetConfig shows. mongod 6.0.5 aborts on any other.
func parseWriteDefaults(name string, v document.Value) error {
	if v.IsNullish() {
		return nil
	}
	if v.Type != document.TypeDocument {
		return wrongType(name, v, "object")
	}
	w, err := ParseWriteConcern(v.Doc(), false)
	switch {
	case err != nil:
		return err
	case w.Unacknowledged():
		return invalidf("Default write concern mode must wait for at least 1 member")
	case !w.Implicit() && (w.W != 1 || w.J || w.FSync || w.Timeout != 0):
		return invalidf("Replica set config contains customized getLastErrorDefaults, which has been deprecated and is now ignored. " +
			"Use setDefaultRWConcern instead to set a cluster-wide default writeConcern.")
	}
	return nil
}

func (s *Settings) parseReplicaSetID(name string, v document.Value) error {
	switch {
	case v.IsNullish():
		return nil
	case v.Type != document.TypeObjectID:
		return wrongType(name, v, "objectId")
	case v.ObjectID().IsZero():
		return invalidf("replicaSetId field value cannot be null")
	}
	s.ReplicaSetID = v.ObjectID()
	return nil
}

// validate checks what concerns the members together, in mongod's order.
func (c *Config) validate() error {
	if c.Name == "" {
		return invalidf("Replica set configuration must have non-empty _id field")
	}
	if n := len(c.Members); n < 1 || n > MaxMembers {
		return invalidf("Replica set configuration contains %d members, but must have at least 1 and no more than  %d", n, MaxMembers)
	}
	local, electable, arbiters := 0, 0, 0
	for i := range c.Members {
		m := &c.Members[i]
		if m.Arbiter {
			arbiters++
		}
		if isLocalhost(hostName(m.Host)) {
			local++
		}
		if m.Electable() {
			electable++
		}
		if err := c.checkDuplicates(i); err != nil {
			return err
		}
	}
	if local != 0 && local != len(c.Members) {
		return invalidf("Either all host names in a replica set configuration must be localhost references, or none must be; found %d out of %d",
			local, len(c.Members))
	}
	if n := c.VotingMembers(); n < 1 || n > MaxVotingMembers {
		return invalidf("Replica set configuration contains %d voting members, but must be at least 1 and no more than %d", n, MaxVotingMembers)
	}
	for i := range c.Members {
		m := &c.Members[i]
		switch {
		case m.Arbiter && !m.Tags.IsEmpty():
			return invalidf("Cannot set tags on arbiters.")
		case m.Arbiter && m.Priority != 0:
			return invalidf("Member %s is an arbiter but has priority %v. Arbiter priority must be 0.", m.Host, m.Priority)
		}
	}
	if electable == 0 {
		return invalidf("Replica set configuration must contain at least one non-arbiter member with priority > 0")
	}
	if arbiters > 1 {
		return invalidf("Multiple arbiters are not allowed unless all nodes were started with with --setParameter 'allowMultipleArbiters=true'")
	}
	return c.checkModes()
}

// checkDuplicates compares the member at index i with those after it.
func (c *Config) checkDuplicates(i int) error {
	for j := i + 1; j < len(c.Members); j++ {
		a, b := &c.Members[i], &c.Members[j]
		switch {
		case a.ID == b.ID:
			return invalidf("Found two member configurations with same _id field, members.%d._id == members.%d._id == MemberId(%d)", i, j, a.ID)
		case a.Host == b.Host:
			return invalidf("Found two member configurations with same host field, members.%d.host == members.%d.host == %s", i, j, a.Host)
		}
	}
	return nil
}
