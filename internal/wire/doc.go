// Package wire is MongoDB's wire protocol: bytes ↔ messages.
//
// A [Reader] cuts a stream of bytes into messages. The Parse functions look into one message without copying it: the
// documents that they return alias the message, and every one of them has passed [document.Validate]. The Append
// methods write messages to a buffer of the caller's. [Decompress] and [AppendCompressed] turn OP_COMPRESSED into the
// message inside it and back.
//
// The current opcodes are OP_MSG and OP_COMPRESSED. The others (OP_QUERY, OP_GET_MORE, OP_INSERT, OP_UPDATE,
// OP_DELETE, OP_KILL_CURSORS and OP_REPLY) are what drivers before 2018 speak, and what every driver says hello with.
//
// Bytes from outside never make this package panic, read out of bounds, or take more memory than a small multiple of
// the bytes that have really arrived.
package wire
