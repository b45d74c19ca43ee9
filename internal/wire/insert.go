package wire

import (
	"encoding/binary"

	"github.com/mortondb/morton/internal/document"
)

// InsertFlags are OP_INSERT's flag bits. Others are ignored.
type InsertFlags uint32

// ContinueOnError lets an OP_INSERT go on with the next document after one has failed.
const ContinueOnError InsertFlags = 1 << 0

// Insert is an OP_INSERT. It has no reply.
type Insert struct {
	Flags     InsertFlags
	Namespace string
	Docs      []document.Doc
}

// Parse reads the whole OP_INSERT b, header included. When the error is not fatal Namespace and Flags are set.
func (m *Insert) Parse(b []byte) error {
	c := cursor{rest: b[HeaderSize:]}
	*m = Insert{Flags: InsertFlags(c.int32()), Namespace: c.cstring()}
	if c.err != nil {
		return c.err
	}
	docs, err := parseDocs(nil, c.rest)
	if err != nil {
		return err.inLegacyMessage()
	}
	m.Docs = docs
	return nil
}

// Append appends m as a message to dst.
func (m *Insert) Append(dst []byte, requestID int32) []byte {
	begin := len(dst)
	dst = appendHeader(dst, requestID, 0, OpInsert)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m.Flags))
	dst = appendCString(dst, m.Namespace)
	for _, d := range m.Docs {
		dst = append(dst, d...)
	}
	return finish(dst, begin)
}
