package node

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/replset"
)

// others returns the running members besides one, in the order of their names.
func (s *set) others(host string) []string {
	var list []string
	for _, h := range s.hosts {
		if h != host && s.nodes[h] != nil {
			list = append(list, h)
		}
	}
	return list
}

// TestMaintenance: a secondary out of service says so, is not read and is not elected, until it was taken back as often as it was taken out.
func TestMaintenance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		s.initiate(3)
		s.settle()
		p := s.primary()
		out, other := s.others(p)[0], s.others(p)[1]
		check := func(host, cmd string, want mongoerr.Code, words string) {
			t.Helper()
			d, err := s.command(host, "%s", cmd)
			if code := mongoerr.Code(d.Lookup("code").Int32()); err == nil || code != want || d.Lookup("errmsg").Str() != words {
				t.Errorf("%s: %v %v", cmd, d, err)
			}
		}
		const on, off = `{"replSetMaintenance": 1, "$db": "admin"}`, `{"replSetMaintenance": false, "$db": "admin"}`
		const read = `{"find": "c", "$db": "test", "$readPreference": {"mode": "nearest"}}`
		check(p, on, mongoerr.NotSecondary, "primaries can't modify maintenance mode")
		check(out, off, mongoerr.OperationFailed, "already out of maintenance mode")
		s.must(out, on)
		s.must(out, on)
		check(out, read, mongoerr.NotPrimaryOrSecondary, "node is recovering")
		d := s.must(out, `{"replSetGetStatus": 1, "$db": "admin"}`)
		if d.Lookup("myState").Int32() != int32(replset.Recovering) || !strings.Contains(d.Lookup("members").String(), `"maintenanceMode":2`) {
			t.Error(d)
		}
		if hello := s.must(out, `{"hello": 1, "$db": "admin"}`); hello.Lookup("secondary").Bool() || hello.Lookup("setName").IsMissing() {
			t.Error(hello)
		}
		// The primary hands over to the other one, and when that is gone to nobody.
		time.Sleep(time.Second)
		s.must(p, `{"replSetStepDown": 60, "secondaryCatchUpPeriodSecs": 5, "$db": "admin"}`)
		if got := s.primary(); got != other {
			t.Errorf("%s is primary", got)
		}
		s.kill(other)
		time.Sleep(20 * time.Second)
		for _, h := range []string{p, out} { // one stepped down for a minute, the other one is out of service
			if s.must(h, `{"hello": 1, "$db": "admin"}`).Lookup("isWritablePrimary").Bool() {
				t.Errorf("%s is primary", h)
			}
		}
		s.must(out, off)
		check(out, read, mongoerr.NotPrimaryOrSecondary, "node is recovering")
		s.must(out, off)
		if got := s.primary(); got != out {
			t.Errorf("%s is primary, not the one that is back", got)
		}
	})
}

func TestSyncFromAndOplogSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017", "d:27017", "e:27017")
		s.startAll()
		defer s.stopAll()
		s.initiateWith("", `{"_id": 0, "host": "a:27017", "priority": 5}`, `{"_id": 1, "host": "b:27017"}`, `{"_id": 2, "host": "c:27017"}`,
			`{"_id": 3, "host": "d:27017", "arbiterOnly": true}`, `{"_id": 4, "host": "e:27017", "votes": 0, "priority": 0}`)
		s.waitFor("b:27017", "SECONDARY")
		s.waitFor("d:27017", "ARBITER")
		s.waitFor("a:27017", "PRIMARY")
		time.Sleep(time.Second)
		for _, c := range []struct {
			host, from string
			code       mongoerr.Code
			words      string
		}{
			{"a:27017", `"b:27017"`, mongoerr.NotSecondary, "primaries don't sync"},
			{"d:27017", `"b:27017"`, mongoerr.NotSecondary, "arbiters don't sync"},
			{"b:27017", `"b:27017"`, mongoerr.InvalidOptions, "I cannot sync from myself"},
			{"b:27017", `"d:27017"`, mongoerr.InvalidOptions, `Cannot sync from "d:27017" because it is an arbiter`},
			{"b:27017", `"e:27017"`, mongoerr.InvalidOptions, `Cannot sync from "e:27017" because it is not a voter`},
			{"b:27017", `"x:1"`, mongoerr.NodeNotFound, `Could not find member "x:1" in replica set`},
			{"b:27017", `1`, mongoerr.FailedToParse, `Empty host component parsing HostAndPort from ""`},
			{"b:27017", `"a:99999"`, mongoerr.FailedToParse, `Port number 99999 out of range parsing HostAndPort from "a:99999"`},
			{"b:27017", `"c:27017"`, mongoerr.NotImplemented, `every secondary gets its entries from the primary; "c:27017" is not`},
		} {
			d, err := s.command(c.host, `{"replSetSyncFrom": %s, "$db": "admin"}`, c.from)
			if err == nil || mongoerr.Code(d.Lookup("code").Int32()) != c.code || d.Lookup("errmsg").Str() != c.words {
				t.Errorf("%s from %s: %v", c.host, c.from, d)
			}
		}
		if d := s.must("b:27017", `{"replSetSyncFrom": "a:27017", "$db": "admin"}`); d.Lookup("prevSyncTarget").Str() != "a:27017" || d.Lookup("syncFromRequested").Str() != "a:27017" {
			t.Error(d)
		}

		for text, words := range map[string]string{
			`"size": 10.0`: "BSON field 'size' value must be >= 990, actual value '10'",
			`"size": 1e16`: "BSON field 'size' value must be <= 1.07374e+09, actual value '1e+16'",
			`"size": 1000.0, "minRetentionHours": -1.0`: "BSON field 'minRetentionHours' value must be >= 0, actual value '-1'",
			`"size": "a"`: "BSON field 'replSetResizeOplog.size' is the wrong type 'string', expected types '[long, int, decimal, double']",
		} {
			if d, err := s.command("b:27017", `{"replSetResizeOplog": 1, %s, "$db": "admin"}`, text); err == nil || d.Lookup("errmsg").Str() != words {
				t.Errorf("%s: %v", text, d)
			}
		}
		if got := s.code("d:27017", `{"replSetResizeOplog": 1, "size": 1000, "$db": "admin"}`); got != mongoerr.NamespaceNotFound {
			t.Errorf("on an arbiter: %d", got)
		}
		s.must("b:27017", `{"replSetResizeOplog": 1, "size": 1000, "minRetentionHours": 1.5, "$db": "admin"}`)
		size := func() int64 {
			d := s.must("b:27017", `{"aggregate": "oplog.rs", "pipeline": [{"$collStats": {"storageStats": {}}}], "cursor": {}, "$db": "local", "$readPreference": {"mode": "nearest"}}`)
			n, _ := d.LookupPath("cursor.firstBatch").Doc().First().Value.Doc().LookupPath("storageStats.maxSize").AsInt64()
			return n
		}
		if n := size(); n != 1000<<20 {
			t.Errorf("the oplog may have %d bytes", n)
		}
		s.kill("b:27017")
		s.start("b:27017")
		s.waitFor("b:27017", "SECONDARY")
		if n := size(); n != 1000<<20 {
			t.Errorf("the oplog may have %d bytes after a restart", n)
		}
	})
}

// TestOplogIsKeptForItsTime fills segments of the log, and finds those of the last hour there though they are more than the size.
func TestOplogIsKeptForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017")
		s.startAll()
		defer s.stopAll()
		s.initiate(1)
		n := s.nodes["a:27017"]
		large := strings.Repeat("x", 1<<20)
		fill := func() {
			for range 70 {
				s.must("a:27017", `{"insert": "c", "documents": [{"x": "%s"}], "$db": "test"}`, large)
			}
		}
		fill()
		n.window.bytes.Store(1 << 20)
		n.window.retention.Store(int64(time.Hour))
		if last := n.behindOplog(); last != 0 {
			t.Errorf("entries up to %d may go, which are new", last)
		}
		time.Sleep(2 * time.Hour)
		if last := n.behindOplog(); last == 0 {
			t.Error("nothing may go, though all is old")
		}
	})
}

