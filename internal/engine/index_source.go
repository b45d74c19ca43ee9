package engine

import (
	"context"
	"errors"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
)

// indexSource walks an index and fetches what its entries lead to, or tells it from the entries if they say enough.
type indexSource struct {
	*entryScan
	fetcher
	paths   []string      // of the parts of a key
	keep    *query.Filter // of entries
	covered bool
	blank   bool // nothing is needed of the documents
	seen    map[uint64]struct{}

	reader  keys.Reader
	told    document.Builder
	space   []byte
	fromKey document.Doc // what the current entry tells; nil if it was not looked at or does not tell enough
	stats   scanStats
	pause   int64 // after so many works on trial; 0: never
	ahead   readAhead
}

// scanStats is what explain tells of a scan.
type scanStats struct {
	works, advanced          int64 // of the scan: entries looked at and the end, entries that came through
	docs                     int64 // documents fetched
	dupsTested, dupsDropped  int64
	fetchWorks, fetchMatched int64
	eof                      bool
}

func newIndexSource(v *View, coll *Collection, p *plan.Plan) (*indexSource, error) {
	scan, err := newEntryScan(v, coll, p)
	if err != nil {
		return nil, err
	}
	s := &indexSource{entryScan: scan, paths: keyPaths(scan.index, p), fetcher: fetcher{v: v, coll: coll}, keep: p.KeyFilter, covered: p.Covered, blank: p.Covered && p.Blank}
	if p.Dedup {
		s.seen = map[uint64]struct{}{}
	}
	return s, nil
}

// keyPaths returns the paths of the parts of an index's keys in a plan.
func keyPaths(ix *Index, p *plan.Plan) (list []string) {
	if p.Path != "" {
		return []string{keys.PathField, p.Path}
	}
	for i := range ix.Fields {
		list = append(list, ix.Fields[i].Path)
	}
	return list
}

func (s *indexSource) next(ctx context.Context) (uint64, document.Doc, bool, error) {
	if s.ahead.on {
		return s.nextAhead(ctx)
	}
	for {
		ok, err := s.advance(ctx)
		if err != nil || !ok {
			return 0, nil, false, err
		}
		rid := s.rid()
		doc, ok, err := s.load(rid)
		if err != nil || ok {
			return rid, doc, ok, err
		}
	}
}

// advance moves to the next entry that comes into question.
func (s *indexSource) advance(ctx context.Context) (bool, error) {
	for {
		if s.pause > 0 && s.stats.works >= s.pause {
			return false, errPause
		}
		s.stats.works++
		if err := checkContext(ctx, s.stats.works); err != nil {
			return false, err
		}
		ok, err := s.entryScan.next()
		if err != nil || !ok {
			s.stats.eof = true
			return false, err
		}
		if s.seen != nil && s.repeated(s.rid()) {
			continue
		}
		if s.keep == nil && (!s.covered || s.blank) {
			s.stats.advanced++
			return true, nil
		}
		if err := s.tell(); err != nil {
			return false, err
		}
		ok = true
		if s.fromKey != nil {
			if ok, err = meets(context.Background(), s.keep, s.fromKey); err != nil {
				return false, err
			}
		}
		if ok {
			s.stats.advanced++
			return true, nil
		}
	}
}

// repeated reports whether a record came up before.
func (s *indexSource) repeated(rid uint64) bool {
	s.stats.dupsTested++
	if _, again := s.seen[rid]; again {
		s.stats.dupsDropped++
		return true
	}
	s.seen[rid] = struct{}{}
	return false
}

// load returns the current entry's document; ok is false if it does not match after all.
func (s *indexSource) load(rid uint64) (doc document.Doc, ok bool, err error) {
	switch {
	case s.covered && s.blank && (s.keep == nil || s.fromKey != nil):
		return document.Empty, true, nil
	case s.covered && s.fromKey != nil:
		return s.fromKey, true, nil
	}
	doc, err = s.fetch(rid)
	s.stats.docs++
	if err != nil {
		return nil, false, err
	}
	if s.fromKey != nil {
		return doc, true, nil
	}
	ok, err = meets(context.Background(), s.keep, doc)
	return doc, ok, err
}

// tell makes a document of what the current entry tells.
func (s *indexSource) tell() error {
	s.fromKey = nil
	s.reader.Read(&s.index.Pattern, s.key(), s.scan.value())
	s.told.Reset(s.space[:0])
	for _, path := range s.paths {
		v, known, err := s.reader.Next()
		if err != nil || !known {
			return err
		}
		if path != keys.PathField {
			appendPath(&s.told, path, v)
		}
	}
	s.fromKey = s.told.Finish()
	s.space = s.fromKey
	return nil
}

// appendPath appends a value at a path, inside documents of its own; the planner sees to it that no other path begins alike.
func appendPath(b *document.Builder, path string, v document.Value) {
	part, rest, dotted := strings.Cut(path, ".")
	switch {
	case !dotted:
		b.AppendValue(path, v)
	case !v.IsMissing():
		b.OpenDoc(part)
		appendPath(b, rest, v)
		b.Close()
	}
}

func (s *indexSource) suspend() { s.let(false) }

// let lets go of the view. again: the current entry has not been dealt with.
func (s *indexSource) let(again bool) {
	_ = s.forget()
	s.entryScan.suspend(again)
	_ = s.fetcher.suspend() // what was read was read
}

func (s *indexSource) resume(v *View) error {
	s.fetcher.v = v
	return s.entryScan.resume(v)
}

func (s *indexSource) close() error {
	return errors.Join(s.forget(), s.fetcher.suspend(), s.entryScan.close())
}
