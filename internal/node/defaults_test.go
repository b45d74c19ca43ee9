package node

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// TestDefaultConcernsAreStoredReplicatedAndUsed sets the concerns of commands that name none, and finds them on all members, in what they do, and after
// the primary's death.
func TestDefaultConcernsAreStoredReplicatedAndUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		const members = `{"_id": 0, "host": "a:27017", "tags": {"dc": "x"}}, {"_id": 1, "host": "b:27017", "tags": {"dc": "y"}}, {"_id": 2, "host": "c:27017"}`
		s.initiateWith(`"getLastErrorModes": {"two": {"dc": 2}}`, members)
		s.settle()
		// show returns the defaults without what is different each time.
		show := func(d document.Doc) string {
			var b document.Builder
			for it := d.Iter(); it.Next(); {
				if k := it.Key(); strings.HasPrefix(k, "default") {
					b.AppendValue(k, it.Value())
				}
			}
			return b.Finish().String()
		}
		get := func(host string) string {
			t.Helper()
			return show(s.must(host, `{"getDefaultRWConcern": 1, "$db": "admin"}`))
		}
		check := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s:\n%s, want\n%s", what, got, want)
			}
		}
		const implicit = `{"defaultReadConcern":{"level":"local"},"defaultWriteConcern":{"w":"majority","wtimeout":0},"defaultWriteConcernSource":"implicit","defaultReadConcernSource":"implicit"}`
		check("nothing set", get("b:27017"), implicit)
		p := s.primary()
		const set = `{"defaultReadConcern":{"level":"majority"},"defaultWriteConcern":{"w":3,"wtimeout":500},"defaultWriteConcernSource":"global","defaultReadConcernSource":"global"}`
		d := s.must(p, `{"setDefaultRWConcern": 1, "defaultReadConcern": {"level": "majority"}, "defaultWriteConcern": {"w": 3, "wtimeout": 500}, "writeConcern": {"w": 3}, "$db": "admin"}`)
		check("reply", show(d), set)
		if d.Lookup("updateOpTime").Type != document.TypeTimestamp || d.Lookup("updateWallClockTime").Type != document.TypeDate {
			t.Error(d)
		}
		s.settle()
		for _, h := range s.hosts {
			check(h, get(h), set)
		}
		s.kill(p)
		p = s.primary()
		check("the next primary", get(p), set)
		e := s.must(p, `{"insert": "c", "documents": [{}], "$db": "test"}`).Lookup("writeConcernError").Doc()
		if e.Lookup("code").Int32() != 64 || e.LookupPath("errInfo.writeConcern").String() != `{"w":3,"wtimeout":500,"provenance":"customDefault"}` {
			t.Errorf("a write that two of three members have: %v", e)
		}
		if e := s.must(p, `{"insert": "c", "documents": [{}], "writeConcern": {"w": 1}, "$db": "test"}`).Lookup("writeConcernError"); !e.IsMissing() {
			t.Error(e)
		}

		for cmd, want := range map[string]mongoerr.Code{
			`"defaultWriteConcern": {}`:                       mongoerr.IllegalOperation,
			`"defaultWriteConcern": {"w": 0}`:                 mongoerr.BadValue,
			`"defaultWriteConcern": {"w": "three"}`:           mongoerr.UnknownReplWriteConcern,
			`"defaultReadConcern": {"level": "linearizable"}`: mongoerr.BadValue,
			`"comment": 1`: mongoerr.BadValue,
		} {
			if got := s.code(p, `{"setDefaultRWConcern": 1, %s, "$db": "admin"}`, cmd); got != want {
				t.Errorf("%s: %d, want %d", cmd, got, want)
			}
		}
		s.must(p, `{"setDefaultRWConcern": 1, "defaultWriteConcern": {"w": "two"}, "defaultReadConcern": {}, "$db": "admin"}`)
		check("a mode, and no more a default for reads", get(p),
			`{"defaultReadConcern":{"level":"local"},"defaultWriteConcern":{"w":"two","wtimeout":0},"defaultWriteConcernSource":"global","defaultReadConcernSource":"implicit"}`)
		if d, err := s.reconfigure(members); err == nil || !strings.HasPrefix(d.Lookup("errmsg").Str(), "May not remove custom write concern definition") {
			t.Error(d, err)
		}
		for _, h := range s.hosts {
			if h != p && s.nodes[h] != nil {
				if got := s.code(h, `{"setDefaultRWConcern": 1, "defaultWriteConcern": {"w": 1}, "$db": "admin"}`); got != mongoerr.NotWritablePrimary {
					t.Errorf("on a secondary: %d", got)
				}
			}
		}
		// Who writes into the collection changes the defaults, too.
		s.must(p, `{"drop": "settings", "writeConcern": {"w": 1}, "$db": "config"}`)
		time.Sleep(time.Second)
		check("dropped", get(p), implicit)
	})
}
