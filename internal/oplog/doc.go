// Package oplog is the replicated entry and its place in time.
//
// An entry of the replicated log carries groups; a [Group] is what one write command, or one chunk of a large one, did to
// one namespace. A group is applied whole or not at all. It holds its operations in two forms: what MongoDB's
// oplog says of them (op, o, o2), for readers of local.oplog.rs, and the [Mutation]s of the two stores, decided once by
// the primary, for everybody who applies them. Members therefore never compute anything, they only store.
//
// # Time
//
// Operation i of a group has the timestamp First+i. Timestamps increase strictly through the whole log, across terms;
// the primary hands them out under its write lock. They are the database's only notion of order: versions in the
// overlay, read views, the waits of write concerns and clients' operationTime are all timestamps.
//
// # Layout of a group (little endian), format version 1
//
//	 0  u32  length of the group, this field included
//	 4  u8   version
//	 5  u8   flags (1: a session follows the namespace)
//	 6  u16  length of the namespace
//	 8  u64  timestamp of the first operation, filled in under the primary's write lock
//	16  i64  wall clock of the primary, milliseconds since 1970
//	24  u32  number of operations
//	28  u32  collection number (0: none)
//	32  i64  documents added (negative: removed)
//	40  i64  bytes of documents added
//	48  [16] UUID of the collection
//	64  namespace, session (lsid document, i64 txnNumber), operations
//
// and of an operation
//
//	u8 kind, uvarint statement id + 1 (0: none), u8 parts (1: o, 2: o2), o, o2,
//	uvarint number of mutations, mutations: u8 kind, uvarint key length, key [, uvarint value length, value]
//
// The value of a [PutO] mutation is the operation's o, which is not written twice.
package oplog
