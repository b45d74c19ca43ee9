package node

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// initiate makes a set of the first n hosts.
func (s *set) initiate(n int) {
	s.t.Helper()
	var members []string
	for i, h := range s.hosts[:n] {
		members = append(members, fmt.Sprintf(`{"_id": %d, "host": %q}`, i, h))
	}
	s.must(s.hosts[0], `{"replSetInitiate": {"_id": "foo", "members": [%s]}, "$db": "admin"}`, strings.Join(members, ","))
	s.primary()
}

// reconfigure sends the primary the present configuration with other members, each a text like {"_id": 1, "host": "b:27017"}.
func (s *set) reconfigure(members ...string) (document.Doc, error) {
	s.t.Helper()
	p := s.primary()
	version := s.must(p, `{"replSetGetConfig": 1, "$db": "admin"}`).LookupPath("config.version").Int32()
	return s.command(p, `{"replSetReconfig": {"_id": "foo", "version": %d, "members": [%s]}, "$db": "admin"}`, version+1, strings.Join(members, ","))
}

func (s *set) mustReconfigure(members ...string) {
	s.t.Helper()
	if _, err := s.reconfigure(members...); err != nil {
		s.t.Fatal(err)
	}
}

// await waits until a member says of itself that it is in a state, such as SECONDARY, and votes as it should.
func (s *set) await(host, state string, voters int) {
	s.t.Helper()
	for range 2000 {
		d, err := s.command(host, `{"replSetGetStatus": 1, "$db": "admin"}`)
		if err == nil && d.Lookup("myState").Int32() == states[state] && len(s.nodes[host].raft.Load().Status().ConfState.Voters) == voters {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("%s does not become %s with %d voters: %+v", host, state, voters, s.nodes[host].raft.Load().Status().ConfState)
}

var states = map[string]int32{"PRIMARY": 1, "SECONDARY": 2, "REMOVED": 10}

func TestMembersComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017", "d:27017", "e:27017")
		s.startAll()
		defer s.stopAll()
		s.initiate(3)
		write := func(id int) {
			t.Helper()
			s.must(s.primary(), `{"insert": "c", "documents": [{"_id": %d}], "$db": "test"}`, id)
		}
		write(1)
		const a, b, c, d, e = `{"_id": 0, "host": "a:27017"}`, `{"_id": 1, "host": "b:27017"}`, `{"_id": 2, "host": "c:27017"}`,
			`{"_id": 3, "host": "d:27017"}`, `{"_id": 4, "host": "e:27017"}`

		// Two voters at once. They copy the data before they vote.
		s.mustReconfigure(a, b, c, d, e)
		s.await("d:27017", "SECONDARY", 5)
		s.await("e:27017", "SECONDARY", 5)
		write(2)
		s.settle()

		// Another priority makes another primary, and no vote makes a member without one.
		s.mustReconfigure(a, b, c, strings.Replace(d, "}", `, "priority": 5}`, 1), strings.Replace(e, "}", `, "votes": 0, "priority": 0}`, 1))
		s.await("d:27017", "PRIMARY", 4)
		write(3)

		// A member that is removed learns of it, even if it was down then; it keeps its data and comes back with it.
		s.kill("a:27017")
		s.mustReconfigure(b, c, d)
		s.start("a:27017")
		for _, removed := range []string{"a:27017", "e:27017"} {
			s.awaitRemoved(removed)
			if _, err := s.command(removed, `{"find": "c", "$db": "test", "$readPreference": {"mode": "secondaryPreferred"}}`); err == nil {
				t.Errorf("%s, which was removed, answers a read", removed)
			}
		}
		write(4)
		s.mustReconfigure(a, b, c, d, e)
		s.await("a:27017", "SECONDARY", 5)
		s.await("e:27017", "SECONDARY", 5)
		s.settle()
	})
}

func (s *set) awaitRemoved(host string) {
	s.t.Helper()
	for range 1000 {
		d := s.must(host, `{"hello": 1, "$db": "admin"}`)
		if d.Lookup("info").Str() == "Does not have a valid replica set config" && d.Lookup("setName").IsMissing() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("%s does not learn that it was removed", host)
}

// TestConfigurationOutlastsAPromotion: a new voter gets its vote by a change of the log's members that brings no configuration, and
// leaves the one that is stored as it is.
func TestConfigurationOutlastsAPromotion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		s.initiate(2)
		const a, b, c = `{"_id": 0, "host": "a:27017"}`, `{"_id": 1, "host": "b:27017"}`, `{"_id": 2, "host": "c:27017"}`
		s.mustReconfigure(a, b, c)
		s.await("c:27017", "SECONDARY", 3)
		stored := func(host string) int32 {
			return s.must(host, `{"find": "system.replset", "$db": "local"}`).LookupPath("cursor.firstBatch.0.version").Int32()
		}
		for _, h := range s.hosts[:3] {
			if v := stored(h); v != 2 {
				t.Errorf("%s has stored version %d of the configuration", h, v)
			}
		}
		for _, h := range s.hosts[:3] {
			s.kill(h)
		}
		for _, h := range s.hosts[:3] {
			s.start(h)
		}
		s.settle()
		if v := stored(s.primary()); v != 2 {
			t.Errorf("version %d after a restart", v)
		}
	})
}

