package wire

import "encoding/binary"

// killCursorsMax is the most cursors that one OP_KILL_CURSORS may name, as in mongod.
const killCursorsMax = 29_999

// KillCursors is an OP_KILL_CURSORS: its sender wants no more of the cursors. It has no reply.
type KillCursors struct {
	CursorIDs []int64
}

// Parse reads the whole OP_KILL_CURSORS b, header included. None of its errors is fatal: mongod notes them and reads on.
func (m *KillCursors) Parse(b []byte) error {
	c := cursor{rest: b[HeaderSize:]}
	c.int32() // reserved
	n := c.int32()
	if c.err != nil {
		return refuse(codeOverflow, "%v", c.err)
	}
	if n < 1 || n > killCursorsMax || int(n) > len(c.rest)/8 {
		return refuse(codeInvalidLength, "OP_KILL_CURSORS with %d cursors and %d bytes of them", n, len(c.rest))
	}
	m.CursorIDs = make([]int64, n)
	for i := range m.CursorIDs {
		m.CursorIDs[i] = c.int64()
	}
	return nil
}

// Append appends m as a message to dst.
func (m *KillCursors) Append(dst []byte, requestID int32) []byte {
	begin := len(dst)
	dst = appendHeader(dst, requestID, 0, OpKillCursors)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(m.CursorIDs)))
	for _, id := range m.CursorIDs {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(id))
	}
	return finish(dst, begin)
}
