package connpool

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/mortondb/morton/internal/wire"
)

// RoundTrip sends msg, a whole OP_MSG with its header, and waits for the reply. It is compressed if that was agreed on
// and is allowed for the command. The error is an *Error. After any error but [ErrTooLarge] the connection is closed.
//
// The operation ends when ctx does, or a few milliseconds later.
func (c *Conn) RoundTrip(ctx context.Context, msg []byte) (Reply, error) {
	if err := c.begin(ctx); err != nil {
		return Reply{}, err
	}
	out, packed, err := c.prepare(ctx, msg)
	var r Reply
	if err == nil {
		r, err = c.exchange(ctx, out)
		packed.Free()
	}
	c.end()
	if err != nil {
		return Reply{}, err // as it is, a nil *Error would be an error
	}
	return r, nil
}

// exchanger sends out and waits until there is something to read into in, which it does once. It has sent all if it
// returns no error.
type exchanger interface {
	exchange(out, in []byte) (written, read int, err error)
}

func (c *Conn) exchange(ctx context.Context, out []byte) (Reply, *Error) {
	if c.sock == nil || c.carry != nil {
		if err := c.write(ctx, out); err != nil {
			return Reply{}, err
		}
		return c.read(ctx)
	}
	c.carry = c.newBuffer()
	written, n, err := c.sock.exchange(out, c.carry.B[:cap(c.carry.B)])
	if err != nil {
		c.carry.Free()
		c.carry = nil
		if written < len(out) {
			return Reply{}, c.failed(ctx, OpWrite, false, err)
		}
		return Reply{}, c.failed(ctx, OpRead, true, err)
	}
	c.carry.B = c.carry.B[:n]
	return c.read(ctx)
}

// Send sends msg as RoundTrip does, and waits for nothing: there is no reply ([wire.MoreToCome] in the request), or
// Receive waits for it.
func (c *Conn) Send(ctx context.Context, msg []byte) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	out, packed, err := c.prepare(ctx, msg)
	if err == nil {
		err = c.write(ctx, out)
		packed.Free()
	}
	c.end()
	if err != nil {
		return err
	}
	return nil
}

// Receive waits for a reply: the one to the last message that was sent, or the next of several that the server sends
// by itself ([Reply.MoreToCome]).
func (c *Conn) Receive(ctx context.Context) (Reply, error) {
	if err := c.begin(ctx); err != nil {
		return Reply{}, err
	}
	r, err := c.read(ctx)
	c.end()
	if err != nil {
		return Reply{}, err
	}
	return r, nil
}

// begin has the operation end when ctx does. It takes nothing where ctx cannot end.
func (c *Conn) begin(ctx context.Context) error {
	if ctx.Done() == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return c.fault(OpWrite, false, err)
	}
	c.mu.Lock()
	c.ctx = ctx
	c.mu.Unlock()
	if c.pool != nil {
		c.pool.watcher.wake()
	} else {
		c.unhook = context.AfterFunc(ctx, func() { c.checkContext() })
	}
	return nil
}

// end undoes begin. A context that ended after the last byte had come has done no harm.
func (c *Conn) end() {
	if c.ctx == nil { // only the operation itself writes it
		return
	}
	if c.unhook != nil {
		c.unhook()
		c.unhook = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ctx = nil
	if c.interrupted && !c.closed {
		c.nc.SetDeadline(time.Time{})
	}
	c.interrupted = false
}

var past = time.Unix(1, 0)

// checkContext interrupts the operation if its context has ended, and reports whether there is one. Anybody may call
// it.
func (c *Conn) checkContext() (busy bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == nil {
		return false
	}
	if !c.interrupted && c.ctx.Err() != nil {
		c.interrupted = true
		c.nc.SetDeadline(past)
	}
	return true
}

func requestID(msg []byte) int32 { return int32(binary.LittleEndian.Uint32(msg[4:])) }

// prepare returns what is to be sent for msg, and the buffer that it is in if it is compressed.
func (c *Conn) prepare(ctx context.Context, msg []byte) (out []byte, packed *wire.Buffer, _ *Error) {
	if limit := c.hello.MaxMessageSize; limit > 0 && len(msg) > limit {
		return nil, nil, c.fault(OpWrite, false, ErrTooLarge)
	}
	c.expect, c.more = requestID(msg), false
	if c.hello.Compressor == wire.Noop || !compressible(msg) {
		return msg, nil, nil
	}
	packed = wire.GetBuffer(len(msg))
	b, err := c.compress(packed.B, msg)
	if err != nil {
		packed.Free()
		return nil, nil, c.failed(ctx, OpWrite, false, err)
	}
	packed.B = b
	return b, packed, nil
}

// write sends out with one call of the socket.
func (c *Conn) write(ctx context.Context, out []byte) *Error {
	if n, err := c.nc.Write(out); err != nil {
		return c.failed(ctx, OpWrite, n >= len(out), err)
	}
	return nil
}

func (c *Conn) compress(dst, msg []byte) ([]byte, error) {
	if c.hello.Compressor == wire.Zlib && c.opts.ZlibLevel != nil {
		return wire.AppendZlib(dst, msg, *c.opts.ZlibLevel)
	}
	return wire.AppendCompressed(dst, msg, c.hello.Compressor)
}

// compressible reports whether the OP_MSG is of a command that may be compressed: not one that has to do with
// passwords, nor hello, whose compression is not agreed on yet.
func compressible(msg []byte) bool {
	const body = wire.MsgPrefixSize + 4 + 1 // the name of the body's first field
	if len(msg) <= body || msg[wire.MsgPrefixSize-1] != 0 {
		return false
	}
	name := msg[body:]
	for i, b := range name {
		if b == 0 {
			name = name[:i]
			break
		}
	}
	switch string(name) {
	case "hello", "isMaster", "ismaster", "saslStart", "saslContinue", "getnonce", "authenticate", "createUser", "updateUser",
		"copydbSaslStart", "copydbgetnonce", "copydb":
		return false
	}
	return true
}
