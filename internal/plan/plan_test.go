package plan

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/query"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expected output in testdata")

// TestPlans prints the candidates for the requests in testdata/plans.txt. A paragraph sets indexes, one a line (name, pattern, and
// unique, sparse or multikey with the field's paths); each line that starts with a document is a request: filter, sort, hint.
func TestPlans(t *testing.T) {
	const file = "testdata/plans.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	var indexes []Index
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "  "): // output
			continue
		case line == "":
			indexes = nil
		case strings.HasPrefix(line, "index "):
			indexes = append(indexes, parseIndex(t, line))
		case strings.HasPrefix(line, "{"):
			fmt.Fprintf(&out, "%s\n%s", line, plansText(t, line, indexes))
			continue
		}
		out.WriteString(line + "\n")
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if out.String() != string(text) {
		t.Errorf("plans differ from %s (run with -rewrite and look at the difference):\n%s", file, out.String())
	}
}

func mustJSON(t testing.TB, text string) document.Doc {
	t.Helper()
	d, err := document.FromJSON(text)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return d
}

// parseIndex parses a line such as: index ix {"a":1,"b":-1} unique sparse multikey=a,b
func parseIndex(t *testing.T, line string) Index {
	parts := strings.Fields(line)
	ix := Index{Name: parts[1]}
	for it := mustJSON(t, parts[2]).Iter(); it.Next(); {
		n, _ := it.Value().AsInt64()
		ix.Key = append(ix.Key, KeyField{Path: it.Key(), Descending: n < 0})
	}
	for _, word := range parts[3:] {
		if paths, ok := strings.CutPrefix(word, "multikey="); ok {
			for i, k := range ix.Key {
				if strings.Contains(","+paths+",", ","+k.Path+",") {
					ix.Multikey |= 1 << i
				}
			}
		}
		ix.Unique = ix.Unique || word == "unique"
		ix.Sparse = ix.Sparse || word == "sparse"
	}
	return ix
}

func plansText(t *testing.T, line string, indexes []Index) string {
	parts := strings.Split(line, " ; ")
	filter, err := query.CompileFilter(mustJSON(t, parts[0]), query.FilterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	req := &Request{Filter: filter, Indexes: indexes}
	if len(parts) > 1 {
		if req.Sort, err = query.CompileSort(mustJSON(t, parts[1])); err != nil {
			t.Fatal(err)
		}
	}
	if len(parts) > 2 {
		req.Hint = mustJSON(t, `{"hint":`+parts[2]+`}`).Lookup("hint")
	}
	plans, err := Candidates(req)
	if err != nil {
		return fmt.Sprintf("  error: %v\n", err)
	}
	var b strings.Builder
	for _, p := range plans {
		fmt.Fprintf(&b, "  %v\n", p)
	}
	return b.String()
}

// TestArrayTraps runs all plans of filters that bounds on arrays can get wrong.
func TestArrayTraps(t *testing.T) {
	for _, c := range []struct{ index, docs, filter, sort string }{
		{`{"a.b":1,"a.c":1}`, `[{"a":[{"b":1,"c":9},{"b":9,"c":2}]}]`, `{"a.b":1,"a.c":2}`, `{}`},
		{`{"a.b":1,"a.c":1}`, `[{"a":[{"b":1},{"c":2}]},{"a":[{"b":1,"c":2}]}]`, `{"$and":[{"a":{"$elemMatch":{"b":1}}},{"a":{"$elemMatch":{"c":2}}}]}`, `{}`},
		{`{"a.b":1,"a.c":1}`, `[{"a":[{"b":1},{"c":2}]},{"a":[{"b":1,"c":2}]}]`, `{"a":{"$elemMatch":{"b":1,"c":2}}}`, `{}`},
		{`{"a.b.c":1,"a.b.d":1}`, `[{"a":[{"b":[{"c":1},{"d":2}]}]}]`, `{"a":{"$elemMatch":{"b.c":1,"b.d":2}}}`, `{}`},
		{`{"a":1}`, `[{"a":[{"$minKey":1}]},{"a":{"$minKey":1}},{"a":1},{}]`, `{"a":{"$gt":{"$minKey":1}}}`, `{}`},
		{`{"a":1}`, `[{"a":[1,10]},{"a":5}]`, `{"a":{"$gt":5,"$lt":4}}`, `{}`},
		{`{"a":1}`, `[{"a":[1,10]},{"a":5}]`, `{"a":{"$not":{"$not":{"$gt":5,"$lt":4}}}}`, `{}`},
		{`{"a":1}`, `[{"a":[1,10]},{"a":5}]`, `{"a":{"$elemMatch":{"$gt":0,"$lt":4}}}`, `{}`},
		{`{"a":1}`, `[{"a":[[2]]},{"a":[3]}]`, `{"a":{"$elemMatch":{"$elemMatch":{"$lte":2}}}}`, `{}`},
		{`{"a":1}`, `[{"a":[[1,2],3]},{"a":[1,2]},{"a":[[1]]},{"a":[]},{"a":[[]]}]`, `{"a":{"$in":[[1,2],[]]}}`, `{}`},
		{`{"a.b":1}`, `[{"a":[5]},{"a":[{"c":1}]},{"a":[]},{"a":5},{}]`, `{"a.b":{"$ne":null}}`, `{}`},
		{`{"a.b":1}`, `[{"a":[5]},{"a":[{"c":1}]},{"a":[]},{"a":5},{}]`, `{"a.b":null}`, `{}`},
		{`{"a":1}`, `[{"a":[5,1]},{"a":[3]},{"a":[4,9]}]`, `{"a":{"$gt":3}}`, `{"a":1}`},
		{`{"a":1}`, `[{"a":[5,1]},{"a":[3]},{"a":[4,9]}]`, `{}`, `{"a":-1}`},
		{`{"a.b":1}`, `[{"a":[{"b":4},1]},{"a":[{"b":2}]}]`, `{"a.b":{"$gt":1}}`, `{"a.b":1}`},
	} {
		for _, sparse := range []bool{false, true} {
			runTrap(t, c.index, c.docs, c.filter, c.sort, sparse)
		}
	}
}

func runTrap(t *testing.T, pattern, docs, filterText, sortText string, sparse bool) {
	t.Helper()
	ix := &index{plan: Index{Name: "ix", Sparse: sparse}, keys: keys.Index{Sparse: sparse}}
	for it := mustJSON(t, pattern).Iter(); it.Next(); {
		ix.plan.Key = append(ix.plan.Key, KeyField{Path: it.Key()})
		ix.keys.Fields = append(ix.keys.Fields, keys.Field{Path: it.Key()})
	}
	var list []document.Doc
	for it := mustJSON(t, `{"d":`+docs+`}`).Lookup("d").Doc().Iter(); it.Next(); {
		list = append(list, it.Value().Doc())
	}
	c := collectionOf([]*index{ix}, list)
	filter, err := query.CompileFilter(mustJSON(t, filterText), query.FilterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	sort, err := query.CompileSort(mustJSON(t, sortText))
	if err != nil {
		t.Fatal(err)
	}
	req := &Request{Filter: filter, Sort: sort, Indexes: c.planned()}
	if !sparse {
		req.Hint = document.String("ix")
	}
	plans, err := Candidates(req)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range plans {
		if err := c.check(p, filter, sort); err != nil {
			t.Errorf("%s %s, sparse %v: %v\n plan %v", pattern, filterText, sparse, err, p)
		}
	}
}
