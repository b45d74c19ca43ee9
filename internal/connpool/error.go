package connpool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/mortondb/morton/internal/mongoerr"
)

// Op is what was being done when something failed.
type Op uint8

// What can fail, in the order of a connection's life.
const (
	OpCheckOut Op = iota + 1 // waiting for a connection
	OpDial
	OpTLS
	OpHello // saying hello
	OpAuth
	OpWrite // sending a message
	OpRead  // waiting for the reply to one
)

var opNames = [...]string{OpCheckOut: "check out", OpDial: "dial", OpTLS: "TLS handshake", OpHello: "hello", OpAuth: "authentication", OpWrite: "write", OpRead: "read"}

func (op Op) String() string {
	if int(op) < len(opNames) {
		return opNames[op]
	}
	return fmt.Sprintf("op %d", op)
}

// Error is a failure of a connection, or to get one.
type Error struct {
	Op      Op
	Address string
	// Sent says that the server can have seen the whole message. Where it is false the operation has not taken effect.
	Sent bool
	// Generation is the connection's: what was known about the server when it was made. Failures of a generation that
	// the pool has left behind say nothing about the server as it is now.
	Generation uint64
	// Err is the reason: of the network, of the context, an answer of the server (*mongoerr.Error), bytes that are no
	// reply (*wire.Error), or one of the pool's own.
	Err error
}

// Reasons of the pool's own.
var (
	ErrPoolClosed  = errors.New("the connection pool is closed")
	ErrPoolCleared = errors.New("the connection pool was cleared because the server failed")
	ErrWaitTimeout = errors.New("timed out while waiting for a connection of the pool")
	// ErrTooLarge: the message was not sent, and the connection is as it was.
	ErrTooLarge = errors.New("the message is larger than the server takes")
)

// Error names the server and what was being done.
func (e *Error) Error() string {
	if errors.Is(e.Err, io.EOF) || errors.Is(e.Err, io.ErrUnexpectedEOF) {
		return fmt.Sprintf("%s: %s: the server closed the connection", e.Address, e.Op)
	}
	return fmt.Sprintf("%s: %s: %v", e.Address, e.Op, e.Err)
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Handshake reports whether the connection was still being made.
func (e *Error) Handshake() bool { return e.Op >= OpDial && e.Op <= OpAuth }

// Network reports whether the connection failed, as opposed to the server's giving an answer that was not wanted or the
// caller's giving up.
func (e *Error) Network() bool {
	var answer *mongoerr.Error
	switch {
	case e.Op == OpCheckOut, errors.As(e.Err, &answer), errors.Is(e.Err, ErrTooLarge), errors.Is(e.Err, context.Canceled):
		return false
	}
	return true
}

// Timeout reports whether time ran out.
func (e *Error) Timeout() bool {
	var n net.Error
	return errors.Is(e.Err, context.DeadlineExceeded) || errors.Is(e.Err, ErrWaitTimeout) || errors.As(e.Err, &n) && n.Timeout()
}
