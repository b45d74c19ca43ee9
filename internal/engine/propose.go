package engine

import (
	"bytes"
	"errors"

	"github.com/mortondb/morton/internal/invariant"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/oplog"
)

// errConflict says that what a plan was made on has changed: plan again on a newer view.
var errConflict = errors.New("engine: the plan was overtaken by another write")

// proposal is a planned write: a group, complete but for its timestamps, and what must still be true when it is entered.
type proposal struct {
	group   []byte
	view    uint64      // timestamp of the view that it was planned on
	coll    *Collection // the catalog entry it was planned with must still stand; nil if none was used
	catalog *Catalog    // of a change of the catalog: the catalog that it was planned on must still be the newest
	change  *Catalog    // the catalog after it; nil if it stays

	// guards are keys that must not have changed since the view: the records that were read, the unique keys that were
	// found free, the session's record.
	guards [][]byte
	// unchanged are documents that must not have been written since changed began to note them, instead of guards since a view.
	unchanged []uint64
	changed   *changedRecords

	distinct []distinctKey // keys of indexes with prepareUnique
	maxID    []byte        // of an insert: the greatest key of the _id index
	urgent   bool          // somebody is going to wait for it

	mutations []mutation
	documents int64
	bytes     int64
}

type mutation struct {
	op         int // its operation in the group
	key, value []byte
	deleted    bool
}

// decode lists the mutations for the overlay. It is done before the lock is taken. Ranges and the catalog have no place in the
// overlay: the catalog is part of the published state, and ranges belong to collections that it no longer has.
func (p *proposal) decode() error {
	r, err := oplog.NewReader(p.group)
	if err != nil {
		return err
	}
	p.documents, p.bytes = r.Header.Documents, r.Header.Bytes
	var op oplog.Op
	for i := 0; ; i++ {
		more, err := r.Next(&op)
		if err != nil || !more {
			return err
		}
		for _, m := range op.Mutations {
			if m.Kind == oplog.RemoveRange || keys.SpaceOf(m.Key) == keys.SpaceCatalog {
				continue
			}
			p.mutations = append(p.mutations, mutation{op: i, key: m.Key, value: m.Value, deleted: m.Kind == oplog.Remove})
		}
	}
}

// propose enters a planned write: it is visible to readers of this member and on its way into the log when propose returns.
// It fails with errConflict if the plan no longer holds.
func (e *Engine) propose(p *proposal) (oplog.OpTime, error) {
	if err := p.decode(); err != nil {
		return oplog.OpTime{}, err
	}
	invariant.Yield()
	if len(p.distinct) > 0 {
		e.distinct.Lock()
		defer e.distinct.Unlock()
		if err := e.checkDistinct(p.distinct); err != nil {
			return oplog.OpTime{}, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.primary {
		return oplog.OpTime{}, errNotPrimary()
	}
	st := e.state.Load()
	if !e.holdsLocked(st, p) {
		return oplog.OpTime{}, errConflict
	}
	return e.appendLocked(st, p), nil
}

// holdsLocked reports whether what the plan was made on is still so.
func (e *Engine) holdsLocked(st *state, p *proposal) bool {
	if p.catalog != nil && p.catalog != st.catalog {
		return false
	}
	if p.coll != nil && st.catalog.numbers[p.coll.Number] != p.coll {
		return false
	}
	if p.changed != nil && p.changed.hasAny(p.unchanged) {
		return false
	}
	if uint64(e.last) == p.view || len(p.guards) == 0 {
		return true
	}
	changes := e.overlay.ChangesSince(p.view)
	for _, key := range p.guards {
		if changes.Has(key) {
			return false
		}
	}
	return true
}

// appendLocked gives the group its timestamps, enters it into overlay and log, and publishes the new state.
func (e *Engine) appendLocked(st *state, p *proposal) oplog.OpTime {
	first := oplog.Next(e.last, e.opts.Now())
	oplog.SetFirst(p.group, first)
	_, last, err := oplog.Span(p.group)
	if err != nil {
		panic(err) // made by this program a moment ago
	}
	e.last = last
	for _, c := range e.watched {
		c.note(p.mutations)
	}
	for _, m := range p.mutations {
		e.overlay.Add(uint64(first)+uint64(m.op), m.key, m.value, m.deleted)
	}
	next := &state{storage: st.storage, catalog: st.catalog, committed: st.committed, term: e.term}
	if p.change != nil {
		next.catalog = p.change
	}
	next.overlay = e.overlay.Snapshot(uint64(last))
	if p.coll != nil {
		p.coll.stats.account(p)
	}
	e.log.Append(p.group, last, p.urgent)
	e.publishLocked(next)
	if p.change != nil || p.coll != nil && p.coll.NS == SettingsNS {
		e.settingsChanges.Add(1)
	}
	if p.coll != nil && p.coll.Capped != nil {
		p.coll.stats.grown.give()
	}
	return oplog.OpTime{TS: last, Term: e.term}
}

func (c *counters) account(p *proposal) {
	c.documents.Add(p.documents)
	c.bytes.Add(p.bytes)
	if m := c.maxID.Load(); p.maxID != nil && (m == nil || bytes.Compare(p.maxID, *m) > 0) {
		c.maxID.Store(&p.maxID)
	}
}
