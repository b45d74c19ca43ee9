package query

import "github.com/mortondb/morton/internal/document"

// Projection is a compiled projection. Immutable.
type Projection struct{}

// CompileProjection compiles a find projection. filter is the command's, which positional projection refers to; it may be nil.
func CompileProjection(spec document.Doc, filter *Filter) (*Projection, error) { panic("soon") }

// IsIdentity reports whether the projection returns every document as it is.
func (p *Projection) IsIdentity() bool { panic("soon") }

// Apply appends the projected document to dst.
func (p *Projection) Apply(dst []byte, doc document.Doc) ([]byte, error) { panic("soon") }
