package logfile

import (
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Entry is one entry of the replicated log. Data must not be changed once it was passed to [Log.Append] or returned by
// [Log.Entries]: the log's cache shares it.
type Entry struct {
	Index, Term uint64
	Type        byte // the caller's; kept as it is
	Data        []byte
}

// HardState is what Raft must remember across a restart.
type HardState struct {
	Term, Vote, Commit uint64
}

// Options tunes a log. The zero value means the defaults.
type Options struct {
	// SegmentBytes is about how large a segment file gets: 64 MB. Trimming goes by whole segments, and opening reads the newest one.
	SegmentBytes int64
	// CacheBytes is how much of the newest entries is kept in memory: 16 MB.
	CacheBytes int64
}

func (o Options) withDefaults() (Options, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 64 << 20
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 16 << 20
	}
	if o.SegmentBytes < 0 || o.SegmentBytes > maxSegmentBytes {
		return o, fmt.Errorf("logfile: segment size %d is not between 1 and %d", o.SegmentBytes, maxSegmentBytes)
	}
	return o, nil
}

// Log is an open log.
//
// Append, KeepCommit, Reset, Trim and Close may be called from any goroutine; they take turns. Readers run beside them. A reader
// sees entries once the Append that wrote them is done (with sync: they are durable then). Trim and Reset wait for reads of the files that they
// remove.
//
// After a failed write or sync nobody knows what the disk has, and a second sync that succeeds would prove nothing. So the error sticks: every
// later call that would write returns it, and the member must stop. A log opened afresh finds out what is there.
type Log struct {
	fs   vfs.FS
	dir  string
	opts Options

	// Locks are taken in the order trimMu, writeMu, mu.

	trimMu sync.Mutex // held by Trim and Reset, which remove files after they have given up writeMu, and by Close

	writeMu sync.Mutex // held by the one who writes; guards what follows
	w       writer
	written HardState // the last hard state in the file
	kept    uint64    // by KeepCommit
	offsets []int64   // scratch of Append

	mu    sync.RWMutex // never held across IO. What it guards is changed by the holder of writeMu only, who reads it without mu.
	idx   index
	cache cache
	hs    HardState
	segs  []*segment // oldest first; the last one is being written
	err   error      // the failure that sticks, or ErrClosed; set by anybody

	windows sync.Pool // of *[]byte, for readers
}

// State returns the hard state as it was last appended; the zero value for a new log.
func (l *Log) State() HardState {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.hs
}

// FirstIndex returns the index of the oldest entry; LastIndex()+1 if the log is empty, which is 1 if it is new.
func (l *Log) FirstIndex() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.idx.trimmed.index + 1
}

// LastIndex returns the index of the newest entry; FirstIndex()-1 if the log is empty.
func (l *Log) LastIndex() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.idx.last().index
}

// Term returns the term of entry i, where i may also be FirstIndex()-1, the place where the log was trimmed or reset to (0 if it is new).
// Below it the error is ErrCompacted, above LastIndex() ErrUnavailable.
func (l *Log) Term(i uint64) (uint64, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	switch {
	case l.err == ErrClosed:
		return 0, ErrClosed
	case i < l.idx.trimmed.index:
		return 0, ErrCompacted
	case i > l.idx.last().index:
		return 0, ErrUnavailable
	}
	return l.idx.term(i), nil
}

// Segment describes one segment file to those who decide how far to trim.
type Segment struct {
	Number     uint64
	FirstIndex uint64 // of its entries that are alive; 0 if it has none
	LastIndex  uint64
	Bytes      int64 // of the file
}

// Segments describes the segment files, oldest first.
func (l *Log) Segments() []Segment {
	l.mu.RLock()
	defer l.mu.RUnlock()
	list := make([]Segment, len(l.segs))
	for i, s := range l.segs {
		first, last := l.idx.live(s)
		list[i] = Segment{Number: s.header.number, FirstIndex: first, LastIndex: last, Bytes: s.size}
	}
	return list
}

// SizeBytes returns the sizes of the segment files together.
func (l *Log) SizeBytes() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var n int64
	for _, s := range l.segs {
		n += s.size
	}
	return n
}

// Err returns the failure after which the log accepts nothing any more, ErrClosed after Close, or nil.
func (l *Log) Err() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.err
}

// fail makes err stick.
func (l *Log) fail(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
	return err
}

// Close syncs the log and closes it. It returns the failure that stuck, if any: then the end of what was appended may be lost.
func (l *Log) Close() error {
	l.trimMu.Lock()
	defer l.trimMu.Unlock()
	l.writeMu.Lock()
	defer l.writeMu.Unlock()
	err := l.Err()
	if err == ErrClosed {
		return nil
	}
	if err == nil {
		err = l.writeClosingRecord()
	}
	if cerr := l.w.close(); err == nil {
		err = cerr
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = ErrClosed
	l.cache.clear()
	return err
}

// writeClosingRecord ends the segment with a record which says that all before it is durable, so that damage to it will not be taken for
// the trace of a crash.
func (l *Log) writeClosingRecord() error {
	if err := l.w.sync(); err != nil {
		return err
	}
	if _, err := l.w.put(stateRecord(l.hs)); err != nil {
		return err
	}
	return l.w.sync()
}
