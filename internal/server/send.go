package server

import (
	"net"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// respondent is who gets a reply, and in which form.
type respondent struct {
	to         int32 // request id of what is answered
	checksum   bool
	compressed bool
	compressor wire.Compressor
}

// gatherMin is how large a reply has to be for it to be cheaper to hand the kernel two pieces than to put them together.
const gatherMin = 16 << 10

// sendMsg sends an OP_MSG whose body is d.
func (c *conn) sendMsg(to *respondent, d document.Doc, flags wire.MsgFlags) error {
	c.lastID++
	if len(d) >= gatherMin && !to.checksum && !to.compressed {
		prefix := wire.AppendMsgPrefix(make([]byte, 0, wire.MsgPrefixSize), c.lastID, to.to, flags, len(d))
		return c.writePieces(net.Buffers{prefix, d})
	}
	if to.checksum {
		flags |= wire.ChecksumPresent
	}
	buf := wire.GetBuffer(wire.MsgPrefixSize + len(d) + 4)
	defer buf.Free()
	m := wire.Msg{Flags: flags, Body: d}
	buf.B = m.Append(buf.B, c.lastID, to.to)
	return c.send(to, buf.B)
}

// sendReply sends an OP_REPLY; docs are its documents, count of them, one behind the other.
func (c *conn) sendReply(to *respondent, r *wire.Reply, count int, docs []byte) error {
	c.lastID++
	buf := wire.GetBuffer(wire.HeaderSize + 20 + len(docs))
	defer buf.Free()
	buf.B = r.AppendPrefix(buf.B, c.lastID, to.to, count, len(docs))
	buf.B = append(buf.B, docs...)
	return c.send(to, buf.B)
}

// send sends a message, compressed if its receiver wants that.
func (c *conn) send(to *respondent, message []byte) error {
	if !to.compressed {
		return c.write(message)
	}
	buf := wire.GetBuffer(len(message))
	defer buf.Free()
	packed, err := wire.AppendCompressed(buf.B, message, to.compressor)
	if err != nil {
		return err
	}
	buf.B = packed
	return c.write(packed)
}

func (c *conn) write(b []byte) error {
	n, err := c.nc.Write(b)
	c.traffic.bytesOut.Add(int64(n))
	return err
}

func (c *conn) writePieces(pieces net.Buffers) error {
	n, err := pieces.WriteTo(c.nc)
	c.traffic.bytesOut.Add(n)
	return err
}
