package engine

import (
	"bytes"
	"context"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
)

// branchSource is an index scan as a branch of a union or a merge.
type branchSource struct {
	*indexSource
	residual *query.Filter

	order []orderField // of a merge: how its sort key is found in an entry
	ready bool         // the scan stands on an entry that has not been dealt with
	sort  []byte       // its sort key
	ended bool
}

func newBranches(v *View, coll *Collection, p *plan.Plan) (list []*branchSource, err error) {
	for _, branch := range p.Branches {
		s, err := newIndexSource(v, coll, branch)
		if err != nil {
			return nil, err
		}
		list = append(list, &branchSource{indexSource: s, residual: branch.Residual})
	}
	return list, nil
}

// load returns the current entry's document; ok is false if it does not match after all.
func (b *branchSource) load(rid uint64) (document.Doc, bool, error) {
	doc, ok, err := b.indexSource.load(rid)
	b.stats.fetchWorks++
	if err != nil || !ok {
		return nil, false, err
	}
	if ok, err = meets(context.Background(), b.residual, doc); err != nil || !ok {
		return nil, false, err
	}
	b.stats.fetchMatched++
	return doc, true, nil
}

func (b *branchSource) suspend() {
	b.let(b.ready)
	b.ready = false
}

// unionSource returns what one scan after the other finds, each document once.
type unionSource struct {
	branches []*branchSource
	at       int
	seen     map[uint64]struct{} // nil: none comes twice
	stats    scanStats
}

func newUnionSource(v *View, coll *Collection, p *plan.Plan) (*unionSource, error) {
	list, err := newBranches(v, coll, p)
	return &unionSource{branches: list, seen: map[uint64]struct{}{}}, err
}

func (u *unionSource) next(ctx context.Context) (uint64, document.Doc, bool, error) {
	for u.at < len(u.branches) {
		b := u.branches[u.at]
		u.stats.works++
		ok, err := b.advance(ctx)
		if err != nil {
			return 0, nil, false, err
		}
		if !ok {
			u.at++
			continue
		}
		rid := b.rid()
		u.stats.dupsTested++
		if _, again := u.seen[rid]; again {
			u.stats.dupsDropped++
			continue
		}
		doc, ok, err := b.load(rid)
		if err != nil {
			return 0, nil, false, err
		}
		if ok {
			if u.seen != nil {
				u.seen[rid] = struct{}{}
			}
			u.stats.advanced++
			return rid, doc, true, nil
		}
	}
	u.stats.eof = true
	return 0, nil, false, nil
}

func (u *unionSource) suspend()             { suspendBranches(u.branches) }
func (u *unionSource) resume(v *View) error { return resumeBranches(u.branches, v) }
func (u *unionSource) close() error         { return closeBranches(u.branches) }

func suspendBranches(list []*branchSource) {
	for _, b := range list {
		b.suspend()
	}
}

func resumeBranches(list []*branchSource, v *View) error {
	for _, b := range list {
		if err := b.resume(v); err != nil {
			return err
		}
	}
	return nil
}

func closeBranches(list []*branchSource) (err error) {
	for _, b := range list {
		if e := b.close(); err == nil {
			err = e
		}
	}
	return err
}

// mergeSource returns what several scans find in the order that each of them has, each document once.
type mergeSource struct {
	branches []*branchSource
	last     *branchSource // that the current document is of
	seen     map[uint64]struct{}
	stats    scanStats
}

// orderField is where a field of the sort stands in an entry, and whether its bytes are the other way round.
type orderField struct {
	field    int
	inverted bool
}

func newMergeSource(v *View, coll *Collection, p *plan.Plan, sort *query.Sort) (*mergeSource, error) {
	list, err := newBranches(v, coll, p)
	if err != nil {
		return nil, err
	}
	for _, b := range list {
		for _, f := range sort.Fields() {
			i := slices.Index(b.paths, f.Path)
			if i < 0 {
				continue // all that the branch finds has the same value there, which the other branches cannot know
			}
			b.order = append(b.order, orderField{i, b.index.Fields[i].Descending != f.Descending})
		}
	}
	return &mergeSource{branches: list, seen: map[uint64]struct{}{}}, nil
}

func (m *mergeSource) next(ctx context.Context) (uint64, document.Doc, bool, error) {
	for {
		m.stats.works++
		b, err := m.least(ctx)
		if err != nil {
			return 0, nil, false, err
		}
		if b == nil {
			m.stats.eof = true
			return 0, nil, false, nil
		}
		b.ready = false
		rid := b.rid()
		m.stats.dupsTested++
		if _, again := m.seen[rid]; again {
			m.stats.dupsDropped++
			continue
		}
		doc, ok, err := b.load(rid)
		if err != nil {
			return 0, nil, false, err
		}
		if ok {
			m.last = b
			m.seen[rid] = struct{}{}
			m.stats.advanced++
			return rid, doc, true, nil
		}
	}
}

// least returns the branch whose current entry comes first; nil if there is none left.
func (m *mergeSource) least(ctx context.Context) (first *branchSource, err error) {
	for _, b := range m.branches {
		if err := b.prepare(ctx); err != nil {
			return nil, err
		}
		if b.ready && (first == nil || bytes.Compare(b.sort, first.sort) < 0) {
			first = b
		}
	}
	return first, nil
}

// prepare makes the scan stand on an entry, if there is one.
func (b *branchSource) prepare(ctx context.Context) error {
	if b.ready || b.ended {
		return nil
	}
	ok, err := b.advance(ctx)
	if err != nil || !ok {
		b.ended = err == nil
		return err
	}
	b.ready = true
	return b.readSortKey()
}

func (b *branchSource) readSortKey() error {
	b.sort = b.sort[:0]
	for _, f := range b.order {
		var r keys.Reader
		r.Read(&b.index.Pattern, b.key(), nil)
		var raw []byte
		for range f.field + 1 {
			var err error
			if raw, err = r.Raw(); err != nil {
				return err
			}
		}
		for _, c := range raw {
			if f.inverted {
				c = ^c
			}
			b.sort = append(b.sort, c)
		}
	}
	return nil
}

func (m *mergeSource) suspend()             { suspendBranches(m.branches) }
func (m *mergeSource) resume(v *View) error { return resumeBranches(m.branches, v) }
func (m *mergeSource) close() error         { return closeBranches(m.branches) }
