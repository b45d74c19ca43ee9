package node

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/mongoerr"
)

// initiateWith makes a set of members given as texts like {"_id": 1, "host": "b:27017", "arbiterOnly": true}, with settings.
func (s *set) initiateWith(settings string, members ...string) {
	s.t.Helper()
	s.must(s.hosts[0], `{"replSetInitiate": {"_id": "foo", "members": [%s], "settings": {%s}}, "$db": "admin"}`, strings.Join(members, ","), settings)
	s.primary()
}

// code runs a command that must fail and returns the error's code; 0 if it did not fail.
func (s *set) code(host, format string, args ...any) mongoerr.Code {
	s.t.Helper()
	d, err := s.command(host, format, args...)
	if err == nil {
		return 0
	}
	return mongoerr.Code(d.Lookup("code").Int32())
}

// TestArbiterVotesAndHoldsNoData: with one of two data members gone, the arbiter's vote and log keep the set writable, and nothing that was
// acknowledged is lost when the others change places.
func TestArbiterVotesAndHoldsNoData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const a, b, arbiter = "a:27017", "b:27017", "c:27017"
		s := newSet(t, a, b, arbiter)
		s.startAll()
		defer s.stopAll()
		s.initiateWith("", `{"_id": 0, "host": "a:27017"}`, `{"_id": 1, "host": "b:27017"}`, `{"_id": 2, "host": "c:27017", "arbiterOnly": true}`)
		insert := func(id int) {
			t.Helper()
			d := s.must(s.primary(), `{"insert": "c", "documents": [{"_id": %d}], "writeConcern": {"w": "majority"}, "$db": "test"}`, id)
			if e := d.Lookup("writeConcernError"); !e.IsMissing() {
				t.Fatal(e)
			}
		}
		insert(1)
		s.waitFor(arbiter, "ARBITER")
		hello := s.must(arbiter, `{"hello": 1, "$db": "admin"}`)
		if !hello.Lookup("arbiterOnly").Bool() || hello.Lookup("secondary").Bool() || hello.Lookup("arbiters").String() != `["c:27017"]` ||
			hello.Lookup("hosts").String() != `["a:27017","b:27017"]` {
			t.Error(hello)
		}
		for cmd, want := range map[string]mongoerr.Code{
			`{"find": "c", "$db": "test"}`: mongoerr.NotPrimaryNoSecondaryOk,
			`{"find": "c", "$readPreference": {"mode": "secondaryPreferred"}, "$db": "test"}`: mongoerr.NotPrimaryOrSecondary,
			`{"insert": "c", "documents": [{}], "$db": "test"}`:                               mongoerr.NotWritablePrimary,
		} {
			if got := s.code(arbiter, "%s", cmd); got != want {
				t.Errorf("%s on an arbiter: %d, want %d", cmd, got, want)
			}
		}
		v := s.nodes[arbiter].engine.Local()
		if !v.Catalog.Empty() {
			t.Error("the arbiter holds data")
		}
		v.Close()

		// w: N counts members with data only.
		d := s.must(s.primary(), `{"insert": "c", "documents": [{"_id": 2}], "writeConcern": {"w": 3}, "$db": "test"}`)
		if d.LookupPath("writeConcernError.code").Int32() != int32(mongoerr.UnsatisfiableWriteConcern) {
			t.Error(d)
		}

		// The primary writes on with the arbiter alone, and dies. The other one, which came back without those writes, gets them from
		// the arbiter, which nobody ever sees as primary.
		p := s.primary()
		other := map[string]string{a: b, b: a}[p]
		s.kill(other)
		for id := 10; id < 20; id++ {
			insert(id)
		}
		s.kill(p)
		s.start(other)
		if got := s.primary(); got != other {
			t.Fatalf("%s is primary", got)
		}
		d = s.must(other, `{"count": "c", "query": {"_id": {"$gte": 10}}, "$db": "test"}`)
		if d.Lookup("n").Int32() != 10 {
			t.Errorf("of 10 writes that the dead primary and the arbiter had %v are there", d.Lookup("n"))
		}
		insert(20)

		// A restarted arbiter is one again.
		s.kill(arbiter)
		s.start(p)
		s.waitFor(p, "SECONDARY", "PRIMARY")
		s.start(arbiter)
		s.waitFor(arbiter, "ARBITER")
		insert(21)
	})
}

// TestArbiterComesLaterAndStaysOne: rs.addArb, and its directory can never be a member with data.
func TestArbiterComesLaterAndStaysOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		s.initiate(2)
		for id := range 50 {
			s.must(s.primary(), `{"insert": "c", "documents": [{"_id": %d}], "$db": "test"}`, id)
		}
		const a, b, c = `{"_id": 0, "host": "a:27017"}`, `{"_id": 1, "host": "b:27017"}`, `{"_id": 2, "host": "c:27017"}`
		arbiter := strings.Replace(c, "}", `, "arbiterOnly": true}`, 1)
		s.mustReconfigure(a, b, arbiter)
		s.waitFor("c:27017", "ARBITER")
		s.waitVoters(3)
		v := s.nodes["c:27017"].engine.Local()
		if !v.Catalog.Empty() {
			t.Error("the arbiter was sent data")
		}
		v.Close()
		d, err := s.reconfigure(a, b, c)
		if err == nil || d.Lookup("errmsg").Str() != "New and old configurations differ in the setting of the arbiterOnly field for member c:27017; to make this change, remove then re-add the member" {
			t.Error(d, err)
		}
		s.mustReconfigure(a, b)
		s.awaitRemoved("c:27017")
		if d, err = s.reconfigure(a, b, c); err == nil || !strings.Contains(d.Lookup("errmsg").Str(), "was an arbiter and has none of the data") {
			t.Error(d, err)
		}
		s.mustReconfigure(a, b, arbiter)
		s.waitFor("c:27017", "ARBITER")
	})
}

