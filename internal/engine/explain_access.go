package engine

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/geo"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
)

// accessStages returns the stages of a plan and of its source, which tells what it did; matched is how many documents came through the filter that
// remained. asPoint: mongod has its short way to an _id here.
func accessStages(coll *Collection, p *plan.Plan, src source, matched int64, asPoint bool) *stage {
	if t, ok := src.(*triedSource); ok {
		src = t.source
	}
	switch p.Kind {
	case plan.CollScan:
		return collScanStage(p, src, matched)
	case plan.IDPoint:
		return idStage(coll, p, src, matched, asPoint)
	case plan.Text:
		return textStages(coll, p, src, matched)
	case plan.Union, plan.Merge:
		if searches(p) {
			return chainStages(coll, p, src)
		}
		return unionStages(coll, p, src)
	case plan.GeoNear:
		return nearStages(coll, p, src, matched)
	}
	s, _ := src.(*indexSource)
	scan := indexStage(coll, p, s)
	if p.Covered {
		return scan
	}
	return fetchStage(p.Residual, scan, s.fetched(), matched)
}

func (s *indexSource) fetched() int64 {
	if s == nil {
		return 0
	}
	return s.stats.docs
}

func filterOf(f *query.Filter) document.Doc {
	if f == nil {
		return nil
	}
	return f.Parsed()
}

func collScanStage(p *plan.Plan, src source, matched int64) *stage {
	s := &stage{name: "COLLSCAN", filter: filterOf(p.Residual), show: showDirection(p.Reverse)}
	if r, ok := src.(*recordSource); ok {
		s.run = stageRun{works: r.stats.works + 1, advanced: matched, eof: r.stats.eof} // mongod's first work opens its cursor
		s.count = func(b *document.Builder) { appendNumber(b, "docsExamined", r.stats.docs) }
	}
	return s
}

func showDirection(reverse bool) func(*document.Builder) {
	return func(b *document.Builder) {
		if reverse {
			b.AppendString("direction", "backward")
		} else {
			b.AppendString("direction", "forward")
		}
	}
}

func idStage(coll *Collection, p *plan.Plan, src source, matched int64, asPoint bool) *stage {
	var st scanStats
	if s, ok := src.(*pointSource); ok {
		st = s.stats
	}
	if p.Residual == nil && asPoint {
		s := &stage{name: "IDHACK", run: stageRun{works: st.advanced + 1, advanced: st.advanced, eof: true}}
		s.count = func(b *document.Builder) {
			appendNumber(b, "keysExamined", st.advanced)
			appendNumber(b, "docsExamined", st.docs)
		}
		return s
	}
	point := *p
	point.Index = idIndexName
	scan := indexStage(coll, &point, nil)
	scan.run = stageRun{works: st.advanced + 1, advanced: st.advanced, eof: true}
	scan.count = countKeys(st.advanced, 1, st)
	return fetchStage(p.Residual, scan, st.docs, matched)
}

func indexStage(coll *Collection, p *plan.Plan, src *indexSource) *stage {
	s := &stage{name: "IXSCAN", filter: filterOf(p.KeyFilter)}
	ix := coll.Index(p.Index)
	s.show = func(b *document.Builder) {
		ix.describe(b, p)
		showDirection(p.Reverse)(b)
		b.OpenDoc("indexBounds")
		for _, f := range p.Bounds() {
			b.OpenArray(f.Path)
			for i, text := range f.Intervals {
				b.AppendString(document.Index(i), text)
			}
			b.Close()
		}
		b.Close()
	}
	if src != nil {
		s.run = stageRun{works: src.stats.works, advanced: src.stats.advanced, eof: src.stats.eof}
		s.count = countKeys(src.keys, src.seeks, src.stats)
	}
	return s
}

func countKeys(keys, seeks int64, st scanStats) func(*document.Builder) {
	return func(b *document.Builder) {
		appendNumber(b, "keysExamined", keys)
		appendNumber(b, "seeks", max(seeks, 1))
		appendNumber(b, "dupsTested", st.dupsTested)
		appendNumber(b, "dupsDropped", st.dupsDropped)
	}
}

