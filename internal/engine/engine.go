package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/invariant"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/overlay"
	"github.com/mortondb/morton/internal/storage"
)

// Log is where a primary's writes go.
type Log interface {
	// Append hands over a group whose last timestamp is last. It never blocks and is called in the order of timestamps, under
	// the write lock. Urgent says that somebody is going to wait for the group to be durable or committed.
	Append(group []byte, last oplog.Timestamp, urgent bool)
}

// Options of an engine.
type Options struct {
	Storage *storage.Store
	// OverlayBytes bounds the writes that are acknowledged and not yet committed and applied. From half of it on, writers wait
	// a little, more the fuller it is.
	OverlayBytes int64
	Logf         func(format string, args ...any)
	Spills       Spills // for sorts that do not fit into memory; nil: they fail
	// Now is the wall clock that timestamps follow; nil: time.Now. It may jump: timestamps never go back.
	Now func() time.Time
}

// DefaultOverlayBytes is the overlay's bound if none is given.
const DefaultOverlayBytes = 64 << 20

// Engine runs reads and writes over one member's data. Reads may come from any goroutine; so may writes, on a primary.
// The methods of the replicated log's state machine ([Engine.Apply], ...) are for one goroutine.
type Engine struct {
	opts  Options
	store *storage.Store
	log   Log
	stats sync.Map // number -> *counters
	state atomic.Pointer[state]

	// latches make writers of one document line up before they plan, so that a hot document costs no lost plans.
	latches [256]sync.Mutex

	// mu is the write lock: whoever holds it decides the order of writes. Held for memory operations only.
	mu       sync.Mutex
	primary  bool
	term     uint64
	last     oplog.Timestamp // newest timestamp handed out or applied
	overlay  *overlay.Overlay
	watched  []*changedRecords  // who wants to know which documents are written
	builders context.CancelFunc // stops the index builds of this term
	building sync.WaitGroup

	sortBytes atomic.Int64 // see SortBytes

	settingsChanges atomic.Uint64 // see SettingsChanges

	uses   sync.Map // number of an index -> *IndexUse
	builds sync.Map // number of an index that is being built -> *BuildProgress

	distinct sync.Mutex // held while keys of indexes with prepareUnique are checked and written; before mu

	appliedMu sync.Mutex
	applied   chan struct{} // closed and replaced when more is applied

	history history // of states that were published

	checksMu sync.Mutex
	checks   map[string]*check

	entries EntryReader

	profiles profiles
}

// EntryReader reads the replicated log back, for local.oplog.rs.
type EntryReader interface {
	// Bounds returns the first and the last index that can be read.
	Bounds() (first, last uint64)
	// Read returns entries from lo up to, not including, hi, as many as fit into maxBytes but at least one.
	Read(lo, hi uint64, maxBytes int) ([]Entry, error)
}

// Entry is a committed entry of the replicated log.
type Entry struct {
	Index, Term uint64
	Data        []byte // concatenated groups; empty for entries that are the log's own business
}

// Open returns an engine over a store. It is a secondary's: nothing can be written before [Engine.BecomePrimary].
func Open(opts Options) (*Engine, error) {
	if opts.OverlayBytes == 0 {
		opts.OverlayBytes = DefaultOverlayBytes
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logf == nil {
		opts.Logf = func(string, ...any) {}
	}
	e := &Engine{opts: opts, store: opts.Storage, overlay: overlay.New(), applied: make(chan struct{})}
	if err := e.load(); err != nil {
		return nil, err
	}
	return e, nil
}

// Connect gives the engine its log. It must be called before the first write.
func (e *Engine) Connect(log Log, entries EntryReader) {
	e.log, e.entries = log, entries
}

// load publishes what the store holds.
func (e *Engine) load() error {
	snap := e.store.Snapshot()
	catalog, err := e.loadCatalog(snap)
	if err != nil {
		snap.Release()
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	defer e.history.clear() // a state that was installed has another past
	pos := snap.Position
	e.last = max(e.last, oplog.Timestamp(pos.TS))
	e.overlay.Reset(pos.TS)
	e.publishLocked(&state{overlay: e.overlay.Snapshot(pos.TS), storage: snap, catalog: catalog, committed: catalog, term: pos.Term})
	return nil
}

func (e *Engine) loadCatalog(snap *storage.Snapshot) (*Catalog, error) {
	catalog, err := e.readCatalog(snap)
	if err != nil {
		return nil, err
	}
	for number, coll := range catalog.numbers {
		value, closer, err := snap.Get(countersKey(number))
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("engine: counters of %s: %w", coll.NS, err)
		}
		coll.stats.load(value)
		_ = closer.Close()
	}
	return catalog, nil
}

// readCatalog reads the catalog of a snapshot.
func (e *Engine) readCatalog(snap *storage.Snapshot) (*Catalog, error) {
	catalog := newCatalog()
	lo, hi := keys.SpaceRange(keys.SpaceCatalog)
	err := eachKey(snap, lo, hi, func(key, value []byte) (err error) {
		catalog, err = e.applyCatalog(catalog, key, value, false)
		return err
	})
	return catalog, err
}

func eachKey(snap *storage.Snapshot, lo, hi []byte, f func(key, value []byte) error) error {
	it, err := snap.NewIter(lo, hi)
	if err != nil {
		return err
	}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		var value []byte
		if value, err = it.ValueAndErr(); err == nil {
			err = f(it.Key(), value)
		}
	}
	return errors.Join(err, it.Close())
}

