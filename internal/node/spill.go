package node

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/engine"
)

// spillDir holds what does not fit into memory while a query runs, as mongod's directory of this name does.
type spillDir struct {
	fs   vfs.FS
	path string
	made atomic.Bool
	next atomic.Uint64
}

// newSpillDir removes what a process that died may have left.
func newSpillDir(fs vfs.FS, dbPath string) (*spillDir, error) {
	d := &spillDir{fs: fs, path: fs.PathJoin(dbPath, "_tmp")}
	if err := fs.RemoveAll(d.path); err != nil {
		return nil, fmt.Errorf("node: remove %s: %w", d.path, err)
	}
	return d, nil
}

// Create makes a file.
func (d *spillDir) Create() (engine.SpillFile, error) {
	if !d.made.Load() {
		if err := d.fs.MkdirAll(d.path, 0o700); err != nil {
			return nil, fmt.Errorf("node: make %s: %w", d.path, err)
		}
		d.made.Store(true)
	}
	name := d.fs.PathJoin(d.path, fmt.Sprintf("extsort.%d", d.next.Add(1)))
	f, err := d.fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("node: spill: %w", err)
	}
	return &spillFile{fs: d.fs, name: name, file: f}, nil
}

// spillFile is written first. Reading opens it anew: not every file system lets a file that was created be read.
type spillFile struct {
	fs      vfs.FS
	name    string
	file    vfs.File
	reading bool
}

func (f *spillFile) Write(b []byte) (int, error) { return f.file.Write(b) }

func (f *spillFile) ReadAt(b []byte, at int64) (int, error) {
	if !f.reading {
		if err := f.file.Close(); err != nil {
			return 0, err
		}
		f.reading = true
		file, err := f.fs.Open(f.name)
		if err != nil {
			return 0, err
		}
		f.file = file
	}
	return f.file.ReadAt(b, at)
}

// Close removes the file.
func (f *spillFile) Close() error { return errors.Join(f.file.Close(), f.fs.Remove(f.name)) }
