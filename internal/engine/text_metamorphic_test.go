package engine

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
	"github.com/mortondb/morton/internal/text"
)

// TestTextSearchesFindWhatScoresSay runs random searches on a collection with a random text index and compares what they find, and the scores, with what each
// document says by itself: with sorts by score and by a field, in disjunctions, with cursors that are suspended and resumed, in memory that is short, and after updates
// and deletions. A reader that goes through all documents and asks the filter knows of no entries.
func TestTextSearchesFindWhatScoresSay(t *testing.T) {
	used := map[string]int{}
	for seed := range uint64(25) {
		g := &textMetamorphic{metamorphic: metamorphic{t: t, Rand: rand.New(rand.NewPCG(seed, 12)), seed: seed}, seen: used}
		g.run()
		if t.Failed() {
			return
		}
	}
	t.Log(used)
	for _, what := range []string{"found", "nothing", "scores", "union", "prefix", "partial", "spills"} {
		if used[what] < 20 {
			t.Errorf("only %d searches with %q", used[what], what)
		}
	}
}

type textMetamorphic struct {
	metamorphic
	prefix, partial bool
	seen            map[string]int
}

func (g *textMetamorphic) run() {
	g.m = newPrimary(g.t)
	g.m.opts.Spills = &memorySpills{}
	defer g.m.close()
	var docs []string
	for i := range 30 + g.IntN(100) {
		docs = append(docs, g.doc(i))
	}
	before := 1 + g.IntN(len(docs)-1)
	g.m.insert(indexedNS, docs[:before]...)
	g.prefix, g.partial = g.IntN(3) == 0, g.IntN(4) == 0
	key := `"_fts": "text", "_ftsx": 1`
	if g.prefix {
		key = `"k": ` + g.pick("1", "-1") + ", " + key
	}
	key += g.pick("", "", `, "n": 1`, `, "n": -1`)
	options := ""
	if g.partial {
		options = `, "partialFilterExpression": {"n": {"$gt": 2}}`
	}
	specs := []document.Doc{doc(g.t, `{"v": 2, "key": {%s}, "name": "words", "weights": %s, "default_language": "english", "language_override": "language", "textIndexVersion": 3%s}`,
		key, g.pick(`{"s": 1}`, `{"s": 3, "t.u": 2}`, `{"$**": 1}`, `{"$**": 1, "s": 5}`), options), doc(g.t, `{"v": 2, "key": {"n": 1}, "name": "n"}`)}
	if _, err := g.m.CreateIndexes(context.Background(), indexedNS, specs); err != nil {
		g.t.Fatalf("seed %d: %v", g.seed, err)
	}
	g.m.insert(indexedNS, docs[before:]...)
	if g.IntN(2) == 0 {
		g.m.commit()
	}
	for range 40 {
		g.compare()
		if g.t.Failed() {
			return
		}
		if g.IntN(8) == 0 {
			g.change()
		}
	}
}

func (g *textMetamorphic) words() string {
	var list []string
	for range g.IntN(6) {
		list = append(list, g.pick("cat", "cats", "dog", "Dog", "running", "run", "the", "café", "cafe", "maison", "a-b", strings.Repeat("long", 80)))
	}
	return strings.Join(list, " ")
}

