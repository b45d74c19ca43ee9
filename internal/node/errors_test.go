package node

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/peer/memnet"
)

// outcome is what a client sees of an error: where it stands, its code, its words, and its label.
type outcome struct {
	code    int32
	words   string
	concern bool // in writeConcernError of a reply that is ok
	label   bool // RetryableWriteError
	version bool // topologyVersion: the client is to look at the set anew
}

func outcomeOf(d document.Doc) outcome {
	o := outcome{code: d.Lookup("code").Int32(), words: d.Lookup("errmsg").Str(), version: !d.Lookup("topologyVersion").IsMissing()}
	if e := d.Lookup("writeConcernError"); !e.IsMissing() {
		o.concern, o.code, o.words = true, e.Doc().Lookup("code").Int32(), e.Doc().Lookup("errmsg").Str()
	}
	for it := d.Lookup("errorLabels").Doc().Iter(); it.Next(); {
		o.label = o.label || it.Value().Str() == "RetryableWriteError"
	}
	return o
}

// TestErrorsThatAdministratorsAndClientsSee lists what a set answers in each of its troubles. Codes and words are those that a mongod 6.0.5 gave when it was
// brought into the same one.
func TestErrorsThatAdministratorsAndClientsSee(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017", "d:27017", "e:27017")
		s.faults = true
		s.startAll()
		defer s.stopAll()
		const settings = `"getLastErrorModes": {"two": {"dc": 2}, "far": {"dc": 3}}`
		members := []string{`{"_id": 0, "host": "a:27017", "priority": 2, "tags": {"dc": "ny"}}`, `{"_id": 1, "host": "b:27017", "tags": {"dc": "sf"}}`,
			`{"_id": 2, "host": "c:27017", "arbiterOnly": true}`, `{"_id": 3, "host": "d:27017", "priority": 0, "votes": 0}`}
		s.initiateWith(settings, members...)
		s.waitFor("a:27017", "PRIMARY")
		s.waitFor("b:27017", "SECONDARY")
		s.waitFor("c:27017", "ARBITER")
		s.waitFor("d:27017", "SECONDARY")
		time.Sleep(time.Second)
		const retryable = `"lsid": {"id": {"$binary": {"base64": "00AAAAAAAAAAAAAAAAAAAA==", "subType": "04"}}}, "txnNumber": {"$numberLong": "1"}`
		config := func(version int, more string) string {
			return fmt.Sprintf(`{"replSetReconfig": {"_id": "foo", "version": %d, "members": [%s, %s, %s, %s%s], "settings": {%s}}, "$db": "admin"}`,
				version, members[0], members[1], members[2], members[3], more, settings)
		}
		for _, c := range []struct {
			host, cmd string
			want      outcome
		}{
			// Where commands may run.
			{"b:27017", `{"insert": "c", "documents": [{}], "$db": "test"}`, outcome{code: 10107, words: "not master", version: true}},
			{"b:27017", `{"insert": "c", "documents": [{}], ` + retryable + `, "$db": "test"}`, outcome{code: 10107, words: "not master", label: true, version: true}},
			{"b:27017", `{"find": "c", "$db": "test"}`, outcome{code: 13435, words: "not master and slaveOk=false", version: true}},
			{"c:27017", `{"find": "c", "$db": "test"}`, outcome{code: 13435, words: "not master and slaveOk=false", version: true}},
			{"c:27017", `{"find": "c", "$db": "test", "$readPreference": {"mode": "nearest"}}`, outcome{code: 13436, words: "node is not in primary or recovering state", version: true}},
			{"c:27017", `{"insert": "c", "documents": [{}], "$db": "test"}`, outcome{code: 10107, words: "not master", version: true}},
			{"b:27017", `{"find": "c", "readConcern": {"level": "linearizable"}, "$readPreference": {"mode": "secondary"}, "$db": "test"}`,
				outcome{code: 10107, words: "cannot satisfy linearizable read concern on non-primary node", version: true}},

			// A member that is in no set yet.
			{"e:27017", `{"replSetGetStatus": 1, "$db": "admin"}`, outcome{code: 94, words: "no replset config has been received"}},
			{"e:27017", `{"replSetGetConfig": 1, "$db": "admin"}`, outcome{code: 94, words: "no replset config has been received"}},
			{"e:27017", `{"replSetStepDown": 60, "$db": "admin"}`, outcome{code: 94, words: "no replset config has been received"}},
			{"e:27017", `{"replSetFreeze": 1, "$db": "admin"}`, outcome{code: 94, words: "no replset config has been received"}},
			{"e:27017", `{"replSetMaintenance": 1, "$db": "admin"}`, outcome{code: 94, words: "no replset config has been received"}},
			{"e:27017", `{"replSetSyncFrom": "x:1", "$db": "admin"}`, outcome{code: 94, words: "no replset config has been received"}},
			{"e:27017", `{"replSetAbortPrimaryCatchUp": 1, "$db": "admin"}`, outcome{code: 94, words: "no replset config has been received"}},
			{"e:27017", `{"replSetResizeOplog": 1, "size": 1000, "$db": "admin"}`, outcome{code: 26, words: "oplog does not exist"}},
			{"e:27017", `{"setDefaultRWConcern": 1, "defaultWriteConcern": {"w": 1}, "$db": "admin"}`, outcome{code: 10107, words: "not master", version: true}},
			{"e:27017", `{"insert": "c", "documents": [{}], "$db": "test"}`, outcome{code: 10107, words: "not master", version: true}},

			// What only some members can be told.
			{"a:27017", `{"replSetInitiate": {}, "$db": "admin"}`, outcome{code: 23, words: "already initialized"}},
			{"a:27017", `{"replSetFreeze": 1, "$db": "admin"}`, outcome{code: 95, words: "Cannot freeze node when primary or running for election, state: Primary"}},
			{"a:27017", `{"replSetMaintenance": 1, "$db": "admin"}`, outcome{code: 95, words: "primaries can't modify maintenance mode"}},
			{"a:27017", `{"replSetSyncFrom": "b:27017", "$db": "admin"}`, outcome{code: 95, words: "primaries don't sync"}},
			{"a:27017", `{"replSetAbortPrimaryCatchUp": 1, "$db": "admin"}`, outcome{code: 20, words: "The node is not in catch-up mode."}},
			{"b:27017", `{"replSetMaintenance": 0, "$db": "admin"}`, outcome{code: 96, words: "already out of maintenance mode"}},
			{"b:27017", `{"replSetStepDown": 60, "$db": "admin"}`, outcome{code: 10107, words: "not primary so can't step down", version: true}},
			{"a:27017", `{"replSetStepDown": 1, "$db": "admin"}`, outcome{code: 2, words: "stepdown period must be longer than secondaryCatchUpPeriodSecs"}},
			{"a:27017", `{"replSetStepDown": -1, "$db": "admin"}`, outcome{code: 2, words: "stepdown period must be a positive integer"}},

			// Configurations.
			{"b:27017", config(2, ""), outcome{code: 10107, version: true,
				words: "New config is rejected :: caused by :: replSetReconfig should only be run on a writable PRIMARY. Current state SECONDARY;"}},
			{"a:27017", config(1, ""), outcome{code: 103, words: "New replica set configuration version and term must be greater than old, " +
				"but {version: 1, term: %TERM} is not greater than {version: 1, term: %OLD} for replica set foo"}},
			{"a:27017", config(2, `, {"_id": 5, "host": "x:1", "hidden": true}`), outcome{code: 93,
				words: `member: { _id: 5, host: "x:1", hidden: true } :: caused by :: priority must be 0 when hidden=true`}},
			{"a:27017", config(2, `, {"_id": 5, "host": "x:1", "arbiterOnly": true}`), outcome{code: 103,
				words: "Multiple arbiters are not allowed unless all nodes were started with with --setParameter 'allowMultipleArbiters=true'"}},
			{"a:27017", config(2, `, {"_id": 3, "host": "x:1"}`), outcome{code: 103,
				words: "Found two member configurations with same _id field, members.3._id == members.4._id == MemberId(3)"}},

			// Write concerns.
			{"a:27017", `{"insert": "c", "documents": [{}], "writeConcern": {"w": 4}, "$db": "test"}`, outcome{code: 100, words: "Not enough data-bearing nodes", concern: true}},
			{"a:27017", `{"insert": "c", "documents": [{}], "writeConcern": {"w": "far"}, "$db": "test"}`, outcome{code: 100, words: `Not enough nodes match write concern mode ""far""`, concern: true}},
			{"a:27017", `{"insert": "c", "documents": [{}], "writeConcern": {"w": {"dc": 3}}, "$db": "test"}`, outcome{code: 100, words: `Not enough nodes match write concern mode "{("dc", 3)}"`, concern: true}},
			{"a:27017", `{"insert": "c", "documents": [{}], "writeConcern": {"w": "none"}, "$db": "test"}`, outcome{code: 79, words: "No write concern mode named 'none' found in replica set configuration", concern: true}},
			{"a:27017", `{"insert": "c", "documents": [{}], "writeConcern": {"w": {"rack": 1}}, "$db": "test"}`, outcome{code: 4, words: "No replica set tag key rack in config", concern: true}},
			{"a:27017", `{"insert": "c", "documents": [{}], "writeConcern": {"w": {}}, "$db": "test"}`, outcome{code: 9, words: "tagged write concern requires tags"}},
			{"a:27017", `{"insert": "c", "documents": [{}], "writeConcern": {"w": 51}, "$db": "test"}`, outcome{code: 9, words: "w has to be a non-negative number and not greater than 50; found: 51"}},
		} {
			d, _ := s.command(c.host, "%s", c.cmd)
			got := outcomeOf(d)
			if c.want.code == 103 && got.code == 103 && c.want.words != got.words {
				var term, old int
				if n, _ := fmt.Sscanf(got.words, "New replica set configuration version and term must be greater than old, but {version: 1, term: %d} is not greater than {version: 1, term: %d}", &term, &old); n == 2 {
					got.words = c.want.words
				}
			}
			if got != c.want {
				t.Errorf("%s: %s\n got  %+v\n want %+v", c.host, c.cmd, got, c.want)
			}
		}

		// Waits that end otherwise than hoped.
		s.kill("d:27017")
		d := s.must("a:27017", `{"insert": "c", "documents": [{}], "writeConcern": {"w": 3, "wtimeout": 100}, %s, "$db": "test"}`, retryable)
		if got, want := outcomeOf(d), (outcome{code: 64, words: "waiting for replication timed out", concern: true}); got != want {
			t.Errorf("wtimeout: got %+v, want %+v", got, want)
		}
		s.must("a:27017", `{"createIndexes": "c", "indexes": [{"key": {"a": 1}, "name": "a_1"}], "$db": "test"}`)
		s.interruptedByStepDown("a:27017")
		s.waitFor("a:27017", "PRIMARY") // its priority brings it back
		s.interruptedWhileSteppingDown("a:27017", "b:27017", "c:27017")
		s.waitFor("a:27017", "PRIMARY")
		s.waitFor("b:27017", "SECONDARY")
		s.quiesced("a:27017", "b:27017")
		s.interruptedByShutdown("a:27017")
	})
}

