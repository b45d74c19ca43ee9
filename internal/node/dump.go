package node

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/logfile"
)

// DumpLog calls yield with the entries of a data directory's log whose indexes lie between first and last, both included. It takes the directory's lock: no member may
// run on it. Opening a log erases what a crash left behind its end, as the next start of the member would.
//
// The error is a [*LockedError], one of [logfile.Open], or yield's.
func DumpLog(fs vfs.FS, dbpath string, first, last uint64, yield func(logfile.Entry) error) (err error) {
	dir := fs.PathJoin(dbpath, "log")
	if _, err := fs.Stat(dir); err != nil {
		return fmt.Errorf("%s has no log of a member: %w", dbpath, err)
	}
	lock, err := fs.Lock(fs.PathJoin(dbpath, "mongod.lock"))
	if err != nil {
		return &LockedError{DBPath: dbpath, Err: err}
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	l, err := logfile.Open(fs, dir, logfile.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	last = min(last, l.LastIndex())
	for next := max(first, l.FirstIndex()); next <= last; {
		list, err := l.Entries(next, last+1, dumpBytes)
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := yield(e); err != nil {
				return err
			}
		}
		next += uint64(len(list))
	}
	return nil
}

// dumpBytes is how much of the log is in memory at a time.
const dumpBytes = 4 << 20
