package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync/atomic"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/wire"
)

// phase is where a connection is.
type phase = int32

const (
	idle     phase = iota // waits for a request
	busy                  // works on one
	hijacked              // has become something else
	closed                // ends
)

// conn is one connection. All but the fields marked so belong to its goroutine.
type conn struct {
	s      *Server
	nc     net.Conn
	state  *command.Conn // its methods may be called by anybody
	src    *source
	reader *wire.Reader
	ctx    context.Context
	cancel context.CancelCauseFunc

	traffic    traffic       // anybody may read
	phase      atomic.Int32  // anybody; see closeWhenIdle
	endSoon    atomic.Bool   // anybody; to be closed when idle
	operations atomic.Uint64 // anybody may read: odd while an operation runs, and another number for each

	lastID    int32 // request id of the last message sent
	replySize int   // of the last OP_MSG

	// Of the request that is being worked on; here so that they need not be allocated each time.
	msg       wire.Msg
	sequences []command.Sequence
	request   command.Request
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{s: s, nc: nc, src: newSource(nc)}
	c.state = command.NewConn(s.lastID.Add(1), nc.RemoteAddr().String(), nc.LocalAddr().String())
	c.ctx, c.cancel = context.WithCancelCause(s.ctx)
	c.reader = wire.NewReader(c.src.reader())
	return c
}

// errDisconnect ends the operation of a client that has gone.
var errDisconnect = mongoerr.New(mongoerr.ClientDisconnect, "operation was interrupted because the client disconnected")

// serve serves the connection until it ends.
func (c *conn) serve() {
	defer c.s.forget(c)
	defer c.state.Close()
	defer c.reader.Close()
	defer c.close()
	for {
		b, err := c.reader.Next()
		if err != nil {
			c.logEnd(err)
			return
		}
		if !c.phase.CompareAndSwap(idle, busy) {
			return
		}
		c.traffic.bytesIn.Add(int64(len(b)))
		c.traffic.requests.Add(1)
		c.operations.Add(1)
		err = c.handle(b)
		c.operations.Add(1)
		c.forgetRequest()
		if err != nil {
			c.logEnd(err)
			return
		}
		if !c.phase.CompareAndSwap(busy, idle) || c.endSoon.Load() {
			return
		}
	}
}

// forgetRequest lets go of the message that was worked on. It may be large, and the next one may be long in coming.
func (c *conn) forgetRequest() {
	c.msg.Reset()
	clear(c.sequences)
	c.request = command.Request{}
}

// logEnd tells why a connection ends, unless it is usual.
func (c *conn) logEnd(err error) {
	var bad *wire.Error
	switch {
	case errors.As(err, &bad):
		c.s.log.Info("DBException handling request, closing client connection", slog.String("remote", c.state.Remote),
			slog.Int64("connectionId", c.state.ID), slog.String("error", err.Error()))
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, errEnd):
	default:
		c.s.log.Debug("Error on client connection", slog.String("remote", c.state.Remote),
			slog.Int64("connectionId", c.state.ID), slog.String("error", err.Error()))
	}
}

// errEnd is returned by those who want the connection closed and have nothing to say about it.
var errEnd = errors.New("connection is to end")

// close closes the connection as it is. Anybody may call it, any number of times.
func (c *conn) close() {
	c.phase.Store(closed)
	c.nc.Close()
	c.cancel(errDisconnect)
}

// closeWhenIdle closes the connection as soon as it works on no request. Anybody may call it.
//
// A connection that becomes idle looks at endSoon afterwards, and this looks for idle connections after setting it: one of
// the two sees the other.
func (c *conn) closeWhenIdle() {
	c.endSoon.Store(true)
	if c.phase.CompareAndSwap(idle, closed) || c.phase.Load() == hijacked {
		c.close()
	}
}

// handle works on one message and sends what is to be sent. It returns an error if the connection is to end.
func (c *conn) handle(b []byte) error {
	to := respondent{to: wire.ParseHeader(b).RequestID}
	op := wire.ParseHeader(b).OpCode
	if op == wire.OpCompressed {
		buf, err := c.decompress(b, &to)
		if err != nil {
			return err
		}
		defer buf.Free()
		b, op = buf.B, wire.ParseHeader(buf.B).OpCode
	}
	switch op {
	case wire.OpMsg:
		return c.handleMsg(b, &to)
	case wire.OpQuery:
		return c.handleQuery(b, &to)
	case wire.OpGetMore:
		return c.handleGetMore(b, &to)
	case wire.OpInsert:
		return c.handleInsert(b)
	case wire.OpUpdate:
		return c.handleUpdate(b)
	case wire.OpDelete:
		return c.handleDelete(b)
	case wire.OpKillCursors:
		return c.handleKillCursors(b)
	default: // OP_REPLY too: nothing was asked here
		return &wire.Error{Code: int32(mongoerr.ProtocolError), Message: "unexpected " + op.String() + " from a client", Fatal: true}
	}
}

// decompress returns the message inside b, and notes that the reply is to be compressed the same way.
func (c *conn) decompress(b []byte, to *respondent) (*wire.Buffer, error) {
	kind, err := wire.CompressorOf(b)
	if err != nil {
		return nil, err
	}
	if !c.s.compressors[kind] {
		return nil, &wire.Error{Code: int32(mongoerr.ProtocolError), Message: "message compressor " + kind.String() + " is not enabled", Fatal: true}
	}
	to.compressed, to.compressor = true, kind
	return wire.Decompress(b)
}

// hijack gives the connection to f.
func (c *conn) hijack(f func(net.Conn, *bufio.Reader)) {
	if !c.phase.CompareAndSwap(busy, hijacked) || c.endSoon.Load() {
		return
	}
	c.operations.Add(1) // f is no operation
	defer c.operations.Add(1)
	rest := bytes.NewReader(bytes.Clone(c.reader.Buffered()))
	c.reader.Close()
	f(c.nc, bufio.NewReader(io.MultiReader(rest, c.src)))
}