// publishLocked makes st what readers see and lets the snapshot before it go.
func (e *Engine) publishLocked(st *state) {
	old := e.state.Swap(st)
	invariant.Yield()
	if old != nil && old.overlay.TS < st.overlay.TS {
		e.history.add(old)
	}
	if old != nil && old.storage != st.storage {
		old.storage.Release()
	}
}

// Close lets the store go. Views must have been closed.
func (e *Engine) Close() {
	e.StepDown(e.term)
	e.unpinChecks(time.Time{})
	e.history.clear()
	e.state.Load().storage.Release()
}

// Primary reports whether writes are taken, and the term.
func (e *Engine) Primary() (term uint64, primary bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.term, e.primary
}

// BecomePrimary starts a term in which this member writes. Everything in the log so far must have been applied.
func (e *Engine) BecomePrimary(term uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := e.state.Load()
	e.primary, e.term = true, term
	e.last = max(e.last, oplog.Timestamp(st.storage.Position.TS))
	e.overlay.Reset(uint64(e.last) + 1) // plans on views of an earlier term do not hold, for what they saw may be gone
	for _, coll := range st.catalog.numbers {
		coll.stats.nextID.Store(0)
		coll.stats.maxID.Store(nil)
	}
	e.noteLocked("new primary") // as mongod's primaries begin their term
	ctx, cancel := context.WithCancel(context.Background())
	e.builders = cancel
	e.resumeBuilds(ctx, st.catalog)
	e.removeLeftovers(ctx, st.catalog)
}

// noteLocked writes an entry that does nothing but stand in the log.
func (e *Engine) noteLocked(msg string) {
	var o document.Builder
	o.AppendString("msg", msg)
	w := oplog.NewWriter(&oplog.Header{Wall: time.Now().UnixMilli()}, 64)
	w.Begin(oplog.Noop, -1, o.Finish(), nil)
	e.appendLocked(e.state.Load(), &proposal{group: w.Finish()})
}

// StepDown ends the term: what is not committed is forgotten. When it returns, nothing of the term is appended any more.
func (e *Engine) StepDown(uint64) {
	e.mu.Lock()
	if e.builders != nil {
		e.builders()
		e.builders = nil
	}
	if e.primary {
		e.primary = false
		e.overlay.Drop()
		st := e.state.Load()
		e.publishLocked(e.committedState(st.storage, st.committed))
		e.history.clearRecent() // some of it may never have been
		e.settingsChanges.Add(1)
		for _, coll := range st.committed.numbers {
			coll.stats.show()
		}
	}
	e.mu.Unlock()
	e.building.Wait()
}

// committedState is what a member that is not primary shows.
func (e *Engine) committedState(snap *storage.Snapshot, catalog *Catalog) *state {
	pos := snap.Position
	return &state{overlay: overlay.Snapshot{TS: pos.TS}, storage: snap, catalog: catalog, committed: catalog, term: pos.Term}
}

// errNotPrimary is what a write on another member, or one overtaken by a step-down, answers.
func errNotPrimary() error {
	return mongoerr.New(mongoerr.NotWritablePrimary, "not primary")
}

// throttle makes a writer wait while the overlay is more than half full: first for microseconds, near the bound for
// milliseconds. At the bound it waits until there is room.
func (e *Engine) throttle(ctx context.Context) error {
	for {
		bound := e.opts.OverlayBytes
		used := e.overlay.Bytes()
		if used < bound/2 {
			return ctx.Err()
		}
		full := float64(used-bound/2) / float64(bound/2) // 0 at half, 1 at the bound
		delay := time.Duration(full * full * full * float64(20*time.Millisecond))
		if used < bound && delay < 50*time.Microsecond {
			return ctx.Err()
		}
		timer := time.NewTimer(min(delay, 20*time.Millisecond))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		if used < bound {
			return nil
		}
	}
}

// OverlayBytes returns the size of what is written and not yet in storage.
func (e *Engine) OverlayBytes() int64 { return e.overlay.Bytes() }

// newUUID returns a random (version 4) UUID.
func newUUID() (u [16]byte) {
	for i := 0; i < 16; i += 8 {
		r := rand.Uint64()
		for j := range 8 {
			u[i+j] = byte(r >> (8 * j))
		}
	}
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return u
}

func (e *Engine) latch(key []byte) *sync.Mutex {
	h := uint32(2166136261)
	for _, c := range key {
		h = (h ^ uint32(c)) * 16777619
	}
	return &e.latches[h%uint32(len(e.latches))]
}

// LastTime returns the place of the newest operation that local reads show.
func (e *Engine) LastTime() oplog.OpTime {
	st := e.state.Load()
	return oplog.OpTime{TS: oplog.Timestamp(st.overlay.TS), Term: st.term}
}

// Newest returns the newest timestamp that was handed out or applied here. No view has shown anything newer, and it does not go back when what is not committed is
// forgotten.
func (e *Engine) Newest() oplog.Timestamp {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}

// AdvanceTo makes a primary's log reach ts, which a client heard of from another member, with an entry that does nothing.
func (e *Engine) AdvanceTo(ts oplog.Timestamp) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.primary {
		return errNotPrimary()
	}
	if e.last >= ts {
		return nil
	}
	e.last = ts - 1
	e.noteLocked("advance the cluster time")
	return nil
}
