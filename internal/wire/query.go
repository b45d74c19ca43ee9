package wire

import (
	"encoding/binary"

	"github.com/mortondb/morton/internal/document"
)

// QueryFlags are OP_QUERY's flag bits. Others are ignored, as mongod did.
type QueryFlags uint32

// OP_QUERY's flags.
const (
	TailableCursor  QueryFlags = 1 << 1
	SlaveOK         QueryFlags = 1 << 2 // also a member that is not primary may answer
	OplogReplay     QueryFlags = 1 << 3
	NoCursorTimeout QueryFlags = 1 << 4
	AwaitData       QueryFlags = 1 << 5
	Exhaust         QueryFlags = 1 << 6 // send all batches without being asked for them
	Partial         QueryFlags = 1 << 7
)

// Query is an OP_QUERY: on the namespace "db.$cmd" a command, else the older form of find.
type Query struct {
	Flags     QueryFlags
	Namespace string
	Skip      int32
	Return    int32 // numberToReturn: the first batch's size, negative if no cursor is wanted
	Query     document.Doc
	Fields    document.Doc // nil if there is none
}

// Parse reads the whole OP_QUERY b, header included. When the error is not fatal Namespace and Flags are set.
func (m *Query) Parse(b []byte) error {
	c := cursor{rest: b[HeaderSize:]}
	*m = Query{
		Flags:     QueryFlags(c.int32()),
		Namespace: c.cstring(),
		Skip:      c.int32(),
		Return:    c.int32(),
		Query:     c.doc(),
	}
	if c.err == nil && len(c.rest) > 0 {
		m.Fields = c.doc()
	}
	return c.result()
}

// Append appends m as a message to dst.
func (m *Query) Append(dst []byte, requestID int32) []byte {
	begin := len(dst)
	dst = appendHeader(dst, requestID, 0, OpQuery)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m.Flags))
	dst = appendCString(dst, m.Namespace)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m.Skip))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m.Return))
	dst = append(dst, m.Query...)
	return finish(append(dst, m.Fields...), begin)
}
