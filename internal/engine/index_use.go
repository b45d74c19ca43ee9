package engine

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/plan"
)

// IndexUse is how often queries used an index on this member, since when.
type IndexUse struct {
	Since time.Time
	ops   atomic.Int64
}

// Ops returns how many queries used the index.
func (u *IndexUse) Ops() int64 { return u.ops.Load() }

// IndexUse returns the figures of an index.
func (e *Engine) IndexUse(ix *Index) *IndexUse { return e.indexUse(ix.Number) }

func (e *Engine) indexUse(number uint32) *IndexUse {
	if u, ok := e.uses.Load(number); ok {
		return u.(*IndexUse)
	}
	u, _ := e.uses.LoadOrStore(number, &IndexUse{Since: time.Now()})
	return u.(*IndexUse)
}

// noteUse counts the use of the indexes of a plan.
func (e *Engine) noteUse(coll *Collection, p *plan.Plan) {
	switch p.Kind {
	case plan.IDPoint:
		e.indexUse(coll.Indexes[0].Number).ops.Add(1)
	case plan.IndexScan, plan.GeoNear, plan.Text:
		if ix := coll.Index(p.Index); ix != nil {
			e.indexUse(ix.Number).ops.Add(1)
		}
	}
	if p.Kind == plan.Text {
		return // however many terms there are
	}
	for _, branch := range p.Branches {
		e.noteUse(coll, branch)
	}
}

// entryBytes is about what an entry takes that is in memory still.
const entryBytes = 24

// IndexBytes returns about how many bytes an index takes.
func (e *Engine) IndexBytes(coll *Collection, ix *Index) (int64, error) {
	n, err := e.store.EstimateBytes(keys.IndexRange(ix.Number))
	if err != nil {
		return 0, fmt.Errorf("engine: size of index %s of %s: %w", ix.Name, coll.NS, err)
	}
	if n == 0 { // nothing of it was flushed
		documents, _ := coll.Count()
		return documents * entryBytes, nil
	}
	return int64(n), nil
}
