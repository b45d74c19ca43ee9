package logfile

import (
	"errors"
	"fmt"
)

// Errors that callers tell apart.
var (
	// ErrCompacted says that an entry was asked for that has been trimmed.
	ErrCompacted = errors.New("logfile: entry was trimmed")
	// ErrUnavailable says that an entry was asked for that the log does not have yet.
	ErrUnavailable = errors.New("logfile: entry is not in the log")
	// ErrClosed says that the log was closed.
	ErrClosed = errors.New("logfile: log is closed")
	// ErrTooLarge says that an entry has more than MaxEntryBytes. Nothing was written.
	ErrTooLarge = errors.New("logfile: entry is too large")
)

// CorruptError says that a segment holds something that neither was written like that nor can be left by a crash. The
// data is not to be trusted: the member must get a fresh copy from another one.
type CorruptError struct {
	Path   string
	Offset int64
	Detail string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("logfile: %s is damaged at offset %d: %s; "+
		"do not delete single files of the log; empty the member's data directory and let it copy the data from the set, or restore a backup",
		e.Path, e.Offset, e.Detail)
}

// VersionError says that a segment was written by a newer Morton.
type VersionError struct {
	Path    string
	Version uint32
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("logfile: %s has format version %d, this Morton knows versions up to %d; "+
		"start the version of Morton (or a newer one) that wrote it", e.Path, e.Version, formatVersion)
}
