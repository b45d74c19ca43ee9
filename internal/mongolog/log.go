package mongolog

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	global          = "global"
	startupWarnings = "startupWarnings"

	// maxLines is how many lines getLog can show.
	maxLines = 1024
)

// Config says where a log goes and how its lines look.
type Config struct {
	Path      string    // file; empty for Stream
	Append    bool      // go on in an existing file; otherwise it is renamed first
	Reopen    bool      // Rotate opens the path anew, after somebody else renamed the file; otherwise it renames it itself
	Stream    io.Writer // without a Path
	UTC       bool      // times end in Z rather than the local offset
	Verbosity int       // 0 to 5
}

// Log is where lines go. Its methods may be called by any goroutine.
type Log struct {
	config    Config
	format    format
	verbosity atomic.Int32

	mu     sync.Mutex // guards what follows; held while a line is written
	w      io.Writer
	file   *os.File // nil for a stream
	recent map[string]*ring
}

// Open opens a log.
func Open(c Config) (*Log, error) {
	l := &Log{config: c, format: format{utc: c.UTC}, w: c.Stream, recent: map[string]*ring{global: {}, startupWarnings: {}}}
	l.SetVerbosity(c.Verbosity)
	if c.Path == "" {
		return l, nil
	}
	if info, err := os.Stat(c.Path); err == nil && info.IsDir() {
		//lint:ignore ST1005 mongod's words
		return nil, fmt.Errorf("logpath %q should name a file, not a directory.", c.Path)
	} else if err == nil && !c.Append && !c.Reopen {
		if err := rename(c.Path, time.Now()); err != nil {
			return nil, err
		}
	}
	if err := l.openFile(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Log) openFile() error {
	f, err := os.OpenFile(l.config.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		//lint:ignore ST1005 mongod's words
		return fmt.Errorf("Can't initialize rotatable log file :: caused by :: Failed to open %s: %w", l.config.Path, err)
	}
	l.file, l.w = f, f
	return nil
}

// Logger returns a logger that writes to l.
func (l *Log) Logger() *slog.Logger { return slog.New(&handler{log: l}) }

// SetVerbosity sets which debug lines are written: those of levels 1 to n.
func (l *Log) SetVerbosity(n int) { l.verbosity.Store(int32(n)) }

// Verbosity returns what SetVerbosity set.
func (l *Log) Verbosity() int { return int(l.verbosity.Load()) }

func (l *Log) write(line []byte, startup bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recent[global].add(line)
	if startup {
		l.recent[startupWarnings].add(line)
	}
	_, err := l.w.Write(line)
	return err
}

// ErrNotFile is the error of rotating a log that is no file.
var ErrNotFile = errors.New("the log is not written to a file, there is nothing to rotate")

// Rotate goes on in a new file of the same name. The old one is renamed to the path and the time, as mongod does, unless the
// log was opened with Reopen.
func (l *Log) Rotate(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return ErrNotFile
	}
	if !l.config.Reopen {
		if err := rename(l.config.Path, now); err != nil {
			return err
		}
	}
	old := l.file
	if err := l.openFile(); err != nil {
		return err
	}
	return old.Close()
}

// rename moves a log file out of the way. Two rotations in one second get different names.
func rename(path string, now time.Time) error {
	base := path + "." + now.UTC().Format("2006-01-02T15-04-05")
	target := base
	for n := 1; ; n++ {
		if _, err := os.Lstat(target); errors.Is(err, os.ErrNotExist) {
			break
		}
		target = fmt.Sprintf("%s.%d", base, n)
	}
	if err := os.Rename(path, target); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Close closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file, l.w = nil, io.Discard
	return err
}

// Names returns the names that Recent knows, for getLog: "*".
func (l *Log) Names() []string { return []string{global, startupWarnings} }

// Recent returns the last lines of a name, oldest first, each with its newline, and how many there ever were.
func (l *Log) Recent(name string) (total int, lines []string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.recent[name]
	if !ok {
		return 0, nil, false
	}
	return r.total, r.list(), true
}

// Clear forgets the lines of a name (clearLog).
func (l *Log) Clear(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.recent[name]
	if ok {
		l.recent[name] = &ring{}
	}
	return ok
}

// ring is the last maxLines lines.
type ring struct {
	lines []string
	total int
}

func (r *ring) add(line []byte) {
	if len(r.lines) < maxLines {
		r.lines = append(r.lines, string(line))
	} else {
		r.lines[r.total%maxLines] = string(line)
	}
	r.total++
}

func (r *ring) list() []string {
	if len(r.lines) < maxLines {
		return append([]string(nil), r.lines...)
	}
	at := r.total % maxLines
	return append(append(make([]string, 0, maxLines), r.lines[at:]...), r.lines[:at]...)
}
