package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/invariant"
	"github.com/mortondb/morton/internal/keys"
)

// FS is the file system that everything durable goes through; tests pass one that crashes.
type FS = vfs.FS

// ErrNotFound says that a key has no value.
var ErrNotFound = pebble.ErrNotFound

// Position is a place in the replicated log: everything up to it is applied.
type Position struct {
	Index, Term uint64
	TS          uint64 // newest oplog timestamp up to there
}

const positionSize = 24

func (p Position) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, positionSize), p.Index)
	b = binary.BigEndian.AppendUint64(b, p.Term)
	return binary.BigEndian.AppendUint64(b, p.TS)
}

func decodePosition(b []byte) (Position, error) {
	if len(b) != positionSize {
		return Position{}, fmt.Errorf("storage: applied position has %d bytes, want %d", len(b), positionSize)
	}
	return Position{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])}, nil
}

var positionKeys = [2][]byte{keys.AppendMeta(nil, keys.Records, "applied"), keys.AppendMeta(nil, keys.Indexes, "applied")}

// Options say where and how large a store is.
type Options struct {
	FS           FS
	Dir          string
	CacheBytes   int64 // block cache, shared by both Pebbles
	MemTableSize uint64
	// OnFlush is called, on a goroutine of Pebble's, after more of the state became durable.
	OnFlush func()
	// Logf receives Pebble's own messages about trouble.
	Logf func(format string, args ...any)
	// Fatalf is called when the disk failed and Pebble cannot go on: the process must end. It may be called again.
	Fatalf func(format string, args ...any)
}

// Store is the committed state on disk. One goroutine applies batches; any number read snapshots.
type Store struct {
	opts    Options
	cache   *pebble.Cache
	pair    *pair // the applier's alone
	current atomic.Pointer[pair]
	applied [2]Position

	closeErr error

	readers sync.WaitGroup // goroutines that look up the durable position

	mu      sync.Mutex
	durable [2]Position // applied and flushed
	closed  bool
}

// pair is one subdirectory opened. It is closed when the store has moved to another one and the last snapshot is released.
type pair struct {
	name string
	db   [2]*pebble.DB
	refs atomic.Int64
	gone func(*pair)
}

func (p *pair) release() {
	if p.refs.Add(-1) == 0 {
		p.gone(p)
	}
}

// Open opens the store, making an empty one where there is none.
func Open(opts Options) (*Store, error) {
	if opts.OnFlush == nil {
		opts.OnFlush = func() {}
	}
	s := &Store{opts: opts, cache: pebble.NewCache(opts.CacheBytes)}
	name, err := s.readCurrent()
	if err == nil {
		err = s.removeOthers(name)
	}
	if err == nil {
		err = s.use(name)
	}
	if err != nil {
		s.cache.Unref()
		return nil, fmt.Errorf("storage: open %s: %w", opts.Dir, err)
	}
	return s, nil
}

// readCurrent returns the subdirectory in use, and starts with the first one in an empty directory.
func (s *Store) readCurrent() (string, error) {
	fs := s.opts.FS
	if err := fs.MkdirAll(s.opts.Dir, 0o755); err != nil {
		return "", err
	}
	f, err := fs.Open(fs.PathJoin(s.opts.Dir, "CURRENT"))
	if errors.Is(err, os.ErrNotExist) {
		return "1", s.writeCurrent("1")
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	name := strings.TrimSpace(string(b))
	if err == nil && (name == "" || strings.ContainsAny(name, "/\\")) {
		err = fmt.Errorf("CURRENT holds %q, not the name of a subdirectory", name)
	}
	return name, err
}

func (s *Store) writeCurrent(name string) error {
	fs := s.opts.FS
	tmp := fs.PathJoin(s.opts.Dir, "CURRENT.tmp")
	f, err := fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err = f.Write([]byte(name + "\n")); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = fs.Rename(tmp, fs.PathJoin(s.opts.Dir, "CURRENT"))
	}
	if err != nil {
		return err
	}
	return SyncDir(fs, s.opts.Dir)
}

