package node

import (
	"fmt"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/logfile"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/raftnode"
	"github.com/mortondb/morton/internal/storage"
)

// machine is the engine as the log's state machine.
type machine struct{ n *Node }

func (m machine) Apply(entries []raftnode.Entry) error {
	list := make([]engine.Entry, len(entries))
	for i, e := range entries {
		list[i] = engine.Entry(e)
	}
	apply := m.n.engine.Apply
	if m.n.arbiter.Load() {
		apply = m.pass
	}
	if err := apply(list); err != nil {
		return err
	}
	m.n.noteApplied(entries)
	return nil
}

// pass is Apply of an arbiter. What it keeps is too little for the stores to be flushed by themselves, and until they are the log is kept.
func (m machine) pass(list []engine.Entry) error {
	if err := m.n.engine.Pass(list); err != nil || time.Since(m.n.flushed) < compactEvery {
		return err
	}
	m.n.flushed = time.Now()
	return m.n.store.Flush()
}

func (m machine) ApplyConfChange(e raftnode.Entry, cs raftnode.ConfState, context []byte) error {
	members, err := cs.MarshalBinary()
	if err != nil {
		return err
	}
	if err := m.n.engine.ApplyConfig(engine.Entry{Index: e.Index, Term: e.Term}, members, document.Doc(context)); err != nil {
		return err
	}
	return m.n.loadConfig()
}

func (m machine) BecomePrimary(term uint64) {
	m.n.engine.BecomePrimary(term)
	m.n.becamePrimary(term)
}

func (m machine) StepDown(term uint64) {
	m.n.engine.StepDown(term)
	m.n.steppedDown()
}

func (m machine) Checkpoint(dir string, withData bool) (raftnode.Snapshot, error) {
	checkpoint := m.n.engine.Checkpoint
	if !withData {
		checkpoint = m.n.engine.CheckpointWithoutData
	}
	pos, err := checkpoint(dir)
	if err != nil {
		return raftnode.Snapshot{}, err
	}
	return m.n.snapshotAt(pos)
}

func (m machine) InstallSnapshot(dir string, s raftnode.Snapshot) error {
	if err := m.n.engine.Install(dir); err != nil {
		return err
	}
	if at := m.n.engine.Applied().Index; at != s.Index {
		return fmt.Errorf("node: the checkpoint received holds the state at %d, not %d", at, s.Index)
	}
	return m.n.loadConfig()
}

// snapshotAt describes the state that the engine holds, which is at pos.
func (n *Node) snapshotAt(pos storage.Position) (raftnode.Snapshot, error) {
	s := raftnode.Snapshot{Index: pos.Index, Term: pos.Term, TS: oplog.Timestamp(pos.TS)}
	members, err := n.engine.Members()
	if err != nil || members == nil {
		return s, err
	}
	return s, s.ConfState.UnmarshalBinary(members)
}

// groupsEntry is the type of log entries that carry groups, raft's EntryNormal.
const groupsEntry = 0

// entryReader lets the engine read the log back.
type entryReader struct{ log *logfile.Log }

func (r entryReader) Bounds() (first, last uint64) { return r.log.FirstIndex(), r.log.LastIndex() }

func (r entryReader) Read(lo, hi uint64, maxBytes int) ([]engine.Entry, error) {
	list, err := r.log.Entries(lo, hi, uint64(maxBytes))
	if err != nil {
		return nil, err
	}
	out := make([]engine.Entry, len(list))
	for i, e := range list {
		out[i] = engine.Entry{Index: e.Index, Term: e.Term}
		if e.Type == groupsEntry {
			out[i].Data = e.Data
		}
	}
	return out, nil
}
