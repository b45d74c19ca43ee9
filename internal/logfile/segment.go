package logfile

import (
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// segment is one segment file.
type segment struct {
	header segmentHeader
	seed   uint32
	path   string
	size   int64 // of the file; guarded by Log.mu

	// mu is held for reading while the file is read, and for writing to set gone, after which the file is removed.
	mu   sync.RWMutex
	gone bool
}

func newSegment(h segmentHeader, path string) *segment {
	return &segment{header: h, seed: h.seed(), path: path}
}

// read calls fn with the open file; it reports false, and does not call fn, if the segment is gone.
//
// The file is opened for each read. Reads from files are rare and large (recent entries are in the cache), so this costs
// little, and a log of a thousand segments needs no more file handles than one of two.
func (s *segment) read(fs vfs.FS, fn func(f vfs.File) error) (ok bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.gone {
		return false, nil
	}
	f, err := fs.Open(s.path)
	if err != nil {
		return true, fmt.Errorf("logfile: open %s: %w", s.path, err)
	}
	err = fn(f)
	if cerr := f.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("logfile: close %s: %w", s.path, cerr)
	}
	return true, err
}

// remove waits for readers and removes the file.
func (s *segment) remove(fs vfs.FS) error {
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	if err := fs.Remove(s.path); err != nil {
		return fmt.Errorf("logfile: remove %s: %w", s.path, err)
	}
	return nil
}

// createSegment makes the file of a new segment, with nothing in it but the header, and opens it for writing. When it returns,
// the file is durable under its name; a crash before leaves a temporary file at most, which opening the log removes.
func createSegment(fs vfs.FS, dir string, h segmentHeader) (*segment, vfs.File, error) {
	path := fs.PathJoin(dir, segmentName(h.number))
	temp := path + tempSuffix
	if err := writeHeaderFile(fs, temp, h); err != nil {
		return nil, nil, err
	}
	if err := fs.Rename(temp, path); err != nil {
		return nil, nil, fmt.Errorf("logfile: rename %s to %s: %w", temp, path, err)
	}
	if err := syncDir(fs, dir); err != nil {
		return nil, nil, err
	}
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, nil, fmt.Errorf("logfile: open %s: %w", path, err)
	}
	s := newSegment(h, path)
	s.size = firstRecordOffset
	return s, f, nil
}

const tempSuffix = ".tmp"

func writeHeaderFile(fs vfs.FS, path string, h segmentHeader) error {
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("logfile: create %s: %w", path, err)
	}
	block := make([]byte, firstRecordOffset)
	copy(block, h.encode())
	_, err = f.Write(block)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("logfile: write %s: %w", path, err)
	}
	return nil
}

// syncDir makes the creations, renames and removals in dir durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("logfile: open directory %s: %w", dir, err)
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("logfile: sync directory %s: %w", dir, err)
	}
	return nil
}
