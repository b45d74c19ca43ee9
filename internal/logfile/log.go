package logfile

import (
	"errors"

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

// Errors of reads, as Raft wants to tell them apart.
var (
	ErrCompacted   = errors.New("logfile: entry was trimmed")
	ErrUnavailable = errors.New("logfile: entry is not in the log")
	ErrClosed      = errors.New("logfile: log is closed")
)

// Options tunes a log. The zero value means the defaults.
type Options struct {
	SegmentBytes int64 // a segment is ended once it has this many bytes (64 MB)
	CacheBytes   int64 // the most recent entries kept in memory (16 MB)
}

// Segment describes one segment file for those who decide how far to trim.
type Segment struct {
	Number     uint64
	FirstIndex uint64 // of its live entries; 0 if it has none
	LastIndex  uint64
	Bytes      int64
}

// Log is an open log. Append, Reset, Trim and Close may be called from different goroutines but run one after the other;
// readers run concurrently with them.
type Log struct{}

var errSkeleton = errors.New("logfile: not written yet")

// Open opens the log in dir, which is created if it is not there.
func Open(fs vfs.FS, dir string, opts Options) (*Log, error) { return nil, errSkeleton }

// State returns the last hard state that was appended (zero for a new log).
func (l *Log) State() HardState { return HardState{} }

// FirstIndex returns the index of the oldest entry; LastIndex()+1 if the log is empty, 1 if it never had any.
func (l *Log) FirstIndex() uint64 { return 1 }

// LastIndex returns the index of the newest entry; FirstIndex()-1 if the log is empty.
func (l *Log) LastIndex() uint64 { return 0 }

// Term returns the term of entry i, FirstIndex()-1 <= i <= LastIndex(); else ErrCompacted or ErrUnavailable.
func (l *Log) Term(i uint64) (uint64, error) { return 0, errSkeleton }

// Entries returns the entries from lo up to but not including hi, as many as have maxBytes of Data together but at least
// one. ErrCompacted if lo < FirstIndex, ErrUnavailable if hi > LastIndex+1.
func (l *Log) Entries(lo, hi, maxBytes uint64) ([]Entry, error) { return nil, errSkeleton }

// Append writes entries (may be none; the first one may overwrite a suffix of the log) and then hs (may be nil). With sync
// everything appended so far is on disk when it returns nil. After an error every later call returns that error.
func (l *Log) Append(entries []Entry, hs *HardState, sync bool) error { return errSkeleton }

// Reset makes the log empty after (index, term), durably, after a snapshot was installed. It raises the hard state's
// Commit to index, for a log must not begin after its commit position.
func (l *Log) Reset(index, term uint64) error { return errSkeleton }

// Trim drops the oldest segments whose entries all have an index <= upTo; the newest segment always stays.
func (l *Log) Trim(upTo uint64) error { return errSkeleton }

// Segments describes the segment files, oldest first.
func (l *Log) Segments() []Segment { return nil }

// SizeBytes returns the bytes that the segment files take on disk.
func (l *Log) SizeBytes() int64 { return 0 }

// Check reads everything back and verifies it, for `morton check`.
func (l *Log) Check() error { return errSkeleton }

// Close syncs and closes the log. It waits for the calls that are running.
func (l *Log) Close() error { return errSkeleton }
