// Package peer is raft messages and snapshots between members.
//
// A member dials the client port of each other member, asks with the command _mortonPeer to be let in, and after the reply sends
// frames in one direction: raft messages, and now and then its status. The other direction is the other member's own
// connection. A snapshot has a connection to itself, so that heartbeats never wait behind bulk data.
//
// # Frames (little endian), version 1
//
//	0  u32  length of what follows the checksum
//	4  u32  CRC32C of it
//	8  u8   type
//	9  ...  by type, see the encoders in frame.go
package peer
