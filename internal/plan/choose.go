package plan

import (
	"cmp"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/query"
)

// Candidates returns every plan worth trying, best guess first; there is always at least one. A scan of the collection
// is among them only if no index helps, or if it is asked for.
func Candidates(req *Request) ([]*Plan, error) {
	own := *req
	own.Indexes = withCovers(withCollation(req.Indexes, req.Filter.Collator()))
	req = &own
	p := planner{req: req, conjuncts: req.Filter.Root().Children}
	if near := req.Filter.Near(); near != nil && req.Within == nil {
		return p.near(near)
	}
	if done, err := p.hinted(); done != nil || err != nil {
		return done, err
	}
	if search := searchedFor(req.Filter); search != nil {
		plan, err := p.textSearch(search)
		return []*Plan{plan}, err
	}
	p.withoutText()
	if req.Sort != nil && req.Sort.Natural() != 0 {
		return []*Plan{p.scan(req.Sort.Natural() < 0)}, nil
	}
	if id := p.idPoint(); id != nil {
		return []*Plan{id}, nil
	}
	if len(req.Indexes) > 0 && req.Filter.Root().MatchesNothing() {
		return []*Plan{{Kind: IndexScan, Index: req.Indexes[0].Name, ProvidesSort: true}}, nil
	}
	own.Indexes = expanded(own.Indexes, req.Filter.Root())
	list := append(p.indexes(), p.unions()...)
	if counts := slices.IndexFunc(list, (*Plan).countsOneRange); counts >= 0 {
		return list[counts : counts+1], nil
	}
	if slices.ContainsFunc(list, (*Plan).sortsBounded) { // then no index is read for its order alone
		list = slices.DeleteFunc(list, func(p *Plan) bool { return p.Kind == IndexScan && len(p.rank.paths) == 0 })
	}
	if len(list) == 0 {
		return []*Plan{p.scan(false)}, nil
	}
	return undominated(list), nil
}

// countsOneRange reports whether the entries of one range are all that is to be counted.
func (p *Plan) countsOneRange() bool {
	return p.Blank && p.KeyFilter == nil && len(p.Ranges) == 1 && len(p.Branches) == 0
}

// sortsBounded reports whether the plan gives the order, and looks at a part of the documents only.
func (p *Plan) sortsBounded() bool {
	return p.ProvidesSort && (p.Kind != IndexScan || len(p.rank.paths) > 0)
}

// planner is one request being planned.
type planner struct {
	req       *Request
	conjuncts []*query.Node
	text      *Index // the text index; nil: none
}

// scan returns the plan that reads the whole collection.
func (p *planner) scan(reverse bool) *Plan {
	plan := &Plan{Kind: CollScan, Reverse: reverse, ProvidesSort: p.req.Sort == nil || len(p.req.Sort.Fields()) == 0}
	if !p.req.Filter.MatchesAll() {
		plan.Residual = p.req.Filter
	}
	return plan
}

// idPoint returns the plan that looks at a single document, if the filter says which; a single document is sorted.
func (p *planner) idPoint() *Plan {
	id, by := idValue(p.conjuncts)
	if by == nil || document.Collatable(id) && p.foreignID() {
		return nil
	}
	return &Plan{Kind: IDPoint, ID: id, ProvidesSort: true, Residual: p.residual([]*query.Node{by})}
}

// foreignID reports whether the index on _id has another collation than the query.
func (p *planner) foreignID() bool {
	return slices.ContainsFunc(p.req.Indexes, func(ix Index) bool { return ix.Name == "_id_" && ix.foreign })
}

