package engine

import (
	"context"
	"fmt"

	"github.com/mortondb/morton/internal/invariant"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/storage"
)

// batchBytes is how much of the log is applied in one batch, and so how long a new view may wait for it.
const batchBytes = 1 << 20

// Apply moves committed entries into storage, in order. After a crash entries may come again: each store leaves out what it has.
// What an entry does is in it; applying decides nothing. An error means that this member's state cannot follow the log any more,
// and the member must stop.
func (e *Engine) Apply(entries []Entry) error {
	for len(entries) > 0 {
		n, size := 0, 0
		for n < len(entries) && (n == 0 || size+len(entries[n].Data) <= batchBytes) {
			size += len(entries[n].Data)
			if n++; isCheck(entries[n-1].Data) {
				break
			}
		}
		if err := e.applyBatch(entries[:n]); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// Pass takes committed entries for applied without looking at what they do: an arbiter follows the log and holds no data.
func (e *Engine) Pass(entries []Entry) error {
	before := e.store.Applied()
	a := &applier{e: e, batch: e.store.NewBatch(), catalog: e.state.Load().committed, pos: before}
	defer a.batch.Close()
	for i := range entries {
		_, last, err := oplog.Span(entries[i].Data)
		if err != nil {
			return fmt.Errorf("engine: pass entry %d: %w", entries[i].Index, err)
		}
		a.pos.Index, a.pos.Term, a.pos.TS = entries[i].Index, entries[i].Term, max(a.pos.TS, uint64(last))
	}
	if a.pos.Index <= before.Index {
		return nil
	}
	if err := a.batch.Commit(a.pos); err != nil {
		return err
	}
	e.publishApplied(a)
	e.announceApplied()
	return nil
}

// applier is the work on one batch.
type applier struct {
	e       *Engine
	batch   *storage.Batch
	catalog *Catalog
	touched map[uint32]*counters
	pos     storage.Position
	reader  oplog.Reader
	fresh   bool // the entry has not been applied before

	settings bool // it changes the collection of settings
	op       oplog.Op
}

func (e *Engine) applyBatch(entries []Entry) error {
	before := e.store.Applied()
	a := &applier{e: e, batch: e.store.NewBatch(), catalog: e.state.Load().committed, touched: map[uint32]*counters{}, pos: before}
	defer a.batch.Close()
	for i := range entries {
		if err := a.entry(&entries[i]); err != nil {
			return fmt.Errorf("engine: apply entry %d: %w", entries[i].Index, err)
		}
	}
	for number, c := range a.touched {
		if err := a.batch.Set(countersKey(number), c.encode()); err != nil {
			return err
		}
	}
	if a.pos.Index <= before.Index {
		return nil
	}
	if err := a.batch.Commit(a.pos); err != nil {
		return err
	}
	e.publishApplied(a)
	if a.settings {
		e.settingsChanges.Add(1)
	}
	if check := entries[len(entries)-1].Data; isCheck(check) {
		e.pinCheck(check)
	}
	e.announceApplied()
	return nil
}

func (a *applier) entry(entry *Entry) error {
	a.batch.At(entry.Index)
	a.fresh = entry.Index > a.pos.Index
	for data := entry.Data; len(data) > 0; {
		group, rest, err := oplog.NextGroup(data)
		if err != nil {
			return err
		}
		if err := a.group(group); err != nil {
			return err
		}
		data = rest
	}
	if a.fresh {
		a.pos.Index, a.pos.Term = entry.Index, entry.Term
	}
	return nil
}

func (a *applier) group(group []byte) error {
	if err := a.reader.Reset(group); err != nil {
		return err
	}
	h := &a.reader.Header
	for {
		more, err := a.reader.Next(&a.op)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		for _, m := range a.op.Mutations {
			if err := a.mutation(m); err != nil {
				return err
			}
		}
	}
	if !a.fresh {
		return nil
	}
	a.pos.TS = uint64(h.Last())
	if h.Namespace == SettingsNS {
		a.settings = true
	}
	if h.Collection != 0 && (h.Documents != 0 || h.Bytes != 0) {
		c := a.e.counters(h.Collection)
		c.committedDocuments.Add(h.Documents)
		c.committedBytes.Add(h.Bytes)
		a.touched[h.Collection] = c
	}
	return nil
}

func (a *applier) mutation(m oplog.Mutation) (err error) {
	if keys.SpaceOf(m.Key) == keys.SpaceCatalog {
		a.settings = true // it may be the collection of settings that comes or goes
		if a.catalog, err = a.e.applyCatalog(a.catalog, m.Key, m.Value, m.Kind == oplog.Remove); err != nil {
			return err
		}
	}
	switch m.Kind {
	case oplog.Put, oplog.PutO:
		a.noteRecord(m.Key)
		return a.batch.Set(m.Key, m.Value)
	case oplog.Remove:
		return a.batch.Delete(m.Key)
	}
	return a.batch.DeleteRange(m.Key, m.Value)
}

// publishApplied shows readers the new storage state and lets the overlay forget what it holds of it.
func (e *Engine) publishApplied(a *applier) {
	snap := e.store.Snapshot()
	invariant.Yield()
	e.mu.Lock()
	st := e.state.Load()
	if e.primary {
		e.overlay.Forget(a.pos.TS)
		e.publishLocked(&state{overlay: e.overlay.Snapshot(st.overlay.TS), storage: snap, catalog: st.catalog, committed: a.catalog, term: st.term})
	} else {
		e.last = max(e.last, oplog.Timestamp(a.pos.TS))
		e.publishLocked(e.committedState(snap, a.catalog))
		for _, c := range a.touched {
			c.show()
		}
	}
	for _, c := range a.touched {
		c.grown.give()
	}
	e.mu.Unlock()
}

// announceApplied wakes who waits for more to be applied, once everything that belongs to it is there.
func (e *Engine) announceApplied() {
	e.appliedMu.Lock()
	defer e.appliedMu.Unlock()
	close(e.applied)
	e.applied = make(chan struct{})
}

// Applied returns the place in the log up to which storage has everything.
func (e *Engine) Applied() storage.Position {
	st := e.acquire()
	defer st.storage.Release()
	return st.storage.Position
}

// Durable returns the position up to which the state would survive without the log.
func (e *Engine) Durable() storage.Position { return e.store.Durable() }

// WaitApplied waits until storage has everything up to ts.
func (e *Engine) WaitApplied(ctx context.Context, ts oplog.Timestamp) error {
	return e.waitApplied(ctx, func(p storage.Position) bool { return p.TS >= uint64(ts) })
}

// WaitAppliedIndex waits until storage has everything up to an entry of the log.
func (e *Engine) WaitAppliedIndex(ctx context.Context, index uint64) error {
	return e.waitApplied(ctx, func(p storage.Position) bool { return p.Index >= index })
}

func (e *Engine) waitApplied(ctx context.Context, reached func(storage.Position) bool) error {
	for {
		changed := e.AppliedChanged()
		if reached(e.Applied()) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// AppliedChanged returns a channel that is closed when more has been applied.
func (e *Engine) AppliedChanged() <-chan struct{} {
	e.appliedMu.Lock()
	defer e.appliedMu.Unlock()
	return e.applied
}

// Checkpoint writes a copy of the applied state into a new directory. The applying goroutine calls it.
func (e *Engine) Checkpoint(dir string) (storage.Position, error) {
	err := e.store.Checkpoint(dir)
	return e.store.Applied(), err
}

// CheckpointWithoutData writes what an arbiter has to know: the place in the log, the members and their configuration.
func (e *Engine) CheckpointWithoutData(dir string) (storage.Position, error) {
	var list []storage.KeyValue
	for _, key := range [][]byte{configKey, membersKey} {
		value, err := e.stored(key)
		if err != nil {
			return storage.Position{}, err
		}
		if value != nil {
			list = append(list, storage.KeyValue{Key: key, Value: value})
		}
	}
	pos := e.store.Applied()
	return pos, e.store.WriteCheckpoint(dir, pos, list)
}

// Install replaces all state by a checkpoint that another member made.
func (e *Engine) Install(dir string) error {
	if err := e.store.Install(dir); err != nil {
		return err
	}
	if err := e.load(); err != nil {
		return err
	}
	e.settingsChanges.Add(1)
	e.announceApplied()
	return nil
}