// TestStandaloneBecomesAMember: the data of a standalone is that of the set which it initiates, and comes to the others.
func TestStandaloneBecomesAMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017")
		defer s.stopAll()
		name := s.name
		s.name = ""
		s.start("a:27017")
		s.primary()
		for id := range 30 {
			s.must("a:27017", `{"insert": "c", "documents": [{"_id": %d}], "$db": "test"}`, id)
		}
		s.must("a:27017", `{"createIndexes": "c", "indexes": [{"key": {"x": 1}, "name": "x"}], "$db": "test"}`)
		s.kill("a:27017") // what was written is in the log alone
		s.start("a:27017")
		s.primary()
		s.kill("a:27017")
		s.name = name
		s.startAll()
		if got := s.code("a:27017", `{"find": "c", "$db": "test"}`); got != mongoerr.NotPrimaryNoSecondaryOk {
			t.Errorf("a read before the set is initiated: %d", got)
		}
		s.initiate(2)
		count := func(host string) int32 {
			return s.must(host, `{"count": "c", "$db": "test", "$readPreference": {"mode": "nearest"}}`).Lookup("n").Int32()
		}
		s.must(s.primary(), `{"insert": "c", "documents": [{"_id": 100}], "writeConcern": {"w": 2}, "$db": "test"}`)
		s.settle()
		for _, h := range s.hosts {
			if n := count(h); n != 31 {
				t.Errorf("%s has %d documents", h, n)
			}
		}
		s.kill("a:27017")
		s.start("a:27017")
		s.waitFor("a:27017", "SECONDARY", "PRIMARY")
		s.settle()
	})
}

// TestStepUp: a secondary that is told to becomes primary; one that may not be does not.
func TestStepUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		s.initiateWith("", `{"_id": 0, "host": "a:27017"}`, `{"_id": 1, "host": "b:27017"}`, `{"_id": 2, "host": "c:27017", "priority": 0}`)
		s.settle()
		p := s.primary()
		other := s.others(p)[0]
		if got := s.code("c:27017", `{"replSetStepUp": 1, "$db": "admin"}`); got != mongoerr.CommandFailed {
			t.Errorf("of a member with priority 0: %d", got)
		}
		s.must(p, `{"replSetStepUp": 1, "$db": "admin"}`)
		s.must(other, `{"replSetStepUp": 1, "$db": "admin"}`)
		if got := s.primary(); got != other {
			t.Errorf("%s is primary", got)
		}
		d := s.must(other, `{"replSetGetStatus": 1, "$db": "admin"}`)
		if got := d.LookupPath("electionCandidateMetrics.lastElectionReason").Str(); got != replset.ReasonStepUp {
			t.Errorf("reason %s", got)
		}
		s.settle()
	})
}

