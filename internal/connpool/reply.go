package connpool

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// Reply is what a server answered. Its bytes are the caller's until it frees them, once, whichever copies of the Reply
// there are.
type Reply struct {
	// Body is the answer. Its length is right; what is inside has not been looked at, and a walk over it can end early
	// (document.Iter.Err).
	Body document.Doc
	// MoreToCome says that another reply follows without a request, which [Conn.Receive] waits for.
	MoreToCome bool

	buf *wire.Buffer
}

// Free gives the reply's memory back. Body must not be used any more.
func (r *Reply) Free() {
	r.buf.Free()
	*r = Reply{}
}

// Size of the buffer for a reply of which nothing is known. A reply of the last one's size is read without being moved.
const (
	readSizeMin  = 4 << 10
	readSizeMax  = 256 << 10
	trustedBytes = 64 << 10 // so much is set aside because a header says that it will come
)

// read reads the reply that is expected.
func (c *Conn) read(ctx context.Context) (Reply, *Error) {
	buf, err := c.readMessage()
	if err != nil {
		return Reply{}, c.failed(ctx, OpRead, true, err)
	}
	r, err := c.parse(buf)
	if err != nil {
		buf.Free()
		return Reply{}, c.failed(ctx, OpRead, true, err)
	}
	return r, nil
}

// parse makes a reply of a message. It frees buf only if it needs another in its place.
func (c *Conn) parse(buf *wire.Buffer) (Reply, error) {
	h := wire.ParseHeader(buf.B)
	if h.ResponseTo != c.expect {
		return Reply{}, protocolError("a reply to message %d came for message %d", h.ResponseTo, c.expect)
	}
	if h.OpCode == wire.OpCompressed {
		plain, err := wire.Decompress(buf.B)
		if err != nil {
			return Reply{}, err
		}
		// What was read can go, and buf be what it was unpacked to, since the caller knows it by its pointer.
		buf.B, plain.B = plain.B, buf.B
		plain.Free()
		h = wire.ParseHeader(buf.B)
	}
	flags, body, err := parseBody(buf.B, h.OpCode)
	if err != nil {
		return Reply{}, err
	}
	c.more = flags&wire.MoreToCome != 0
	c.expect = h.RequestID
	return Reply{Body: body, MoreToCome: c.more, buf: buf}, nil
}

func protocolError(format string, args ...any) error {
	return &wire.Error{Message: fmt.Sprintf(format, args...), Fatal: true}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// parseBody returns the only section of an OP_MSG. (A server could send others; none does.)
func parseBody(b []byte, op wire.OpCode) (wire.MsgFlags, document.Doc, error) {
	if op != wire.OpMsg {
		return 0, nil, protocolError("a reply by %v", op)
	}
	if len(b) < wire.MsgPrefixSize {
		return 0, nil, protocolError("OP_MSG of %d bytes is too short", len(b))
	}
	flags := wire.MsgFlags(binary.LittleEndian.Uint32(b[wire.HeaderSize:]))
	if unknown := flags & 0xffff &^ (wire.ChecksumPresent | wire.MoreToCome); unknown != 0 {
		return 0, nil, protocolError("OP_MSG with unknown required flag bits %#x", uint32(unknown))
	}
	if flags&wire.ChecksumPresent != 0 {
		end := len(b) - 4
		if end < wire.MsgPrefixSize || crc32.Checksum(b[:end], castagnoli) != binary.LittleEndian.Uint32(b[end:]) {
			return 0, nil, protocolError("OP_MSG checksum does not match contents")
		}
		b = b[:end]
	}
	if kind := b[wire.MsgPrefixSize-1]; kind != 0 {
		return 0, nil, protocolError("a reply that begins with a section of kind %d", kind)
	}
	body := b[wire.MsgPrefixSize:]
	if len(body) < 5 || int(binary.LittleEndian.Uint32(body)) != len(body) || body[len(body)-1] != 0 {
		return 0, nil, protocolError("a reply that is not one document")
	}
	return flags, document.Doc(body[:len(body):len(body)]), nil
}

// newBuffer returns a buffer for the next reply.
func (c *Conn) newBuffer() *wire.Buffer {
	return wire.GetBuffer(min(max(c.last, readSizeMin), readSizeMax))
}

// readMessage reads one message, header included, into a buffer that the caller frees. A small one takes one call of
// the socket.
func (c *Conn) readMessage() (*wire.Buffer, error) {
	buf := c.carry
	c.carry = nil
	if buf == nil {
		buf = c.newBuffer()
	}
	if err := c.fill(buf, wire.HeaderSize); err != nil {
		buf.Free()
		return nil, err
	}
	n := int(wire.ParseHeader(buf.B).Length)
	if n < wire.HeaderSize || n > wire.MaxMessageSize {
		buf.Free()
		return nil, protocolError("message length %d is not between %d and %d", n, wire.HeaderSize, wire.MaxMessageSize)
	}
	if err := c.fill(buf, n); err != nil {
		buf.Free()
		return nil, err
	}
	if rest := buf.B[n:]; len(rest) > 0 {
		c.carry = wire.GetBuffer(max(len(rest), readSizeMin))
		c.carry.B = append(c.carry.B, rest...)
		buf.B = buf.B[:n]
	}
	c.last = n
	return buf, nil
}

// fill reads until buf has n bytes or more.
func (c *Conn) fill(buf *wire.Buffer, n int) error {
	for len(buf.B) < n {
		if cap(buf.B) < n && (len(buf.B) == cap(buf.B) || len(buf.B) <= readSizeMin) {
			c.grow(buf, n)
		}
		got, err := c.nc.Read(buf.B[len(buf.B):cap(buf.B)])
		buf.B = buf.B[:len(buf.B)+got]
		switch {
		case got > 0: // an error will come again
		case err == nil:
			return io.ErrNoProgress
		case err == io.EOF && len(buf.B) > 0:
			return io.ErrUnexpectedEOF
		default:
			return err
		}
	}
	return nil
}

// grow makes room in buf for a message of n bytes: for all of it if it is not much or the last one was as large, else
// for four times what has come, because what a length says may never come.
func (c *Conn) grow(buf *wire.Buffer, n int) {
	larger := wire.GetBuffer(min(n, max(4*len(buf.B), trustedBytes, c.last)))
	larger.B = append(larger.B, buf.B...)
	buf.B, larger.B = larger.B, buf.B
	larger.Free()
}
