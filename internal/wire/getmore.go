package wire

import "encoding/binary"

// GetMore is an OP_GET_MORE: it asks for the next batch of a cursor.
type GetMore struct {
	Namespace string
	Return    int32 // the batch's size; 0 leaves it to the server
	CursorID  int64
}

// Parse reads the whole OP_GET_MORE b, header included.
func (m *GetMore) Parse(b []byte) error {
	c := cursor{rest: b[HeaderSize:]}
	c.int32() // reserved
	*m = GetMore{Namespace: c.cstring(), Return: c.int32(), CursorID: c.int64()}
	return c.result()
}

// Append appends m as a message to dst.
func (m *GetMore) Append(dst []byte, requestID int32) []byte {
	begin := len(dst)
	dst = appendHeader(dst, requestID, 0, OpGetMore)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendCString(dst, m.Namespace)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m.Return))
	return finish(binary.LittleEndian.AppendUint64(dst, uint64(m.CursorID)), begin)
}