func (g *textMetamorphic) doc(id int) string {
	parts := []string{fmt.Sprintf(`"_id": %d, "k": %s, "n": %d`, id, g.pick("1", "2", `"x"`, "null"), g.IntN(6))}
	if g.IntN(6) > 0 {
		parts = append(parts, fmt.Sprintf(`"s": %q`, g.words()))
	}
	switch g.IntN(4) {
	case 0:
		parts = append(parts, fmt.Sprintf(`"t": [{"u": %q}, {"u": [%q, 5], "language": "french"}]`, g.words(), g.words()))
	case 1:
		parts = append(parts, fmt.Sprintf(`"t": {"u": %q}, "language": %q`, g.words(), g.pick("none", "de", "english")))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (g *textMetamorphic) search() string {
	search := g.words()
	switch g.IntN(5) {
	case 0:
		search += ` -` + g.pick("cat", "dog", "cafe")
	case 1:
		search += ` \"` + g.pick("cat dog", "run", "café", "dog cat run") + `\"`
	}
	return fmt.Sprintf(`{"$search": "%s"%s}`, search, g.pick("", "", "", `, "$caseSensitive": true`, `, "$diacriticSensitive": true`, `, "$language": "none"`, `, "$language": "fr"`))
}

func (g *textMetamorphic) filter() string {
	parts := []string{`"$text": ` + g.search()}
	if g.prefix {
		parts = append(parts, `"k": `+g.pick("1", "2", `"x"`, "null", "3"))
	}
	if g.partial {
		parts = append(parts, fmt.Sprintf(`"n": {"$gt": %d}`, 2+g.IntN(3)))
	}
	if g.IntN(4) == 0 {
		parts = append(parts, g.pick(`"n": 4`, `"n": {"$lt": 5}`, `"t": {"$exists": true}`, `"$or": [{"n": 3}, {"s": {"$exists": false}}]`))
	}
	text := "{" + strings.Join(parts, ", ") + "}"
	if g.IntN(4) == 0 {
		return fmt.Sprintf(`{"$or": [%s, {"n": %d}]%s}`, text, g.IntN(6), g.pick("", `, "k": {"$ne": 2}`))
	}
	return text
}

func (g *textMetamorphic) compare() {
	spec := FindSpec{NS: indexedNS, Filter: doc(g.t, "%s", g.filter())}
	spec.Scores = g.IntN(2) == 0
	g.m.SetSortBytes(0)
	if g.IntN(3) == 0 {
		g.m.SetSortBytes(1000)
		g.seen["spills"]++
	}
	switch g.IntN(3) {
	case 0:
		spec.Sort, spec.Scores = doc(g.t, `{"score": {"$meta": "textScore"}, "_id": 1}`), true
	case 1:
		spec.Sort = doc(g.t, `{"n": 1, "_id": -1}`)
	}
	got := g.found(spec)
	want := g.expected(spec)
	if spec.Sort == nil {
		slices.Sort(got)
		slices.Sort(want)
	}
	g.count(spec, got)
	if !slices.Equal(want, got) {
		g.t.Errorf("seed %d: %s\nsort %v\nplan %v\nwant %v\ngot  %v\n%v", g.seed, spec.Filter, spec.Sort, g.planOf(spec), want, got, g.indexes())
	}
}

func (g *textMetamorphic) count(spec FindSpec, got []string) {
	note := func(what string, yes bool) {
		if yes {
			g.seen[what]++
		}
	}
	note("found", len(got) > 0)
	note("nothing", len(got) == 0)
	note("scores", spec.Scores)
	p := g.planOf(spec)
	note("union", p != nil && p.Kind == plan.Union)
	note("prefix", g.prefix)
	note("partial", g.partial)
}

// found returns what a find returns: _id and, if it is wanted, the score.
func (g *textMetamorphic) found(spec FindSpec) (list []string) {
	it, err := g.m.find(spec)
	if err != nil {
		g.t.Fatalf("seed %d: %s: %v", g.seed, spec.Filter, err)
	}
	defer it.Close()
	for {
		d, err := it.Next(context.Background())
		if err == io.EOF {
			return list
		}
		if err != nil {
			g.t.Fatalf("seed %d: %s: %v", g.seed, spec.Filter, err)
		}
		m := it.Meta()
		list = append(list, g.shown(d, m.HasText, m.TextScore, spec.Scores))
		if g.IntN(10) == 0 {
			it.Suspend()
			v := g.m.Local()
			if err := it.Resume(&v); err != nil {
				g.t.Fatal(err)
			}
		}
	}
}

func (g *textMetamorphic) shown(d document.Doc, has bool, score float64, wanted bool) string {
	id := d.Lookup("_id").String()
	if !wanted || !has {
		return id
	}
	return fmt.Sprintf("%s:%v", id, score)
}

// expected goes through all documents.
func (g *textMetamorphic) expected(spec FindSpec) (list []string) {
	v := g.m.Local()
	defer v.Close()
	f, err := query.CompileFilter(spec.Filter, query.FilterOptions{Text: v.Catalog.Search(indexedNS)})
	if err != nil {
		g.t.Fatal(err)
	}
	coll := v.Catalog.Collection(indexedNS)
	index := coll.textIndexOf().Plugin.(*textIndex).index
	all := &FindSpec{NS: indexedNS}
	if spec.Sort != nil && !strings.Contains(spec.Sort.String(), "$meta") {
		all.Sort = spec.Sort
	}
	type row struct {
		shown string
		score float64
		has   bool
	}
	var rows []row
	it, err := g.m.find(*all)
	if err != nil {
		g.t.Fatal(err)
	}
	defer it.Close()
	for {
		d, err := it.Next(context.Background())
		if err == io.EOF {
			break
		}
		if ok, err := f.Match(d); err != nil || !ok {
			continue
		}
		score, has := g.score(index, f, d)
		rows = append(rows, row{g.shown(d, has, score, spec.Scores), score, has})
	}
	if spec.Sort != nil && all.Sort == nil {
		slices.SortStableFunc(rows, func(a, b row) int {
			switch {
			case a.has != b.has:
				return oneIf(b.has) - oneIf(a.has)
			case a.score > b.score:
				return -1
			case a.score < b.score:
				return 1
			}
			return 0
		})
	}
	for _, r := range rows {
		list = append(list, r.shown)
	}
	return list
}

func oneIf(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// score returns what a document scores, if it is the search that finds it: the search alone, or its branch of a disjunction, which comes first.
func (g *textMetamorphic) score(index *text.Index, f *query.Filter, d document.Doc) (sum float64, has bool) {
	for _, n := range f.Root().Children {
		if n.Op != query.OpOr || !n.Searches() {
			continue
		}
		ok, err := query.FilterOf(n.Children[0]).Match(d)
		if err != nil || !ok {
			return 0, false
		}
	}
	scores, err := index.Scores(d)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, term := range f.Text().Text.Terms {
		sum += scores[term]
	}
	return sum, true
}

func (g *textMetamorphic) change() {
	filter := doc(g.t, "%s", g.filter())
	var err error
	if g.IntN(3) == 0 {
		_, err = g.m.Delete(context.Background(), &DeleteSpec{NS: indexedNS, Filter: filter, Multi: g.IntN(2) == 0}, Statement{})
	} else {
		update := doc(g.t, `{"$set": {"s": %q, "n": %d}}`, g.words(), g.IntN(6))
		_, err = g.m.Update(context.Background(), &UpdateSpec{NS: indexedNS, Filter: filter, Update: update.AsValue(), Multi: g.IntN(2) == 0}, Statement{})
	}
	if err != nil {
		g.t.Fatalf("seed %d: %s: %v", g.seed, filter, err)
	}
}
