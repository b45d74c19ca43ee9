package replset

import (
	"errors"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// TestReconfigIsRefusedAsByMongod: the codes and words were recorded from a mongod 6.0.5 whose set had this configuration.
func TestReconfigIsRefusedAsByMongod(t *testing.T) {
	const id = `{"$oid":"6b0887a7a23f47f98d5be623"}`
	old, err := ParseConfig(fromJSON(t, `{"_id":"rs0","version":3,"term":1,"members":[{"_id":0,"host":"127.0.0.1:43900"},{"_id":1,"host":"127.0.0.1:43901"},`+
		`{"_id":2,"host":"127.0.0.1:43902"}],"settings":{"replicaSetId":`+id+`}}`))
	if err != nil {
		t.Fatal(err)
	}
	v := &View{SetName: "rs0", Config: old, State: Primary, Writable: true, Term: 1}
	const members = `"members":[{"_id":0,"host":"127.0.0.1:43900"},{"_id":1,"host":"127.0.0.1:43901"},{"_id":2,"host":"127.0.0.1:43902"}]`
	for _, x := range []struct {
		config string
		code   mongoerr.Code
		words  string
	}{
		{`{}`, mongoerr.InvalidReplicaSetConfig, "BSON field 'ReplSetConfig._id' is missing but a required field"},
		{`{"_id":"rs0","version":4,` + members + `,"foo":1}`, mongoerr.InvalidReplicaSetConfig, "BSON field 'ReplSetConfig.foo' is an unknown field."},
		{`{"_id":"rs0","version":3,` + members + `}`, mongoerr.NewReplicaSetConfigurationIncompatible, "New replica set configuration version and term must be " +
			"greater than old, but {version: 3, term: 1} is not greater than {version: 3, term: 1} for replica set rs0"},
		{`{"_id":"rs0","version":0,` + members + `}`, mongoerr.InvalidReplicaSetConfig, "BSON field 'version' value must be > 0, actual value '0'"},
		{`{"_id":"rs1","version":4,` + members + `}`, mongoerr.InvalidReplicaSetConfig, "Rejecting reconfig where new config set name differs from command line " +
			"set name, new config set name: rs1, old config set name: rs0"},
		{`{"_id":"rs0","version":4,"members":[]}`, mongoerr.NewReplicaSetConfigurationIncompatible, "Replica set configuration contains 0 members, " +
			"but must have at least 1 and no more than  50"},
		{`{"_id":"rs0","version":4,"members":[{"_id":0,"host":"127.0.0.1:43900"},{"_id":7,"host":"127.0.0.1:43901"}]}`,
			mongoerr.NewReplicaSetConfigurationIncompatible, "New and old configurations both have members with host of 127.0.0.1:43901 but in the new " +
				"configuration the _id field is MemberId(7) and in the old configuration it is MemberId(1) for replica set rs0"},
		{`{"_id":"rs0","version":4,` + members + `,"settings":{"replicaSetId":{"$oid":"6b0887e76f8259bcb3af56b4"}}}`, mongoerr.NewReplicaSetConfigurationIncompatible,
			"New and old configurations differ in replica set ID; old was 6b0887a7a23f47f98d5be623, and new is 6b0887e76f8259bcb3af56b4"},
		{`{"_id":"rs0","version":4,"protocolVersion":0,` + members + `}`, mongoerr.InvalidReplicaSetConfig, "BSON field 'protocolVersion' value must be >= 1, actual value '0'"},
	} {
		_, err := v.ParseReconfig(fromJSON(t, `{"c":`+x.config+`}`).First().Value, false)
		var e *mongoerr.Error
		if !errors.As(err, &e) || e.Code != x.code || e.Message != x.words {
			t.Errorf("%s: %v, want %d %s", x.config, err, x.code, x.words)
		}
	}
	for _, x := range []struct {
		config string
		force  bool
		want   int64 // version
	}{
		{`{"_id":"rs0","version":4,"term":77,` + members + `}`, false, 4},
		{`{"_id":"rs0","version":9,"members":[{"_id":0,"host":"127.0.0.1:43900"},{"_id":5,"host":"127.0.0.1:43905"},{"_id":6,"host":"127.0.0.1:43906"}]}`, false, 9},
		{`{"_id":"rs0","version":3,` + members + `}`, true, 4},
	} {
		c, err := v.ParseReconfig(fromJSON(t, `{"c":`+x.config+`}`).First().Value, x.force)
		if err != nil || c.Version != x.want || c.Term != 1 || c.Settings.ReplicaSetID != old.Settings.ReplicaSetID {
			t.Errorf("%s: %v %v", x.config, c, err)
		}
	}
}

func TestReconfigNeedsThePrimaryAndAMajority(t *testing.T) {
	c := fiveMembers(t)
	v := &View{SetName: "rs0", Config: c, State: Secondary}
	if err := v.CheckReconfig(false); !errors.Is(err, mongoerr.New(mongoerr.NotWritablePrimary, "")) || !strings.HasSuffix(err.Error(), "Current state SECONDARY;") {
		t.Error(err)
	}
	if err := v.CheckReconfig(true); err != nil {
		t.Error(err)
	}
	if err := c.CheckSelf(-1); err == nil || err.Error() != "No host described in new configuration with {version: 1, term: 0} for replica set rs0 maps to this node" {
		t.Error(err)
	}
	there, away := Probe{SetName: "rs0"}, Probe{Err: errors.New("connection refused")}
	at := func(p Probe, i int) Probe { p.Member = i; return p }
	if err := c.CheckReconfigQuorum(0, []Probe{at(there, 1), at(there, 2), at(away, 3), at(away, 4)}); err != nil {
		t.Error(err)
	}
	err := c.CheckReconfigQuorum(0, []Probe{at(there, 1), at(away, 2), at(away, 3), at(away, 4)})
	if !errors.Is(err, mongoerr.New(mongoerr.NodeNotFound, "")) || err.Error() != "Quorum check failed because not enough voting nodes responded; required 3 but "+
		"only the following 2 voting nodes responded: h:9, h:1; the following nodes did not respond affirmatively: h:2 failed with connection refused, "+
		"h:3 failed with connection refused, h:4 failed with connection refused" {
		t.Error(err)
	}
	other := Probe{Member: 1, SetName: "rs0", ReplicaSetID: document.NewObjectID()}
	if err := c.CheckReconfigQuorum(0, []Probe{other}); !errors.Is(err, mongoerr.New(mongoerr.NewReplicaSetConfigurationIncompatible, "")) {
		t.Error(err)
	}
}

func fiveMembers(t *testing.T) *Config {
	t.Helper()
	c, err := parseForInitiate(fromJSON(t, `{"_id":"rs0","members":[{"_id":0,"host":"h:9"},{"_id":1,"host":"h:1"},{"_id":2,"host":"h:2"},{"_id":3,"host":"h:3"},{"_id":4,"host":"h:4"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
