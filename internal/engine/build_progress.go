package engine

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/mortondb/morton/internal/document"
)

// BuildProgress is how far the build of an index has come on this member, since it last became primary.
type BuildProgress struct {
	NS   string
	Spec document.Doc

	coll *Collection
	done atomic.Int64
}

// Done returns how many documents have been looked at, and Total how many there are.
func (p *BuildProgress) Done() int64 { return p.done.Load() }

// Total returns how many documents there are.
func (p *BuildProgress) Total() int64 {
	n, _ := p.coll.Count()
	return max(n, p.Done())
}

// Builds returns the builds under way.
func (e *Engine) Builds() (list []*BuildProgress) {
	e.builds.Range(func(_, p any) bool {
		list = append(list, p.(*BuildProgress))
		return true
	})
	slices.SortFunc(list, func(a, b *BuildProgress) int {
		return cmp.Or(cmp.Compare(a.NS, b.NS), cmp.Compare(a.Spec.Lookup("name").Str(), b.Spec.Lookup("name").Str()))
	})
	return list
}

func (b *indexBuild) progress(coll *Collection, ix *Index) *BuildProgress {
	p, _ := b.e.builds.LoadOrStore(b.index, &BuildProgress{NS: coll.NS, Spec: ix.Spec, coll: coll})
	return p.(*BuildProgress)
}