// TestDelayedMemberServesOldData: it has the log at once, applies it late, is hidden, is never primary, and hears of configurations at once.
func TestDelayedMemberServesOldData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		const a, b = `{"_id": 0, "host": "a:27017"}`, `{"_id": 1, "host": "b:27017"}`
		delayed := func(secs int) string {
			return fmt.Sprintf(`{"_id": 2, "host": "c:27017", "priority": 0, "hidden": true, "secondaryDelaySecs": %d}`, secs)
		}
		s.initiateWith("", a, b, delayed(60))
		s.waitFor("c:27017", "SECONDARY")
		hello := s.must("c:27017", `{"hello": 1, "$db": "admin"}`)
		if hello.Lookup("secondaryDelaySecs").Int32() != 60 || !hello.Lookup("hidden").Bool() || !hello.Lookup("passive").Bool() || !hello.Lookup("passives").IsMissing() {
			t.Error(hello)
		}
		count := func() int32 {
			t.Helper()
			return s.must("c:27017", `{"count": "c", "$readPreference": {"mode": "secondary"}, "readConcern": {"level": "majority"}, "$db": "test"}`).Lookup("n").Int32()
		}
		// One document a second: after 90 s those of the first 30 s are there.
		begin := time.Now()
		for id := range 90 {
			s.must(s.primary(), `{"insert": "c", "documents": [{"_id": %d}], "writeConcern": {"w": 3}, "$db": "test"}`, id)
			if id == 50 && count() != 0 {
				t.Errorf("%d documents after 50 s", count())
			}
			time.Sleep(time.Second - time.Since(begin)%time.Second)
		}
		if n := count(); n < 27 || n > 32 {
			t.Errorf("%d documents are old enough after %v", n, time.Since(begin))
		}

		// A power failure makes it no younger, and it never leads, even alone with its log.
		s.kill("c:27017")
		s.start("c:27017")
		s.waitFor("c:27017", "SECONDARY")
		for range 100 { // it applies again what was not flushed
			if count() >= 27 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := count(); n < 27 || n > 34 {
			t.Errorf("%d documents after a restart", n)
		}
		// It is told at once that it is delayed no longer, although its log brings that last.
		s.mustReconfigure(a, b, `{"_id": 2, "host": "c:27017"}`)
		for range 100 {
			if count() == 90 {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := count(); n != 90 {
			t.Errorf("%d documents without delay", n)
		}
		s.settle()
	})
}

// TestWriteConcernsByTags waits for members in two places, and in vain for the one that is cut off.
func TestWriteConcernsByTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		s.initiateWith(`"getLastErrorModes": {"two": {"dc": 2}, "three": {"u": 3}, "none": {}}`,
			`{"_id": 0, "host": "a:27017", "priority": 2, "tags": {"dc": "ny", "u": "1"}}`, `{"_id": 1, "host": "b:27017", "tags": {"dc": "ny", "u": "2"}}`,
			`{"_id": 2, "host": "c:27017", "tags": {"dc": "sf", "u": "3"}}`)
		s.settle()
		write := func(concern string) (code int32, message string, took time.Duration) {
			t.Helper()
			begin := time.Now()
			d := s.must("a:27017", `{"insert": "c", "documents": [{}], "writeConcern": {%s}, "$db": "test"}`, concern)
			e := d.Lookup("writeConcernError").Doc()
			return e.Lookup("code").Int32(), e.Lookup("errmsg").Str(), time.Since(begin)
		}
		check := func(concern string, want int32, words string) {
			t.Helper()
			if code, message, took := write(concern); code != want || message != words {
				t.Errorf("%s: %d %s, want %d, after %v", concern, code, message, want, took)
			}
		}
		for _, w := range []string{`"w": "two"`, `"w": "three"`, `"w": "none"`, `"w": {"dc": 2, "u": 3}`, `"w": {"dc": 1}, "j": true`} {
			check(w, 0, "")
		}
		check(`"w": "four"`, 79, "No write concern mode named 'four' found in replica set configuration")
		check(`"w": {"dc": 3}`, 100, `Not enough nodes match write concern mode "{("dc", 3)}"`)
		check(`"w": {"rack": 1}`, 4, "No replica set tag key rack in config")
		s.kill("c:27017")
		check(`"w": "majority"`, 0, "")
		check(`"w": {"dc": 1}`, 0, "")
		check(`"w": "two", "wtimeout": 300`, 64, "waiting for replication timed out")
		check(`"w": {"u": 3}, "wtimeout": 300`, 64, "waiting for replication timed out")

		// A wait goes on under the configuration that comes meanwhile.
		done := make(chan int32)
		go func() {
			code, _, _ := write(`"w": {"dc": 2}`)
			done <- code
		}()
		time.Sleep(time.Second)
		s.mustReconfigure(`{"_id": 0, "host": "a:27017", "priority": 2, "tags": {"dc": "ny"}}`, `{"_id": 1, "host": "b:27017", "tags": {"dc": "sf"}}`, `{"_id": 2, "host": "c:27017"}`)
		if code := <-done; code != 0 {
			t.Errorf("a write that waited for two data centres ends with %d when there are two", code)
		}
	})
}
