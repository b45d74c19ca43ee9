package wire

import (
	"encoding/binary"
	"fmt"
)

// Limits of every message, as in mongod.
const (
	HeaderSize     = 16
	MaxMessageSize = 48_000_000 // with the header; hello calls it maxMessageSizeBytes
)

// OpCode says what kind of message follows the header.
type OpCode int32

// The opcodes that have not been removed from the protocol's description. OP_MSG's predecessor dbMsg (1000),
// OP_COMMAND (2010) and OP_COMMANDREPLY (2011) never left MongoDB's own programs, and are unknown here.
const (
	OpReply       OpCode = 1
	OpUpdate      OpCode = 2001
	OpInsert      OpCode = 2002
	OpQuery       OpCode = 2004
	OpGetMore     OpCode = 2005
	OpDelete      OpCode = 2006
	OpKillCursors OpCode = 2007
	OpCompressed  OpCode = 2012
	OpMsg         OpCode = 2013
)

var opNames = map[OpCode]string{
	OpReply: "OP_REPLY", OpUpdate: "OP_UPDATE", OpInsert: "OP_INSERT", OpQuery: "OP_QUERY", OpGetMore: "OP_GET_MORE",
	OpDelete: "OP_DELETE", OpKillCursors: "OP_KILL_CURSORS", OpCompressed: "OP_COMPRESSED", OpMsg: "OP_MSG",
}

// String returns the opcode's name in the protocol's description.
func (op OpCode) String() string {
	if name, ok := opNames[op]; ok {
		return name
	}
	return fmt.Sprintf("opcode %d", int32(op))
}

// Header starts every message: four little-endian int32.
type Header struct {
	Length     int32 // of the whole message
	RequestID  int32 // chosen by the sender
	ResponseTo int32 // the RequestID that is answered; 0 in a request
	OpCode     OpCode
}

// ParseHeader reads the header at the start of b, which has at least [HeaderSize] bytes.
func ParseHeader(b []byte) Header {
	_ = b[HeaderSize-1]
	return Header{
		Length:     int32(binary.LittleEndian.Uint32(b)),
		RequestID:  int32(binary.LittleEndian.Uint32(b[4:])),
		ResponseTo: int32(binary.LittleEndian.Uint32(b[8:])),
		OpCode:     OpCode(binary.LittleEndian.Uint32(b[12:])),
	}
}

// appendHeader appends a header whose length [finish] fills in.
func appendHeader(dst []byte, requestID, responseTo int32, op OpCode) []byte {
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(requestID))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(responseTo))
	return binary.LittleEndian.AppendUint32(dst, uint32(op))
}

// finish writes the length of the message that starts at begin and is dst's last.
func finish(dst []byte, begin int) []byte {
	binary.LittleEndian.PutUint32(dst[begin:], uint32(len(dst)-begin))
	return dst
}
