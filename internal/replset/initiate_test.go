package replset

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// The session that the first documentation of replica sets shows: no configuration, two seeds, two sentences.
func TestInitiateWithoutConfigurationMakesOne(t *testing.T) {
	option := SetOption{"foo", []string{"HOST:27018", "HOST:27019"}}
	for _, arg := range []string{`1`, `1.0`, `"x"`, `true`, `null`, `{}`, `[1]`} {
		i, err := ParseInitiate(fromJSON(t, `{"replSetInitiate": `+arg+`}`).First().Value, option, "HOST:27017")
		if err != nil || !i.Defaulted {
			t.Fatalf("%s: %v %v", arg, i, err)
		}
		if got := fmt.Sprint(i.Config.hosts(func(*Member) bool { return true })); got != "[HOST:27017 HOST:27018 HOST:27019]" || i.Config.Name != "foo" {
			t.Errorf("%s: %s", arg, i.Config.Document())
		}
		for legacy, want := range map[bool]string{
			true: `{"info2":"no configuration explicitly specified -- making one","info":"Config now saved locally.  Should come online in about a minute."}`,
			false: `{"info2":"no configuration explicitly specified -- making one","me":"HOST:27017",` +
				`"info":"Config now saved locally.  Should come online in about a minute."}`,
		} {
			var b document.Builder
			i.AppendReply(&b, "HOST:27017", legacy)
			if got := b.Finish().String(); got != want {
				t.Errorf("legacy %v: %s, want %s", legacy, got, want)
			}
		}
	}
}

func TestDefaultConfigLeavesSelfOutOfTheSeedsAndKeepsToSevenVotes(t *testing.T) {
	option := SetOption{Name: "foo"}
	for i := range 9 {
		option.Seeds = append(option.Seeds, fmt.Sprint("h:", i+1))
	}
	c, err := DefaultConfig(option, "h:3")
	if err != nil || len(c.Members) != 9 || c.VotingMembers() != 7 || c.Members[0].Host != "h:3" || c.Members[8].Electable() {
		t.Errorf("%v %s", err, c.Document())
	}
	if _, err := DefaultConfig(SetOption{"foo", []string{"example.com:1"}}, "localhost:1"); err == nil ||
		!strings.Contains(err.Error(), "must be localhost references") {
		t.Errorf("names that cannot live together: %v", err)
	}
}

func TestInitiatorIsTheOneMemberThatAnswersAsThisProcess(t *testing.T) {
	c, err := parseForInitiate(fromJSON(t, `{"_id":"rs0","members":[{"_id":0,"host":"h:1","priority":0},{"_id":1,"host":"h:2"},{"_id":2,"host":"h:3"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		selves []int
		want   int
		text   string
	}{
		{[]int{1}, 1, ""},
		{nil, -1, "No host described in new configuration with {version: 1, term: 0} for replica set rs0 maps to this node"},
		{[]int{1, 2}, -1, "The hosts h:2 and h:3 all map to this node in new configuration with {version: 1, term: 0} for replica set rs0"},
		{[]int{0}, -1, "This node, h:1, with _id MemberId(0) is not electable under the new configuration with {version: 1, term: 0} for replica set rs0"},
	} {
		got, err := c.Initiator(x.selves)
		code, text := codeAndText(err)
		if got != x.want || text != x.text || err != nil && code != mongoerr.InvalidReplicaSetConfig {
			t.Errorf("%v: %d %d %s, want %d %s", x.selves, got, code, text, x.want, x.text)
		}
	}
}

func TestInitiateIsRefusedByStateBeforeConfiguration(t *testing.T) {
	for _, c := range []struct {
		v    *View
		want mongoerr.Code
	}{
		{&View{Self: -1}, mongoerr.NoReplicationEnabled},
		{&View{SetName: "rs0", Self: -1}, 0},
		{&View{SetName: "rs0", Self: -1, Config: &Config{}}, mongoerr.AlreadyInitialized},
	} {
		if got, _ := codeAndText(c.v.CheckInitiate()); got != c.want {
			t.Errorf("%+v: %v, want %v", c.v, got, c.want)
		}
	}
}

func TestQuorumNeedsEveryMemberEmptyAndWaiting(t *testing.T) {
	option := SetOption{"rs0", []string{"h:2", "h:3"}}
	c, err := DefaultConfig(option, "h:1")
	if err != nil {
		t.Fatal(err)
	}
	mine, other := document.ObjectID{1}, document.ObjectID{2}
	c = c.WithID(mine)
	const failed = "replSetInitiate quorum check failed because not all proposed set members responded affirmatively: "
	refused := func(host string) error {
		return errors.New("Error connecting to " + host + " :: caused by :: Connection refused")
	}
	for _, x := range []struct {
		probes []Probe
		code   mongoerr.Code
		text   string
	}{
		{[]Probe{{Member: 1, SetName: "rs0"}, {Member: 2, SetName: "rs0"}}, 0, ""},
		{[]Probe{{Member: 1, SetName: "rs0", ReplicaSetID: mine}}, 0, ""}, // it has heard of this initiation already
		{[]Probe{{Member: 1, Err: refused("h:2")}, {Member: 2, Err: refused("h:3")}}, mongoerr.NodeNotFound,
			failed + "h:2 failed with Error connecting to h:2 :: caused by :: Connection refused, h:3 failed with Error connecting to h:3 :: caused by :: Connection refused"},
		{[]Probe{{Member: 1}, {Member: 2, SetName: "rs0"}}, mongoerr.NodeNotFound, failed + "h:2 failed with not running using replication"},
		{[]Probe{{Member: 1, Err: refused("h:2")}, {Member: 2, SetName: "bar"}}, mongoerr.NewReplicaSetConfigurationIncompatible,
			"Our set name did not match that of the request target, requestTarget:h:3"},
		{[]Probe{{Member: 2, SetName: "rs0", ReplicaSetID: other}}, mongoerr.NewReplicaSetConfigurationIncompatible,
			"Our replica set ID did not match that of our request target, replSetId: 010000000000000000000000, requestTarget: h:3, requestTargetReplSetId: 020000000000000000000000"},
		{[]Probe{{Member: 1, SetName: "rs0", HasData: true}}, mongoerr.CannotInitializeNodeWithData,
			"'h:2' has data already, cannot initiate set. All members except the initiator must be empty."},
	} {
		if code, text := codeAndText(c.CheckQuorum(x.probes)); code != x.code || text != x.text {
			t.Errorf("%+v: %d %s, want %d %s", x.probes, code, text, x.code, x.text)
		}
	}
}
