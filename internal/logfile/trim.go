package logfile

import "github.com/mortondb/morton/internal/invariant"

// Trim drops the oldest segments whose entries all have an index of at most upTo; the newest segment stays in any case. FirstIndex moves to
// the first entry that remains. What is trimmed counts as committed.
func (l *Log) Trim(upTo uint64) error {
	if l.Err() == nil && !l.mayTrim() {
		return nil
	}
	l.trimMu.Lock()
	defer l.trimMu.Unlock()
	dropped, err := l.trimIndex(upTo)
	if err != nil {
		return err
	}
	return l.removeSegments(dropped)
}

// mayTrim reports whether there is a segment to drop, without waiting for one who writes.
func (l *Log) mayTrim() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.segs) > 1
}

// trimIndex makes the trimming durable and takes the segments out of the index; their files remain.
func (l *Log) trimIndex(upTo uint64) (dropped []*segment, err error) {
	l.writeMu.Lock()
	defer l.writeMu.Unlock()
	if err := l.Err(); err != nil {
		return nil, err
	}
	n := 0
	for n < len(l.segs)-1 {
		if _, last := l.idx.live(l.segs[n]); last > upTo {
			break
		}
		n++
	}
	if n == 0 {
		return nil, nil
	}
	to := l.trimPoint(l.segs[n:])
	if to != l.idx.trimmed {
		if _, err := l.w.put(record{kind: kindTrim, index: to.index, term: to.term}); err != nil {
			return nil, l.fail(err)
		}
	}
	// Also without a record: a segment may be dead because entries that replaced its own are in a newer one, and those may be
	// lost in a crash until they are synced.
	if err := l.w.sync(); err != nil {
		return nil, l.fail(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	dropped = l.segs[:n:n]
	l.segs = append([]*segment(nil), l.segs[n:]...)
	l.idx.trim(to)
	l.cache.trim(to.index)
	l.hs.Commit = max(l.hs.Commit, to.index)
	l.w.seg.size = l.w.size
	return dropped, nil
}

// trimPoint returns the position before the first entry that is in one of the segments, the last ones.
func (l *Log) trimPoint(remaining []*segment) position {
	for _, s := range remaining {
		if first, _ := l.idx.live(s); first != 0 {
			return position{first - 1, l.idx.term(first - 1)}
		}
	}
	return l.idx.last()
}

// removeSegments removes the files of segments that are no part of the log any more. A failure sticks: a disk that fails so may fail at
// other things, and must not fill up unnoticed.
func (l *Log) removeSegments(dropped []*segment) error {
	if len(dropped) == 0 {
		return nil
	}
	if err := invariant.Point("logfile.beforeRemove"); err != nil {
		return l.fail(err)
	}
	for _, s := range dropped {
		if err := s.remove(l.fs); err != nil {
			return l.fail(err)
		}
	}
	if err := syncDir(l.fs, l.dir); err != nil {
		return l.fail(err)
	}
	return nil
}

// Reset makes the log empty after (index, term): its next entry is index+1. It is called when a snapshot of that position takes the place of everything before, and
// is durable and atomic. The hard state is raised to be no older than the snapshot: Commit at least index, Term at least term (without a vote in it if it was lower).
func (l *Log) Reset(index, term uint64) error {
	l.trimMu.Lock()
	defer l.trimMu.Unlock()
	dropped, err := l.resetIndex(position{index, term})
	if err != nil {
		return err
	}
	return l.removeSegments(dropped)
}

func (l *Log) resetIndex(to position) (dropped []*segment, err error) {
	l.writeMu.Lock()
	defer l.writeMu.Unlock()
	if err := l.Err(); err != nil {
		return nil, err
	}
	hs := l.hs
	invariant.Check(to.index >= hs.Commit, "logfile: reset to %d would go back behind commit %d", to.index, hs.Commit)
	hs.Commit = to.index
	if hs.Term < to.term {
		hs.Term, hs.Vote = to.term, 0
	}
	if err := l.w.close(); err != nil {
		return nil, l.fail(err)
	}
	old := l.segs
	h := segmentHeader{number: l.w.seg.header.number + 1, begins: true, hs: hs, trimmed: to, last: to}
	if err := l.beginSegment(h); err != nil {
		return nil, l.fail(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	dropped = old
	l.segs = append([]*segment(nil), l.w.seg)
	l.idx = index{trimmed: to, suffix: l.idx.suffix + 1}
	l.cache.clear()
	l.hs = hs
	return dropped, nil
}
