package raftnode

import (
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/invariant"
)

// readyLocked passes on everything that raft has decided. Whoever stepped raft calls it before letting mu go, so that no
// change of role can hide between two calls. Nothing in it waits.
func (n *Node) readyLocked() {
	for n.stopped == nil && n.raw.HasReady() {
		rd := n.raw.Ready()
		// Roles first: what follows in the queues is then behind the step-down.
		if rd.SoftState != nil {
			n.roleLocked(rd.SoftState)
		}
		if !raft.IsEmptyHardState(rd.HardState) {
			n.hardStateLocked(rd.HardState)
		}
		for _, rs := range rd.ReadStates {
			n.barrierLocked(rs)
		}
		n.dispatchLocked(rd.Messages)
	}
	n.marked = markedEntries{}
	if now := (leadership{n.term, n.lead}); now != n.told {
		n.told = now
		n.event(Event{Kind: EventLeader, Term: n.term, Leader: n.lead})
	}
}

// leadership is who leads in which term.
type leadership struct{ term, lead uint64 }

// hardStateLocked notes the term, and how far the log is committed.
func (n *Node) hardStateLocked(hs raftpb.HardState) {
	n.term = hs.Term
	if hs.Commit > n.commit {
		n.commit = hs.Commit
		n.water.commitTo(n.commit)
		n.changedLocked()
	}
}

// dispatchLocked gives raft's messages to the log writer, the applier and the transport. Raft puts those for its two
// local threads last.
func (n *Node) dispatchLocked(messages []raftpb.Message) {
	remote := len(messages)
	campaigning := false
	for i := range messages {
		m := &messages[i]
		campaigning = campaigning || m.Type == raftpb.MsgPreVote
		switch m.To {
		case raft.LocalAppendThread:
			n.appendLocked(m)
		case raft.LocalApplyThread:
			n.applies.put(applyItem{entries: m.Entries, responses: m.Responses})
		default:
			continue
		}
		remote = min(remote, i)
	}
	n.countLocked(n.called, n.cause, campaigning) // whoever was told to take over asks without this first question
	if remote > 0 && n.transport != nil {
		n.transport.Send(messages[:remote])
	}
}

// appendLocked queues what raft wants to have on disk.
func (n *Node) appendLocked(m *raftpb.Message) {
	if m.Term != 0 {
		hs := raftpb.HardState{Term: m.Term, Vote: m.Vote, Commit: m.Commit}
		onlyCommit := len(m.Entries) == 0 && m.Snapshot == nil && hs.Term == n.written.Term && hs.Vote == n.written.Vote
		n.written, n.writtenDirty = hs, true
		if onlyCommit && len(m.Responses) == 0 {
			// The commit position is worth no write of its own. It goes to disk with the next entries, or from the clock.
			return
		}
	}
	item := writeItem{entries: m.Entries, responses: m.Responses}
	if m.Snapshot != nil {
		item.snapshot = m.Snapshot
		if n.incoming != nil && n.incoming.index == m.Snapshot.Metadata.Index {
			item.dir, n.incoming = n.incoming.dir, nil
		}
		n.last = m.Snapshot.Metadata.Index
		snap, err := snapshotFromRaft(m.Snapshot)
		invariant.Check(err == nil, "raft accepted a snapshot that StepSnapshot refuses: %v", err)
		item.truncated = n.water.restored(n.last, snap.TS)
	}
	if k := len(m.Entries); k > 0 {
		n.last = m.Entries[k-1].Index
		item.truncated = n.water.appended(m.Entries[0].Index, n.last, n.marked.of(m.Entries))
	}
	if n.writtenDirty && (len(m.Entries) > 0 || m.Snapshot != nil || m.Term != 0) {
		hs := n.written
		item.hardState, n.writtenDirty = &hs, false
	}
	n.writes.put(item)
}

// flushHardStateLocked has the commit position written, if that has waited.
func (n *Node) flushHardStateLocked() {
	if n.writtenDirty {
		hs := n.written
		n.writtenDirty = false
		n.writes.put(writeItem{hardState: &hs})
	}
}

// markedEntries are the timestamps of the entries that a step brings, worked out before it took mu.
type markedEntries struct {
	first, last uint64 // the entries' indexes
	list        []mark
}

func markEntries(entries []raftpb.Entry) markedEntries {
	if len(entries) == 0 {
		return markedEntries{}
	}
	return markedEntries{first: entries[0].Index, last: entries[len(entries)-1].Index, list: spans(entries)}
}

// of returns the marks of entries. Raft drops those entries of a message that it has already, so that they are a suffix of the
// message's.
func (k markedEntries) of(entries []raftpb.Entry) []mark {
	first, last := entries[0].Index, entries[len(entries)-1].Index
	if last != k.last || first < k.first {
		return spans(entries)
	}
	list := k.list
	for len(list) > 0 && list[0].index < first {
		list = list[1:]
	}
	return list
}
