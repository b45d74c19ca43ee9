package query

import "github.com/mortondb/morton/internal/document"

// AppendDistinct appends the values that the distinct command sees at path in doc: arrays on the way and at the end are spread.
func AppendDistinct(dst []document.Value, doc document.Doc, path string) []document.Value {
	panic("soon")
}