// waiting is a command that waits for what does not come, and how it is to end.
type waiting struct {
	cmd  string
	want outcome
	done chan document.Doc
}

// waitingOn has commands wait on a member.
func (s *set) waitingOn(host string, wants map[string]outcome) []*waiting {
	var all []*waiting
	for cmd, want := range wants {
		w := &waiting{cmd, want, make(chan document.Doc, 1)}
		all = append(all, w)
		go func() {
			d, err := s.command(host, "%s", cmd)
			if d == nil && err != nil {
				s.t.Errorf("%s: %v", cmd, err)
			}
			w.done <- d
		}()
	}
	time.Sleep(100 * time.Millisecond)
	return all
}

func (s *set) checkEnds(all []*waiting) {
	for _, w := range all {
		got := outcomeOf(<-w.done)
		got.version = got.version || w.want.version // whoever waited can be told before hello says so: then there is none
		if got != w.want {
			s.t.Errorf("%s\n got  %+v\n want %+v", w.cmd, got, w.want)
		}
	}
}

// interruptedByStepDown has writes and a read wait on a primary that steps down.
func (s *set) interruptedByStepDown(p string) {
	lost := outcome{code: 11602, words: "operation was interrupted", concern: true, version: true}
	labelled, failed, lockless := lost, lost, lost
	labelled.label = true
	failed.concern = false
	lockless.code, lockless.words = 189, "Primary stepped down while waiting for replication"
	s.cut("b:27017", true)
	s.cut("c:27017", true)
	s.must(p, `{"insert": "c", "documents": [{}], "writeConcern": {"w": 1}, "$db": "test"}`) // for those who write nothing to wait for
	const session = `"lsid": {"id": {"$binary": {"base64": "11AAAAAAAAAAAAAAAAAAAA==", "subType": "04"}}}, "txnNumber": {"$numberLong": "1"}`
	all := s.waitingOn(p, map[string]outcome{
		`{"insert": "c", "documents": [{}], "writeConcern": {"w": 3}, "$db": "test"}`:                                             lost,
		`{"insert": "c", "documents": [{}], "writeConcern": {"w": "two"}, "$db": "test"}`:                                         lost,
		`{"insert": "c", "documents": [{}], "writeConcern": {"w": "majority"}, "$db": "test"}`:                                    lost,
		`{"insert": "c", "documents": [{}], "writeConcern": {"w": "majority"}, ` + session + `, "$db": "test"}`:                   labelled,
		`{"update": "c", "updates": [{"q": {"none": 1}, "u": {"$set": {"a": 1}}}], "writeConcern": {"w": 3}, "$db": "test"}`:      lost,
		`{"createIndexes": "c", "indexes": [{"key": {"a": 1}, "name": "a_1"}], "writeConcern": {"w": 3}, "$db": "test"}`:          lockless,
		`{"createIndexes": "c", "indexes": [{"key": {"a": 1}, "name": "a_1"}], "writeConcern": {"w": "majority"}, "$db": "test"}`: lockless,
		`{"find": "c", "readConcern": {"level": "linearizable"}, "$db": "test"}`:                                                  failed,
	})
	if d, err := s.command(p, `{"replSetStepDown": 30, "force": true, "$db": "admin"}`); err != nil {
		s.t.Errorf("step-down: %v %v", d, err)
	}
	s.checkEnds(all)
	s.cut("b:27017", false)
	s.cut("c:27017", false)
}

