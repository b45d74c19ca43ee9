package replset

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// recorded returns a document that was recorded from mongod 6.0.5.
func recorded(t *testing.T, name string) document.Doc {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "mongod", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return fromJSON(t, string(text))
}

func fromJSON(t *testing.T, text string) document.Doc {
	t.Helper()
	d, err := document.FromJSON(text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

// differs are the recorded cases in which this release does not say what mongod says, each with what it says.
var differs = map[string]string{
	// Options and settings that mongod has and this release has not.
	"horizons":   "horizons is not supported",
	"newlyAdded": "newlyAdded: true is not supported",
	// mongod takes these and ignores them, or takes a number that it cannot hold.
	"settings foo 1":                     "BSON field 'ReplSetConfig.settings.foo' is an unknown field.",
	"mid 2^40":                           "_id field value of 1099511627776 is greater than 2147483647",
	"emt huge":                           "BSON field 'electionTimeoutMillis' value must be < 2147483648, actual value '1099511627776'",
	"settings heartbeatTimeoutSecs 2^31": "BSON field 'heartbeatTimeoutSecs' value must be < 2147483648, actual value '2147483648'",
	"host trailing space":                "Did not consume whole string.",
	// mongod aborts on these.
	"settings getLastErrorDefaults {'w': 2}":                "contains customized getLastErrorDefaults",
	"settings getLastErrorDefaults {'w': 'majority'}":       "contains customized getLastErrorDefaults",
	"settings getLastErrorDefaults {'w': 1, 'wtimeout': 5}": "contains customized getLastErrorDefaults",
	"settings getLastErrorDefaults {'w': 1, 'j': True}":     "contains customized getLastErrorDefaults",
	// A better word.
	"prio nan":     "priority must be a number from 0 to 1000",
	"members null": "BSON field 'ReplSetConfig.members' is missing but a required field",
}

func TestConfigIsRefusedAsByMongod(t *testing.T) {
	for it := recorded(t, "config-errors").Lookup("cases").Doc().Iter(); it.Next(); {
		c := it.Value().Doc()
		name := c.Lookup("name").Str()
		_, err := ParseInitiate(c.Lookup("config"), SetOption{Name: "rs0"}, "127.0.0.1:28334")
		var got string
		if err != nil {
			got = err.Error()
			var e *mongoerr.Error
			if !errors.As(err, &e) || e.Code != mongoerr.InvalidReplicaSetConfig {
				t.Errorf("%s: code of %v", name, err)
			}
		}
		want := c.Lookup("errmsg").Str()
		if other, ok := differs[name]; ok {
			if !strings.Contains(got, other) {
				t.Errorf("%s:\n got  %s\n want %s", name, got, other)
			}
			continue
		}
		if got != want {
			t.Errorf("%s: %s\n got    %s\n mongod %s", name, c.Lookup("config"), got, want)
		}
	}
}

func TestConfigIsReadBackAsItWasShown(t *testing.T) {
	for _, text := range []string{
		`{"_id":"rs0","version":1,"members":[{"_id":0,"host":"h"}]}`,
		`{"_id":"rs0","version":7,"term":3,"members":[{"_id":0,"host":"h:1","priority":2.5,"tags":{"dc":"a","x":""}},{"_id":300,"host":"[::2]","votes":0,"priority":0}],
		  "protocolVersion":1,"writeConcernMajorityJournalDefault":false,
		  "settings":{"chainingAllowed":false,"heartbeatIntervalMillis":500,"heartbeatTimeoutSecs":3,"electionTimeoutMillis":100,"catchUpTimeoutMillis":0,
		  "catchUpTakeoverDelayMillis":-1,"getLastErrorModes":{},"getLastErrorDefaults":{"w":1,"wtimeout":0},"replicaSetId":{"$oid":"0102030405060708090a0b0c"}}}`,
		`{"_id":"rs0","version":1,"members":[{"_id":0,"host":"h:1","tags":{"dc":"a"}},{"_id":1,"host":"h:2","arbiterOnly":true},
		  {"_id":2,"host":"h:3","hidden":true,"priority":0,"secondaryDelaySecs":3600,"tags":{"dc":"b","rack":"r"}}],"settings":{"getLastErrorModes":{"z":{"dc":2},"a":{"dc":1,"rack":1},"e":{}}}}`,
	} {
		c, err := ParseConfig(fromJSON(t, text))
		if err != nil {
			t.Fatal(err)
		}
		if c.Settings.ReplicaSetID.IsZero() {
			c = c.WithID(document.ObjectID{1})
		}
		again, err := ParseConfig(c.Document())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("- made, + read back:\n%s", diff)
		}
	}
}

func TestWhatThisReleaseCannotDoIsRefused(t *testing.T) {
	for option, want := range map[string]string{
		`"arbiterOnly":true`:                         "",
		`"hidden":true,"priority":0`:                 "",
		`"secondaryDelaySecs":3600,"priority":0`:     "",
		`"buildIndexes":false,"priority":0`:          "buildIndexes: false",
		`"horizons":{"outside":"example.com:1"}`:     "horizons",
		`"hidden":false,"arbiterOnly":false`:         "",
		`"secondaryDelaySecs":0,"buildIndexes":true`: "",
		`"tags":{"dc":"a"},"priority":1000`:          "",
	} {
		_, err := ParseConfig(fromJSON(t, `{"_id":"rs0","version":1,"members":[{"_id":0,"host":"h:1"},{"_id":1,"host":"h:2",`+option+`}]}`))
		_, text := codeAndText(err)
		if want == "" && err != nil || want != "" && !strings.Contains(text, want+" is not supported by this release of Morton") {
			t.Errorf("%s: %s", option, text)
		}
	}
}

func TestElectionTimeoutIsHonouredDownToItsMinimum(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                               "1s",
		`{"electionTimeoutMillis": 100}`:   "100ms",
		`{"electionTimeoutMillis": 10000}`: "10s",
		`{"electionTimeoutMillis": 99}`:    "electionTimeoutMillis of less than 100 is not supported by this release of Morton, actual value '99'",
		`{"electionTimeoutMillis": 0}`:     "BSON field 'electionTimeoutMillis' value must be > 0, actual value '0'",
	} {
		c, err := ParseConfig(fromJSON(t, `{"_id":"rs0","version":1,"members":[{"_id":0,"host":"h:1"}],"settings":`+text+`}`))
		_, got := codeAndText(err)
		if err == nil {
			got = c.Settings.ElectionTimeout.String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// FuzzParseConfig shows that no document makes the parser panic, and that what it takes it shows and reads back.
func FuzzParseConfig(f *testing.F) {
	d, err := os.ReadFile("testdata/mongod/config-errors.json")
	if err != nil {
		f.Fatal(err)
	}
	cases, err := document.FromJSON(string(d))
	if err != nil {
		f.Fatal(err)
	}
	for it := cases.Lookup("cases").Doc().Iter(); it.Next(); {
		f.Add([]byte(it.Value().Doc().Lookup("config").Doc()))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if document.Validate(b, document.MaxDepth) != nil {
			return
		}
		c, err := ParseConfig(b)
		if err != nil {
			return
		}
		c = c.WithID(document.ObjectID{1})
		again, err := ParseConfig(c.Document())
		if err != nil {
			t.Fatalf("%s: %v", c.Document(), err)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("- made, + read back:\n%s", diff)
		}
	})
}