// SyncDir makes the entries of a directory durable.
func SyncDir(fs FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// removeOthers removes what a crash between two subdirectories left behind.
func (s *Store) removeOthers(name string) error {
	list, err := s.opts.FS.List(s.opts.Dir)
	if err != nil {
		return err
	}
	for _, other := range list {
		if other != name && other != "CURRENT" {
			if err := s.opts.FS.RemoveAll(s.opts.FS.PathJoin(s.opts.Dir, other)); err != nil {
				return err
			}
		}
	}
	return nil
}

// use opens the subdirectory and makes it the one in use.
func (s *Store) use(name string) error {
	p, applied, err := s.open(name)
	if err != nil {
		return err
	}
	old := s.pair
	s.pair, s.applied = p, applied
	s.mu.Lock()
	s.durable = applied
	s.mu.Unlock()
	s.current.Store(p)
	if old != nil {
		old.release()
	}
	return nil
}

func (s *Store) open(name string) (*pair, [2]Position, error) {
	p := &pair{name: name, gone: s.closePair}
	p.refs.Store(1)
	var applied [2]Position
	for i := range p.db {
		dir := s.opts.FS.PathJoin(s.opts.Dir, name, keys.Store(i).String())
		db, err := pebble.Open(dir, s.pebbleOptions(p, i))
		if err != nil {
			p.close()
			return nil, applied, fmt.Errorf("%s: %w", keys.Store(i).String(), err)
		}
		p.db[i] = db
		if applied[i], err = readPosition(db, i, nil); err != nil {
			p.close()
			return nil, applied, err
		}
	}
	return p, applied, nil
}

func readPosition(db *pebble.DB, store int, opts *pebble.IterOptions) (Position, error) {
	it, err := db.NewIter(opts)
	if err != nil {
		return Position{}, err
	}
	defer it.Close()
	if !it.SeekGE(positionKeys[store]) || string(it.Key()) != string(positionKeys[store]) {
		return Position{}, it.Error()
	}
	v, err := it.ValueAndErr()
	if err != nil {
		return Position{}, err
	}
	return decodePosition(v)
}

func (s *Store) pebbleOptions(p *pair, store int) *pebble.Options {
	o := &pebble.Options{
		FS:                          s.opts.FS,
		Cache:                       s.cache,
		DisableWAL:                  true,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                s.opts.MemTableSize,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		LBaseMaxBytes:               256 << 20, // below it there is one level to look into
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		MaxOpenFiles:                500,
		Logger:                      logger{s.opts},
		EventListener: &pebble.EventListener{
			FlushEnd: func(info pebble.FlushInfo) {
				if info.Err == nil {
					s.flushed(p, store)
				}
			},
			BackgroundError: func(err error) { s.failed(store, err) },
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				s.opts.logf("storage: %s: corruption: %v", keys.Store(store), info)
			},
		},
	}
	for i := range o.Levels { // a reader of random records opens few files, and finds their blocks in one step
		o.TargetFileSizes[i] = 32 << 20
		o.Levels[i].BlockSize = 16 << 10
		o.Levels[i].IndexBlockSize = 4 << 20
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].FilterType = pebble.TableFilter
	}
	o.Experimental.SpanPolicyFunc = splitBySpace
	return o
}

// splitBySpace makes every flush and compaction begin a new file where a space of keys begins ([keys.Space]). Each flush has the position that is applied, whose key is
// behind all others: in one file with them it would make that file overlap all others, and nothing could ever be left where it is.
func splitBySpace(key []byte) (policy pebble.SpanPolicy, end []byte, err error) {
	return pebble.SpanPolicy{}, []byte{byte(keys.SpaceOf(key)) + 1}, nil
}

func (o *Options) logf(format string, args ...any) {
	if o.Logf != nil {
		o.Logf(format, args...)
	}
}

// logger hands Pebble's messages on; its reports of ordinary work are not wanted.
type logger struct{ opts Options }

func (l logger) Infof(string, ...any)              {}
func (l logger) Errorf(format string, args ...any) { l.opts.logf(format, args...) }
func (l logger) Fatalf(format string, args ...any) {
	if l.opts.Fatalf != nil {
		l.opts.Fatalf(format, args...)
	}
	panic(fmt.Sprintf("storage: "+format, args...))
}

// failed reports that a flush or a compaction failed. Pebble would try again at once and without end: whoever waits for a flush would never hear of
// it, and the log could not be trimmed any more.
func (s *Store) failed(store int, err error) {
	if s.opts.Fatalf == nil {
		s.opts.logf("storage: %s: %v", keys.Store(store), err)
		return
	}
	s.opts.Fatalf("storage: %s: %w", keys.Store(store), err)
}

// flushed looks up how far the state on disk goes now. Pebble's callback must not wait for Pebble, so a goroutine reads.
func (s *Store) flushed(p *pair, store int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !p.tryRef() {
		return
	}
	s.readers.Add(1)
	go func() {
		defer s.readers.Done()
		defer p.release()
		pos, err := readPosition(p.db[store], store, &pebble.IterOptions{OnlyReadGuaranteedDurable: true})
		if err != nil {
			s.opts.logf("storage: read durable position of %s: %v", keys.Store(store), err)
			return
		}
		s.mu.Lock()
		if s.current.Load() == p && pos.Index > s.durable[store].Index {
			s.durable[store] = pos
		}
		s.mu.Unlock()
		s.opts.OnFlush()
	}()
}

