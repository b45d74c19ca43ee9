package peer

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// SnapshotProgress tells how far a snapshot is.
type SnapshotProgress struct {
	Peer        uint64
	Sending     bool // else receiving
	Files       int
	FilesDone   int
	Bytes       int64
	BytesDone   int64
	BytesKept   int64  // of BytesDone: what the receiver had of an earlier attempt
	File        string // in transfer
	StartedAt   time.Time
	CompletedAt time.Time // zero while it runs
	Err         error     // why it did not succeed
}

// Limits of what a snapshot may consist of.
const (
	snapshotChunk   = 256 << 10
	maxSnapshotPath = 512
	maxFiles        = 1 << 20
)

// file is one file of a checkpoint.
type file struct {
	name string // relative, with slashes
	size int64
}

// checkName refuses names that would leave the directory, or mean different things on different systems.
func checkName(name string) error {
	if len(name) > maxSnapshotPath || strings.ContainsAny(name, "\\:\x00") || strings.HasSuffix(name, partSuffix) {
		return badFrame("file name %.100q", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return badFrame("file name %.100q", name)
		}
	}
	return nil
}

// pathOf returns the place of a checkpoint's file.
func pathOf(fs vfs.FS, dir, name string) string {
	return fs.PathJoin(append([]string{dir}, strings.Split(name, "/")...)...)
}

// listFiles returns the files in a directory and those below it, in order of their names.
func listFiles(fs vfs.FS, dir, prefix string) (files []file, total int64, err error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, 0, err
	}
	slices.Sort(names)
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		if err != nil {
			return nil, 0, err
		}
		if !info.IsDir() {
			files = append(files, file{prefix + name, info.Size()})
			total += info.Size()
			continue
		}
		inner, bytes, err := listFiles(fs, path, prefix+name+"/")
		if err != nil {
			return nil, 0, err
		}
		files, total = append(files, inner...), total+bytes
	}
	return files, total, nil
}

// directory returns the name of a new directory for a checkpoint.
func (t *Transport) directory(what string, id uint64) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dirs++
	return t.opts.FS.PathJoin(t.opts.Dir, fmt.Sprintf("%s-%x-%d", what, id, t.dirs))
}

func (t *Transport) progress(p *SnapshotProgress, err error, done bool) {
	if done {
		p.CompletedAt, p.Err = time.Now(), err
	}
	if t.opts.OnProgress != nil {
		t.opts.OnProgress(*p)
	}
}
