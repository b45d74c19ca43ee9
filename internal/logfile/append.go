package logfile

import (
	"math/rand/v2"

	"github.com/mortondb/morton/internal/invariant"
)

// Append writes entries and then hs. The indexes are consecutive; the first may be at most LastIndex()+1 and, where it is lower, replaces
// that entry and all after it; committed entries are never replaced. No entries, or nil for hs, means no change. The log keeps the entries'
// Data, which must not be changed any more.
//
// With sync, everything appended so far is durable when Append returns nil. Without, a crash may lose it, but only from the end: never an entry
// and not those after it. A hard state in which only Commit is new is not even written before something else is, if it comes alone and without sync:
// Raft finds out again what is committed.
//
// ErrTooLarge leaves the log as it is. Any other error sticks, see [Log].
func (l *Log) Append(entries []Entry, hs *HardState, sync bool) error {
	l.writeMu.Lock()
	defer l.writeMu.Unlock()
	if err := l.Err(); err != nil {
		return err
	}
	for i := range entries {
		if len(entries[i].Data) > MaxEntryBytes {
			return ErrTooLarge
		}
	}
	if hs != nil && hs.Commit < max(l.idx.trimmed.index, l.kept) { // Trim, Reset and KeepCommit raise Commit; the caller may not know yet
		raised := *hs
		raised.Commit = max(l.idx.trimmed.index, l.kept)
		hs = &raised
	}
	l.checkAppend(entries, hs)
	if err := l.append(entries, hs, sync); err != nil {
		return l.fail(err)
	}
	return nil
}

// KeepCommit makes durable that the log, which has entry index, is committed up to there at least.
func (l *Log) KeepCommit(index uint64) error {
	l.writeMu.Lock()
	defer l.writeMu.Unlock()
	if err := l.Err(); err != nil {
		return err
	}
	l.kept = max(l.kept, index)
	hs := l.hs
	hs.Commit = max(hs.Commit, index)
	l.checkAppend(nil, &hs)
	if err := l.append(nil, &hs, true); err != nil {
		return l.fail(err)
	}
	return nil
}

// checkAppend asserts what Raft guarantees, for a log that breaks it is worth nothing.
func (l *Log) checkAppend(entries []Entry, hs *HardState) {
	last := l.idx.last()
	if len(entries) > 0 {
		last = l.checkEntries(entries, last)
	}
	if hs != nil {
		l.checkHardState(*hs, last)
	}
}

func (l *Log) checkEntries(entries []Entry, last position) position {
	first := entries[0].Index
	if first <= l.hs.Commit || first > last.index+1 {
		invariant.Fail("logfile: entry %d appended, where commit is %d and the last entry %d", first, l.hs.Commit, last.index)
	}
	prev := position{first - 1, l.idx.term(first - 1)}
	for i := range entries {
		e := &entries[i]
		if e.Index != prev.index+1 || e.Term < prev.term {
			invariant.Fail("logfile: entry %d of term %d follows %d of term %d", e.Index, e.Term, prev.index, prev.term)
		}
		prev = position{e.Index, e.Term}
	}
	return prev
}

func (l *Log) checkHardState(hs HardState, last position) {
	old := l.hs
	switch {
	case hs.Term < old.Term || hs.Commit < old.Commit:
		invariant.Fail("logfile: hard state goes back from %+v to %+v", old, hs)
	case hs.Term == old.Term && hs.Vote != old.Vote && old.Vote != 0:
		invariant.Fail("logfile: second vote in a term, %+v after %+v", hs, old)
	case hs.Commit > last.index:
		invariant.Fail("logfile: commit %d is past the last entry %d", hs.Commit, last.index)
	}
}

func (l *Log) append(entries []Entry, hs *HardState, sync bool) error {
	wrote := len(entries) > 0
	placed, err := l.putEntries(entries)
	if err != nil {
		return err
	}
	state := l.hs
	if hs != nil {
		state = *hs
	}
	sameVote := state.Term == l.written.Term && state.Vote == l.written.Vote
	if state != l.written && (wrote || sync || !sameVote) {
		if _, err := l.w.put(stateRecord(state)); err != nil {
			return err
		}
		l.written = state
	}
	err = l.w.flush()
	if err == nil && sync {
		if err = invariant.Point("logfile.beforeSync"); err == nil {
			err = l.w.sync()
		}
	}
	if err != nil {
		return err
	}
	l.publish(placed, state)
	return nil
}

// putEntries puts the entries, going on to a new segment as often as needed. It returns those that went to the last segment, which are
// not published yet.
func (l *Log) putEntries(entries []Entry) (placed []Entry, err error) {
	for {
		l.offsets = l.offsets[:0]
		for i := range entries {
			e := &entries[i]
			if !l.w.fits(len(e.Data)) {
				break
			}
			offset, err := l.w.put(record{kind: kindEntry, entryType: e.Type, index: e.Index, term: e.Term, payload: e.Data})
			if err != nil {
				return nil, err
			}
			l.offsets = append(l.offsets, offset)
		}
		n := len(l.offsets)
		if n == len(entries) {
			return entries, nil
		}
		if err := l.w.flush(); err != nil {
			return nil, err
		}
		l.publish(entries[:n], l.hs)
		if err := l.roll(); err != nil {
			return nil, err
		}
		entries = entries[n:]
	}
}

// publish shows readers the entries that were written to the newest segment at l.offsets, and the hard state.
func (l *Log) publish(entries []Entry, hs HardState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range entries {
		e := &entries[i]
		l.idx.add(l.w.seg, l.offsets[i], e.Index, e.Term)
		l.cache.add(*e)
	}
	l.hs = hs
	l.w.seg.size = l.w.size
}

// roll seals the newest segment and begins the next.
func (l *Log) roll() error {
	last := l.idx.last()
	sealAt, err := l.w.put(record{kind: kindSeal, index: last.index, term: last.term, payload: encodeSeal(l.idx.seal(l.w.seg))})
	if err != nil {
		return err
	}
	if err := l.w.sync(); err != nil {
		return err
	}
	if err := l.w.close(); err != nil {
		return err
	}
	l.publish(nil, l.hs)
	if err := invariant.Point("logfile.sealed"); err != nil {
		return err
	}
	return l.beginSegment(segmentHeader{
		number:   l.w.seg.header.number + 1,
		prevSeal: uint32(sealAt),
		hs:       l.hs,
		trimmed:  l.idx.trimmed,
		last:     last,
	})
}

// beginSegment creates the next segment, whose header says what the log's state is.
func (l *Log) beginSegment(h segmentHeader) error {
	h.salt = rand.Uint64()
	seg, f, err := createSegment(l.fs, l.dir, h)
	if err != nil {
		return err
	}
	l.w = writer{
		seg: seg, f: f, limit: l.opts.SegmentBytes,
		end: firstRecordOffset, durable: firstRecordOffset, size: firstRecordOffset,
		buf: l.w.buf[:0], mean: l.w.mean,
	}
	l.written = h.hs
	l.mu.Lock()
	defer l.mu.Unlock()
	l.segs = append(l.segs, seg)
	return nil
}
