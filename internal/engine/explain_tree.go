package engine

import (
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
)

// The tree of stages above those that find: sorting, skipping, limiting, projecting, counting, writing, in mongod's order.

// stages returns the whole tree.
func (x *explanation) stages(p *plan.Plan, src source) *stage {
	s := x.readStages(p, src)
	switch {
	case x.it.coll == nil && !IsVirtual(x.it.spec.NS) && !x.spec.Count:
		return s
	case x.spec.Count:
		return x.countStage(s)
	case x.spec.Update != nil:
		return x.projected(x.writeStage("UPDATE", s, func(b *document.Builder) {
			upserts := int64(0)
			if x.spec.Update.Upsert && x.returned == 0 {
				upserts = 1
			}
			appendNumber(b, "nMatched", x.returned)
			appendNumber(b, "nWouldModify", x.returned)
			appendNumber(b, "nWouldUpsert", upserts)
		}))
	case x.spec.Delete != nil:
		return x.projected(x.writeStage("DELETE", s, func(b *document.Builder) { appendNumber(b, "nWouldDelete", x.returned) }))
	}
	return s
}

// readStages returns the stages that read.
func (x *explanation) readStages(p *plan.Plan, src source) *stage {
	virtual := IsVirtual(x.it.spec.NS)
	switch {
	case x.it.coll == nil && !virtual:
		return &stage{name: "EOF", run: stageRun{works: 1, eof: true}}
	case x.fastCount():
		return nil
	case x.scan != nil:
		return x.distinctStages()
	case p == nil:
		p = &plan.Plan{Kind: plan.CollScan, Residual: x.filter, ProvidesSort: x.it.sort == nil}
	}
	var s *stage
	if walksCluster(x.it.coll, p) {
		s = x.clusterStage(p, src)
	} else {
		s = accessStages(x.it.coll, p, src, x.matched, x.it.skip == 0)
	}
	if p.Kind == plan.Merge {
		s.sortPattern(x.it.spec.Sort)
	}
	s = x.countScan(p, src, s)
	if x.spec.Distinct != "" && p.Kind == plan.Text {
		s = passing("PROJECTION_SIMPLE", s, func(b *document.Builder) { b.AppendDoc("transformBy", document.Empty) })
	}
	if s = x.limited(p, s); plan.IsDisjunction(x.filter) && x.it.spec.Hint.IsMissing() {
		s = passing("SUBPLAN", s, nil)
	}
	return s
}

// sortPattern says the order of a merge, which is s or its input.
func (s *stage) sortPattern(sort document.Doc) {
	if s.name != plan.Merge.String() {
		s = s.inputs[0]
	}
	s.show = func(b *document.Builder) { b.AppendDoc("sortPattern", sort) }
}

// limited puts the stages of sort, skip, limit and projection on those that find.
func (x *explanation) limited(p *plan.Plan, s *stage) *stage {
	point := p.Kind == plan.IDPoint
	limit := x.it.left
	if !p.ProvidesSort {
		simple := limit < 0 && x.it.skip == 0 && x.projectsSort()
		if simple {
			s = x.projection(p, s)
		}
		s = x.sortStage(s, limit)
		if simple {
			return s
		}
	}
	if x.it.skip > 0 && !x.spec.Count {
		s = x.skipStage(s)
	}
	s = x.projection(p, s)
	if p.ProvidesSort && limit > 0 && !point && (!x.spec.single() || x.it.sort != nil) && !x.spec.Count {
		run := stageRun{works: s.run.works, advanced: x.returned, eof: s.run.eof || x.returned == limit}
		if !s.run.eof && run.eof && !x.spec.single() {
			run.works++
		}
		s = (&stage{name: "LIMIT", run: run, show: func(b *document.Builder) { appendNumber(b, "limitAmount", limit) }}).over(s)
	}
	if x.it.spec.ReturnKey {
		s = passing("RETURN_KEY", s, nil)
	}
	return s
}

