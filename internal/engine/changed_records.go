package engine

import (
	"maps"
	"slices"

	"github.com/mortondb/morton/internal/keys"
)

// changedRecords is the documents of a collection that were written since somebody began to watch it, for whom work on an older view is worth going on with
// as long as a few documents only have to be looked at again. The engine's write lock guards it.
type changedRecords struct {
	collection uint32
	rids       map[uint64]struct{}
}

func (c *changedRecords) note(mutations []mutation) {
	for _, m := range mutations {
		if collection, rid, ok := keys.ParseRecord(m.key); ok && collection == c.collection {
			c.rids[rid] = struct{}{}
		}
	}
}

func (c *changedRecords) hasAny(rids []uint64) bool {
	return slices.ContainsFunc(rids, func(rid uint64) bool { _, ok := c.rids[rid]; return ok })
}

// watchRecords begins to note the documents of a collection that are written. Views taken from now on show what was written before.
func (e *Engine) watchRecords(collection uint32) *changedRecords {
	c := &changedRecords{collection: collection, rids: map[uint64]struct{}{}}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.watched = append(slices.Clone(e.watched), c)
	return c
}

func (e *Engine) unwatchRecords(c *changedRecords) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.watched = slices.DeleteFunc(slices.Clone(e.watched), func(other *changedRecords) bool { return other == c })
}

// changedSince returns the documents that were written, in no order.
func (e *Engine) changedSince(c *changedRecords) []uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Keys(c.rids))
}

// unchanged returns those of a list of entries whose documents were not written.
func (e *Engine) unchanged(list []buildEntry, c *changedRecords) []buildEntry {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(c.rids) == 0 {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(b buildEntry) bool { _, ok := c.rids[b.rid]; return ok })
}
