package pipeline

import (
	"context"
	"io"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

func checkSort(v document.Value) error {
	switch {
	case v.Type != document.TypeDocument:
		return fail(15973, "the $sort key specification must be an object")
	case v.Doc().IsEmpty():
		return fail(15976, "$sort stage must have at least one sort key")
	case !v.Doc().Lookup("$natural").IsMissing():
		return fail(16410, "FieldPath field names may not start with '$'. Consider using $getField or $setField.")
	}
	return nil
}

// sorting is $sort. Documents with equal keys keep their order.
type sorting struct {
	sort  *query.Sort
	bound int64 // no more are wanted; 0: all
	max   int
}

func compileSort(v document.Value, opts *Options) ([]stage, error) {
	if err := checkSort(v); err != nil {
		return nil, err
	}
	s, err := query.CompileCollatedSort(v.Doc(), opts.Expr.Collator)
	if err != nil {
		return nil, err
	}
	for _, f := range s.Fields() {
		if f.Meta != "" && opts.Expr.Meta != nil {
			if err := opts.Expr.Meta(f.Meta); err != nil {
				return nil, err
			}
		}
	}
	return []stage{&sorting{sort: s, max: opts.MaxBytes}}, nil
}

// row is a document and what decides on its place.
type row struct {
	doc  document.Doc
	key  []document.Value
	meta *expr.Meta // what is known of it; nil for nothing
}

func (s *sorting) compare(a, b row) int { return s.sort.Compare(a.key, b.key) }

func (s *sorting) over(src Source) Source { return &gathered{gather: s.collect, src: src} }

// gathered is what a stage makes that reads everything before it returns anything.
type gathered struct {
	gather func(context.Context, Source) ([]row, error)
	src    Source
	ready  bool
	rows   []row
	meta   *expr.Meta // of the current document
}

func (g *gathered) Next(ctx context.Context) (document.Doc, error) {
	if !g.ready {
		var err error
		if g.rows, err = g.gather(ctx, g.src); err != nil {
			return nil, err
		}
		g.ready = true
	}
	if len(g.rows) == 0 {
		return nil, io.EOF
	}
	first := g.rows[0]
	g.meta, g.rows[0], g.rows = first.meta, row{}, g.rows[1:]
	return first.doc, nil
}

// Meta implements Annotated.
func (g *gathered) Meta() *expr.Meta { return g.meta }

// collect reads everything and returns it in order; with a bound it never holds more than twice as many as are wanted.
func (s *sorting) collect(ctx context.Context, src Source) (rows []row, err error) {
	bytes := 0
	for {
		doc, err := src.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		kept := doc.Clone()
		meta := metaOf(src).Clone()
		key, err := s.sort.AppendKeyOf(nil, kept, meta)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{kept, key, meta})
		bytes += len(doc) + 32*(len(key)+2)
		if s.bound > 0 && int64(len(rows)) >= 2*s.bound && len(rows) > 64 {
			rows, bytes = s.best(rows)
		}
		if bytes > s.max {
			return nil, mongoerr.New(mongoerr.QueryExceededMemoryLimitNoDiskUseAllowed,
				"Sort exceeded memory limit of %d bytes, but did not opt in to external sorting.", s.max)
		}
	}
	rows, _ = s.best(rows)
	return rows, nil
}

// best puts rows into order and drops those that are not wanted.
func (s *sorting) best(rows []row) (kept []row, bytes int) {
	slices.SortStableFunc(rows, s.compare)
	if s.bound > 0 && int64(len(rows)) > s.bound {
		clear(rows[s.bound:])
		rows = rows[:s.bound]
	}
	for _, r := range rows {
		bytes += len(r.doc) + 32*(len(r.key)+2)
	}
	return rows, bytes
}

// sorter is a sort for accumulators.
type sorter struct{ sort *query.Sort }

func compileSorter(c document.Collator) func(document.Doc) (expr.Sorter, error) {
	return func(d document.Doc) (expr.Sorter, error) {
		s, err := query.CompileCollatedSort(d, c)
		if err == nil {
			err = s.CheckMeta(nil)
		}
		return sorter{s}, err
	}
}

// Keys implements expr.Sorter. A document with parallel arrays, which has no key, comes first.
func (s sorter) Keys(doc document.Doc) []document.Value {
	key, err := s.sort.AppendKey(nil, doc)
	if err != nil {
		return make([]document.Value, len(s.sort.Fields()))
	}
	return key
}

// Compare implements expr.Sorter.
func (s sorter) Compare(a, b []document.Value) int { return s.sort.Compare(a, b) }
