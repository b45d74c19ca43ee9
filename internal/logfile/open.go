package logfile

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Open opens the log in dir, or begins a new one if dir is empty or not there. It brings the log into a state as if everything in it had been synced.
// The caller sees to it that nobody else has it open.
//
// Of the sealed segments only headers and seals are read; the entries' CRCs are checked when they are read ([Log.Check] reads all).
// The newest segment is read and checked completely.
//
// The error is a [*CorruptError] or a [*VersionError] if the files can not be used, else it is the file system's.
func Open(fs vfs.FS, dir string, opts Options) (*Log, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Log{fs: fs, dir: dir, opts: opts, cache: cache{maxBytes: opts.CacheBytes}}
	if err := l.open(); err != nil {
		l.w.close() // err says more
		return nil, err
	}
	return l, nil
}

func (l *Log) open() error {
	if err := l.fs.MkdirAll(l.dir, 0o700); err != nil {
		return fmt.Errorf("logfile: create directory %s: %w", l.dir, err)
	}
	if err := syncDir(l.fs, l.fs.PathDir(l.dir)); err != nil {
		return err
	}
	numbers, err := l.list()
	if err != nil {
		return err
	}
	if len(numbers) == 0 {
		return l.beginSegment(segmentHeader{number: 1, begins: true})
	}
	stale, err := l.openChain(numbers)
	if err != nil {
		return err
	}
	sealAt, err := l.load()
	if err != nil {
		return err
	}
	if err := l.w.sync(); err != nil {
		return err
	}
	if sealAt != 0 {
		if err := l.beginAfterSeal(sealAt); err != nil {
			return err
		}
	}
	return l.removeDead(stale)
}

