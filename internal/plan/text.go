package plan

import (
	"bytes"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/query"
	"github.com/mortondb/morton/internal/text"
)

// A text index has an entry for each term of a document: the values of the fields before the text, the term, its score, the values of the fields
// behind. A search reads the entries of its terms, those that score most first; for each field before the text it must say one value.

// isText reports whether this is a text index.
func (ix *Index) isText() bool { return ix.textField() >= 0 }

// textField returns which field the terms are; -1: none.
func (ix *Index) textField() int {
	return slices.IndexFunc(ix.Key, func(k KeyField) bool { return k.Kind == text.Kind })
}

// withoutText takes the text index out of the others, which answer conditions on their fields.
func (p *planner) withoutText() {
	i := slices.IndexFunc(p.req.Indexes, func(ix Index) bool { return ix.isText() })
	if i < 0 {
		return
	}
	p.text = &p.req.Indexes[i]
	p.req.Indexes = slices.Delete(slices.Clone(p.req.Indexes), i, i+1)
}

// textSearch returns the plan for a filter with a $text.
func (p *planner) textSearch(search *query.Node) (*Plan, error) {
	p.withoutText()
	p.req.Indexes = expanded(p.req.Indexes, p.req.Filter.Root())
	if p.text == nil {
		return nil, query.ErrNoTextIndex
	}
	return p.searched(search)
}

// searchedFor returns the $text of a filter, nil if it has none or one that does not matter: beside what everything meets.
func searchedFor(f *query.Filter) *query.Node {
	if f.Text() == nil || !f.Root().NeedsSearch() {
		return nil
	}
	return f.Text()
}

// searched returns the plan for conjuncts among which, or within which, there is a $text.
func (p *planner) searched(search *query.Node) (*Plan, error) {
	if slices.Contains(p.conjuncts, search) {
		return p.terms(search)
	}
	i := slices.IndexFunc(p.conjuncts, (*query.Node).Searches)
	others := slices.Delete(slices.Clone(p.conjuncts), i, i+1)
	return p.besideText(search, p.conjuncts[i], others)
}

// besideText returns the plan for a disjunction of a $text and other conditions, for each of which there must be an index.
func (p *planner) besideText(search, or *query.Node, others []*query.Node) (*Plan, error) {
	union := &Plan{Kind: Union, ProvidesSort: !p.sorts()}
	req := *p.req
	req.Sort = nil
	branches := or.Ordered()
	slices.SortStableFunc(branches, func(a, b *query.Node) int { return oneUnless(a.Searches()) - oneUnless(b.Searches()) })
	for _, n := range branches {
		if n.Searches() {
			b := p.branchOf(&req, n, others)
			plan, err := b.searched(search)
			if err != nil {
				return nil, err
			}
			union.Branches = append(union.Branches, plan)
			continue
		}
		branch := bestOf(p.branch(&req, n, others), false)
		if branch == nil {
			branch = p.wholeIndex(&req, n, others)
		}
		if branch == nil {
			return nil, query.ErrTextBesideUnindexed
		}
		union.Branches = append(union.Branches, branch)
	}
	return union, nil
}

// wholeIndex returns the plan that reads all of an index on a path that a branch has a condition on, which mongod does where there are no bounds.
func (p *planner) wholeIndex(req *Request, n *query.Node, others []*query.Node) *Plan {
	b := p.branchOf(req, n, others)
	for i := range b.req.Indexes {
		ix := &b.req.Indexes[i]
		if ix.Sparse || ix.Partial != nil || ix.Wildcard != nil || ix.onPath != nil || ix.Cells != nil || ix.Key[0].Kind != "" {
			continue
		}
		if slices.ContainsFunc(b.conjuncts, func(c *query.Node) bool { return c.LooksAt(ix.Key[0].Path) }) {
			a := &access{index: ix}
			a.pointRanges([][]byte{nil})
			return b.scanOf(a, true)
		}
	}
	return nil
}

// branchOf is the planner of one branch of a disjunction.
func (p *planner) branchOf(req *Request, n *query.Node, others []*query.Node) *planner {
	conjuncts := append(slices.Clone(others), n)
	if n.Op == query.OpAnd {
		conjuncts = append(slices.Clone(others), n.Children...)
	}
	branch := *req
	branch.Filter = query.FilterOf(conjuncts...)
	return &planner{req: &branch, conjuncts: conjuncts, text: p.text}
}

// terms returns the plan that reads the entries of a search's terms.
func (p *planner) terms(search *query.Node) (*Plan, error) {
	ix, at := p.text, p.text.textField()
	if !ix.implied(p.conjuncts) {
		return nil, query.ErrTextPrefix
	}
	met := []*query.Node{search}
	var prefix document.Builder
	var start []byte
	for i := range at {
		n := p.valueOf(ix.Key[i].Path)
		if n == nil {
			return nil, query.ErrTextPrefix
		}
		v := n.Value
		if n.Op == query.OpIn {
			v = n.Values[0]
		}
		met = append(met, n)
		prefix.AppendValue(ix.Key[i].Path, v)
		start = ix.appendField(start, i, v)
	}
	plan := &Plan{Kind: Text, Index: ix.Name, Search: search.Text, Scores: p.req.Scores, Prefix: prefix.Finish(), ProvidesSort: !p.sorts()}
	plan.KeyFilter, plan.Residual = p.behindText(ix, at, met)
	for _, term := range search.Text.Terms {
		key := ix.appendField(bytes.Clone(start), at, document.String(text.Key(term)))
		plan.Branches = append(plan.Branches, &Plan{Kind: IndexScan, Index: ix.Name, Ranges: []Range{{key, keys.Successor(key)}},
			Reverse: true, ProvidesSort: true})
	}
	return plan, nil
}

// valueOf returns the condition that says which single value a path has; nil if there is none that an index without a collation can follow.
func (p *planner) valueOf(path string) *query.Node {
	for _, n := range p.conjuncts {
		single := n.Op == query.OpEq || n.Op == query.OpIn && len(n.Values) == 1 && n.Values[0].Type != document.TypeRegex
		if n.Path == path && single && !(p.text.foreign && looksAtStrings(n)) {
			return n
		}
	}
	return nil
}

// appendField appends a value as field i of an entry.
func (ix *Index) appendField(dst []byte, i int, v document.Value) []byte {
	if ix.Key[i].Descending {
		return keys.AppendDescending(dst, v)
	}
	return keys.AppendValue(dst, v)
}

// behindText divides what is not met into conditions on the other fields of the index, which mongod asks of entries, and the rest.
func (p *planner) behindText(ix *Index, at int, met []*query.Node) (ofKeys, ofDocuments *query.Filter) {
	var inKey, rest []*query.Node
	for _, n := range p.conjuncts {
		switch i := slices.IndexFunc(ix.Key, func(k KeyField) bool { return k.Path == n.Path }); {
		case slices.Contains(met, n):
		case n.Path != "" && i >= 0 && i != at && i != at+1:
			inKey = append(inKey, n)
		default:
			rest = append(rest, n)
		}
	}
	if len(inKey) > 0 {
		ofKeys = query.FilterOf(inKey...)
	}
	if len(rest) > 0 {
		ofDocuments = query.FilterOf(rest...)
	}
	return ofKeys, ofDocuments
}
