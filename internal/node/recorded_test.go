package node

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// differences are the fields of which a set of mongods and one of Mortons do not both tell, or with another type, and why. A path ends with * for all
// that begin so.
var differences = map[string]string{
	// mongod's own machinery, which monitoring has no use for.
	"serverStatus.repl primaryOnlyServices*": "services of sharding and tenant migrations, which there are none of",
	"serverStatus.repl userWriteBlockMode*":  "setUserWriteBlockMode does not exist",
	// An arbiter of mongod keeps no log.
	"replSetGetStatus arbiter members.1.maintenanceMode*":          "mongod's arbiters count as in maintenance; here an arbiter's state says it all",
	"replSetGetStatus arbiter electionParticipantMetrics.newTerm*": "mongod's arbiters do not follow the log",
}

// TestFieldsAreThoseOfAMongodSet builds the set that testdata/mongod/set.json was recorded from: a primary of higher priority, which had stepped down
// and took over again, a secondary, an arbiter, and a hidden member that is delayed. Each reply must have the same fields with the same types in the same
// order, but for those in differences.
func TestFieldsAreThoseOfAMongodSet(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "mongod", "set.json"))
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := document.FromJSON(string(text))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017", "d:27017")
		s.startAll()
		defer s.stopAll()
		s.initiateWith(`"getLastErrorModes": {"two": {"dc": 2}}`, `{"_id": 0, "host": "a:27017", "priority": 2, "tags": {"dc": "ny"}}`,
			`{"_id": 1, "host": "b:27017", "arbiterOnly": true}`, `{"_id": 2, "host": "c:27017", "tags": {"dc": "sf"}}`,
			`{"_id": 3, "host": "d:27017", "hidden": true, "priority": 0, "votes": 0, "secondaryDelaySecs": 8, "tags": {"dc": "sf"}}`)
		s.waitFor("a:27017", "PRIMARY")
		s.waitFor("c:27017", "SECONDARY")
		s.waitFor("d:27017", "SECONDARY")
		time.Sleep(2 * time.Second)
		s.must("a:27017", `{"replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 3, "$db": "admin"}`)
		s.waitFor("c:27017", "PRIMARY")
		s.waitFor("a:27017", "PRIMARY")
		time.Sleep(20 * time.Second)

		used := map[string]bool{}
		for name, host := range map[string]string{"primary": "a:27017", "arbiter": "b:27017", "secondary": "c:27017", "hidden": "d:27017"} {
			for command, cmd := range map[string]string{"hello": "hello", "replSetGetStatus": "replSetGetStatus", "replSetGetConfig": "replSetGetConfig", "serverStatus.repl": "serverStatus"} {
				got := s.must(host, `{%q: 1, "$db": "admin"}`, cmd)
				if cmd == "serverStatus" {
					got = got.Lookup("repl").Doc()
				}
				compareShapes(t, command+" "+name, shape(nil, "", recorded.Lookup(name).Doc().Lookup(command).Doc()), shape(nil, "", got), used)
			}
		}
		for path := range differences {
			if !used[path] {
				t.Errorf("there is no such difference: %s", path)
			}
		}

		// And some values, as far as they are not those of the moment.
		status := s.must("a:27017", `{"replSetGetStatus": 1, "$db": "admin"}`)
		for path, want := range map[string]string{
			"myState": "1", "majorityVoteCount": "2", "writeMajorityCount": "2", "votingMembersCount": "3", "writableVotingMembersCount": "2",
			"electionCandidateMetrics.lastElectionReason": `"priorityTakeover"`, "electionCandidateMetrics.priorPrimaryMemberId": "2",
			"electionCandidateMetrics.numVotesNeeded": "2", "electionParticipantMetrics.votedForCandidate": "true",
			"electionParticipantMetrics.electionCandidateMemberId": "2",
		} {
			if got := status.LookupPath(path).Shell(); got != want {
				t.Errorf("%s is %s, want %s", path, got, want)
			}
		}
		begun := status.LookupPath("electionCandidateMetrics.newTermStartDate").Int64()
		committed := status.LookupPath("electionCandidateMetrics.wMajorityWriteAvailabilityDate").Int64()
		if begun == 0 || committed < begun || committed > begun+1000 {
			t.Errorf("the term began at %d, and a majority has that since %d", begun, committed)
		}
		for it := status.Lookup("members").Doc().Iter(); it.Next(); {
			m := it.Value().Doc()
			if m.Lookup("stateStr").Str() == "PRIMARY" && m.Lookup("electionTime").Timestamp() == 0 {
				t.Errorf("a primary without a time of its election: %v", m)
			}
		}
		seen := s.must("c:27017", `{"replSetGetStatus": 1, "$db": "admin"}`).Lookup("members").Doc().First().Value.Doc()
		if got, want := seen.Lookup("electionTime").Timestamp(), status.Lookup("members").Doc().First().Value.Doc().Lookup("electionTime").Timestamp(); got != want || want == 0 {
			t.Errorf("the secondary saw the primary elected at %x, that itself at %x", got, want)
		}
	})
}

// shape lists the fields of a document as path and type.
func shape(lines []string, prefix string, d document.Doc) []string {
	for it := d.Iter(); it.Next(); {
		name, v := prefix+it.Key(), it.Value()
		if name == "ok" || strings.HasPrefix(name, "$") || name == "operationTime" {
			continue
		}
		lines = append(lines, fmt.Sprint(name, " ", v.Type))
		if v.Type == document.TypeDocument || v.Type == document.TypeArray {
			lines = shape(lines, name+".", v.Doc())
		}
	}
	return lines
}

func compareShapes(t *testing.T, what string, want, got []string, used map[string]bool) {
	t.Helper()
	command, _, _ := strings.Cut(what, " ")
	known := func(line string) bool {
		for path := range differences {
			prefix, all := strings.CutSuffix(path, "*")
			for _, full := range []string{what + " " + line, command + " " + line} {
				if full == path || all && strings.HasPrefix(full, prefix) {
					used[path] = true
					return true
				}
			}
		}
		return false
	}
	want, got = slices.DeleteFunc(want, known), slices.DeleteFunc(got, known)
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			t.Errorf("%s: from field %d on\nmongod %s\nours   %s", what, i, strings.Join(want[min(i, len(want)):min(i+3, len(want))], ", "), strings.Join(got[min(i, len(got)):min(i+3, len(got))], ", "))
			return
		}
	}
}
