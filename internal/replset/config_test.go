package replset

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	"horizons":                             "horizons is not supported",
	"newlyAdded":                           "newlyAdded: true is not supported",
	"arb prio2":                            "arbiterOnly: true is not supported",
	"arb tags":                             "arbiterOnly: true is not supported",
	"settings getLastErrorModes {'m': 1}":  "a write concern mode in getLastErrorModes is not supported",
	"settings getLastErrorModes {'m': {}}": "a write concern mode in getLastErrorModes is not supported",
	"settings getLastErrorModes {'m': {'dc': 'x'}}": "a write concern mode in getLastErrorModes is not supported",
	"settings getLastErrorModes {'m': {'dc': 0}}":   "a write concern mode in getLastErrorModes is not supported",
	"settings getLastErrorModes {'m': {'dc': 1}}":   "a write concern mode in getLastErrorModes is not supported",
	"wcm all": "a write concern mode in getLastErrorModes is not supported",
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
	"arb ok self":  "arbiterOnly: true is not supported",
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
