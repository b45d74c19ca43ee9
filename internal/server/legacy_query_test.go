package server

import (
	"testing"

	"github.com/mortondb/morton/internal/wire"
)

// TestQueryCommands shows commands that come by OP_QUERY. (Requests as PyMongo 1.8.1 to 2.9.5 and today's drivers send
// them, answers to wrong ones as mongod 4.2.6's.)
func TestQueryCommands(t *testing.T) {
	for _, tt := range []translation{
		{name: "bare", message: command1("admin.$cmd", `{"ismaster": 1}`), asked: []string{`admin {"ismaster":1} legacy`}, want: ok},
		{name: "numberToReturn 1", message: query("test.$cmd", `{"ping": 1}`, returns(1)), asked: []string{`test {"ping":1} legacy`}, want: ok},
		{name: "slaveOk", message: query("test.$cmd", `{"count": "c"}`, returns(-1), flags(wire.SlaveOK)),
			asked: []string{`test {"count":"c"} legacy slaveOk`}, want: ok},
		{name: "skip does not matter", message: query("test.$cmd", `{"ping": 1}`, returns(-1), skips(1)), asked: []string{`test {"ping":1} legacy`}, want: ok},
		{name: "$query", message: command1("test.$cmd", `{"$query": {"ping": 1}}`), asked: []string{`test {"ping":1} legacy`}, want: ok},
		{name: "query", message: command1("test.$cmd", `{"query": {"ping": 1}, "orderby": {}}`), asked: []string{`test {"ping":1} legacy`}, want: ok},
		{name: "$readPreference", message: command1("test.$cmd", `{"$query": {"count": "c"}, "$readPreference": {"mode": "secondary"}}`),
			asked: []string{`test {"count":"c","$readPreference":{"mode":"secondary"}} legacy`}, want: ok},
		{name: "$readPreference twice", message: command1("test.$cmd", `{"$query": {"count": "c", "$readPreference": {"mode": "primary"}}, "$readPreference": {"mode": "secondary"}}`),
			asked: []string{`test {"count":"c","$readPreference":{"mode":"primary"}} legacy`}, want: ok},
		{name: "$query not first", message: command1("test.$cmd", `{"$readPreference": {"mode": "secondary"}, "$query": {"ping": 1}}`),
			asked: []string{`test {"$readPreference":{"mode":"secondary"},"$query":{"ping":1}} legacy`}, want: ok},
		{name: "a failure is a reply", message: command1("test.$cmd", `{"nope": 1}`), replies: []string{`{"ok": 0.0, "errmsg": "no such command", "code": 59}`},
			asked: []string{`test {"nope":1} legacy`}, want: `reply flags 8 cursor 0 from 0 [{"ok":0.0,"errmsg":"no such command","code":59}]`},
		{name: "database names are the command's business", message: command1("l w.$cmd", `{"ping": 1}`), asked: []string{`l w {"ping":1} legacy`}, want: ok},
		{name: "no database", message: command1(".$cmd", `{"ping": 1}`), asked: []string{` {"ping":1} legacy`}, want: ok},

		{name: "numberToReturn 0", message: query("test.$cmd", `{"ping": 1}`),
			want: `reply flags 8 cursor 0 from 0 [{"ok":0.0,"errmsg":"Bad numberToReturn (0) for $cmd type ns - can only be 1 or -1","code":16979,"codeName":"Location16979"}]`},
		{name: "exhaust", message: query("test.$cmd", `{"ping": 1}`, returns(-1), flags(wire.Exhaust)),
			want: `reply flags 8 cursor 0 from 0 [{"ok":0.0,"errmsg":"The 'exhaust' OP_QUERY flag is invalid for commands: test.$cmd { ping: 1 }","code":18527,"codeName":"Location18527"}]`},
		{name: "$db", message: command1("test.$cmd", `{"ping": 1, "$db": "other"}`),
			want: `reply flags 8 cursor 0 from 0 [{"ok":0.0,"errmsg":"$db is not allowed in OP_QUERY requests","code":40621,"codeName":"Location40621"}]`},

		{name: "inprog", message: command1("test.$cmd.sys.inprog", `{}`), asked: []string{`admin {"currentOp":1} legacy slaveOk`}, want: ok},
		{name: "inprog with arguments", message: command1("admin.$cmd.sys.inprog", `{"$query": {"$all": true}}`),
			asked: []string{`admin {"currentOp":1,"$all":true} legacy slaveOk`}, want: ok},
		{name: "killop", message: command1("admin.$cmd.sys.killop", `{"op": 7}`), asked: []string{`admin {"killOp":1,"op":7} legacy slaveOk`}, want: ok},
		{name: "unlock", message: command1("admin.$cmd.sys.unlock", `{}`), asked: []string{`admin {"fsyncUnlock":1} legacy slaveOk`}, want: ok},
		{name: "unknown pseudo-command", message: command1("admin.$cmd.sys.zz", `{}`), want: sprintf(invalidNS, "admin.$cmd.sys.zz")},
	} {
		t.Run(tt.name, tt.run)
	}
}

// TestBrokenCommand shows that a command in broken BSON is answered, unlike a find.
func TestBrokenCommand(t *testing.T) {
	r := newRig(t, Options{}, nil)
	c := r.connect(t)
	c.send(func(dst []byte, id int32) []byte {
		b := command1("test.$cmd", `{"ping": 1}`)(dst, id)
		b[len(b)-1] = 1
		return b
	})
	b := c.recv()
	var reply wire.Reply
	if err := reply.Parse(b); err != nil || len(reply.Docs) != 1 || reply.Docs[0].Lookup("code").Int32() != 22 {
		t.Errorf("%+v, %v", reply, err)
	}
	c.ping()
}
