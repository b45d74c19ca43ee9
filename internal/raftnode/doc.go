// Package raftnode drives etcd raft; nobody else (but peer) imports it.
//
// A [Node] is one member's end of the replicated log. Groups go in at [Node.Append] on the primary and come out at
// [StateMachine].Apply on every member, in the same order. Between them stand a raft.RawNode under one mutex, stepped by
// whoever has input for it, and these goroutines:
//
//	ticker       moves raft's clock, nothing else, so that no slow disk can hold a heartbeat up
//	gatherer     proposes groups that nobody waits for, many at a time
//	log writer   appends to the log file; what queued up during one fsync shares the next
//	applier      runs every call of the state machine, one at a time
//	events       calls Options.OnEvent
//
// Nothing is read from or written to disk or network while the mutex is held, except that raft may read
// old entries back for a member that lags behind the log's memory.
//
// DESIGN.md in this folder says why things are as they are.
package raftnode
