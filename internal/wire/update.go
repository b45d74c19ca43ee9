package wire

import (
	"encoding/binary"

	"github.com/mortondb/morton/internal/document"
)

// UpdateFlags are OP_UPDATE's flag bits. Others are ignored.
type UpdateFlags uint32

// OP_UPDATE's flags.
const (
	Upsert      UpdateFlags = 1 << 0
	MultiUpdate UpdateFlags = 1 << 1
)

// Update is an OP_UPDATE. It has no reply.
type Update struct {
	Flags     UpdateFlags
	Namespace string
	Selector  document.Doc
	Update    document.Doc
}

// Parse reads the whole OP_UPDATE b, header included. When the error is not fatal Namespace and Flags are set.
func (m *Update) Parse(b []byte) error {
	c := cursor{rest: b[HeaderSize:]}
	c.int32() // reserved
	*m = Update{Namespace: c.cstring(), Flags: UpdateFlags(c.int32()), Selector: c.doc(), Update: c.doc()}
	return c.result()
}

// Append appends m as a message to dst.
func (m *Update) Append(dst []byte, requestID int32) []byte {
	begin := len(dst)
	dst = appendHeader(dst, requestID, 0, OpUpdate)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendCString(dst, m.Namespace)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m.Flags))
	dst = append(dst, m.Selector...)
	return finish(append(dst, m.Update...), begin)
}
