package raftnode

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/logfile"
)

// storage is raft's view of the log and of the state machine. Raft calls it with the node's mutex held.
//
// Raft takes an error other than its own two for the end of the world and panics. That is right here, too: a log that cannot be read back
// must stop the member, and nothing was lost that a restart does not find again.
type storage struct {
	log      Log
	initial  Snapshot
	snapshot func() Snapshot // what a checkpoint made now would hold at least
}

// InitialState returns the hard state. Everything the state machine holds was committed, also when the commit
// position on disk, which is written without hurry, does not say so yet.
func (s *storage) InitialState() (raftpb.HardState, raftpb.ConfState, error) {
	hs := s.log.State()
	return raftpb.HardState{Term: hs.Term, Vote: hs.Vote, Commit: max(hs.Commit, s.initial.Index)}, s.initial.ConfState.raft(), nil
}

func (s *storage) Entries(lo, hi, maxSize uint64) ([]raftpb.Entry, error) {
	list, err := s.log.Entries(lo, hi, maxSize)
	if err != nil {
		return nil, raftError(err)
	}
	entries := make([]raftpb.Entry, len(list))
	for i := range list {
		e := &list[i]
		entries[i] = raftpb.Entry{Index: e.Index, Term: e.Term, Type: raftpb.EntryType(e.Type), Data: e.Data}
	}
	return entries, nil
}

func (s *storage) Term(i uint64) (uint64, error) {
	t, err := s.log.Term(i)
	return t, raftError(err)
}

func (s *storage) LastIndex() (uint64, error)  { return s.log.LastIndex(), nil }
func (s *storage) FirstIndex() (uint64, error) { return s.log.FirstIndex(), nil }

// Snapshot returns only what a snapshot would be of. The checkpoint is made when the transport asks for it.
func (s *storage) Snapshot() (raftpb.Snapshot, error) {
	snap := s.snapshot()
	if snap.Index == 0 {
		return raftpb.Snapshot{}, raft.ErrSnapshotTemporarilyUnavailable
	}
	return snap.raft(), nil
}

func raftError(err error) error {
	switch {
	case errors.Is(err, logfile.ErrCompacted):
		return raft.ErrCompacted
	case errors.Is(err, logfile.ErrUnavailable):
		return raft.ErrUnavailable
	}
	return err
}

// reconcile makes the log fit the state machine after a restart, and checks that it does.
//
// They differ when the process died after a snapshot was installed and before the log was reset: what the state machine
// holds is then not in the log, and everything in the log is older or was never committed.
func reconcile(log Log, applied Snapshot) error {
	if applied.Index > 0 {
		if applied.Index+1 < log.FirstIndex() {
			return fmt.Errorf("raftnode: the log begins at entry %d but the data ends at entry %d: replace this member's data directory",
				log.FirstIndex(), applied.Index)
		}
		term, err := log.Term(applied.Index)
		if err != nil || term != applied.Term {
			if err := log.Reset(applied.Index, applied.Term); err != nil {
				return err
			}
		}
	} else if log.FirstIndex() > 1 {
		return fmt.Errorf("raftnode: the log begins at entry %d but there is no data: replace this member's data directory", log.FirstIndex())
	}
	if commit := log.State().Commit; commit > log.LastIndex() {
		return fmt.Errorf("raftnode: the log ends at entry %d but entry %d was committed: the disk lost data that it had confirmed; replace this member's data directory",
			log.LastIndex(), commit)
	}
	return nil
}

func toLog(entries []raftpb.Entry, dst []logfile.Entry) []logfile.Entry {
	for i := range entries {
		e := &entries[i]
		dst = append(dst, logfile.Entry{Index: e.Index, Term: e.Term, Type: byte(e.Type), Data: e.Data})
	}
	return dst
}