func (x *explanation) skipStage(s *stage) *stage {
	skip := &stage{name: "SKIP", show: func(b *document.Builder) { appendNumber(b, "skipAmount", x.it.skip-x.skipped) }}
	if s.name == "FETCH" && s.filter == nil && s.inputs[0].name == "IXSCAN" { // what is skipped is not fetched
		scan := s.inputs[0]
		skip.over(scan).run = stageRun{works: scan.run.works, advanced: max(scan.run.advanced-x.skipped, 0), eof: scan.run.eof}
		s.inputs[0], s.run.advanced = skip, x.returned
		return s
	}
	skip.run = stageRun{works: s.run.works, advanced: max(s.run.advanced-x.skipped, 0), eof: s.run.eof}
	return skip.over(s)
}

func (x *explanation) sortStage(s *stage, limit int64) *stage {
	kept := x.matched
	amount := int64(0)
	if limit > 0 {
		amount = limit + x.it.skip
		kept = min(kept, amount)
	}
	sort := &stage{name: "SORT", run: stageRun{works: s.run.works + kept + 1, advanced: kept, eof: true}}
	sort.show = func(b *document.Builder) {
		b.AppendDoc("sortPattern", shownSort(x.it.spec.Sort))
		appendNumber(b, "memLimit", x.it.view.engine.SortBytes())
		if amount > 0 {
			appendNumber(b, "limitAmount", amount)
		}
		if x.spec.Update != nil || x.spec.Delete != nil || x.it.sort.UsesMeta() || s.name == plan.Union.String() {
			b.AppendString("type", "default") // it keeps record ids
		} else {
			b.AppendString("type", "simple")
		}
	}
	sort.count = func(b *document.Builder) {
		appendNumber(b, "totalDataSizeSorted", x.sorted)
		spills := int64(0)
		if limit := x.it.view.engine.SortBytes(); amount == 0 { // the first few fit
			spills = x.sorted / limit
		}
		b.AppendBool("usedDisk", spills > 0)
		appendNumber(b, "spills", spills)
	}
	return sort.over(s)
}

// projectsSort reports whether the projection can be done before the sort: it leaves what is sorted by.
func (x *explanation) projectsSort() bool {
	paths := query.IncludedPaths(x.it.spec.Projection)
	return paths != nil && !slices.ContainsFunc(x.it.sort.Fields(), func(f query.SortField) bool { return !slices.Contains(paths, f.Path) })
}

func (x *explanation) projection(p *plan.Plan, s *stage) *stage {
	if x.it.proj == nil || x.spec.Count || x.spec.Update != nil || x.spec.Delete != nil {
		return s
	}
	name := "PROJECTION_DEFAULT"
	if paths := query.IncludedPaths(x.it.spec.Projection); paths != nil && !slices.ContainsFunc(paths, func(path string) bool { return strings.Contains(path, ".") }) {
		switch name = "PROJECTION_SIMPLE"; {
		case p.Covered && p.Kind == plan.IndexScan:
			name = "PROJECTION_COVERED"
		case p.Covered:
			name = "PROJECTION_DEFAULT"
		}
	}
	return passing(name, s, func(b *document.Builder) { b.AppendDoc("transformBy", x.it.spec.Projection) })
}

func (x *explanation) projected(s *stage) *stage {
	if len(x.spec.Fields) <= 5 {
		return s
	}
	return passing("PROJECTION_DEFAULT", s, func(b *document.Builder) { b.AppendDoc("transformBy", x.spec.Fields) })
}

// writeStage is a stage that writes what the one below finds. It returns documents in a findAndModify only.
func (x *explanation) writeStage(name string, s *stage, count func(*document.Builder)) *stage {
	w := &stage{name: name, run: stageRun{works: s.run.works, eof: true}}
	if !s.run.eof || x.spec.single() && x.returned > 0 {
		w.run.works = s.run.works + 1
	}
	if x.best != nil && x.best.Kind == plan.IDPoint && x.returned > 0 { // mongod does not go on to the end there
		s.run.works, w.run.works = 1, 2
	}
	if x.spec.Modify {
		w.run.advanced = x.returned
	}
	w.count = count
	return w.over(s)
}

