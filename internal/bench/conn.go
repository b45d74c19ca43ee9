package bench

import (
	"fmt"
	"net"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

const (
	dialTimeout  = 10 * time.Second
	replyTimeout = 10 * time.Minute // of index builds, and of a server that stalls
)

// conn is one socket.
type conn struct {
	net    *net.TCPConn
	reader *wire.Reader
}

func dial(address string) (*conn, error) {
	c, err := net.DialTimeout("tcp", address, dialTimeout)
	if err != nil {
		return nil, err
	}
	return &conn{net: c.(*net.TCPConn), reader: wire.NewReader(c)}, nil
}

func (c *conn) close() {
	_ = c.net.SetLinger(0) // a storm of connections must not use up all ports
	_ = c.net.Close()
	c.reader.Close()
}

// exchange sends a message and returns the document of the reply, which must say ok. It is valid until the next call.
func (c *conn) exchange(request []byte) (document.Doc, error) {
	if _, err := c.net.Write(request); err != nil {
		return nil, err
	}
	bytes, err := c.reader.Next()
	if err != nil {
		return nil, err
	}
	// A reply is taken as it is: to validate it would cost as much as the server's work.
	if len(bytes) < headerSize+10 || wire.ParseHeader(bytes).OpCode != opMsg {
		return nil, fmt.Errorf("the reply is no OP_MSG")
	}
	reply := document.Doc(bytes[headerSize+5:])
	if ok, _ := reply.Lookup("ok").AsFloat64(); ok != 1 {
		return nil, fmt.Errorf("error reply: %s", reply)
	}
	return reply, nil
}

// command runs any command; for what is not measured.
func (c *conn) command(db string, build func(*document.Builder)) (document.Doc, error) {
	var m message
	m.reset()
	m.bodyFor(db, build)
	return c.exchange(m.finish())
}

// once runs a command on a connection of its own. It does not wait longer than the limit.
func once(address, db string, limit time.Duration, build func(*document.Builder)) (document.Doc, error) {
	c, err := dial(address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if err := c.net.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	reply, err := c.command(db, build)
	return reply.Clone(), err
}

// counted is the n of a write's reply, or the number of documents of a find's; -1 of anything else.
func counted(reply document.Doc) int {
	if !reply.Lookup("writeErrors").IsMissing() || !reply.Lookup("writeConcernError").IsMissing() {
		return -1
	}
	if n, ok := reply.Lookup("n").ToInt64(); ok {
		return int(n)
	}
	batch := reply.Lookup("cursor").Doc().Lookup("firstBatch")
	if batch.IsMissing() {
		return -1
	}
	n := 0
	for it := batch.Doc().Iter(); it.Next(); {
		n++
	}
	return n
}
