package connpool

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// fakeServer answers every message as its function says, over connections in memory, so that it works in virtual time.
type fakeServer struct {
	// answer returns what to send for a message; nil: the connection is closed.
	answer func(message []byte) []byte

	work sync.WaitGroup
}

// newFakeServer returns a server that is ok with everything. When the test has ended, all connections to it must have
// been closed; else this waits in vain, which the bubble or the time limit of the test tells.
func newFakeServer(t testing.TB) *fakeServer {
	s := &fakeServer{answer: ok}
	t.Cleanup(s.work.Wait)
	return s
}

func (s *fakeServer) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	s.work.Go(func() { s.serve(far) })
	return near, nil
}

func (s *fakeServer) serve(nc net.Conn) {
	defer nc.Close()
	for r := wire.NewReader(nc); ; {
		message, err := r.Next()
		if err != nil {
			return
		}
		answer := s.answer(message)
		if answer == nil {
			return
		}
		if _, err := nc.Write(answer); err != nil {
			return
		}
	}
}

func (s *fakeServer) options() Options { return Options{Address: "db1:27017", Dial: s.dial} }

const helloReply = `{"helloOk": true, "isWritablePrimary": true, "maxBsonObjectSize": 16777216, "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000,
	"logicalSessionTimeoutMinutes": 30, "connectionId": 7, "minWireVersion": 0, "maxWireVersion": 17, "ok": 1.0}`

// ok answers a hello, by OP_QUERY or OP_MSG, and says ok to everything else.
func ok(message []byte) []byte {
	h := wire.ParseHeader(message)
	if h.OpCode == wire.OpQuery {
		r := wire.Reply{Docs: []document.Doc{doc(helloReply)}}
		return r.Append(nil, 1000, h.RequestID)
	}
	return reply(message, doc(`{"ok": 1.0}`))
}

// reply makes an OP_MSG that answers message.
func reply(message []byte, body document.Doc) []byte {
	m := wire.Msg{Body: body}
	return m.Append(nil, 1000, wire.ParseHeader(message).RequestID)
}

func doc(json string) document.Doc {
	d, err := document.FromJSON(json)
	if err != nil {
		panic(err)
	}
	return d
}

// message makes an OP_MSG of a command.
func message(requestID int32, json string) []byte {
	m := wire.Msg{Body: doc(json)}
	return m.Append(nil, requestID, 0)
}
