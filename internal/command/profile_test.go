package command

import "testing"

// TestProfile notes what is done to one database, and shows it as system.profile.
func TestProfile(t *testing.T) {
	m := newTestMember(t, 1)
	c := m.client()
	c.must("test", `{"insert": "c", "documents": [{"_id": 1}]}`)
	c.must("test", `{"profile": 2}`)
	c.must("test", `{"find": "c", "comment": "why"}`)
	c.must("other", `{"find": "c"}`)
	c.must("test", `{"profile": 1, "filter": {"op": "insert"}}`)
	c.must("test", `{"find": "c"}`)
	c.must("test", `{"insert": "c", "documents": [{"_id": 2}]}`)
	if d := c.must("test", `{"profile": 0, "filter": "unset"}`); d.Lookup("was").Int32() != 1 || d.LookupPath("filter.op.$eq").Str() != "insert" {
		t.Errorf("%s", d)
	}
	d := c.must("test", `{"find": "system.profile", "filter": {"ns": "test.c"}, "sort": {"$natural": -1}, "projection": {"op": 1, "command.comment": 1}}`)
	if got, want := d.LookupPath("cursor.firstBatch").Shell(), `[ { op: "insert", command: {} }, { op: "query", command: { comment: "why" } } ]`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	wantFailure(t, "sampleRate", c.run("test", `{"profile": 0, "sampleRate": 2}`), 2, "'sampleRate' must be between 0.0 and 1.0 inclusive")
	wantFailure(t, "insert", c.run("test", `{"insert": "system.profile", "documents": [{}]}`), 73, "cannot write to test.system.profile")
	c.must("test", `{"drop": "system.profile"}`)
}

// TestViewsAreRead reads a view of a view in every way, and shows that it cannot be written.
func TestViewsAreRead(t *testing.T) {
	m := newTestMember(t, 1)
	c := m.client()
	c.must("test", `{"insert": "c", "documents": [{"_id": 1, "a": 1}, {"_id": 2, "a": 2}, {"_id": 3, "a": 3}]}`)
	c.must("test", `{"create": "v", "viewOn": "c", "pipeline": [{"$match": {"a": {"$gt": 1}}}]}`)
	c.must("test", `{"create": "w", "viewOn": "v", "pipeline": [{"$addFields": {"b": {"$add": ["$a", 10]}}}]}`)
	for _, tc := range []struct{ command, path, want string }{
		{`{"find": "w", "filter": {"b": {"$lt": 13}}, "projection": {"a": 1}}`, "cursor.firstBatch", `[ { _id: 2, a: 2 } ]`},
		{`{"find": "w", "sort": {"a": -1}, "limit": 1}`, "cursor.firstBatch", `[ { _id: 3, a: 3, b: 13 } ]`},
		{`{"count": "w", "query": {"a": 3}}`, "n", `1`},
		{`{"distinct": "w", "key": "b"}`, "values", `[ 12, 13 ]`},
		{`{"aggregate": "w", "pipeline": [{"$count": "n"}], "cursor": {}}`, "cursor.firstBatch", `[ { n: 2 } ]`},
		{`{"insert": "w", "documents": [{}]}`, "writeErrors.0.code", `166`},
		{`{"find": "system.views", "projection": {"viewOn": 1}}`, "cursor.firstBatch", `[ { _id: "test.v", viewOn: "c" }, { _id: "test.w", viewOn: "v" } ]`},
	} {
		if got := c.must("test", tc.command).LookupPath(tc.path).Shell(); got != tc.want {
			t.Errorf("%s\ngot  %s\nwant %s", tc.command, got, tc.want)
		}
	}
	wantFailure(t, "cycle", c.run("test", `{"collMod": "v", "viewOn": "w", "pipeline": []}`), 5, "View cycle detected")
	wantFailure(t, "tail", c.run("test", `{"find": "v", "tailable": true}`), 168, "Tailable cursors are not supported in aggregation.")
}
