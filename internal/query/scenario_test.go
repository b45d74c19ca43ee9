package query

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expected output in testdata")

// Scenarios are files in testdata. A paragraph starts with the documents of a collection, lines "doc {...}"; each line that
// starts with a brace is a request, its parts separated by " ; ". What is indented is the answer, which a mongod 6.0.5 gave, too.

// TestFilterScenarios: the _ids of the documents that match a filter.
func TestFilterScenarios(t *testing.T) {
	runScenario(t, "testdata/filters.txt", func(docs memory, args []document.Doc) (string, error) {
		f, err := CompileFilter(args[0], FilterOptions{})
		if err != nil {
			return "", err
		}
		list, err := docs.matching("c", f, nil)
		if err != nil {
			return "", err
		}
		var ids []string
		for _, i := range list {
			ids = append(ids, docs["c"][i].Lookup("_id").String())
		}
		return strings.Join(ids, " "), nil
	})
}

// TestSortScenarios: the _ids in the order of a sort.
func TestSortScenarios(t *testing.T) {
	runScenario(t, "testdata/sorts.txt", func(docs memory, args []document.Doc) (string, error) {
		list, err := docs.matching("c", FilterOf(), args[0])
		if err != nil {
			return "", err
		}
		var ids []string
		for _, i := range list {
			ids = append(ids, docs["c"][i].Lookup("_id").String())
		}
		return strings.Join(ids, " "), nil
	})
}

// TestProjectionScenarios: what a projection leaves of the documents that match a filter, if there is one.
func TestProjectionScenarios(t *testing.T) {
	runScenario(t, "testdata/projections.txt", func(docs memory, args []document.Doc) (string, error) {
		filter := document.Empty
		if len(args) > 1 {
			filter = args[1]
		}
		f, err := CompileFilter(filter, FilterOptions{})
		if err != nil {
			return "", err
		}
		p, err := CompileProjection(args[0], f, ProjectionOptions{})
		if err != nil {
			return "", err
		}
		var out []string
		for _, d := range docs["c"] {
			matched, err := f.Match(d)
			if err != nil {
				return "", err
			}
			if matched {
				projected, err := p.Apply(nil, d, &expr.Evaluator{})
				if err != nil {
					return "", err
				}
				out = append(out, document.Doc(projected).String())
			}
		}
		return strings.Join(out, "\n  "), nil
	})
}

// TestUpdateScenarios: what an update (filter ; update ; options) makes of the documents; upserted ones get the _id {"$oid": "01..."}.
func TestUpdateScenarios(t *testing.T) {
	runScenario(t, "testdata/updates.txt", func(docs memory, args []document.Doc) (string, error) {
		var opts document.Doc
		if len(args) > 2 {
			opts = args[2]
		}
		f, err := CompileFilter(args[0], FilterOptions{})
		if err != nil {
			return "", err
		}
		o := UpdateOptions{Filter: f, Multi: opts.Lookup("multi").Truthy()}
		for it := opts.Lookup("arrayFilters").Doc().Iter(); it.Next(); {
			o.ArrayFilters = append(o.ArrayFilters, it.Value().Doc())
		}
		u, err := CompileUpdate(args[1].AsValue(), o)
		if err != nil {
			return "", err
		}
		for _, d := range docs["c"] {
			if matched, err := f.Match(d); err != nil {
				return "", err
			} else if !matched {
				continue
			}
			updated, changed, err := u.Apply(d, testEnv)
			switch {
			case err != nil:
				return "", err
			case !changed:
				return "unchanged", nil
			}
			if err := checkDiffs(u, d, updated); err != nil {
				return "", err
			}
			return updated.String(), nil
		}
		if !opts.Lookup("upsert").Truthy() {
			return "no match", nil
		}
		d, err := u.Insert(testEnv)
		return d.String(), err
	})
}

// runScenario answers the requests of a file and compares.
func runScenario(t *testing.T, file string, answer func(docs memory, args []document.Doc) (string, error)) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	docs := memory{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "  "):
			continue
		case line == "":
			docs = memory{}
		case strings.HasPrefix(line, "doc "):
			docs["c"] = append(docs["c"], mustJSON(t, line[4:]))
		case strings.HasPrefix(line, "{"):
			var args []document.Doc
			for part := range strings.SplitSeq(line, " ; ") {
				args = append(args, mustJSON(t, part))
			}
			got, err := answer(docs, args)
			if e := mongoerr.From(err); e != nil {
				got = fmt.Sprintf("error %d %s", e.Code, e.Message)
			}
			fmt.Fprintf(&out, "%s\n  %s\n", line, got)
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
	want := strings.Split(string(text), "\n")
	for i, line := range strings.Split(out.String(), "\n") {
		if i >= len(want) || line != want[i] {
			t.Errorf("%s:%d: %s\n want %s", file, i+1, line, want[min(i, len(want)-1)])
			return
		}
	}
}