// TestElectionsAreCounted as by a mongod that goes through the same: electionMetrics of serverStatus.
func TestElectionsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		s.initiateWith("", `{"_id": 0, "host": "a:27017", "priority": 2}`, `{"_id": 1, "host": "b:27017"}`, `{"_id": 2, "host": "c:27017", "priority": 0}`)
		check := func(when, host string, want map[string]int64) {
			t.Helper()
			m := s.must(host, `{"serverStatus": 1, "$db": "admin"}`).Lookup("electionMetrics").Doc()
			for _, name := range []string{"stepUpCmd", "priorityTakeover", "catchUpTakeover", "electionTimeout", "freezeTimeout"} {
				called, won := m.LookupPath(name+".called").Int64(), m.LookupPath(name+".successful").Int64()
				again := name == "electionTimeout" && called > won // it asked before all had noticed that the primary was gone
				if called != want[name] && !again || won != want[name] {
					t.Errorf("%s, %s: %s called %d, successful %d, want %d", when, host, name, called, won, want[name])
				}
			}
			for _, name := range []string{"numStepDownsCausedByHigherTerm", "numCatchUpsAlreadyCaughtUp", "numCatchUpsSkipped"} {
				if got := m.Lookup(name).Int64(); got != want[name] {
					t.Errorf("%s, %s: %s %d, want %d", when, host, name, got, want[name])
				}
			}
		}
		s.waitFor("a:27017", "PRIMARY")
		s.settle()
		check("initiated", "a:27017", map[string]int64{"electionTimeout": 1, "numCatchUpsAlreadyCaughtUp": 1})
		check("initiated", "b:27017", nil)
		s.must("b:27017", `{"replSetStepUp": 1, "$db": "admin"}`)
		s.waitFor("a:27017", "SECONDARY")
		s.waitFor("a:27017", "PRIMARY")
		a := map[string]int64{"electionTimeout": 1, "priorityTakeover": 1, "numStepDownsCausedByHigherTerm": 1, "numCatchUpsAlreadyCaughtUp": 2}
		b := map[string]int64{"stepUpCmd": 1, "numStepDownsCausedByHigherTerm": 1, "numCatchUpsAlreadyCaughtUp": 1}
		check("b asked to be primary", "a:27017", a)
		check("b asked to be primary", "b:27017", b)
		s.must("a:27017", `{"replSetStepDown": 10, "$db": "admin"}`)
		s.waitFor("b:27017", "PRIMARY")
		b["stepUpCmd"], b["numCatchUpsAlreadyCaughtUp"] = 2, 2
		check("a stepped down", "a:27017", a)
		check("a stepped down", "b:27017", b)
		s.waitFor("a:27017", "PRIMARY")
		s.kill("a:27017")
		s.waitFor("b:27017", "PRIMARY")
		b["electionTimeout"], b["numCatchUpsAlreadyCaughtUp"], b["numStepDownsCausedByHigherTerm"] = 1, 3, 2
		check("a died", "b:27017", b)
	})
}

// TestElectionsOfASetOfOneAreCounted: they are those of a timeout, or of a time of abstinence that ended.
func TestElectionsOfASetOfOneAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017")
		s.startAll()
		defer s.stopAll()
		s.must("a:27017", `{"replSetInitiate": 1, "$db": "admin"}`)
		s.waitFor("a:27017", "PRIMARY")
		s.must("a:27017", `{"replSetStepDown": 5, "force": true, "$db": "admin"}`)
		s.waitFor("a:27017", "SECONDARY")
		s.waitFor("a:27017", "PRIMARY")
		m := s.must("a:27017", `{"serverStatus": 1, "$db": "admin"}`).Lookup("electionMetrics").Doc()
		for path, want := range map[string]int64{"electionTimeout.successful": 1, "freezeTimeout.called": 1, "freezeTimeout.successful": 1, "numCatchUpsSkipped": 2, "numCatchUpsAlreadyCaughtUp": 0} {
			if got := m.LookupPath(path).Int64(); got != want {
				t.Errorf("%s: %d, want %d, in %s", path, got, want, m)
			}
		}
	})
}

// TestHeartbeatsAreAsRareAsTheConfigurationSays: others hear of what is applied in between all the same.
func TestHeartbeatsAreAsRareAsTheConfigurationSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		s.initiateWith(`"heartbeatIntervalMillis": 5000`, `{"_id": 0, "host": "a:27017", "priority": 2}`, `{"_id": 1, "host": "b:27017"}`, `{"_id": 2, "host": "c:27017"}`)
		s.waitFor("a:27017", "PRIMARY")
		time.Sleep(20 * time.Second)
		seen := map[time.Time]bool{}
		for range 300 {
			for _, p := range s.nodes["a:27017"].transport.Load().Peers() {
				if p.Host == "b:27017" {
					seen[p.LastStatus] = true
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := len(seen); n < 6 || n > 8 {
			t.Errorf("%d heartbeats in 30 s", n)
		}
		s.must("a:27017", `{"insert": "c", "documents": [{}], "writeConcern": {"w": 3}, "$db": "test"}`)
		time.Sleep(1100 * time.Millisecond)
		last := s.nodes["a:27017"].engine.LastTime().TS
		for _, p := range s.nodes["c:27017"].transport.Load().Peers() {
			if p.Status.Applied.TS != last {
				t.Errorf("c believes that %s has applied %v, after a second; it has %v", p.Host, p.Status.Applied.TS, last)
			}
		}
	})
}

