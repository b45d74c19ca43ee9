package engine

import (
	"fmt"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/plan"
)

// textStages are those of a text search: TEXT_MATCH over a stage that reads the entries of the terms, TEXT_OR if it adds up their scores, and a filter
// above both for what else is asked of documents.
func textStages(coll *Collection, p *plan.Plan, src source, matched int64) *stage {
	t, _ := src.(*textSource)
	match := &stage{name: "TEXT_MATCH", show: func(b *document.Builder) { describeSearch(b, p) }}
	input := termStages(coll, p, t)
	if t != nil {
		match.run = stageRun{works: input.run.works, advanced: t.tested - t.rejected, eof: input.run.eof}
		if len(p.Branches) == 0 {
			match.run.works = 1
		}
		match.count = func(b *document.Builder) { appendNumber(b, "docsRejected", t.rejected) }
	}
	match.over(input)
	if p.Residual == nil {
		return match
	}
	fetch := fetchStage(p.Residual, match, match.run.advanced, matched)
	fetch.count = hasAlready(match.run.advanced)
	return fetch
}

// hasAlready is what a FETCH counts whose documents had been fetched.
func hasAlready(docs int64) func(*document.Builder) {
	return func(b *document.Builder) {
		appendNumber(b, "docsExamined", docs)
		appendNumber(b, "alreadyHasObj", docs)
	}
}

// termStages are the stages below TEXT_MATCH.
func termStages(coll *Collection, p *plan.Plan, t *textSource) *stage {
	var scans []*stage
	var works, docs, advanced int64
	for i, branch := range p.Branches {
		var s *indexSource
		if t != nil {
			s = t.terms.branches[i].indexSource
		}
		scan := indexStage(coll, branch, s)
		if s != nil {
			scan.count = countTerm(coll.Index(p.Index), s)
			docs += s.stats.docs
		}
		works += scan.run.works
		scans = append(scans, scan)
	}
	if len(scans) == 0 {
		scans = []*stage{{name: "EOF", run: stageRun{eof: true}}}
	}
	eof := t != nil && t.eof
	if p.Scores {
		or := &stage{name: "TEXT_OR", filter: filterOf(p.KeyFilter), inputs: scans, show: func(*document.Builder) {}}
		if t != nil {
			or.run = stageRun{works: works + t.returned + 2, advanced: t.tested, eof: eof}
			or.count = func(b *document.Builder) { appendNumber(b, "docsExamined", t.docs) }
		}
		return or
	}
	top := scans[0]
	if len(scans) > 1 {
		top = &stage{name: "OR", filter: filterOf(p.KeyFilter), inputs: scans, show: func(*document.Builder) {}}
		if t != nil {
			st := t.terms.stats
			top.run = stageRun{works: works, advanced: t.tested, eof: eof}
			top.count = func(b *document.Builder) {
				appendNumber(b, "dupsTested", st.dupsTested)
				appendNumber(b, "dupsDropped", st.dupsDropped)
			}
		}
	} else if len(p.Branches) == 1 {
		if top.filter = filterOf(p.KeyFilter); t != nil {
			top.run.advanced, top.run.eof = t.tested, eof
		}
	}
	if t != nil {
		advanced = t.tested
	}
	return fetchStage(nil, top, docs, advanced)
}

// countTerm is what the scan of a term counts: mongod looks for documents that come twice once a document has several entries.
func countTerm(ix *Index, s *indexSource) func(*document.Builder) {
	st := s.stats
	if ix.Multikey != 0 {
		st.dupsTested = st.advanced
	}
	return countKeys(s.keys, s.seeks, st)
}

func describeSearch(b *document.Builder, p *plan.Plan) {
	s := p.Search
	b.AppendDoc("indexPrefix", p.Prefix)
	b.AppendString("indexName", p.Index)
	b.OpenDoc("parsedTextQuery")
	for _, list := range []struct {
		name  string
		words []string
	}{{"terms", s.Terms}, {"negatedTerms", s.Negated}, {"phrases", s.Phrases}, {"negatedPhrases", s.NegatedPhrases}} {
		b.OpenArray(list.name)
		for i, word := range list.words {
			b.AppendString(document.Index(i), word)
		}
		b.Close()
	}
	b.Close()
	b.AppendInt32("textIndexVersion", int32(s.Version()))
}

// fetchesBelow reports whether documents are fetched in each branch of a disjunction, as one of them has a filter, and not above all.
func fetchesBelow(branches []*plan.Plan) bool {
	return slices.ContainsFunc(branches, func(p *plan.Plan) bool { return p.Kind == plan.IndexScan && p.Residual != nil })
}

func (c *chainSource) fetches() bool {
	return slices.ContainsFunc(c.parts, func(w way) bool { return w.plan.Kind == plan.IndexScan && w.plan.Residual != nil })
}

// chainStages are those of a disjunction with a text search among its branches.
func chainStages(coll *Collection, p *plan.Plan, src source) *stage {
	c, _ := src.(*chainSource)
	or := &stage{name: plan.Union.String(), list: true, show: func(*document.Builder) {}}
	var works, advanced int64
	filters := fetchesBelow(p.Branches)
	for i, branch := range p.Branches {
		var part source
		if c != nil {
			part = c.parts[i].src
		}
		input := accessStages(coll, branch, part, 0, false)
		if branch.Kind == plan.IndexScan && !filters && !branch.Covered {
			input = input.inputs[0] // documents are fetched above all
		}
		works += input.run.works
		or.inputs = append(or.inputs, input)
	}
	if c != nil {
		st := c.stats
		advanced = st.advanced
		or.run = stageRun{works: works, advanced: advanced, eof: st.eof}
		or.count = func(b *document.Builder) {
			appendNumber(b, "dupsTested", st.dupsTested)
			appendNumber(b, "dupsDropped", st.dupsDropped)
		}
	}
	if filters {
		return or
	}
	fetch := fetchStage(nil, or, advanced, advanced)
	fetch.count = hasAlready(advanced)
	return fetch
}

// shownSort is a sort with names of mongod's for what is not in the documents.
func shownSort(sort document.Doc) document.Doc {
	var b document.Builder
	i := 0
	for it := sort.Iter(); it.Next(); i++ {
		name := it.Key()
		if it.Value().Type == document.TypeDocument {
			name = fmt.Sprintf("$computed%d", i)
		}
		b.AppendValue(name, it.Value())
	}
	return b.Finish()
}
