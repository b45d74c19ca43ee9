package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// client is a connection to one member, for the few commands that the tools send.
type client struct {
	conn   net.Conn
	reader *wire.Reader
	sent   int32
}

func dialMember(ctx context.Context, host string) (*client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, reader: wire.NewReader(conn)}, nil
}

func (c *client) close() {
	c.conn.Close()
	c.reader.Close()
}

// run sends a command to the admin database and returns the reply. The error is the reply's if it has one. A canceled
// context ends the connection.
func (c *client) run(ctx context.Context, build func(*document.Builder)) (document.Doc, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.conn.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	var b document.Builder
	build(&b)
	b.AppendString("$db", "admin")
	c.sent++
	request := wire.Msg{Body: b.Finish()}
	if _, err := c.conn.Write(request.Append(nil, c.sent, 0)); err != nil {
		return nil, err
	}
	bytes, err := c.reader.Next()
	if err != nil {
		return nil, err
	}
	var reply wire.Msg
	if err := reply.Parse(bytes); err != nil {
		return nil, err
	}
	d := reply.Body.Clone()
	if ok, _ := d.Lookup("ok").AsFloat64(); ok != 1 {
		return d, fmt.Errorf("%s (%s)", d.Lookup("errmsg").Str(), d.Lookup("codeName").Str())
	}
	return d, nil
}

// hello asks what the member is. With the topologyVersion of the last answer it waits until the next differs.
func (c *client) hello(ctx context.Context, last document.Value) (document.Doc, error) {
	return c.run(ctx, func(b *document.Builder) {
		b.AppendInt32("hello", 1)
		if !last.IsMissing() {
			b.AppendValue("topologyVersion", last)
			b.AppendInt64("maxAwaitTimeMS", 10000)
		}
	})
}

// memberState is what hello says of a member.
type memberState struct {
	name    string // PRIMARY, SECONDARY, STARTUP, RECOVERING; or unreachable
	primary string // who it says is primary
	term    uint64 // of a primary
}

const unreachable = "unreachable"

func stateOf(hello document.Doc) memberState {
	s := memberState{name: "RECOVERING", primary: hello.Lookup("primary").Str()}
	switch {
	case hello.Lookup("isWritablePrimary").Bool():
		s.name = "PRIMARY"
		id := hello.Lookup("electionId").ObjectID()
		for _, b := range id[4:] {
			s.term = s.term<<8 | uint64(b)
		}
	case hello.Lookup("secondary").Bool():
		s.name = "SECONDARY"
	case hello.Lookup("setName").IsMissing():
		s.name = "STARTUP"
	}
	return s
}