// TestHeartbeatsAreAsOftenAsTheConfigurationSays: and a member that is silent is down when it says so.
func TestHeartbeatsAreAsOftenAsTheConfigurationSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		s.initiateWith(`"heartbeatIntervalMillis": 100, "heartbeatTimeoutSecs": 2`, `{"_id": 0, "host": "a:27017", "priority": 2}`, `{"_id": 1, "host": "b:27017"}`, `{"_id": 2, "host": "c:27017"}`)
		s.waitFor("a:27017", "PRIMARY")
		time.Sleep(5 * time.Second)
		// member returns what the primary says of b.
		member := func(field string) string {
			d := s.must("a:27017", `{"replSetGetStatus": 1, "$db": "admin"}`)
			now := d.Lookup("date").Int64()
			for it := d.Lookup("members").Doc().Iter(); it.Next(); {
				m := it.Value().Doc()
				if m.Lookup("name").Str() != "b:27017" {
					continue
				}
				if field == "age" {
					return time.Duration((now - m.Lookup("lastHeartbeatRecv").Int64()) * int64(time.Millisecond)).String()
				}
				return m.Lookup(field).Shell()
			}
			return ""
		}
		for range 20 {
			if age, _ := time.ParseDuration(member("age")); age > 110*time.Millisecond {
				t.Errorf("the last heartbeat is %v old", age)
			}
			time.Sleep(37 * time.Millisecond)
		}
		s.cut("b:27017", true)
		time.Sleep(1500 * time.Millisecond)
		if got := member("health"); got != "1.0" && got != "1" {
			t.Errorf("health %s after 1.5 s", got)
		}
		time.Sleep(1500 * time.Millisecond)
		if got := member("health"); got != "0.0" && got != "0" {
			t.Errorf("health %s after 3 s", got)
		}
		s.cut("b:27017", false)
		s.waitFor("b:27017", "SECONDARY")
	})
}

// TestNoTakeoverByAMemberThatStops: the one of highest priority is not given its place back while it waits for its clients to leave.
func TestNoTakeoverByAMemberThatStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.faults = true
		s.startAll()
		defer s.stopAll()
		s.initiateWith("", `{"_id": 0, "host": "a:27017", "priority": 5}`, `{"_id": 1, "host": "b:27017"}`, `{"_id": 2, "host": "c:27017"}`)
		s.waitFor("a:27017", "PRIMARY")
		s.settle()
		term := func() int64 {
			return s.must("b:27017", `{"replSetGetStatus": 1, "$db": "admin"}`).Lookup("term").Int64()
		}
		before := term()
		s.must("a:27017", `{"setParameter": 1, "shutdownTimeoutMillisForSignaledShutdown": 2000, "$db": "admin"}`)
		s.must("a:27017", `{"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": {"failCommands": ["count"], "blockConnection": true, "blockTimeMS": 100000}, "$db": "admin"}`)
		working := s.waitingOn("a:27017", map[string]outcome{`{"count": "c", "$readPreference": {"mode": "nearest"}, "$db": "test"}`: {code: 11600, words: "interrupted at shutdown", version: true}})
		hello := make(chan document.Doc, 2)
		go func() { // it hands over at once, and then waits until nothing is on its way to it any more
			for range 2 {
				time.Sleep(150 * time.Millisecond)
				d, _ := s.command("a:27017", `{"hello": 1, "$db": "admin"}`)
				hello <- d
			}
		}()
		s.shutdown("a:27017")
		s.checkEnds(working)
		if d := <-hello; !d.Lookup("secondary").Bool() || d.Lookup("primary").Str() == "" {
			t.Errorf("right after it handed over: %s", d)
		}
		if d := <-hello; outcomeOf(d).code != int32(mongoerr.ShutdownInProgress) {
			t.Errorf("before it stops: %s", d)
		}
		if after := term(); after != before+1 {
			t.Errorf("%d elections during the shutdown of the primary, want 1", after-before)
		}
	})
}
