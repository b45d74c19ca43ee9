// Package peer is raft messages and snapshots between members.
//
// A member dials the client port of each other member, asks with the command _mortonPeer to be let in, and after the reply
// sends frames in one direction: raft messages, and twice a second its status. The other direction is the other member's own
// connection. A snapshot has a connection to itself, so that heartbeats never wait behind bulk data.
//
// # Frames (little endian), version 1
//
//	0  u32  length of what follows the checksum
//	4  u32  CRC-32C of that
//	8  u8   type
//	9  ...  by type
//
//	1 raft     u8 message type, u8 flags (1 reject), uvarints term, log term, index, commit, reject hint, length of the
//	           context and the number of entries; for each entry uvarint term, u8 type, uvarint length; then the
//	           context and the entries' data. Entries have consecutive indexes behind the message's. Sender and
//	           receiver are those of the connection.
//	2 status   a document, see Status
//
// and on a snapshot's connection, in this order,
//
//	16 begin   uvarint number of files, uvarint bytes of all files together
//	17 file    uvarint size, name relative to the checkpoint with slashes; then
//	18 data    uvarint offset in the file, bytes; and
//	19 end     u32 CRC-32C of the whole file
//	20 done    uvarint term, raft's snapshot metadata and timestamp as raft encodes them
//	21 result  the receiver's answer: u8 1 if the snapshot was taken, else 0, and why not
//
// After begin the receiver says what it has of an earlier attempt, and such files are not sent again:
//
//	22 have    uvarint size, u32 CRC-32C, name
//	23 ask     all the rest is wanted
//	24 keep    name: the sender's file is the same; in place of file, data and end
package peer