// TestMemberStopsWhenItsDiskFailsToSync: also before it has a log, whose failures end it later.
func TestMemberStopsWhenItsDiskFailsToSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017")
		s.startAll()
		defer s.stopAll()
		s.initiate(1)
		var stopped atomic.Bool
		s.onFatal = func(host string, err error) {
			if host != "b:27017" || !errors.Is(err, syscall.EIO) {
				t.Errorf("%s: %v", host, err)
			}
			stopped.Store(true)
		}
		s.disks["b:27017"].set(func(d *disk) { d.failSyncs = true })
		s.mustReconfigure(`{"_id": 0, "host": "a:27017"}`, `{"_id": 1, "host": "b:27017"}`)
		time.Sleep(time.Second)
		if !stopped.Load() {
			t.Error("it goes on")
		}
		s.kill("b:27017")
	})
}

// TestMemberIsAddedBeforeItIsStarted: as with MongoDB the order does not matter.
func TestMemberIsAddedBeforeItIsStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017")
		defer s.stopAll()
		s.start("a:27017")
		s.initiate(1)
		// A set of one would need both for a majority of two: the second one begins without a vote.
		s.mustReconfigure(`{"_id": 0, "host": "a:27017"}`, `{"_id": 1, "host": "b:27017", "votes": 0, "priority": 0}`)
		s.must("a:27017", `{"insert": "c", "documents": [{"_id": 1}], "$db": "test"}`)
		s.start("b:27017")
		s.await("b:27017", "SECONDARY", 1)
		s.mustReconfigure(`{"_id": 0, "host": "a:27017"}`, `{"_id": 1, "host": "b:27017"}`)
		s.await("b:27017", "SECONDARY", 2)
		s.settle()
	})
}

func TestReconfigIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017", "d:27017")
		for _, h := range s.hosts[:3] {
			s.start(h)
		}
		defer s.stopAll()
		s.initiate(3)
		p := s.primary()
		member := func(id int, more string) string {
			return fmt.Sprintf(`{"_id": %d, "host": %q%s}`, id, s.hosts[id], more)
		}
		var others []string
		for i, h := range s.hosts[:3] {
			if h != p {
				others = append(others, member(i, ""))
			}
		}
		check := func(code mongoerr.Code, d document.Doc, err error) {
			t.Helper()
			if err == nil || mongoerr.Code(d.Lookup("code").Int32()) != code {
				t.Errorf("%v %v, want code %d", d, err, code)
			}
		}
		d, err := s.reconfigure(others...)
		check(mongoerr.NodeNotFound, d, err)
		all := []string{member(0, ""), member(1, ""), member(2, "")}
		noPrimary := append([]string(nil), all...)
		for i, h := range s.hosts[:3] {
			if h == p {
				noPrimary[i] = member(i, `, "priority": 0`)
			}
		}
		d, err = s.reconfigure(noPrimary...)
		check(mongoerr.NodeNotElectable, d, err)
		for _, h := range s.hosts[:3] {
			if h != p {
				d, err = s.command(h, `{"replSetReconfig": {"_id": "foo", "version": 2, "members": [%s]}, "$db": "admin"}`, strings.Join(all, ","))
				check(mongoerr.NotWritablePrimary, d, err)
			}
		}
		d, err = s.command(p, `{"replSetReconfig": {"_id": "foo", "version": 1, "members": [%s]}, "$db": "admin"}`, strings.Join(all, ","))
		check(mongoerr.NewReplicaSetConfigurationIncompatible, d, err)

		// Of four voters, two would be there.
		for _, h := range s.hosts[:3] {
			if h != p {
				s.kill(h)
				break
			}
		}
		d, err = s.reconfigure(append(all, member(3, ""))...)
		check(mongoerr.NodeNotFound, d, err)
		if !strings.Contains(d.Lookup("errmsg").Str(), "Quorum check failed because not enough voting nodes responded; required 3 but only the following 2 voting nodes responded: ") {
			t.Error(d)
		}
		s.must(p, `{"insert": "c", "documents": [{"_id": 1}], "$db": "test"}`) // and nothing has changed
	})
}
