package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mortondb/morton/internal/invariant"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/overlay"
	"github.com/mortondb/morton/internal/storage"
)

// state is everything that a reader sees, published as one immutable value: one atomic load is a consistent view.
type state struct {
	overlay   overlay.Snapshot
	storage   *storage.Snapshot // the published state holds one reference
	catalog   *Catalog          // with what is proposed, on a primary
	committed *Catalog
	term      uint64 // of the newest operation seen
}

// View is the database at one moment. It must be closed, soon: it keeps Pebble from cleaning up.
type View struct {
	engine  *Engine
	overlay overlay.Snapshot
	storage *storage.Snapshot
	Catalog *Catalog
	Time    oplog.OpTime // of the newest operation in it
	past    bool         // it may not be the newest state, which counters are about

	// For looking up whether keys are there, from when that was needed.
	lookup *overlay.Lookup
	probe  *storage.Probe // of the index store
}

// Local returns the newest state of this member: on a primary with writes that no majority has yet.
func (e *Engine) Local() View {
	st := e.acquire()
	v := View{engine: e, overlay: st.overlay, storage: st.storage, Catalog: st.catalog}
	v.Time = oplog.OpTime{TS: oplog.Timestamp(st.overlay.TS), Term: st.term}
	return v
}

// Majority returns the newest committed state that this member has applied.
func (e *Engine) Majority() View {
	st := e.acquire()
	v := View{engine: e, storage: st.storage, Catalog: st.committed}
	v.Time = oplog.OpTime{TS: oplog.Timestamp(st.storage.Position.TS), Term: st.storage.Position.Term}
	return v
}

// acquire returns the published state with a reference on its storage snapshot.
func (e *Engine) acquire() *state {
	for {
		st := e.state.Load()
		invariant.Yield()
		if st.storage.TryRef() {
			return st
		}
	}
}

// Close lets go of the view.
func (v *View) Close() {
	if v.storage != nil {
		if v.probe != nil {
			_ = v.probe.Close() // its last answer had the error
			v.probe = nil
		}
		v.storage.Release()
		v.storage = nil
	}
}

// get appends the value of key to dst; found is false if there is none.
func (v *View) get(dst, key []byte) (value []byte, found bool, err error) {
	if !v.overlay.Empty() {
		if val, deleted, ok := v.overlay.Get(key); ok {
			if deleted {
				return dst, false, nil
			}
			return append(dst, val...), true, nil
		}
	}
	invariant.Yield()
	val, closer, err := v.storage.Get(key)
	if err != nil {
		if errors.Is(err, storage.ErrNotFound) {
			return dst, false, nil
		}
		return dst, false, fmt.Errorf("engine: read: %w", err)
	}
	dst = append(dst, val...)
	return dst, true, closer.Close()
}

// has reports whether a key of the index store has a value.
func (v *View) has(key []byte) (bool, error) {
	if !v.overlay.Empty() {
		if v.lookup == nil {
			l := v.overlay.NewLookup()
			v.lookup = &l
		}
		if _, deleted, ok := v.lookup.Get(key); ok {
			return !deleted, nil
		}
	}
	if v.probe == nil {
		probe, err := v.storage.NewProbe(keys.Indexes)
		if err != nil {
			return false, fmt.Errorf("engine: read: %w", err)
		}
		v.probe = probe
	}
	found, err := v.probe.Has(key)
	if err != nil {
		return false, fmt.Errorf("engine: read: %w", err)
	}
	return found, nil
}

// scan walks the keys of a range, overlay over storage, in either direction. Key and Value are valid until the next move.
type scan struct {
	over *overlay.Iter // nil if the overlay is empty
	base *storage.Iter
	back bool
	err  error

	onOver, onBase bool // which of the two stand on the current key
}

// newScan returns a scan of the keys from lo up to, not including, hi. It starts with [scan.first] or [scan.seek].
func (v *View) newScan(lo, hi []byte, back bool) (*scan, error) {
	base, err := v.storage.NewIter(lo, hi)
	if err != nil {
		return nil, fmt.Errorf("engine: scan: %w", err)
	}
	s := &scan{base: base, back: back}
	if !v.overlay.Empty() {
		s.over = v.overlay.NewIter(lo, hi)
	}
	return s, nil
}

// first moves to the first key, the last one if the scan goes backwards.
func (s *scan) first(lo, hi []byte) bool {
	if s.back {
		return s.seek(hi)
	}
	return s.seek(lo)
}

// seek moves to the first key at or after key; backwards, to the last one before key.
func (s *scan) seek(key []byte) bool {
	if s.back {
		s.base.SeekLT(key)
	} else {
		s.base.SeekGE(key)
	}
	if s.over != nil {
		if s.back {
			s.over.SeekLT(key)
		} else {
			s.over.SeekGE(key)
		}
	}
	return s.settle()
}

// next moves to the next key.
func (s *scan) next() bool {
	if s.onBase {
		s.stepBase()
	}
	if s.onOver {
		s.over.Next()
	}
	return s.settle()
}

func (s *scan) stepBase() {
	if s.back {
		s.base.Prev()
	} else {
		s.base.Next()
	}
}

// settle finds which of the two is next and skips what the overlay says is removed.
func (s *scan) settle() bool {
	for {
		s.onBase = s.base.Valid()
		s.onOver = s.over != nil && s.over.Valid()
		if s.onBase && s.onOver {
			c := bytes.Compare(s.over.Key(), s.base.Key())
			if s.back {
				c = -c
			}
			s.onBase, s.onOver = c >= 0, c <= 0
		}
		if !s.onOver {
			if !s.onBase {
				s.fail(s.base.Error())
			}
			return s.onBase
		}
		if !s.over.Deleted() {
			return true
		}
		if s.onBase {
			s.stepBase()
		}
		s.over.Next()
	}
}

func (s *scan) fail(err error) {
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("engine: scan: %w", err)
	}
}

// key returns the current key.
func (s *scan) key() []byte {
	if s.onOver {
		return s.over.Key()
	}
	return s.base.Key()
}

// value returns the current value.
func (s *scan) value() []byte {
	if s.onOver {
		return s.over.Value()
	}
	v, err := s.base.ValueAndErr()
	s.fail(err)
	return v
}

func (s *scan) close() error {
	s.fail(s.base.Close())
	return s.err
}

// entryRecord reads the record id from the value of an index entry.
func entryRecord(value []byte) uint64 {
	rid, _ := keys.ParseRecordID(value)
	return rid
}

// recordID reads the record id at the end of a key.
func recordID(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b[len(b)-8:])
}
