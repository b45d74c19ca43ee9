package engine

import (
	"context"
	"io"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
)

// Distinct calls add with the values that documents have at a path, in which an index may have left out repeated ones. A value is valid
// until add returns; those of one document come one after the other. The view is taken over.
func (v *View) Distinct(ctx context.Context, spec FindSpec, path string, add func([]document.Value) error) error {
	d := &distinction{path: path, add: add}
	it, err := v.find(ctx, spec)
	if err != nil {
		v.Close()
		return err
	}
	defer it.Close()
	if p, field := d.plan(it); p != nil {
		return d.scan(ctx, it, p, field)
	}
	for {
		doc, err := it.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := d.document(doc); err != nil {
			return err
		}
	}
}

// distinction is one distinct under way.
type distinction struct {
	path  string
	add   func([]document.Value) error
	space []document.Value
}

func (d *distinction) document(doc document.Doc) error {
	d.space = query.AppendDistinct(d.space[:0], doc, d.path)
	return d.add(d.space)
}

// plan returns the plan that reads an entry for each value, if there is one.
func (d *distinction) plan(it *Iterator) (*plan.Plan, int) {
	if it.coll == nil || it.request.filter == nil {
		return nil, 0
	}
	return plan.Distinct(it.request.planned(), d.path)
}

// scan reads the first entry of each value.
func (d *distinction) scan(ctx context.Context, it *Iterator, p *plan.Plan, field int) error {
	s, err := newIndexSource(it.view, it.coll, p)
	if err != nil {
		return err
	}
	defer s.close()
	for skip := true; ; {
		ok, err := s.advanceDistinct(ctx, field, skip)
		if err != nil || !ok {
			return err
		}
		v, known, err := s.value(field)
		skip = !v.IsNullish() // some with this key may have null and others nothing
		switch {
		case err != nil:
			return err
		case known && v.Type == document.TypeNull:
			skip = true
			if err := d.add(append(d.space[:0], v)); err != nil {
				return err
			}
		case !known || v.Type == document.TypeArray:
			doc, _, err := s.load(s.rid())
			if err == nil {
				err = d.document(doc)
			}
			if err != nil {
				return err
			}
		case !v.IsMissing():
			if err := d.add(append(d.space[:0], v)); err != nil {
				return err
			}
		}
	}
}

// advanceDistinct moves to the first entry whose values up to a field are not those of the current one, or only to the next one.
func (s *indexSource) advanceDistinct(ctx context.Context, field int, skip bool) (bool, error) {
	s.stats.works++
	if err := checkContext(ctx, s.stats.works); err != nil {
		return false, err
	}
	s.fromKey = nil
	if skip && s.scan != nil && s.begun {
		key := s.key()
		var r keys.Reader
		r.Read(&s.index.Pattern, key, nil)
		n := 0
		for range field + 1 {
			raw, err := r.Raw()
			if err != nil {
				return false, err
			}
			n += len(raw)
		}
		s.skipTo(keys.Successor(key[:n]))
	}
	ok, err := s.entryScan.next()
	if ok && err == nil {
		s.stats.advanced++
	}
	return ok, err
}

// value returns what the current entry tells of a field.
func (s *indexSource) value(field int) (v document.Value, known bool, err error) {
	s.reader.Read(&s.index.Pattern, s.key(), s.scan.value())
	for range field + 1 {
		if v, known, err = s.reader.Next(); err != nil {
			return v, false, err
		}
	}
	return v, known && (s.index.Wildcard != nil || s.index.tellsValues()), nil
}
