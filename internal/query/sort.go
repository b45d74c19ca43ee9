package query

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Sort is a compiled sort specification. Immutable.
type Sort struct {
	fields   []SortField
	metas    bool // a field has a Meta
	natural  int
	collator document.Collator // of strings; nil: by bytes
}

// maxSortFields is how many fields a sort may have.
const maxSortFields = 32

// SortField is one part of a sort.
type SortField struct {
	Path       string
	Descending bool
	Meta       string // by what is known of documents besides what they hold, and not by what is at a path; always descending
}

// CompileSort compiles a sort document such as {a: 1, "b.c": -1}. A path that comes twice counts where it comes first.
func CompileSort(spec document.Doc) (*Sort, error) {
	s := &Sort{}
	if v := spec.Lookup("$natural"); !v.IsMissing() {
		return s, s.addNatural(spec, v)
	}
	for it := spec.Iter(); it.Next(); {
		if err := s.add(it.Key(), it.Value()); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// CompileCollatedSort is [CompileSort] with strings in the order of c.
func CompileCollatedSort(spec document.Doc, c document.Collator) (*Sort, error) {
	s, err := CompileSort(spec)
	if err == nil {
		s.collator = c
	}
	return s, err
}

// Collator returns what strings are compared with; nil for bytes.
func (s *Sort) Collator() document.Collator { return s.collator }

// addNatural takes any value but a negative number for forwards, as mongod does.
func (s *Sort) addNatural(spec document.Doc, v document.Value) error {
	if spec.Len() > 1 {
		return badValue("Cannot include '$natural' in compound sort: %s", docText(spec))
	}
	s.natural = NaturalDirection(v)
	return nil
}

// NaturalDirection returns -1 if v, the operand of $natural, asks for backwards, else 1.
func NaturalDirection(v document.Value) int {
	if n, _ := v.ToInt64(); n < 0 {
		return -1
	}
	return 1
}

func (s *Sort) add(path string, v document.Value) error {
	switch {
	case v.Type == document.TypeDocument:
		return s.addMeta(v.Doc())
	case !v.IsNumber():
		return mongoerr.New(15974, "Illegal key in $sort specification: %s", elementText(path, v))
	}
	n, _ := v.ToInt64()
	if n != 1 && n != -1 {
		return mongoerr.New(15975, "$sort key ordering must be 1 (for ascending) or -1 (for descending)")
	}
	if err := checkFieldPath(path); err != nil {
		return err
	}
	for _, f := range s.fields {
		if f.Path == path && f.Meta == "" {
			return nil
		}
	}
	if len(s.fields) == maxSortFields {
		return mongoerr.New(13103, "too many compound keys")
	}
	s.fields = append(s.fields, SortField{Path: path, Descending: n < 0})
	return nil
}

// noMeta is the code of the error of a $meta that is not known.
const noMeta = 40218

// CheckMeta refuses what is known of documents only if the filter has a certain operator: f, which may be nil, has not.
func CheckMeta(name string, f *Filter) error {
	if (name == expr.NearDistance || name == expr.NearPlace) && f != nil && f.Near() != nil {
		return nil
	}
	if name == expr.TextScore && f != nil && f.text != nil {
		return nil
	}
	what := map[string]string{expr.TextScore: "text score", "geoNearDistance": "$geoNear distance", "geoNearPoint": "$geoNear point"}[name]
	if what == "" {
		return nil
	}
	return mongoerr.New(noMeta, "query requires %s metadata, but it is not available", what)
}

// addMeta adds {$meta: "textScore"} or {$meta: "geoNearDistance"}. Whether there is that is to be checked by who knows the filter ([Sort.CheckMeta]).
func (s *Sort) addMeta(spec document.Doc) error {
	e := spec.First()
	switch {
	case e.Key != "$meta":
		return mongoerr.New(17312, "$meta is the only expression supported by $sort right now")
	case spec.Len() > 1:
		return mongoerr.New(mongoerr.FailedToParse, "Cannot have additional keys in a $meta sort specification")
	}
	switch e.Str() {
	case expr.TextScore, expr.NearDistance:
		s.fields, s.metas = append(s.fields, SortField{Descending: true, Meta: strings.Clone(e.Str())}), true
		return nil
	case "randVal", "searchScore", "searchHighlights":
		return notYet("sorting by $meta is")
	}
	return mongoerr.New(31138, "Illegal $meta sort: %s", elementText(e.Key, e.Value))
}

// CheckMeta refuses a sort by what is not known of the documents of a filter.
func (s *Sort) CheckMeta(f *Filter) error {
	for _, field := range s.fields {
		if field.Meta != "" {
			if err := CheckMeta(field.Meta, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// UsesMeta reports whether something is sorted by that is not in the documents.
func (s *Sort) UsesMeta() bool { return s.metas }

// Fields returns the parts; empty for no order at all and for natural order. Read-only.
func (s *Sort) Fields() []SortField { return s.fields }

// Natural returns 1 or -1 for {$natural: 1} or {$natural: -1}, else 0.
func (s *Sort) Natural() int { return s.natural }

// Compare orders two sort keys. Sort stably: equal keys keep the order in which they were found.
func (s *Sort) Compare(a, b []document.Value) int {
	for i := range s.fields {
		if c := document.Compare(a[i], b[i]); c != 0 {
			if s.fields[i].Descending {
				return -c
			}
			return c
		}
	}
	return 0
}