// MeetsArrays reports whether a document has an array at a field of the index.
func (ix *Index) MeetsArrays() bool { return ix.Multikey != 0 || len(ix.Arrays) > 0 }

// describe appends what explain tells of an index in a plan.
func (ix *Index) describe(b *document.Builder, p *plan.Plan) {
	ix.describeKey(b, p)
	b.AppendString("indexName", ix.Name)
	if ix.Collation != nil {
		b.AppendDoc("collation", ix.Collation.Document())
	}
	ix.describeArrays(b, p)
	b.AppendBool("isUnique", ix.Unique)
	b.AppendBool("isSparse", ix.Sparse)
	b.AppendBool("isPartial", ix.Partial != nil)
	b.AppendInt32("indexVersion", ix.version())
}

func (ix *Index) version() int32 {
	if n, ok := ix.Spec.Lookup("v").AsInt64(); ok {
		return int32(n)
	}
	return 2
}

// describeKey appends the key pattern; of a wildcard index, that of the path in question.
func (ix *Index) describeKey(b *document.Builder, p *plan.Plan) {
	key := ix.Spec.Lookup("key")
	if p.Path == "" {
		b.AppendValue("keyPattern", key)
		return
	}
	b.OpenDoc("keyPattern")
	b.AppendInt32(keys.PathField, 1)
	b.AppendValue(p.Path, key.Doc().First().Value)
	b.Close()
}

// describeArrays appends which fields have met arrays.
func (ix *Index) describeArrays(b *document.Builder, p *plan.Plan) {
	if p.Path != "" {
		b.AppendBool("isMultiKey", len(p.Arrays) > 0)
		b.OpenDoc("multiKeyPaths")
		b.OpenArray(keys.PathField)
		b.Close()
		b.OpenArray(p.Path)
		for i, path := range p.Arrays {
			b.AppendString(document.Index(i), path)
		}
		b.Close()
		b.Close()
		return
	}
	b.AppendBool("isMultiKey", ix.Multikey != 0)
	switch ix.Plugin.(type) {
	case *geo.FlatIndex, *textIndex:
		return // of which mongod does not know the paths
	}
	b.OpenDoc("multiKeyPaths")
	for i, f := range ix.Fields {
		b.OpenArray(f.Path)
		if ix.Multikey&(1<<i) != 0 {
			part, _, _ := strings.Cut(f.Path, ".") // which part of the path the array is at is not kept
			b.AppendString("0", part)
		}
		b.Close()
	}
	b.Close()
}

func fetchStage(residual *query.Filter, scan *stage, docs, matched int64) *stage {
	s := (&stage{name: "FETCH", filter: filterOf(residual)}).over(scan)
	s.run = stageRun{works: scan.run.works, advanced: matched, eof: scan.run.eof}
	s.count = func(b *document.Builder) {
		appendNumber(b, "docsExamined", docs)
		b.AppendInt32("alreadyHasObj", 0)
	}
	return s
}

