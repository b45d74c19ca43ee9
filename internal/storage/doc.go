// Package storage is Pebble; nobody else imports it.
//
// A [Store] is two Pebbles, records and indexes, that share a block cache: record keys ascend and need no rewriting by
// compaction, index keys do not. Their write-ahead logs are off: the replicated log is the WAL. Each of the two remembers, in
// the same atomic batch as the data, the [Position] in the log that it has applied. After a crash each holds what it last
// flushed; the log is applied again from [Store.Durable], and each skips what it has. So the two need no common commit.
//
// Storage holds committed state only.
//
// On disk: DIR/CURRENT names the subdirectory in use, which holds records/ and indexes/. A checkpoint received from
// another member becomes a new subdirectory, and CURRENT is replaced by a rename ([Store.Install]).
package storage
