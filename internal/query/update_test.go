package query

import (
	"errors"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// TestRandomUpdatesKeepDocumentsSound applies random updates to random documents: whatever comes out is valid BSON, keeps its _id, has no name
// twice, and its diff describes it.
func TestRandomUpdatesKeepDocumentsSound(t *testing.T) {
	applied, changes := 0, 0
	for seed := range uint64(30000) {
		r := newRandom(seed)
		old, spec := r.stored(), r.update()
		u, f, err := compileRandom(r, spec)
		if err != nil {
			continue
		}
		updated, changed, err := u.Apply(old, testEnv)
		if err != nil {
			requireMongoError(t, seed, err)
			continue
		}
		applied++
		if err := document.Validate(updated, document.MaxDepth); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !document.Identical(old.Lookup("_id"), updated.Lookup("_id")) {
			t.Fatalf("seed %d: _id of %v became that of %v", seed, old, updated)
		}
		if name := repeatedName(updated); name != "" {
			t.Fatalf("seed %d: %v on %v with filter %v: name %q twice in %v", seed, spec, old, f.Root(), name, updated)
		}
		if changed {
			changes++
			if err := checkDiffs(u, old, updated); err != nil {
				t.Fatalf("seed %d: %v: %v", seed, spec, err)
			}
		}
	}
	if applied < 6000 || changes < 3000 {
		t.Errorf("only %d updates applied, %d of them changed something", applied, changes)
	}
}

// compileRandom compiles an update together with a filter and, if it asks for one, an array filter.
func compileRandom(r random, spec document.Doc) (*Update, *Filter, error) {
	f, err := CompileFilter(r.filter(1), FilterOptions{})
	if err != nil {
		return nil, nil, err
	}
	filters := []document.Doc{arrayFilterGTE1}
	u, err := CompileUpdate(spec.AsValue(), UpdateOptions{Filter: f, ArrayFilters: filters})
	if err != nil {
		u, err = CompileUpdate(spec.AsValue(), UpdateOptions{Filter: f})
	}
	return u, f, err
}

func requireMongoError(t *testing.T, seed uint64, err error) {
	t.Helper()
	var e *mongoerr.Error
	if !errors.As(err, &e) || e.Code == mongoerr.InternalError {
		t.Fatalf("seed %d: error %v has no code", seed, err)
	}
}

// repeatedName returns a name that comes twice in one document.
func repeatedName(d document.Doc) string {
	seen := map[string]bool{}
	for it := d.Iter(); it.Next(); {
		if seen[it.Key()] {
			return it.Key()
		}
		seen[it.Key()] = true
	}
	return ""
}

func FuzzUpdate(f *testing.F) {
	for seed := range uint64(50) {
		r := newRandom(seed)
		f.Add(r.update().String(), r.stored().String(), r.filter(1).String())
	}
	f.Fuzz(func(t *testing.T, specText, docText, filterText string) {
		spec, doc, filter := fuzzDoc(specText), fuzzDoc(docText), fuzzDoc(filterText)
		if spec == nil || doc == nil || filter == nil {
			return
		}
		fl, err := CompileFilter(filter, FilterOptions{})
		if err != nil {
			return
		}
		u, err := CompileUpdate(spec.AsValue(), UpdateOptions{Filter: fl})
		if err != nil {
			return
		}
		if updated, changed, err := u.Apply(doc, testEnv); err == nil {
			if err := document.Validate(updated, document.MaxDepth); err != nil {
				t.Fatal(err)
			}
			if changed {
				if err := checkDiffs(u, doc, updated); err != nil {
					t.Fatal(err)
				}
			}
		}
		if inserted, err := u.Insert(testEnv); err == nil {
			if err := document.Validate(inserted, document.MaxDepth); err != nil {
				t.Fatal(err)
			}
		}
	})
}

var arrayFilterGTE1 = func() document.Doc {
	var b document.Builder
	b.OpenDoc("f")
	b.AppendInt32("$gte", 1)
	b.Close()
	return b.Finish()
}()
