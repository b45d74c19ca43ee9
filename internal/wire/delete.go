package wire

import (
	"encoding/binary"

	"github.com/mortondb/morton/internal/document"
)

// DeleteFlags are OP_DELETE's flag bits. Others are ignored.
type DeleteFlags uint32

// SingleRemove lets an OP_DELETE remove only the first document that matches.
const SingleRemove DeleteFlags = 1 << 0

// Delete is an OP_DELETE. It has no reply.
type Delete struct {
	Flags     DeleteFlags
	Namespace string
	Selector  document.Doc
}

// Parse reads the whole OP_DELETE b, header included. When the error is not fatal Namespace and Flags are set.
func (m *Delete) Parse(b []byte) error {
	c := cursor{rest: b[HeaderSize:]}
	c.int32() // reserved
	*m = Delete{Namespace: c.cstring(), Flags: DeleteFlags(c.int32()), Selector: c.doc()}
	return c.result()
}

// Append appends m as a message to dst.
func (m *Delete) Append(dst []byte, requestID int32) []byte {
	begin := len(dst)
	dst = appendHeader(dst, requestID, 0, OpDelete)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendCString(dst, m.Namespace)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m.Flags))
	return finish(append(dst, m.Selector...), begin)
}
