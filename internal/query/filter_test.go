package query

import (
	"testing"

	"github.com/mortondb/morton/internal/document"
)

func FuzzFilter(f *testing.F) {
	for seed := range uint64(50) {
		r := newRandom(seed)
		f.Add([]byte(r.filter(2)), []byte(r.stored()))
	}
	f.Fuzz(func(t *testing.T, filter, doc []byte) {
		if document.Validate(filter, document.MaxDepth) != nil || document.Validate(doc, document.MaxDepth) != nil {
			return
		}
		fl, err := CompileFilter(filter, FilterOptions{})
		if err != nil {
			return
		}
		if index, matched := fl.MatchPosition(doc); matched != fl.Match(doc) {
			t.Fatalf("Match says %v, MatchPosition %v %q", !matched, matched, index)
		}
	})
}

func FuzzProjection(f *testing.F) {
	for seed := range uint64(50) {
		r := newRandom(seed)
		f.Add([]byte(r.doc(2)), []byte(r.stored()), []byte(r.filter(1)))
	}
	f.Fuzz(func(t *testing.T, spec, doc, filter []byte) {
		for _, d := range [][]byte{spec, doc, filter} {
			if document.Validate(d, document.MaxDepth) != nil {
				return
			}
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
		p, err := CompileProjection(spec, fl)
		if err != nil {
			return
		}
		if out, err := p.Apply(nil, doc); err == nil {
			if err := document.Validate(out, document.MaxDepth); err != nil {
				t.Fatal(err)
			}
		}
	})
}
