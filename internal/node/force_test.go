package node

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/mongoerr"
)

// force sends a member the configuration that it has, with other members, and force.
func (s *set) force(host string, members ...string) string {
	s.t.Helper()
	d := s.must(host, `{"replSetReconfig": {"_id": "foo", "version": 1, "members": [%s]}, "force": true, "$db": "admin"}`, strings.Join(members, ","))
	return d.Lookup("warning").Str()
}

// TestForcedReconfigurationAfterTheLossOfTheMajority: two of three members are gone for ever. The third one goes on alone, and then with a new one.
func TestForcedReconfigurationAfterTheLossOfTheMajority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017", "d:27017")
		s.startAll()
		defer s.stopAll()
		s.initiate(3)
		insert := func(id int) {
			t.Helper()
			d := s.must(s.primary(), `{"insert": "c", "documents": [{"_id": %d}], "writeConcern": {"w": "majority", "wtimeout": 20000}, "$db": "test"}`, id)
			if e := d.Lookup("writeConcernError"); !e.IsMissing() {
				t.Fatal(e)
			}
		}
		for id := range 20 {
			insert(id)
		}
		s.settleOf("a:27017", "b:27017", "c:27017")
		const c, d = `{"_id": 2, "host": "c:27017"}`, `{"_id": 3, "host": "d:27017"}`
		if p := s.primary(); p != "c:27017" {
			if got := s.code("c:27017", `{"replSetReconfig": {"_id": "foo", "version": 2, "members": [%s]}, "force": true, "$db": "admin"}`, c); got != mongoerr.NotWritablePrimary {
				t.Errorf("with a primary: %d", got)
			}
		}
		s.kill("a:27017")
		s.kill("b:27017")
		time.Sleep(5 * time.Second)
		if got := s.code("c:27017", `{"replSetReconfig": {"_id": "foo", "version": 2, "members": [%s]}, "$db": "admin"}`, c); got != mongoerr.NotWritablePrimary {
			t.Errorf("without force: %d", got)
		}
		if got := s.code("c:27017", `{"replSetReconfig": {"_id": "foo", "version": 2, "members": [%s]}, "force": true, "$db": "admin"}`, d); got != mongoerr.NodeNotFound {
			t.Errorf("without the member itself: %d", got)
		}
		if warning := s.force("c:27017", c); !strings.Contains(warning, "are lost") {
			t.Error(warning)
		}
		insert(100)
		if n := s.must("c:27017", `{"count": "c", "$db": "test"}`).Lookup("n").Int32(); n != 21 {
			t.Errorf("%d documents", n)
		}
		// It is an ordinary set again: it restarts, and takes another member in.
		s.kill("c:27017")
		s.start("c:27017")
		insert(101)
		s.mustReconfigure(c, d)
		s.await("d:27017", "SECONDARY", 2)
		insert(102)
		s.settle()
	})
}

// TestMembersOfTheOldSetFollow: the members that were away come back together, a majority of what was. They may elect one of themselves first, and then follow the new
// set: those in its configuration copy its data, the other one says that it is removed.
func TestMembersOfTheOldSetFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017", "d:27017", "e:27017")
		s.startAll()
		defer s.stopAll()
		s.initiate(5)
		for id := range 20 {
			s.must(s.primary(), `{"insert": "c", "documents": [{"_id": %d}], "writeConcern": {"w": 5}, "$db": "test"}`, id)
		}
		for _, h := range []string{"c:27017", "d:27017", "e:27017"} {
			s.kill(h)
		}
		time.Sleep(10 * time.Second)
		const a, b, c, d = `{"_id": 0, "host": "a:27017"}`, `{"_id": 1, "host": "b:27017"}`, `{"_id": 2, "host": "c:27017"}`, `{"_id": 3, "host": "d:27017"}`
		s.force("a:27017", a, b, c, d)
		for range 100 {
			if s.must("a:27017", `{"hello": 1, "$db": "admin"}`).Lookup("isWritablePrimary").Bool() {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		s.must("a:27017", `{"insert": "c", "documents": [{"_id": 100}], "$db": "test"}`)
		s.await("b:27017", "SECONDARY", 2) // it was up, and followed at once
		time.Sleep(5 * time.Second)
		for _, h := range []string{"c:27017", "d:27017", "e:27017"} {
			s.start(h)
		}
		s.await("c:27017", "SECONDARY", 4)
		s.await("d:27017", "SECONDARY", 4)
		s.awaitRemoved("e:27017")
		s.must("a:27017", `{"insert": "c", "documents": [{"_id": 101}], "writeConcern": {"w": 4}, "$db": "test"}`)
		s.settleOf("a:27017", "b:27017", "c:27017", "d:27017")
		if n := s.must("c:27017", `{"count": "c", "$db": "test", "$readPreference": {"mode": "nearest"}}`).Lookup("n").Int32(); n != 22 {
			t.Errorf("%d documents", n)
		}
		// And all of them have forgotten the old set.
		for _, h := range s.hosts {
			s.kill(h)
		}
		s.startAll()
		s.awaitRemoved("e:27017")
		s.must(s.primary(), `{"insert": "c", "documents": [{"_id": 102}], "$db": "test"}`)
		s.settleOf("a:27017", "b:27017", "c:27017", "d:27017")
	})
}
