package storage

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/mortondb/morton/internal/invariant"
	"github.com/mortondb/morton/internal/keys"
)

// Batch collects the mutations of a run of log entries. A store that was ahead of the other after a crash leaves out
// what it has ([Batch.At]).
type Batch struct {
	s    *Store
	b    [2]*pebble.Batch
	skip [2]bool
}

// NewBatch returns an empty batch. It ends with Commit or Close.
func (s *Store) NewBatch() *Batch {
	b := &Batch{s: s}
	for i, db := range s.pair.db {
		b.b[i] = db.NewBatch()
	}
	return b
}

// At says that what follows belongs to the log entry at index.
func (b *Batch) At(index uint64) {
	for i := range b.skip {
		b.skip[i] = index <= b.s.applied[i].Index
	}
}

// Set stores a value.
func (b *Batch) Set(key, value []byte) error {
	i := keys.StoreOf(key)
	if b.skip[i] {
		return nil
	}
	return b.b[i].Set(key, value, nil)
}

// Delete removes a key.
func (b *Batch) Delete(key []byte) error {
	i := keys.StoreOf(key)
	if b.skip[i] {
		return nil
	}
	return b.b[i].Delete(key, nil)
}

// DeleteRange removes the keys from lo up to, not including, hi.
func (b *Batch) DeleteRange(lo, hi []byte) error {
	i := keys.StoreOf(lo)
	if b.skip[i] {
		return nil
	}
	return b.b[i].DeleteRange(lo, hi, nil)
}

// Len returns the bytes collected.
func (b *Batch) Len() int { return b.b[0].Len() + b.b[1].Len() }

// Commit applies the batch and remembers that everything up to pos is applied. It may wait while Pebble's flushes lag.
func (b *Batch) Commit(pos Position) error {
	defer b.Close()
	for i, batch := range b.b {
		if pos.Index <= b.s.applied[i].Index {
			continue
		}
		if err := batch.Set(positionKeys[i], pos.encode(), nil); err != nil {
			return fmt.Errorf("storage: %w", err)
		}
		if err := batch.Commit(pebble.NoSync); err != nil {
			return fmt.Errorf("storage: apply up to %d: %w", pos.Index, err)
		}
		b.s.applied[i] = pos
		invariant.Yield()
	}
	return nil
}

// Close drops the batch.
func (b *Batch) Close() {
	for i, batch := range b.b {
		if batch != nil {
			_ = batch.Close() // only releases memory
			b.b[i] = nil
		}
	}
}