func (p *pair) tryRef() bool {
	for {
		n := p.refs.Load()
		if n == 0 {
			return false
		}
		if p.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Applied returns the position that the whole state has reached: the earlier of the two.
func (s *Store) Applied() Position {
	if s.applied[keys.Indexes].Index < s.applied[keys.Records].Index {
		return s.applied[keys.Indexes]
	}
	return s.applied[keys.Records]
}

// Durable returns the position up to which the state is on disk. The log is needed from the entry after it.
func (s *Store) Durable() Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.durable[keys.Indexes].Index < s.durable[keys.Records].Index {
		return s.durable[keys.Indexes]
	}
	return s.durable[keys.Records]
}

// Flush makes the whole state durable.
func (s *Store) Flush() error {
	for _, db := range s.pair.db {
		if err := db.Flush(); err != nil {
			return fmt.Errorf("storage: flush: %w", err)
		}
	}
	s.mu.Lock()
	s.durable = s.applied
	s.mu.Unlock()
	return nil
}

// Checkpoint writes a copy of the state, as of [Store.Applied], into a directory that must not exist yet.
func (s *Store) Checkpoint(dir string) error {
	if err := s.Flush(); err != nil {
		return err
	}
	if err := s.opts.FS.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("storage: checkpoint: %w", err)
	}
	for i, db := range s.pair.db {
		if err := db.Checkpoint(s.opts.FS.PathJoin(dir, keys.Store(i).String())); err != nil {
			return fmt.Errorf("storage: checkpoint: %w", err)
		}
	}
	return nil
}

// KeyValue is a key and what is stored under it.
type KeyValue struct{ Key, Value []byte }

// WriteCheckpoint makes, in a directory that must not exist yet, a checkpoint that holds nothing but list.
func (s *Store) WriteCheckpoint(dir string, pos Position, list []KeyValue) error {
	for i, key := range positionKeys {
		if err := s.writeOne(s.opts.FS.PathJoin(dir, keys.Store(i).String()), i, append([]KeyValue{{key, pos.encode()}}, list...)); err != nil {
			return fmt.Errorf("storage: checkpoint: %w", err)
		}
	}
	return nil
}

// writeOne makes one Pebble with those of list that belong into it.
func (s *Store) writeOne(dir string, store int, list []KeyValue) (err error) {
	if err := s.opts.FS.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	db, err := pebble.Open(dir, &pebble.Options{FS: s.opts.FS, DisableWAL: true, FormatMajorVersion: pebble.FormatNewest, Logger: logger{s.opts}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, kv := range list {
		if int(keys.StoreOf(kv.Key)) != store {
			continue
		}
		if err := db.Set(kv.Key, kv.Value, pebble.NoSync); err != nil {
			return err
		}
	}
	return db.Flush()
}

// Install replaces the whole state by a checkpoint: the directory's content is moved into the store. Snapshots taken before
// stay readable until they are released. After a crash the state is either the old or the new one.
func (s *Store) Install(dir string) error {
	fs := s.opts.FS
	var n int
	if _, err := fmt.Sscan(s.pair.name, &n); err != nil {
		return fmt.Errorf("storage: install: subdirectory %q: %w", s.pair.name, err)
	}
	name := fmt.Sprint(n + 1)
	to := fs.PathJoin(s.opts.Dir, name)
	if err := errors.Join(fs.RemoveAll(to), fs.Rename(dir, to), SyncDir(fs, s.opts.Dir)); err != nil {
		return fmt.Errorf("storage: install: %w", err)
	}
	if err := s.writeCurrent(name); err != nil {
		return fmt.Errorf("storage: install: %w", err)
	}
	if err := s.use(name); err != nil {
		return fmt.Errorf("storage: install: %w", err)
	}
	return nil
}

// closePair closes a pair that nobody reads any more and removes it if the store has moved on.
func (s *Store) closePair(p *pair) {
	s.closeErr = p.close()
	if c := s.current.Load(); c != nil && c != p {
		if err := s.opts.FS.RemoveAll(s.opts.FS.PathJoin(s.opts.Dir, p.name)); err != nil {
			s.opts.logf("storage: remove old state %s: %v", p.name, err)
		}
	}
}

func (p *pair) close() error {
	var errs []error
	for _, db := range p.db {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Close flushes and closes the store. All snapshots must have been released.
func (s *Store) Close() error {
	err := s.Flush()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.readers.Wait()
	invariant.Check(s.pair.refs.Load() == 1, "storage: closed with %d snapshots open", s.pair.refs.Load()-1)
	s.pair.release()
	s.cache.Unref()
	return errors.Join(err, s.closeErr)
}

// Usage returns the bytes on disk of the two Pebbles and what their memory tables hold.
func (s *Store) Usage() (disk, memory uint64) {
	for _, db := range s.pair.db {
		m := db.Metrics()
		disk += m.DiskSpaceUsage()
		memory += m.MemTable.Size
	}
	return disk, memory
}

// EstimateBytes returns about how many bytes on disk the keys from lo to hi take.
func (s *Store) EstimateBytes(lo, hi []byte) (uint64, error) {
	p := s.current.Load()
	if !p.tryRef() {
		return 0, nil
	}
	defer p.release()
	return p.db[keys.StoreOf(lo)].EstimateDiskUsage(lo, hi)
}
