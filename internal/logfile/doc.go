// Package logfile is Morton's replicated log on disk: the log's segment files: append, group fsync, read back, trim.
//
// The log is Raft's log, the oplog, and the write-ahead log of the storage at the same time. This package knows none of
// them: it keeps entries (index, term, type, bytes) and a hard state.
//
// # Files
//
// The log is a directory of segments, named by number: 0000000000000001.log, ... Only the newest is written to, and only
// at its end. Once it is full it is sealed, and the next one begins. A segment:
//
//	 0                                4096                                                     seal
//	+----------------+---------------+--------+--------+---  ---+--------+--------+--------+--------+- - - -
//	| segment header | zeros         | record | record |  ...   | record | record |  ...   |  seal  | zeros
//	+----------------+---------------+--------+--------+---  ---+--------+--------+--------+--------+- - - -
//
// Segment header, little-endian:
//
//	 0  8  magic "MortonLg"
//	 8  4  format version (1)
//	12  4  CRC32C of these 96 bytes, with this field zero
//	16  8  number of the segment
//	24  8  salt, random: the CRCs of this segment's record headers begin with it
//	32  4  flags: 1 = the log begins here (a new log, or after a Reset); older segments are void
//	36  4  where the seal of the segment before begins
//	40 24  hard state when the segment was begun: term, vote, commit
//	64 16  where the log was trimmed to then: index, term
//	80 16  the log's last entry then: index, term
//
// Record, aligned to 4 bytes; what lies between two of them is not looked at:
//
//	 0  4  CRC32C of salt, offset in the segment, and the bytes 4 to 36
//	 4  4  CRC32C of the payload
//	 8  4  length of the payload
//	12  1  kind
//	13  1  type of the entry
//	14  2  zero
//	16  4  how many bytes of this segment were durable when this record was made
//	20  8  index
//	28  8  term
//	36  n  payload
//
// Kinds:
//
//	entry  index, term, type; payload: data. It voids every earlier entry with the same or a higher index.
//	state  index: commit, term: term; payload: vote (8 bytes)
//	trim   index, term: everything up to here is dropped
//	seal   index, term: of the last entry; payload: where this segment's living entries are, so that opening the log need not read them
//
// # What is always true
//
//   - Nothing is overwritten in place. An entry that replaces a suffix of the log is appended; reading the records in
//     order tells which are alive. A crash therefore leaves a prefix of what was appended, and at least what was synced.
//   - A segment's file gets its name (by rename) after its header is durable, and after its predecessor's seal is. So
//     a bad header, or a bad record before the seal of any segment but the newest, is damage and never a crash's trace.
//   - In the newest segment a bad record ends the log, unless a good record after it proves by its "durable" field
//     that the bad one had once been synced: that is damage, too, and an error. The CRCs cover salt and offset, so
//     neither old contents of the disk nor bytes of a client can pass for a record, nor can one record in another's place.
//   - Good records behind the end (they were written but not synced when the machine died, and got to the disk before
//     those in front of them) are erased when the log is opened, before anything is appended that could make them
//     follow again.
//   - Everything that was read at opening is synced before it is believed: it may have been in the page cache only.
//   - A segment's header has all state that is not entries, so segments can be removed from the old end at will, once a trim record
//     that says so is durable.
//
// # Space
//
// A file grows as it is used. Small appends go to space filled with zeros beforehand (up to 1 MB at a time), because overwriting
// allocated, written blocks needs no change of metadata: on ext4, append and fdatasync of 4 to 32 KB then take 130-200 us, and 210-290
// without. At 64 KB it makes no difference, so larger appends write past the end, and every byte once. Reserving space with
// fallocate helped much less (4 KB: 260 us), for its blocks are not written yet.
//
// # Fail points
//
// Tests of whole processes can stop or fail it (see package invariant) at logfile.beforeSync, when what is appended is written but not synced; at
// logfile.sealed, between two segments; and at logfile.beforeRemove, when trimmed or void segments are still there.
package logfile
