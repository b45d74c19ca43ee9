package server

import (
	"math"
	"testing"

	"github.com/mortondb/morton/internal/wire"
)

// TestQueryFind shows the find that an OP_QUERY on a collection becomes.
func TestQueryFind(t *testing.T) {
	find := func(name string, message func([]byte, int32) []byte, asked string) translation {
		return translation{name: name, message: message, replies: []string{emptyBatch}, asked: []string{asked}, want: emptyReply}
	}
	wrong := func(name string, message func([]byte, int32) []byte, text string) translation {
		return translation{name: name, message: message, want: canonicalQ + text + badValueEnd}
	}
	for _, tt := range []translation{
		find("bare", query("test.c", `{"x": 1}`), `test {"find":"c","filter":{"x":1}} legacy`),
		find("empty wrapper", command1("test.c", `{"$query": {}}`), `test {"find":"c","filter":{},"limit":1,"singleBatch":true} legacy`),
		find("dots in the name", query("test.a.b", `{}`), `test {"find":"a.b","filter":{}} legacy`),
		find("$ in the collection", query("test.$c", `{}`), `test {"find":"$c","filter":{}} legacy`),
		find("query", query("test.c", `{"query": {"x": 1}, "orderby": {"y": -1}}`), `test {"find":"c","filter":{"x":1},"sort":{"y":-1}} legacy`),
		find("$query not first", query("test.c", `{"$orderby": {"y": -1}, "$query": {"x": 1}}`), `test {"find":"c","filter":{"x":1},"sort":{"y":-1}} legacy`),
		find("query that is a value", query("test.c", `{"query": 5}`), `test {"find":"c","filter":{"query":5}} legacy`),
		find("$query that is a value", query("test.c", `{"$query": 5}`), `test {"find":"c","filter":{"$query":5}} legacy`),
		find("orderby in parts", query("test.c", `{"$query": {}, "$orderby": [{"a": 1}, {"b": -1}]}`), `test {"find":"c","filter":{},"sort":{"a":1,"b":-1}} legacy`),
		find("empty orderby", query("test.c", `{"$query": {}, "$orderby": {}}`), `test {"find":"c","filter":{}} legacy`),
		find("$hint document", query("test.c", `{"$query": {}, "$hint": {"x": 1}}`), `test {"find":"c","filter":{},"hint":{"x":1}} legacy`),
		find("$hint name", query("test.c", `{"$query": {}, "$hint": "x_1"}`), `test {"find":"c","filter":{},"hint":"x_1"} legacy`),
		find("$min and $max", query("test.c", `{"$query": {}, "$min": {"x": 1}, "$max": {"x": 9}}`), `test {"find":"c","min":{"x":1},"max":{"x":9},"filter":{}} legacy`),
		find("$returnKey, $showDiskLoc", query("test.c", `{"$query": {}, "$returnKey": true, "$showDiskLoc": 1}`), `test {"find":"c","returnKey":true,"showRecordId":true,"filter":{}} legacy`),
		find("switched off", query("test.c", `{"$query": {}, "$returnKey": false, "$showDiskLoc": 0, "$explain": false, "$snapshot": false}`), `test {"find":"c","filter":{}} legacy`),
		find("$maxTimeMS, $comment", query("test.c", `{"$query": {}, "$maxTimeMS": 100, "$comment": "why"}`), `test {"find":"c","maxTimeMS":100,"comment":"why","filter":{}} legacy`),
		find("$snapshot", query("test.c", `{"$query": {}, "$snapshot": true}`), `test {"find":"c","filter":{},"hint":{"_id":1}} legacy`),
		find("$maxScan", query("test.c", `{"$query": {}, "$maxScan": 5}`), `test {"find":"c","maxScan":5,"filter":{}} legacy`),
		find("$readPreference", query("test.c", `{"$query": {}, "$readPreference": {"mode": "secondary"}}`),
			`test {"find":"c","filter":{},"$readPreference":{"mode":"secondary"}} legacy`),
		find("slaveOk", query("test.c", `{}`, flags(wire.SlaveOK)), `test {"find":"c","filter":{}} legacy slaveOk`),
		find("fields", query("test.c", `{}`, fields(`{"x": 1, "_id": 0}`)), `test {"find":"c","filter":{},"projection":{"x":1,"_id":0}} legacy`),
		find("no fields", query("test.c", `{}`, fields(`{}`)), `test {"find":"c","filter":{}} legacy`),
		find("skip", query("test.c", `{}`, skips(3)), `test {"find":"c","filter":{},"skip":3} legacy`),
		find("numberToReturn 1", query("test.c", `{}`, returns(1)), `test {"find":"c","filter":{},"limit":1,"singleBatch":true} legacy`),
		find("numberToReturn 2", query("test.c", `{}`, returns(2)), `test {"find":"c","filter":{},"batchSize":2} legacy`),
		find("numberToReturn -2", query("test.c", `{}`, returns(-2)), `test {"find":"c","filter":{},"limit":2,"singleBatch":true} legacy`),
		find("flags", query("test.c", `{}`, flags(wire.TailableCursor|wire.AwaitData|wire.NoCursorTimeout|wire.Partial|wire.OplogReplay)),
			`test {"find":"c","filter":{},"tailable":true,"awaitData":true,"oplogReplay":true,"noCursorTimeout":true,"allowPartialResults":true} legacy`),
		find("flags that do not exist", query("test.c", `{}`, flags(1|1<<16|1<<31)), `test {"find":"c","filter":{}} legacy`),
		{name: "$explain", message: command1("test.c", `{"$query": {"x": 1}, "$explain": true, "$readPreference": {"mode": "nearest"}}`), replies: []string{`{"queryPlanner": {}, "ok": 1.0}`},
			asked: []string{`test {"explain":{"find":"c","filter":{"x":1},"limit":1,"singleBatch":true},"verbosity":"allPlansExecution","$readPreference":{"mode":"nearest"}} legacy`},
			want:  `reply flags 8 cursor 0 from 0 [{"queryPlanner":{},"ok":1.0}]`},

		wrong("orderby number", query("test.c", `{"$query": {}, "$orderby": 1}`), "sort must be object or array"),
		wrong("orderby of numbers", query("test.c", `{"$query": {}, "$orderby": [1]}`), "bad sort specification"),
		wrong("$hint number", query("test.c", `{"$query": {}, "$hint": 1}`), "$hint must be either a string or nested object"),
		wrong("$min number", query("test.c", `{"$query": {}, "$min": 1}`), "$min must be a BSONObj"),
		wrong("$maxTimeMS text", query("test.c", `{"$query": {}, "$maxTimeMS": "a"}`), "$maxTimeMS must be a number"),
		wrong("$maxTimeMS negative", query("test.c", `{"$query": {}, "$maxTimeMS": -1}`), "$maxTimeMS is out of range"),
		wrong("$snapshot with sort", query("test.c", `{"$query": {}, "$orderby": {"x": 1}, "$snapshot": true}`), "E12001 can't use sort with $snapshot"),
		wrong("$snapshot with hint", query("test.c", `{"$query": {}, "$hint": {"x": 1}, "$snapshot": true}`), "E12002 can't use hint with $snapshot"),
		wrong("unknown modifier", query("test.c", `{"$query": {}, "$foo": 1}`), "unknown query modifier: $foo"),
		wrong("filter beside $query", query("test.c", `{"$query": {}, "x": 1}`), "unknown query modifier: x"),
		wrong("negative skip", query("test.c", `{}`, skips(-1)), "Skip value must be non-negative, but received: -1"),
		wrong("smallest numberToReturn", query("test.c", `{}`, returns(math.MinInt32)), "bad ntoreturn value in query"),
		{name: "awaitData alone", message: query("test.c", `{}`, flags(wire.AwaitData)),
			want: `reply flags 2 cursor 0 from 0 [{"$err":"Cannot set 'awaitData' without also setting 'tailable'","code":9,"ok":0.0}]`},
		{name: "no dot", message: query("test", `{}`), want: sprintf(invalidNS, "test")},
		{name: "no namespace", message: query("", `{}`), want: sprintf(invalidNS, "")},
		{name: "no collection", message: query("test.", `{}`), want: sprintf(invalidNS, "test.")},
		{name: "no database", message: query(".c", `{}`), want: sprintf(invalidNS, ".c")},
		{name: "space in the database", message: query("te st.c", `{}`), want: sprintf(invalidNS, "te st.c")},
	} {
		t.Run(tt.name, tt.run)
	}
}

// TestQueryFailures shows how a failed find is told. Whatever keeps a member from answering because it is not primary is
// "not master", which makes old drivers look for another one.
func TestQueryFailures(t *testing.T) {
	for _, tt := range []struct{ reply, want string }{
		{`{"ok": 0.0, "errmsg": "unknown operator: $foo", "code": 2}`, `[{"$err":"unknown operator: $foo","code":2,"ok":0.0}]`},
		{`{"ok": 0.0, "errmsg": "not primary and secondaryOk=false", "code": 13435}`, `[{"$err":"not master","code":13435,"ok":0.0}]`},
		{`{"ok": 0.0, "errmsg": "not primary", "code": 10107}`, `[{"$err":"not master","code":10107,"ok":0.0}]`},
		{`{"ok": 0.0, "errmsg": "node is not in primary or recovering state", "code": 13436}`, `[{"$err":"not master","code":13436,"ok":0.0}]`},
	} {
		(&translation{message: query("test.c", `{}`), replies: []string{tt.reply}, asked: []string{`test {"find":"c","filter":{}} legacy`},
			want: "reply flags 2 cursor 0 from 0 " + tt.want}).run(t)
	}
}
