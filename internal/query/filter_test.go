package query

import (
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
)

// fuzzDoc parses a fuzzer's document; nil if it is none. Text keeps more of its sense under mutation than bytes do.
func fuzzDoc(text string) document.Doc {
	d, err := document.FromJSON(text)
	if err != nil || document.Validate(d, document.MaxDepth) != nil {
		return nil
	}
	return d
}

func FuzzFilter(f *testing.F) {
	for seed := range uint64(50) {
		r := newRandom(seed)
		f.Add(r.filter(2).String(), r.stored().String())
	}
	f.Fuzz(func(t *testing.T, filterText, docText string) {
		filter, doc := fuzzDoc(filterText), fuzzDoc(docText)
		if filter == nil || doc == nil {
			return
		}
		fl, err := CompileFilter(filter, FilterOptions{})
		if err != nil {
			return
		}
		matched, failed := fl.Match(doc)
		if index, again, err := fl.MatchPosition(doc); again != matched || (err == nil) != (failed == nil) {
			t.Fatalf("Match says %v, MatchPosition %v %q", !matched, matched, index)
		}
	})
}

func FuzzProjection(f *testing.F) {
	for seed := range uint64(50) {
		r := newRandom(seed)
		f.Add(r.doc(2).String(), r.stored().String(), r.filter(1).String())
	}
	f.Fuzz(func(t *testing.T, specText, docText, filterText string) {
		spec, doc, filter := fuzzDoc(specText), fuzzDoc(docText), fuzzDoc(filterText)
		if spec == nil || doc == nil || filter == nil {
			return
		}
		fl, err := CompileFilter(filter, FilterOptions{})
		if err != nil {
			fl = nil
		}
		if s, err := CompileSort(spec); err == nil {
			if key, err := s.AppendKey(nil, doc); err == nil && len(key) != len(s.Fields()) {
				t.Fatalf("sort key %v of %d fields", key, len(s.Fields()))
			}
		}
		p, err := CompileProjection(spec, fl, ProjectionOptions{})
		if err != nil {
			return
		}
		if out, err := p.Apply(nil, doc, &expr.Evaluator{}); err == nil {
			if err := document.Validate(out, document.MaxDepth); err != nil {
				t.Fatal(err)
			}
		}
	})
}
