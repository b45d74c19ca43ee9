package logfile

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Entries returns the entries from lo up to but not including hi; fewer, but at least one, if their Data together has more than maxBytes.
// ErrCompacted if lo < FirstIndex(), ErrUnavailable if hi > LastIndex()+1. Recent entries come from memory, older ones from the files; their CRCs are
// checked then.
func (l *Log) Entries(lo, hi, maxBytes uint64) ([]Entry, error) {
	return l.entries(lo, hi, maxBytes, true)
}

func (l *Log) entries(lo, hi, maxBytes uint64, cached bool) ([]Entry, error) {
	for {
		list, replaced, err := l.gather(lo, hi, maxBytes, cached)
		if !replaced {
			return list, err
		}
	}
}

// gather does what entries does, but gives up when a suffix of the log was replaced meanwhile: a mixture of old and new was never the log.
func (l *Log) gather(lo, hi, maxBytes uint64, cached bool) (list []Entry, replaced bool, err error) {
	g := gatherer{next: lo, maxBytes: maxBytes}
	var suffix uint64
	for g.next < hi && !g.full {
		begun := len(g.entries) > 0
		p, err := l.locate(&g, hi, cached)
		switch {
		case err != nil:
			return nil, false, err
		case !begun:
			suffix = p.suffix
		case p.suffix != suffix:
			return nil, true, nil
		}
		if p.seg == nil {
			continue
		}
		// If the segment is gone, the next look at the index says why.
		if _, err := p.seg.read(l.fs, func(f vfs.File) error { return l.readRun(&g, p, f) }); err != nil {
			return nil, false, err
		}
	}
	return g.entries, false, nil
}

// place is where entries are to be found in a segment.
type place struct {
	seg    *segment
	end    int64  // of what was written to the segment
	offset int64  // where to begin to read
	index  uint64 // of the entry there
	last   uint64 // to read

	suffix uint64 // index.suffix when it was so
}

// locate finds the entry that g wants next, where hi-1 is the last that it will want. If it is in the cache, g gets it with those that follow, and the place has no
// segment.
func (l *Log) locate(g *gatherer, hi uint64, cached bool) (place, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	switch {
	case l.err == ErrClosed:
		return place{}, ErrClosed
	case g.next <= l.idx.trimmed.index:
		return place{}, ErrCompacted
	case hi > l.idx.last().index+1:
		return place{}, ErrUnavailable
	}
	p := place{suffix: l.idx.suffix}
	if cached && l.cache.has(g.next) {
		list := l.cache.from(g.next)
		g.addAll(list[:min(uint64(len(list)), hi-g.next)])
		return p, nil
	}
	p.seg, p.offset, p.index, p.last = l.idx.find(g.next)
	p.last = min(p.last, hi-1)
	p.end = p.seg.size
	return p, nil
}

// gatherer collects consecutive entries up to a number of bytes.
type gatherer struct {
	entries  []Entry
	next     uint64 // the index it waits for
	bytes    uint64
	maxBytes uint64
	full     bool
}

// wants reports whether n bytes more may come; if not, it is full.
func (g *gatherer) wants(n int) bool {
	if len(g.entries) > 0 && g.bytes+uint64(n) > g.maxBytes {
		g.full = true
	}
	return !g.full
}

func (g *gatherer) add(e Entry) {
	if g.wants(len(e.Data)) {
		g.entries = append(g.entries, e)
		g.bytes += uint64(len(e.Data))
		g.next++
	}
}

func (g *gatherer) addAll(list []Entry) {
	for i := 0; i < len(list) && !g.full; i++ {
		g.add(list[i])
	}
}

// readRun reads the entries at p from p.seg, whose file is f.
func (l *Log) readRun(g *gatherer, p place, f vfs.File) error {
	r := reader{f: f, seg: p.seg, next: p.offset, end: p.end, window: l.window()}
	defer func() { l.giveWindow(r.window) }()
	for index := p.index; index <= p.last && !g.full; {
		rec, offset, err := r.read()
		switch {
		case errors.Is(err, errBadRecord):
			return &CorruptError{Path: p.seg.path, Offset: offset, Detail: fmt.Sprintf("entry %d or what stands before it can not be read", index)}
		case err != nil:
			return err
		case rec.kind != kindEntry:
			continue
		case rec.index != index:
			return &CorruptError{Path: p.seg.path, Offset: offset, Detail: fmt.Sprintf("entry %d stands where %d should", rec.index, index)}
		}
		if index == g.next && g.wants(len(rec.payload)) {
			g.add(Entry{Index: rec.index, Term: rec.term, Type: rec.entryType, Data: bytes.Clone(rec.payload)})
		}
		index++
	}
	return nil
}

// window returns a buffer for a reader, which giveWindow takes back unless a large entry made it large.
func (l *Log) window() []byte {
	if w, ok := l.windows.Get().(*[]byte); ok {
		return (*w)[:0]
	}
	return make([]byte, 0, windowBytes)
}

func (l *Log) giveWindow(w []byte) {
	if cap(w) <= windowBytes {
		l.windows.Put(&w)
	}
}

// Check reads every entry from the files and verifies it, for morton check and the like.
func (l *Log) Check() error {
	const chunk = 4 << 20
	for next := l.FirstIndex(); ; {
		last := l.LastIndex()
		if next > last {
			return nil
		}
		list, err := l.entries(next, last+1, chunk, false)
		if first := l.FirstIndex(); (errors.Is(err, ErrCompacted) && first > next) || errors.Is(err, ErrUnavailable) {
			next = max(next, first) // the log changed meanwhile
			continue
		}
		if err != nil {
			return err
		}
		next += uint64(len(list))
	}
}