// interruptedWhileSteppingDown has a primary lose its majority while it waits for somebody to step down for.
func (s *set) interruptedWhileSteppingDown(p string, others ...string) {
	for _, h := range others {
		s.cut(h, true)
	}
	for range 20 { // entries of the log, so that nobody is close
		s.must(p, `{"insert": "c", "documents": [{}], "writeConcern": {"w": 1, "j": true}, "$db": "test"}`)
	}
	all := s.waitingOn(p, map[string]outcome{`{"replSetStepDown": 60, "secondaryCatchUpPeriodSecs": 20, "$db": "admin"}`: {code: 189, version: true,
		words: "While waiting for secondaries to catch up before stepping down, this node decided to step down for other reasons"}})
	d, _ := s.command(p, `{"replSetStepDown": 60, "force": true, "$db": "admin"}`)
	if got, want := outcomeOf(d), (outcome{code: 117, words: "This node is already in the process of stepping down"}); got != want {
		s.t.Errorf("a second step-down: got %+v, want %+v", got, want)
	}
	s.checkEnds(all)
	s.waitFor(p, "SECONDARY")
	for _, h := range others {
		s.cut(h, false)
	}
}

// interruptedByShutdown stops a primary that has nobody to hand over to.
func (s *set) interruptedByShutdown(p string) {
	all := s.waitingOn(p, map[string]outcome{
		`{"insert": "c", "documents": [{}], "writeConcern": {"w": 2}, "$db": "test"}`: {code: 91, words: "Replication is being shut down", concern: true},
	})
	s.shutdown(p)
	s.checkEnds(all)
}