// residual returns the filter that remains when the conditions in met need not be looked at; nil if none remains.
func (p *planner) residual(met []*query.Node) *query.Filter {
	if len(met) == 0 && len(p.conjuncts) > 0 {
		return p.req.Filter
	}
	isMet := make(map[*query.Node]bool, len(met))
	for _, n := range met {
		isMet[n] = true
	}
	var rest []*query.Node
	for _, n := range p.conjuncts {
		if !isMet[n] {
			rest = append(rest, n)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	return query.FilterOf(rest...)
}

// indexes returns the plans that use one index.
func (p *planner) indexes() (list []*Plan) {
	for i := range p.req.Indexes {
		plan := p.index(&p.req.Indexes[i], false)
		if merge := p.exploded(&p.req.Indexes[i], plan); merge != nil {
			plan = merge
		}
		if plan != nil {
			list = append(list, plan)
		}
	}
	return list
}

// undominated sorts plans by their rank and leaves those out that another one is sure to beat: what it looks at is among what they look at.
func undominated(list []*Plan) []*Plan {
	slices.SortStableFunc(list, func(a, b *Plan) int { return a.rank.compare(b.rank) })
	out := list[:1]
	for _, p := range list[1:] {
		if !slices.ContainsFunc(out, func(better *Plan) bool { return better.dominates(p) }) {
			out = append(out, p)
		}
	}
	return out
}

// dominates reports whether p has single values for every path that q has bounds for, and the order if q has it.
func (p *Plan) dominates(q *Plan) bool {
	if p.rank.empty == 0 || p.rank.unique == 0 && p.rank.ranges == 1 {
		return true
	}
	if p.Kind != IndexScan || q.Kind != IndexScan || !p.ProvidesSort && q.ProvidesSort || !p.Covered && q.Covered {
		return false
	}
	return !slices.ContainsFunc(q.rank.paths, func(path string) bool { return !slices.Contains(p.rank.pointPaths, path) })
}

// index returns the plan that uses an index; nil if it would be of no use. hinted: it is wanted all the same, even if a sparse
// index then does not find everything, as in mongod.
func (p *planner) index(ix *Index, hinted bool) *Plan {
	if !hinted && !ix.implied(p.conjuncts) {
		return nil
	}
	a := newAccess(ix, p.conjuncts)
	if or := p.orAccess(ix); or != nil && !a.bounded() {
		a = or
	}
	if ix.onPath != nil && !a.bounded() {
		return nil // it is never read as a whole
	}
	return p.scanOf(a, hinted)
}

// scanOf returns the plan of an access, nil if it would be of no use.
func (p *planner) scanOf(a *access, hinted bool) *Plan {
	plan := a.plan()
	plan.ProvidesSort = true
	plan.KeyFilter, plan.Residual = p.remains(a)
	sorts := p.req.Sort != nil && len(p.req.Sort.Fields()) > 0
	if sorts && len(a.ranges) > 0 {
		plan.Reverse, plan.ProvidesSort = a.order(p.req.Sort)
	}
	if !hinted && (!a.complete(p.conjuncts) || !a.bounded() && !(sorts && plan.ProvidesSort)) {
		return nil
	}
	plan.access = a
	plan.Covered = plan.Residual == nil && p.covered(a, plan.ProvidesSort)
	plan.Blank = plan.Covered && len(p.req.Needs) == 0
	plan.rank = a.rank(plan)
	return plan
}

// plan returns the scan of the ranges.
func (a *access) plan() *Plan {
	plan := &Plan{Kind: IndexScan, Index: a.index.Name, Ranges: a.ranges, Dedup: a.index.Multikey != 0 || a.deep}
	if a.index.onPath != nil {
		plan.Path, plan.Arrays = a.index.onPath.path, a.index.onPath.arrays
	}
	return plan
}

// orAccess returns bounds from an $or among the conjuncts: the union of what its branches give. Nil if some branch gives none.
func (p *planner) orAccess(ix *Index) *access {
	for i, n := range p.conjuncts {
		if n.Op != query.OpOr {
			continue
		}
		others := slices.Delete(slices.Clone(p.conjuncts), i, i+1)
		if a := unionAccess(ix, n.Children, others); a != nil {
			return a
		}
	}
	return nil
}

// rank orders plans by how few documents they are likely to look at. Each part decides only if those before are equal; less is better.
type rank struct {
	empty     int // 0: it is known that nothing matches
	unique    int // 0: at most one document for each range
	points    int // fields bound to single values, negative
	bounds    int // fields with bounds, negative
	sort      int // 0: the order comes for free
	ranges    int
	keyLength int

	paths, pointPaths []string // with bounds, with single values
}

func (r rank) compare(s rank) int {
	return cmp.Or(cmp.Compare(r.empty, s.empty), cmp.Compare(r.unique, s.unique), cmp.Compare(r.points, s.points), cmp.Compare(r.bounds, s.bounds),
		cmp.Compare(r.sort, s.sort), cmp.Compare(r.ranges, s.ranges), cmp.Compare(r.keyLength, s.keyLength))
}

func (a *access) rank(p *Plan) rank {
	var paths []string
	for i := range a.fields {
		paths = append(paths, a.index.Key[i].Path)
	}
	points, key := a.points(), a.index.Key
	if a.index.onPath != nil && len(paths) > 0 { // whose first field is no field of documents
		paths, points, key = paths[1:], max(points-1, 0), key[1:]
	}
	return rank{
		paths: paths, pointPaths: paths[:points],
		empty:     oneUnless(len(a.ranges) == 0),
		unique:    oneUnless(a.index.Unique && points == len(key)),
		points:    -points,
		bounds:    -len(paths),
		sort:      oneUnless(p.ProvidesSort),
		ranges:    len(a.ranges),
		keyLength: len(key),
	}
}

func oneUnless(good bool) int {
	if good {
		return 0
	}
	return 1
}

// hinted returns the plan that the hint asks for, an error if there is no such plan, nothing if there is no hint.
func (p *planner) hinted() ([]*Plan, error) {
	hint, isHinted, err := query.CompileHint(p.req.Hint)
	if err == nil && p.req.Within != nil && (!isHinted || hint.Natural != 0) {
		err = query.ErrBoundsWithoutHint
	}
	if !isHinted || err != nil {
		return nil, err
	}
	natural := 0
	if p.req.Sort != nil {
		natural = p.req.Sort.Natural()
	}
	if hint.Natural != 0 {
		if natural != 0 && natural != hint.Natural {
			return nil, query.ErrHintOtherNatural
		}
		return []*Plan{p.scan(hint.Natural < 0)}, nil
	}
	i := slices.IndexFunc(p.req.Indexes, func(ix Index) bool { return ix.isHinted(hint) })
	switch {
	case natural != 0:
		return nil, query.ErrHintAgainstNatural
	case i < 0:
		return nil, query.ErrBadHint
	case hint.Key != nil && slices.ContainsFunc(p.req.Indexes[i+1:], func(ix Index) bool { return ix.isHinted(hint) }):
		return nil, query.ErrAmbiguousHint
	case p.req.Within == nil && p.req.Indexes[i].Wildcard != nil:
		return p.hintedWildcard(&p.req.Indexes[i])
	case p.req.Within != nil:
		within, err := p.within(&p.req.Indexes[i])
		return []*Plan{within}, err
	case p.req.Indexes[i].Name == "_id_":
		if id := p.idPoint(); id != nil {
			return []*Plan{id}, nil
		}
	}
	return []*Plan{p.index(&p.req.Indexes[i], true)}, nil
}

// within is the plan of a find with min and max: the part of an index between them, whatever the filter.
func (p *planner) within(ix *Index) (*Plan, error) {
	r, err := p.req.Within(ix.Name)
	if err != nil {
		return nil, err
	}
	plan := &Plan{Kind: IndexScan, Index: ix.Name, Ranges: []Range{r}, ProvidesSort: p.req.Sort == nil, Dedup: ix.Multikey != 0}
	if !p.req.Filter.MatchesAll() {
		plan.Residual = p.req.Filter
	}
	return plan, nil
}

func (ix *Index) isHinted(h query.Hint) bool {
	if h.Key == nil {
		return ix.Name == h.Index
	}
	return slices.EqualFunc(ix.Key, h.Key, func(k KeyField, f query.HintField) bool { return k == KeyField(f) })
}
