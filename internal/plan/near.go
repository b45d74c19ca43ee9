package plan

import (
	"bytes"
	"slices"

	"github.com/mortondb/morton/internal/geo"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/query"
)

// A $near is a search of an index from near to far; nothing else can do it. Conditions on the fields in front of the place say in which parts of the index
// it is done: if they are single values, each part is searched cell by cell; else all of them is looked at.

// Near is the search of an index for what is near.
type Near struct {
	Node     *query.Node // the $near
	Prefixes [][]byte    // of keys that are searched cell by cell, in each of which are all cells; nil: everything within Ranges is looked at
	Cells    geo.Searched
}

// maxNearPrefixes is how many parts of an index are searched cell by cell.
const maxNearPrefixes = 64

// near returns the plan for a filter with a $near.
func (p *planner) near(n *query.Node) ([]*Plan, error) {
	hint, hinted, err := query.CompileHint(p.req.Hint)
	switch {
	case err != nil:
		return nil, err
	case p.req.Sort != nil && p.req.Sort.Natural() != 0:
		return nil, query.ErrNearWithNaturalSort
	case hint.Natural != 0:
		return nil, query.ErrNearWithNaturalHint
	case hinted && !slices.ContainsFunc(p.req.Indexes, func(ix Index) bool { return ix.isHinted(hint) }):
		return nil, query.ErrBadHint
	}
	var best *Plan
	for i := range p.req.Indexes {
		ix := &p.req.Indexes[i]
		if hinted && !ix.isHinted(hint) {
			continue
		}
		if plan := p.nearBy(ix, n); plan != nil && (best == nil || plan.rank.compare(best.rank) < 0) {
			best = plan
		}
	}
	if best == nil {
		return nil, query.ErrNoNearIndex
	}
	return []*Plan{best}, nil
}

// finds reports whether an index can be searched for what is near.
func (ix *Index) finds(n *query.Near, kind string) bool {
	switch kind {
	case geo.KindSphere:
		return n.Sphere
	case geo.KindFlat:
		return !n.Meters
	}
	return false
}

// nearBy returns the plan that searches an index; nil if it cannot be.
func (p *planner) nearBy(ix *Index, n *query.Node) *Plan {
	place := slices.IndexFunc(ix.Key, func(k KeyField) bool { return k.Path == n.Path && ix.finds(n.Near, k.Kind) })
	searched, ok := ix.Cells.(geo.Searched)
	if place < 0 || !ok || !ix.implied(p.conjuncts) {
		return nil
	}
	others := slices.DeleteFunc(slices.Clone(p.conjuncts), func(c *query.Node) bool { return c == n })
	a := &access{index: ix}
	list := conditionsOn(ix, others)
	prefixes, single := [][]byte{nil}, true
	for i := range place {
		f, met, ok := a.field(i, list)
		if !ok || len(prefixes)*len(f.set) > maxRanges {
			single = false
			break
		}
		a.fields, a.met = append(a.fields, f), append(a.met, met...)
		if !f.set.pointsOnly() {
			single = false
			break
		}
		prefixes = a.extended(i, prefixes)
	}
	if place > 0 && len(a.fields) == 0 {
		return nil // as in mongod: the first field must be bound
	}
	plan := &Plan{Kind: GeoNear, Index: ix.Name, Near: &Near{Node: n, Cells: searched}, access: a}
	plan.ProvidesSort = !p.sorts()
	if single = single && len(a.fields) == place && len(prefixes) <= maxNearPrefixes; single {
		slices.SortFunc(prefixes, bytes.Compare)
		plan.Near.Prefixes = slices.CompactFunc(prefixes, bytes.Equal)
	} else {
		a.makeRanges()
		plan.Ranges = a.ranges
	}
	plan.Residual = p.residual(append(a.met, n))
	plan.Dedup = ix.Multikey != 0
	told := 0
	for _, k := range ix.Key {
		told += min(len(slices.DeleteFunc(slices.Clone(list), func(c condition) bool { return c.path != k.Path })), 1)
	}
	plan.rank = rank{empty: 1, unique: 1, points: -a.points(), bounds: -told, sort: oneUnless(single), keyLength: len(ix.Key)}
	return plan
}

// CellRange returns the keys of a part of an index behind a prefix, in which the place is the next field.
func (p *Plan) CellRange(prefix []byte, cells geo.Interval) Range {
	lo := keys.AppendValue(bytes.Clone(prefix), cells.Low)
	return Range{Start: lo, End: keys.Successor(keys.AppendValue(bytes.Clone(prefix), cells.High))}
}
