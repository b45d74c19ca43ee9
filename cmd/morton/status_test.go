package main

import (
	"testing"

	"github.com/mortondb/morton/internal/document"
)

// TestStatusTable shows the table with and without a primary, as it is made of replSetGetStatus.
func TestStatusTable(t *testing.T) {
	for reply, want := range map[string]string{
		`{"set": "foo", "term": {"$numberLong": "7"}, "members": [
			{"name": "a:1", "stateStr": "SECONDARY", "uptime": 61, "self": true, "optime": {"ts": {"$timestamp": {"t": 100, "i": 4}}}},
			{"name": "b:2", "stateStr": "PRIMARY", "uptime": 3600, "optime": {"ts": {"$timestamp": {"t": 103, "i": 1}}}},
			{"name": "c:3", "stateStr": "(not reachable/healthy)", "uptime": 0, "optime": {"ts": {"$timestamp": {"t": 0, "i": 0}}}, "lastHeartbeatMessage": "connection refused"}]}`: `set foo, term 7, as a:1 sees it

MEMBER   STATE                     BEHIND   UP
a:1      SECONDARY                 3s       1m1s
b:2      PRIMARY                   -        1h0m0s
c:3      (not reachable/healthy)   ?        -        connection refused
`,
		`{"set": "foo", "term": 2, "members": [{"name": "a:1", "stateStr": "SECONDARY", "uptime": 5, "self": true, "optime": {"ts": {"$timestamp": {"t": 100, "i": 4}}}}]}`: `set foo, term 2, as a:1 sees it

MEMBER   STATE       BEHIND   UP
a:1      SECONDARY   ?        5s

There is no primary: the set takes no writes until a majority of its voters can talk to each other.
`,
	} {
		d, err := document.FromJSON(reply)
		if err != nil {
			t.Fatal(err)
		}
		if got := parseStatus(d).table(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}
