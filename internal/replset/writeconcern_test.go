package replset

import (
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// The recorded set has three members, of which the second has the tag dc: a. mongod accepted what it has no error for.
func TestWriteConcernsAreJudgedAsByMongod(t *testing.T) {
	config := configOf(t, 3)
	for it := recorded(t, "write-concern").Lookup("cases").Doc().Iter(); it.Next(); {
		c := it.Value().Doc()
		given := c.Lookup("writeConcern").Doc()
		w, err := ParseWriteConcern(given, false)
		if err != nil {
			if e := mongoerr.From(err); e.Message != c.Lookup("errmsg").Str() || int32(e.Code) != c.Lookup("code").Int32() {
				t.Errorf("%s\n got    %d %s\n mongod %d %s", given.Shell(), e.Code, e, c.Lookup("code").Int32(), c.Lookup("errmsg").Str())
			}
			continue
		}
		if want := c.Lookup("errmsg").Str(); want != "" {
			t.Errorf("%s: accepted, mongod says %s", given.Shell(), want)
			continue
		}
		e, want := w.Unsatisfiable(config), c.Lookup("writeConcernError").Doc()
		if (e == nil) != (want == nil) {
			t.Errorf("%s: %v, mongod says %s", given.Shell(), e, want)
			continue
		}
		if e != nil {
			var b document.Builder
			e.AppendWriteConcernError(&b)
			compare(t, b.Finish(), want)
		}
	}
}

func TestWriteConcernDefaults(t *testing.T) {
	// Measured on a mongod whose secondaries were stopped: what waits is majority, what returns is w: 1.
	for text, want := range map[string]WriteConcern{
		`{}`:                                {Majority: true, source: implicitDefault},
		`{"wtimeout": 0}`:                   {Majority: true, source: implicitDefault},
		`{"j": null}`:                       {Majority: true, source: implicitDefault},
		`{"j": true}`:                       {W: 1, J: true, HasJ: true, source: clientSupplied},
		`{"j": false}`:                      {W: 1, HasJ: true, source: clientSupplied},
		`{"fsync": true}`:                   {W: 1, FSync: true, source: clientSupplied},
		`{"wtimeout": 200}`:                 {W: 1, Timeout: 200 * time.Millisecond, source: clientSupplied},
		`{"w": "majority", "wtimeout": -5}`: {Majority: true, Timeout: -5 * time.Millisecond, source: clientSupplied},
	} {
		got, err := ParseWriteConcern(fromJSON(t, text), false)
		if err != nil || got.Document().String() != want.Document().String() {
			t.Errorf("%s: %s %v, want %s", text, got.Document(), err, want.Document())
		}
	}
}

func TestGetLastErrorCarriesAWriteConcern(t *testing.T) {
	// As PyMongo 1.8 to 2.9 send them; the options come in any order.
	for text, want := range map[string]string{
		`{"getlasterror": 1}`:                                 `{"w":"majority","wtimeout":0,"provenance":"implicitDefault"}`,
		`{"getlasterror": 1, "wtimeout": 300, "w": 2}`:        `{"w":2,"wtimeout":300,"provenance":"clientSupplied"}`,
		`{"getlasterror": 1, "w": "majority", "$db": "test"}`: `{"w":"majority","wtimeout":0,"provenance":"clientSupplied"}`,
		`{"getLastError": 1, "fsync": true}`:                  `{"w":1,"fsync":true,"wtimeout":0,"provenance":"clientSupplied"}`,
		`{"getlasterror": 1, "j": true, "fsync": true}`:       "fsync and j options cannot be used together",
		`{"getlasterror": 1, "z": true}`:                      "BSON field 'WriteConcernOptions.z' is an unknown field.",
	} {
		w, err := ParseWriteConcern(fromJSON(t, text), true)
		got := w.Document().String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestStandaloneRefusesWhatOnlyASetCanDo(t *testing.T) {
	for text, want := range map[string]string{
		`{"w": 1, "j": true}`: "", `{"w": "majority"}`: "", `{"w": 0}`: "", `{}`: "",
		`{"w": 2}`:         "cannot use 'w' > 1 when a host is not replicated",
		`{"w": "x"}`:       `cannot use non-majority 'w' mode "x" when a host is not a member of a replica set`,
		`{"w": {"dc": 1}}`: "cannot use a tagged 'w' when a host is not a member of a replica set",
	} {
		w, err := ParseWriteConcern(fromJSON(t, text), false)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := w.CheckStandalone(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestTimedOutIsMongods(t *testing.T) {
	w, err := ParseWriteConcern(fromJSON(t, `{"w": 2, "j": false, "wtimeout": 200}`), false)
	if err != nil {
		t.Fatal(err)
	}
	var b document.Builder
	w.TimedOut().AppendWriteConcernError(&b)
	want := `{"code":64,"codeName":"WriteConcernFailed","errmsg":"waiting for replication timed out","errInfo":{"wtimeout":true,` +
		`"writeConcern":{"w":2,"j":false,"wtimeout":200,"provenance":"clientSupplied"}}}`
	if got := b.Finish().String(); got != want {
		t.Errorf("got    %s\nmongod %s", got, want)
	}
}

func TestUnacknowledgedMeansThatNobodyWaits(t *testing.T) {
	for text, want := range map[string]bool{
		`{"w": 0}`: true, `{"w": 0.9}`: true, `{"w": 0, "j": true}`: false, `{"w": 0, "fsync": true}`: false,
		`{"w": 1}`: false, `{}`: false, `{"w": ""}`: false, `{"w": {"a": 1}}`: false, `{"w": "majority"}`: false,
	} {
		w, err := ParseWriteConcern(fromJSON(t, text), false)
		if err != nil || w.Unacknowledged() != want {
			t.Errorf("%s: %v %v, want %v", text, w.Unacknowledged(), err, want)
		}
	}
}
