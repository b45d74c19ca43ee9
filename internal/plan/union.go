package plan

import (
	"slices"

	"github.com/mortondb/morton/internal/query"
)

// A disjunction can be answered by an index for each of its branches. And where each of several scans gives the order that is wanted,
// so does merging them.

// maxExploded is how many scans may come of taking apart bounds that are single values, as in mongod.
const maxExploded = 200

// unions returns the plans for a disjunction among the conjuncts.
func (p *planner) unions() (list []*Plan) {
	for i, n := range p.conjuncts {
		if n.Op != query.OpOr || len(n.Children) < 2 || p.onePath(n) {
			continue
		}
		others := slices.Delete(slices.Clone(p.conjuncts), i, i+1)
		if p.sorts() {
			if merge := p.branches(n, others, true); merge != nil {
				list = append(list, merge)
			}
		}
		if union := p.branches(n, others, false); union != nil {
			list = append(list, union)
		}
	}
	return list
}

// onePath reports whether all branches are equalities on one path, which are one set of values for one index.
func (p *planner) onePath(or *query.Node) bool {
	return !slices.ContainsFunc(or.Children, func(n *query.Node) bool { return n.Op != query.OpEq || n.Path != or.Children[0].Path })
}

func (p *planner) sorts() bool { return p.req.Sort != nil && len(p.req.Sort.Fields()) > 0 }

// branches returns the plan that scans an index for each branch; nil if one has none. sorted: each scan must give the order.
func (p *planner) branches(or *query.Node, others []*query.Node, sorted bool) *Plan {
	plan := &Plan{Kind: Union, ProvidesSort: sorted || !p.sorts()}
	req := *p.req
	if sorted {
		plan.Kind = Merge
	} else {
		req.Sort = nil
		if p.sorts() && len(req.Needs) > 0 {
			req.Needs = slices.Clone(req.Needs)
			for _, f := range p.req.Sort.Fields() {
				req.Needs = append(req.Needs, f.Path)
			}
		}
	}
	for _, n := range or.Ordered() {
		branch := bestOf(p.branch(&req, n, others), sorted)
		if branch == nil {
			return nil
		}
		plan.add(branch)
	}
	return plan
}

// branch returns the plans for one branch together with the conditions beside the disjunction.
func (p *planner) branch(req *Request, n *query.Node, others []*query.Node) (list []*Plan) {
	b := p.branchOf(req, n, others)
	for i := range b.req.Indexes {
		if plan := b.index(&b.req.Indexes[i], false); plan != nil && len(plan.rank.paths) > 0 {
			list = append(list, plan)
		}
	}
	return list
}

func bestOf(list []*Plan, sorted bool) (best *Plan) {
	for _, plan := range list {
		switch {
		case sorted && (!plan.ProvidesSort || plan.Dedup):
		case best == nil || plan.rank.compare(best.rank) < 0:
			best = plan
		}
	}
	return best
}

// add adds a branch. The rank is that of the worst one.
func (p *Plan) add(branch *Plan) {
	p.Branches = append(p.Branches, branch)
	r := branch.rank
	if len(p.Branches) > 1 {
		old := p.rank
		r = rank{
			empty: max(old.empty, r.empty), unique: max(old.unique, r.unique), points: max(old.points, r.points), bounds: max(old.bounds, r.bounds),
			ranges: old.ranges + r.ranges, keyLength: max(old.keyLength, r.keyLength),
		}
	}
	r.sort = oneUnless(p.ProvidesSort)
	r.paths, r.pointPaths = nil, nil
	p.rank = r
	p.Covered = branch.Covered && (len(p.Branches) == 1 || p.Covered)
}

// exploded returns the plan that scans an index once for each combination of single values that its first fields are bound to, and merges
// what comes, if that gives the order that one scan, plan, does not give.
func (p *planner) exploded(ix *Index, plan *Plan) *Plan {
	if plan == nil || !p.sorts() || plan.ProvidesSort || ix.Multikey != 0 || len(plan.rank.pointPaths) == 0 {
		return nil
	}
	a := newAccess(ix, p.conjuncts)
	if !a.bounded() {
		return nil
	}
	n := a.firstSorted(p.req.Sort)
	merge := &Plan{Kind: Merge, ProvidesSort: true}
	for _, part := range a.apart(n) {
		branch := p.scanOf(part, false)
		if branch == nil || !branch.ProvidesSort {
			return nil
		}
		merge.add(branch)
	}
	if len(merge.Branches) < 2 {
		return nil
	}
	return merge
}

// firstSorted returns how many of the first fields the sort does not begin with.
func (a *access) firstSorted(sort *query.Sort) int {
	i := slices.IndexFunc(a.index.Key, func(k KeyField) bool { return k.Path == sort.Fields()[0].Path })
	return min(max(i, 0), a.points())
}

// apart returns an access for each combination of the values of the first n fields; none if there are too many.
func (a *access) apart(n int) []*access {
	parts := []*access{{index: a.index, met: a.met, entire: a.entire, deep: a.deep}}
	for i, f := range a.fields {
		sets := []intervals{f.set}
		if i < n {
			sets = nil
			for _, v := range f.set {
				sets = append(sets, intervals{v})
			}
		}
		if len(parts)*len(sets) > maxExploded {
			return nil
		}
		var next []*access
		for _, part := range parts {
			for _, set := range sets {
				c := *part
				c.fields = append(slices.Clone(part.fields), fieldAccess{set: set, element: f.element, present: f.present})
				next = append(next, &c)
			}
		}
		parts = next
	}
	for _, part := range parts {
		part.makeRanges()
	}
	return parts
}

// makeRanges makes the ranges of the fields' bounds.
func (a *access) makeRanges() {
	prefixes := [][]byte{nil}
	for i := range a.fields {
		if !a.fields[i].set.pointsOnly() {
			a.addRanges(i, prefixes)
			return
		}
		prefixes = a.extended(i, prefixes)
	}
	a.pointRanges(prefixes)
}