// nearStages are those of a search from near to far, which mongod does ring by ring: what is told of is one ring.
func nearStages(coll *Collection, p *plan.Plan, src source, matched int64) *stage {
	ix, n := coll.Index(p.Index), p.Near.Node.Near
	s := &stage{name: "GEO_NEAR_2DSPHERE"}
	if _, flat := ix.Plugin.(*geo.FlatIndex); flat {
		s.name = "GEO_NEAR_2D"
	}
	s.show = func(b *document.Builder) {
		b.AppendValue("keyPattern", ix.Spec.Lookup("key"))
		b.AppendString("indexName", ix.Name)
		b.AppendInt32("indexVersion", ix.version())
	}
	near, ran := src.(*nearSource)
	if ran {
		s.run = stageRun{works: near.stats.works, advanced: near.stats.advanced, eof: near.stats.eof}
		s.count = func(b *document.Builder) {
			b.OpenArray("searchIntervals")
			b.OpenDoc("0")
			b.AppendDouble("minDistance", n.Min)
			b.AppendDouble("maxDistance", n.Max)
			b.AppendBool("maxInclusive", true)
			appendNumber(b, "nBuffered", near.buffered)
			appendNumber(b, "nReturned", near.stats.advanced)
			b.Close()
			b.Close()
		}
		scan := indexStage(coll, p, nil)
		scan.run = stageRun{works: near.keys + 1, advanced: near.stats.docs, eof: near.stats.eof}
		scan.count = countKeys(near.keys, near.seeks, near.stats)
		s.inputs = append(s.inputs, fetchStage(nil, scan, near.stats.docs, near.buffered))
	}
	if p.Residual == nil {
		return s
	}
	fetch := fetchStage(p.Residual, s, s.run.advanced, matched)
	fetch.count = func(b *document.Builder) {
		appendNumber(b, "docsExamined", s.run.advanced)
		appendNumber(b, "alreadyHasObj", s.run.advanced)
	}
	return fetch
}

// unionStages are those of a union or a merge. Branches with a filter of their own fetch; if none does, the fetch is done above all.
func unionStages(coll *Collection, p *plan.Plan, src source) *stage {
	var branches []*branchSource
	var st scanStats
	top := &stage{name: p.Kind.String(), list: true}
	switch u := src.(type) {
	case *unionSource:
		branches, st = u.branches, u.stats
	case *mergeSource:
		branches, st = u.branches, u.stats
	}
	filters := false
	for _, b := range p.Branches {
		filters = filters || b.Residual != nil
	}
	var works, docs int64
	for i, b := range p.Branches {
		var s *branchSource
		var scanned *indexSource
		if i < len(branches) {
			s, scanned = branches[i], branches[i].indexSource
		}
		input := indexStage(coll, b, scanned)
		works += input.run.works
		if s != nil {
			docs += s.stats.docs
			if filters {
				input = fetchStage(b.Residual, input, s.stats.docs, s.stats.fetchMatched)
			}
		} else if filters {
			input = fetchStage(b.Residual, input, 0, 0)
		}
		top.inputs = append(top.inputs, input)
	}
	top.run = stageRun{works: works, advanced: st.advanced, eof: st.eof}
	top.show = func(b *document.Builder) {}
	top.count = func(b *document.Builder) {
		appendNumber(b, "dupsTested", st.dupsTested)
		appendNumber(b, "dupsDropped", st.dupsDropped)
	}
	if filters || p.Covered {
		return top
	}
	return fetchStage(nil, top, docs, st.advanced)
}

// examined returns the keys and the documents that a source has looked at.
func examined(src source) (keys, docs int64) {
	switch s := src.(type) {
	case *triedSource:
		return examined(s.source)
	case *pointSource:
		return s.stats.advanced, s.stats.docs
	case *recordSource:
		return 0, s.stats.docs
	case *indexSource:
		keys, docs = s.ahead.unread()
		return s.keys - keys, s.stats.docs - docs
	case *nearSource:
		return s.keys, s.stats.docs
	case *unionSource:
		return examinedBy(s.branches)
	case *mergeSource:
		return examinedBy(s.branches)
	case *textSource:
		keys, docs = examinedBy(s.terms.branches)
		if docs += s.docs; s.plan.Residual != nil {
			docs += s.tested - s.rejected // mongod's filter is a stage that counts them again
		}
		return keys, docs
	case *chainSource:
		for _, part := range s.parts {
			k, d := examined(part.src)
			if keys += k; part.plan.Kind != plan.IndexScan || s.fetches() {
				docs += d
			}
		}
		if !s.fetches() {
			docs += s.stats.advanced // above all
		}
		return keys, docs
	}
	return 0, 0
}

func examinedBy(list []*branchSource) (keys, docs int64) {
	for _, b := range list {
		keys, docs = keys+b.keys, docs+b.stats.docs
	}
	return keys, docs
}
