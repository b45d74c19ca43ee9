package query

import "github.com/mortondb/morton/internal/document"

// Sort is a compiled sort specification. Immutable.
type Sort struct {
	fields  []SortField
	natural int
}

// SortField is one part of a sort.
type SortField struct {
	Path       string
	Descending bool
}

// CompileSort compiles a sort document such as {a: 1, "b.c": -1}.
func CompileSort(spec document.Doc) (*Sort, error) { panic("soon") }

// Fields returns the parts; empty for no order at all and for natural order. Read-only.
func (s *Sort) Fields() []SortField { return s.fields }

// Natural returns 1 or -1 for {$natural: 1} or {$natural: -1}, else 0.
func (s *Sort) Natural() int { return s.natural }

// AppendKey appends doc's sort key, one value for each field, which aliases doc. The error is that of parallel arrays.
func (s *Sort) AppendKey(dst []document.Value, doc document.Doc) ([]document.Value, error) { panic("soon") }

// Compare orders two sort keys. Sort stably: equal keys keep the order in which they were found.
func (s *Sort) Compare(a, b []document.Value) int { panic("soon") }
