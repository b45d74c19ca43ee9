package raftnode

import (
	"encoding/binary"
	"errors"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/oplog"
)

// Entry is a committed entry of the replicated log. Data is the concatenated groups of package oplog, or empty for
// entries that are the log's own business; it must not be changed.
type Entry struct {
	Index, Term uint64
	Data        []byte
}

// Snapshot says which state a checkpoint, or a state machine, holds: everything up to and including entry Index.
type Snapshot struct {
	Index, Term uint64
	TS          oplog.Timestamp // the last timestamp in it
	ConfState   ConfState       // the members as of Index
}

// raft returns s as raft and the wire have it.
func (s Snapshot) raft() raftpb.Snapshot {
	return raftpb.Snapshot{
		Data:     binary.LittleEndian.AppendUint64(nil, uint64(s.TS)),
		Metadata: raftpb.SnapshotMetadata{Index: s.Index, Term: s.Term, ConfState: s.ConfState.raft()},
	}
}

func snapshotFromRaft(r *raftpb.Snapshot) (Snapshot, error) {
	if len(r.Data) != 8 {
		return Snapshot{}, errors.New("raftnode: snapshot without a timestamp")
	}
	return Snapshot{Index: r.Metadata.Index, Term: r.Metadata.Term, TS: oplog.Timestamp(binary.LittleEndian.Uint64(r.Data)),
		ConfState: fromRaft(r.Metadata.ConfState)}, nil
}

// StateMachine is what the log is for. All calls come from one goroutine and never overlap.
//
// An error from Apply, ApplyConfChange or InstallSnapshot means that this member can no longer
// follow the others: the node stops and says so through [Options].OnFatal.
type StateMachine interface {
	// Apply takes committed entries in order, without gaps. After a restart it starts behind [Options].Applied; entries
	// that were applied before, but not durably, come again.
	Apply(entries []Entry) error

	// ApplyConfChange takes one entry that changed the members, in order with the others. The state machine keeps cs
	// beside its applied index, atomically, and gives both back as [Options].Applied. context is what was
	// passed to [Node.ProposeConfChange], nil when raft itself wrote the entry (to leave a joint configuration).
	ApplyConfChange(e Entry, cs ConfState, context []byte) error

	// BecomePrimary says that this node leads and has applied everything that came before its term: appends may start.
	// It is called once per term, and once more for the same term when a hand-over, which
	// began with StepDown, did not succeed.
	BecomePrimary(term uint64)

	// StepDown says that leadership is lost, or about to be handed over. It follows every BecomePrimary, comes before
	// anything of a newer leader is applied, and returns when no group of the term can be appended any more.
	StepDown(term uint64)

	// Checkpoint writes a copy of the applied state into dir, which does not exist yet, and says what it holds. For a member without
	// data, an arbiter, it writes only what that must know: the place in the log and who the members are.
	Checkpoint(dir string, withData bool) (Snapshot, error)

	// InstallSnapshot replaces all state by the checkpoint in dir, which it takes over, atomically and durably:
	// after a crash the state is the old or the new one.
	InstallSnapshot(dir string, s Snapshot) error
}
