package wire

import (
	"bytes"
	"encoding/binary"

	"github.com/mortondb/morton/internal/document"
)

// clientError begins the messages of mongod about legacy messages that are broken.
const clientError = "Client Error: "

// cursor reads the parts of a legacy message in order. The first part that is not there sets err; everything after it
// reads as zero.
type cursor struct {
	rest []byte
	err  *Error
}

func (c *cursor) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if len(c.rest) < n {
		c.err = fatal("%smessage ends too early", clientError)
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) int32() int32 {
	if b := c.take(4); b != nil {
		return int32(binary.LittleEndian.Uint32(b))
	}
	return 0
}

func (c *cursor) int64() int64 {
	if b := c.take(8); b != nil {
		return int64(binary.LittleEndian.Uint64(b))
	}
	return 0
}

// cstring returns a string that ends with a zero.
func (c *cursor) cstring() string {
	if c.err != nil {
		return ""
	}
	n := bytes.IndexByte(c.rest, 0)
	if n < 0 {
		c.err = fatal("%sstring without end", clientError)
		return ""
	}
	s := string(c.rest[:n])
	c.rest = c.rest[n+1:]
	return s
}

// doc returns a document that has been validated. What is wrong with it is not fatal: the message's own length has
// said where the next message begins.
func (c *cursor) doc() document.Doc {
	if c.err != nil {
		return nil
	}
	d, rest, err := cutDoc(c.rest)
	if err == nil {
		err = validate(d)
	}
	if err != nil {
		c.err = err.inLegacyMessage()
		return nil
	}
	c.rest = rest
	return d
}

// result returns err as a plain error.
func (c *cursor) result() error {
	if c.err != nil {
		return c.err
	}
	return nil
}

func appendCString(dst []byte, s string) []byte { return append(append(dst, s...), 0) }