// distinctStages are those of a scan that skips from one value to the next.
func (x *explanation) distinctStages() *stage {
	s, _ := x.src.(*indexSource)
	scan := indexStage(x.it.coll, x.scan, s)
	scan.name = "DISTINCT_SCAN"
	if s != nil {
		scan.count = func(b *document.Builder) { appendNumber(b, "keysExamined", s.keys) }
	}
	name := "PROJECTION_COVERED"
	if strings.Contains(x.spec.Distinct, ".") {
		name = "PROJECTION_DEFAULT"
	}
	return passing(name, scan, func(b *document.Builder) { b.AppendDoc("transformBy", document.Empty) })
}

// countStage is what counts.
func (x *explanation) countStage(s *stage) *stage {
	c := &stage{name: "COUNT"}
	c.count = func(b *document.Builder) {
		appendNumber(b, "nCounted", x.returned)
		appendNumber(b, "nSkipped", x.skipped)
	}
	switch {
	case x.it.coll == nil:
		c.run = stageRun{works: 1, eof: true}
		s.run.works = 0
		return c.over(s)
	case s == nil:
		c.name, c.run = "RECORD_STORE_FAST_COUNT", stageRun{works: 1, eof: true}
		return c
	}
	c.run = stageRun{works: s.run.works, eof: true}
	if !s.run.eof {
		c.run.works++
	}
	return c.over(s)
}

// countScan makes the scan of one range whose entries are only counted what mongod calls it.
func (x *explanation) countScan(p *plan.Plan, src source, s *stage) *stage {
	if !x.spec.Count || !p.Blank || p.KeyFilter != nil || len(p.Ranges) != 1 || !singleInterval(p) {
		return s
	}
	s.name = "COUNT_SCAN"
	ix := x.it.coll.Index(p.Index)
	s.show = func(b *document.Builder) {
		ix.describe(b, p)
		b.OpenDoc("indexBounds")
		appendEnds(b, p.Bounds())
		b.Close()
	}
	if scan, ok := src.(*indexSource); ok {
		keys := scan.keys
		if scan.stats.eof {
			keys++
		}
		s.count = func(b *document.Builder) { appendNumber(b, "keysExamined", keys) }
	}
	return s
}

// scansCounting reports whether the tree counts entries up to the end of their range.
func (s *stage) scansCounting() bool {
	return s.name == "COUNT_SCAN" && s.run.eof || slices.ContainsFunc(s.inputs, (*stage).scansCounting)
}

func singleInterval(p *plan.Plan) bool {
	return !slices.ContainsFunc(p.Bounds(), func(f plan.FieldBounds) bool { return len(f.Intervals) != 1 })
}

// appendEnds appends the first and the last key of a range. Behind an end that does not belong to it, the values of further fields are all on its far side.
func appendEnds(b *document.Builder, bounds []plan.FieldBounds) {
	minimum, maximum := document.Value{Type: document.TypeMinKey}, document.Value{Type: document.TypeMaxKey}
	startIn, endIn := true, true
	b.OpenDoc("startKey")
	for _, f := range bounds {
		if startIn {
			b.AppendValue(f.Path, f.Start)
		} else {
			b.AppendValue(f.Path, maximum)
		}
		startIn = startIn && f.StartIn
	}
	b.Close()
	b.AppendBool("startKeyInclusive", startIn)
	b.OpenDoc("endKey")
	for _, f := range bounds {
		if endIn {
			b.AppendValue(f.Path, f.End)
		} else {
			b.AppendValue(f.Path, minimum)
		}
		endIn = endIn && f.EndIn
	}
	b.Close()
	b.AppendBool("endKeyInclusive", endIn)
}