// quiesced stops a secondary on which clients work: they are sent away first.
func (s *set) quiesced(p, q string) {
	s.network.Change([]string{p, q}, func(_, _ string, l *memnet.Link) { l.Cut = true }) // so that q does not get what comes now
	written := s.must(p, `{"insert": "c", "documents": [{}], "writeConcern": {"w": 1}, "$db": "test"}`)
	const anywhere = `"$readPreference": {"mode": "nearest"}, "$db": "test"`
	v := s.must(q, `{"hello": 1, "$db": "admin"}`).Lookup("topologyVersion").Doc()
	s.must(q, `{"setParameter": 1, "shutdownTimeoutMillisForSignaledShutdown": 3000, "$db": "admin"}`)
	s.must(q, `{"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": {"failCommands": ["count"], "blockConnection": true, "blockTimeMS": 100000}, "$db": "admin"}`)
	stopping := outcome{code: 91, words: "The server is in quiesce mode and will shut down", version: true}
	const hello = `{"hello": 1, "topologyVersion": {"processId": {"$oid": "%s"}, "counter": {"$numberLong": "%d"}}, "maxAwaitTimeMS": 60000, "$db": "admin"}`
	hellos := s.waitingOn(q, map[string]outcome{fmt.Sprintf(hello, v.Lookup("processId").ObjectID().Hex(), v.Lookup("counter").Int64()): stopping})
	others := s.waitingOn(q, map[string]outcome{
		fmt.Sprintf(`{"find": "c", "readConcern": {"afterClusterTime": %s}, "$clusterTime": %s, %s}`,
			written.Lookup("operationTime"), written.Lookup("$clusterTime"), anywhere): {code: 91, words: "Shutdown in progress", version: true},
		`{"count": "c", ` + anywhere + `}`: {code: 11600, words: "interrupted at shutdown", version: true},
	})
	begin := time.Now()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.shutdown(q)
	}()
	s.checkEnds(hellos)
	for _, cmd := range []string{"hello", "isMaster"} {
		d, _ := s.command(q, `{"%s": 1, "$db": "admin"}`, cmd)
		if got := outcomeOf(d); got != stopping || d.Lookup("remainingQuiesceTimeMillis").Int64() < 2900 {
			s.t.Errorf("%s of a member that is about to stop: %s", cmd, d)
		}
	}
	s.must(q, `{"find": "c", %s}`, anywhere)
	s.checkEnds(others)
	<-ended
	if took := time.Since(begin); took < 3*time.Second || took > 4*time.Second {
		s.t.Errorf("a secondary on which clients worked stopped after %v", took)
	}
}

// shutdown stops a member as an administrator does.
func (s *set) shutdown(host string) {
	s.mu.Lock()
	n := s.nodes[host]
	delete(s.nodes, host)
	s.mu.Unlock()
	if err := n.Shutdown(context.Background()); err != nil {
		s.t.Errorf("%s: shutdown: %v", host, err)
	}
}

// cut takes a host off the network, or connects it again.
func (s *set) cut(host string, off bool) {
	for _, other := range append([]string{"client"}, s.hosts...) {
		if other != host {
			s.network.Change([]string{host, other}, func(_, _ string, l *memnet.Link) { l.Cut = off })
		}
	}
}