// list returns the numbers of the segment files, in order, and removes what unfinished creations left.
func (l *Log) list() ([]uint64, error) {
	names, err := l.fs.List(l.dir)
	if err != nil {
		return nil, fmt.Errorf("logfile: list %s: %w", l.dir, err)
	}
	var numbers []uint64
	for _, name := range names {
		if number, ok := parseSegmentName(name); ok {
			numbers = append(numbers, number)
			continue
		}
		if of, isTemp := strings.CutSuffix(name, tempSuffix); isTemp {
			if _, ok := parseSegmentName(of); !ok {
				continue
			}
			if err := l.fs.Remove(l.fs.PathJoin(l.dir, name)); err != nil {
				return nil, fmt.Errorf("logfile: remove %s: %w", name, err)
			}
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// openChain reads the headers of the segments from the newest back to the one where the log begins, or to a gap. What is before that is
// stale: it was trimmed, or void after a reset, and a crash kept (some of) the files from being removed. Whether that is true of a gap,
// load finds out.
func (l *Log) openChain(numbers []uint64) (stale []*segment, err error) {
	n := len(numbers)
	for n > 0 && (n == len(numbers) || numbers[n] == numbers[n-1]+1 && !l.segs[len(l.segs)-1].header.begins) {
		seg, err := l.openSegment(numbers[n-1])
		if err != nil {
			return nil, err
		}
		l.segs = append(l.segs, seg)
		n--
	}
	slices.Reverse(l.segs)
	for _, number := range numbers[:n] {
		stale = append(stale, &segment{path: l.fs.PathJoin(l.dir, segmentName(number))})
	}
	return stale, nil
}

// openSegment reads the header of a segment.
func (l *Log) openSegment(number uint64) (*segment, error) {
	seg := &segment{path: l.fs.PathJoin(l.dir, segmentName(number))}
	_, err := seg.read(l.fs, func(f vfs.File) error {
		info, err := f.Stat()
		if err != nil {
			return fmt.Errorf("logfile: stat %s: %w", seg.path, err)
		}
		seg.size = info.Size()
		b := make([]byte, segmentHeaderBytes)
		n, err := f.ReadAt(b, 0)
		if err != nil && err != io.EOF {
			return fmt.Errorf("logfile: read %s: %w", seg.path, err)
		}
		seg.header, err = decodeSegmentHeader(b[:n], seg.path)
		return err
	})
	if err != nil {
		return nil, err
	}
	if seg.header.number != number {
		return nil, &CorruptError{Path: seg.path, Detail: fmt.Sprintf("the file is segment %d", seg.header.number)}
	}
	if seg.size < firstRecordOffset || seg.size >= 1<<32 {
		return nil, &CorruptError{Path: seg.path, Detail: fmt.Sprintf("a segment can not have %d bytes", seg.size)}
	}
	seg.seed = seg.header.seed()
	return seg, nil
}

// load builds the index from the segments and opens the newest one for writing. If that one is sealed, because the process died before the next one was created,
// it returns the seal's offset, else 0.
func (l *Log) load() (sealAt int64, err error) {
	l.loadStart(l.segs[0])
	for i, seg := range l.segs {
		if i > 0 {
			if err := l.loadSeal(l.segs[i-1], seg); err != nil {
				return 0, err
			}
		}
		l.hs = seg.header.hs
	}
	sealAt, err = l.loadNewest(l.segs[len(l.segs)-1])
	if err != nil {
		return 0, err
	}
	newest := l.w.seg
	bad := func(format string, args ...any) error {
		return &CorruptError{Path: newest.path, Offset: l.w.end, Detail: fmt.Sprintf(format, args...)}
	}
	if len(l.idx.runs) > 0 && l.idx.runs[0].seg == nil {
		return 0, bad("the log says that entries from %d to %d are in a segment before %s, but that file is missing",
			l.idx.trimmed.index+1, l.idx.runs[0].last, segmentName(l.segs[0].header.number))
	}
	if last := l.idx.last().index; l.hs.Commit > last {
		return 0, bad("commit is %d but the last entry is %d", l.hs.Commit, last)
	}
	return sealAt, nil
}

// loadStart sets the index to the state before the oldest segment. Entries that the log had then, but which are in segments that are gone, stand in it as a
// run of no segment; when all is read, nothing of it may be left.
func (l *Log) loadStart(oldest *segment) {
	h := &oldest.header
	l.idx = index{trimmed: h.trimmed}
	if h.last.index == h.trimmed.index {
		return
	}
	lost := sealedRun{first: h.trimmed.index + 1, last: h.last.index, samples: []sample{{}}}
	if lost.first < lost.last {
		lost.terms = append(lost.terms, position{index: lost.first}) // of a term that nobody knows any more; 0 is before all others
	}
	lost.terms = append(lost.terms, h.last)
	l.idx.addRun(nil, lost)
}

// loadSeal adds the entries of seg, as its seal says, to the index, and checks that next follows.
func (l *Log) loadSeal(seg, next *segment) error {
	sealAt := int64(next.header.prevSeal)
	bad := func(format string, args ...any) error {
		return &CorruptError{Path: seg.path, Offset: sealAt, Detail: fmt.Sprintf(format, args...)}
	}
	var seal record
	var runs []sealedRun
	_, err := seg.read(l.fs, func(f vfs.File) (err error) {
		r := reader{f: f, seg: seg, next: sealAt, end: seg.size}
		seal, _, err = r.read()
		if errors.Is(err, errBadRecord) || err == nil && seal.kind != kindSeal {
			return bad("its seal is not there")
		}
		if err != nil {
			return err
		}
		if runs, err = decodeSeal(seal.payload, sealAt); err != nil {
			return bad("%v", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range runs {
		if why := l.checkNext(r.terms[0]); why != "" {
			return bad("%s", why)
		}
		l.idx.addRun(seg, r)
	}
	last, h := l.idx.last(), &next.header
	if last != (position{seal.index, seal.term}) || last != h.last {
		return bad("segment ends at %v, its seal says %v, the next segment %v", last, position{seal.index, seal.term}, h.last)
	}
	if h.trimmed.index < l.idx.trimmed.index {
		return bad("the next segment was trimmed to %v, this one to %v", h.trimmed, l.idx.trimmed)
	}
	l.idx.trim(h.trimmed)
	return nil
}

// checkNext says what is wrong with an entry at p as the next of the log, if something is.
func (l *Log) checkNext(p position) string {
	last := l.idx.last().index
	switch {
	case p.index <= l.idx.trimmed.index || p.index > last+1:
		return fmt.Sprintf("entry %d in a log from %d to %d", p.index, l.idx.trimmed.index+1, last)
	case p.index <= l.hs.Commit:
		return fmt.Sprintf("entry %d replaces a committed one, commit is %d", p.index, l.hs.Commit)
	case p.term < l.idx.term(p.index-1):
		return fmt.Sprintf("entry %d of term %d follows one of term %d", p.index, p.term, l.idx.term(p.index-1))
	}
	return ""
}

// loadNewest reads the records of the newest segment, finds out where they end, and opens it for writing there.
func (l *Log) loadNewest(seg *segment) (sealAt int64, err error) {
	f, err := l.fs.OpenReadWrite(seg.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return 0, fmt.Errorf("logfile: open %s: %w", seg.path, err)
	}
	l.w = writer{seg: seg, f: f, limit: l.opts.SegmentBytes, size: seg.size}
	r := reader{f: f, seg: seg, next: firstRecordOffset, end: seg.size}
	for sealAt == 0 {
		rec, offset, err := r.read()
		if errors.Is(err, errBadRecord) {
			break
		}
		if err != nil {
			return 0, err
		}
		if rec.kind == kindSeal {
			sealAt = offset
		}
		if why := l.replay(&rec, offset); why != "" {
			return 0, &CorruptError{Path: seg.path, Offset: offset, Detail: why}
		}
	}
	l.written = l.hs
	l.w.end = r.next
	return sealAt, l.eraseStrays(&r)
}

// replay adds a record of the newest segment to the state. It says what is wrong with it, if something is.
func (l *Log) replay(r *record, offset int64) string {
	switch r.kind {
	case kindEntry:
		if why := l.checkNext(position{r.index, r.term}); why != "" {
			return why
		}
		l.idx.add(l.w.seg, offset, r.index, r.term)
	case kindState:
		hs, ok := r.hardState()
		if !ok {
			return fmt.Sprintf("a hard state with %d bytes", len(r.payload))
		}
		l.hs = hs
	case kindTrim:
		if r.index < l.idx.trimmed.index || r.index > l.idx.last().index {
			return fmt.Sprintf("a log from %d to %d is trimmed to %d", l.idx.trimmed.index+1, l.idx.last().index, r.index)
		}
		l.idx.trim(position{r.index, r.term})
		l.hs.Commit = max(l.hs.Commit, r.index)
	case kindSeal:
		if last := l.idx.last(); last != (position{r.index, r.term}) {
			return fmt.Sprintf("segment ends at %v, its seal says %v", last, position{r.index, r.term})
		}
	}
	return ""
}

// eraseStrays looks behind the end of the newest segment for good records, and overwrites them with zeros (or their headers at least): they were never
// acknowledged, but might follow on new ones and come back to life. If one of them says that what it stands behind was durable, then this is no crash's trace.
func (l *Log) eraseStrays(r *reader) error {
	end := l.w.end
	eraseTo := end
	for at := end; at+recordHeaderBytes <= r.end; at += recordAlignment {
		h, err := r.peek(at, recordHeaderBytes)
		if err != nil {
			if errors.Is(err, errBadRecord) {
				break
			}
			return err
		}
		stray, _, _, ok := decodeRecordHeader(h, r.seg.seed, at)
		if !ok {
			continue
		}
		if int64(stray.durable) > end {
			return &CorruptError{Path: r.seg.path, Offset: end, Detail: fmt.Sprintf(
				"no good record is there, but one at offset %d says that everything before %d was durable", at, stray.durable)}
		}
		eraseTo = at + recordHeaderBytes
	}
	for at := end; at < eraseTo; {
		n := min(int64(len(zeros)), eraseTo-at)
		at += n
		if err := l.w.write(zeros[:n], at); err != nil {
			return err
		}
	}
	return nil
}

// beginAfterSeal begins the segment after the newest one, which is sealed.
func (l *Log) beginAfterSeal(sealAt int64) error {
	if err := l.w.close(); err != nil {
		return err
	}
	return l.beginSegment(segmentHeader{
		number:   l.w.seg.header.number + 1,
		prevSeal: uint32(sealAt),
		hs:       l.hs,
		trimmed:  l.idx.trimmed,
		last:     l.idx.last(),
	})
}

// removeDead removes the stale segments, and the oldest ones that have no living entry.
func (l *Log) removeDead(dead []*segment) error {
	n := 0
	for n < len(l.segs)-1 {
		if _, last := l.idx.live(l.segs[n]); last != 0 {
			break
		}
		n++
	}
	dead = append(dead, l.segs[:n]...)
	l.segs = slices.Clone(l.segs[n:])
	return l.removeSegments(dead)
}
