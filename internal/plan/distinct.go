package plan

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/query"
)

// Distinct returns the plan that reads one entry for each value that documents have at path, skipping from one to the next; nil if no
// index has them together. At is which field of the index it is.
func Distinct(req *Request, path string) (best *Plan, at int) {
	if !req.Hint.IsMissing() || req.Filter.Text() != nil {
		return nil, 0
	}
	own := *req
	own.Indexes = expanded(withCollation(req.Indexes, req.Filter.Collator()), req.Filter.Root())
	p := planner{req: &own, conjuncts: req.Filter.Root().Children}
	p.withoutText()
	for i := range own.Indexes {
		ix := &own.Indexes[i]
		if ix.foreign || ix.Partial != nil && !ix.implied(p.conjuncts) || !document.SameCollator(ix.Collator, req.Filter.Collator()) {
			continue
		}
		a := newAccess(ix, p.conjuncts)
		field, ok := a.distinctField(path)
		if keys, documents := p.remains(a); !ok || keys != nil || documents != nil || !a.complete(p.conjuncts) {
			continue
		}
		if best == nil {
			best, at = a.plan(), field
			best.ProvidesSort, best.Covered, best.Dedup, best.access = true, true, false, a
		}
	}
	return best, at
}

// distinctField returns which field of the index has path, if all fields before it have one value and those behind it may have any.
func (a *access) distinctField(path string) (field int, ok bool) {
	for i, k := range a.index.Key {
		if k.Path == path {
			bound := i < len(a.fields) && !a.fields[i].set.isEverything()
			return i, k.Kind != keys.KindHashed && len(a.fields) <= i+1 && !(bound && a.index.multikey(i)) && !hasPosition(path)
		}
		if !a.constant(i) || a.index.multikey(i) {
			return 0, false
		}
	}
	return 0, false
}

// IsDisjunction reports whether a filter is a disjunction as a whole, which mongod plans branch by branch.
func IsDisjunction(f *query.Filter) bool {
	list := f.Root().Children
	return len(list) == 1 && list[0].Op == query.OpOr && len(list[0].Children) > 1 && !(&planner{}).onePath(list[0])
}
