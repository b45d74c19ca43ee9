package wire

import (
	"encoding/binary"

	"github.com/mortondb/morton/internal/document"
)

// ReplyFlags are OP_REPLY's flag bits.
type ReplyFlags uint32

// OP_REPLY's flags. mongod sets AwaitCapable in every reply that is neither of the first two.
const (
	CursorNotFound ReplyFlags = 1 << 0 // there is no such cursor; no documents follow
	QueryFailure   ReplyFlags = 1 << 1 // one document follows: {$err, code}
	AwaitCapable   ReplyFlags = 1 << 3
)

// Reply is an OP_REPLY, the answer to an OP_QUERY or an OP_GET_MORE.
type Reply struct {
	Flags        ReplyFlags
	CursorID     int64
	StartingFrom int32 // how many documents of the cursor earlier replies had; old drivers insist that it is right
	Docs         []document.Doc
}

// Parse reads the whole OP_REPLY b, header included.
func (m *Reply) Parse(b []byte) error {
	c := cursor{rest: b[HeaderSize:]}
	*m = Reply{Flags: ReplyFlags(c.int32()), CursorID: c.int64(), StartingFrom: c.int32()}
	n := c.int32()
	if c.err != nil {
		return c.err
	}
	docs, err := parseDocs(nil, c.rest)
	if err != nil {
		return err.inLegacyMessage()
	}
	if len(docs) != int(n) {
		return fatal("OP_REPLY that says it has %d documents, and has %d", n, len(docs))
	}
	m.Docs = docs
	return nil
}

// Append appends m as a message to dst.
func (m *Reply) Append(dst []byte, requestID, responseTo int32) []byte {
	begin := len(dst)
	dst = m.AppendPrefix(dst, requestID, responseTo, len(m.Docs), 0)
	for _, d := range m.Docs {
		dst = append(dst, d...)
	}
	return finish(dst, begin)
}

// AppendPrefix appends what stands before the documents of a reply that has count documents of size bytes together, in
// place of m.Docs, for senders that have them in one piece already.
func (m *Reply) AppendPrefix(dst []byte, requestID, responseTo int32, count, size int) []byte {
	begin := len(dst)
	dst = appendHeader(dst, requestID, responseTo, OpReply)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m.Flags))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(m.CursorID))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m.StartingFrom))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(count))
	binary.LittleEndian.PutUint32(dst[begin:], uint32(len(dst)-begin+size))
	return dst
}
