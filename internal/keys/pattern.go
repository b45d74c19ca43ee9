package keys

import (
	"fmt"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// MaxFields is the most fields that an index may have.
const MaxFields = 32

// Error codes of [Error], MongoDB's.
const (
	CodeCannotCreateIndex         = 67
	CodeCannotIndexParallelArrays = 171
	CodeAmbiguousField            = 16746
)

// Error is a client's mistake about an index, with MongoDB's error code and words.
type Error struct {
	Code    int32
	Message string
}

func (e *Error) Error() string { return e.Message }

// Field is one field of an index.
type Field struct {
	Path       string
	Descending bool
}

// Pattern is the compiled form of an index's key document, such as {a: 1, "b.c": -1}.
type Pattern struct {
	Fields []Field
}

// CompilePattern compiles the key document of an ascending or descending index. The error is an [*Error].
func CompilePattern(key document.Doc) (*Pattern, error) {
	p := &Pattern{}
	for it := key.Iter(); it.Next(); {
		f, err := compileField(key, it.Element())
		if err != nil {
			return nil, err
		}
		p.Fields = append(p.Fields, f)
	}
	switch {
	case len(p.Fields) == 0:
		return nil, cannotCreate("Index keys cannot be an empty object.")
	case len(p.Fields) > MaxFields:
		return nil, &Error{Code: 13103, Message: "too many compound keys"}
	}
	return p, nil
}

func cannotCreate(format string, args ...any) *Error {
	return &Error{Code: CodeCannotCreateIndex, Message: fmt.Sprintf(format, args...)}
}

func compileField(key document.Doc, e document.Element) (Field, error) {
	f := Field{Path: strings.Clone(e.Key)}
	switch {
	case e.IsNumber():
		n, _ := e.AsFloat64()
		switch {
		case n != n:
			return f, cannotCreate("Values in the index key pattern cannot be NaN.")
		case n == 0:
			return f, cannotCreate("Values in the index key pattern cannot be 0.")
		}
		f.Descending = n < 0
	case e.Type == document.TypeString:
		return f, cannotCreate("Unknown index plugin '%s'", e.Str())
	default:
		return f, cannotCreate("Values in v:2 index key pattern cannot be of type %v. Only numbers > 0, numbers < 0, and strings are allowed.", e.Type)
	}
	switch {
	case f.Path == "":
		return f, cannotCreate("Index keys cannot be an empty field.")
	}
	for part := range strings.SplitSeq(f.Path, ".") {
		switch {
		case part == "":
			return f, cannotCreate("Index keys cannot contain an empty field.")
		case part[0] == '$' && f.Path != "$id" && part != "$id" && part != "$ref" && part != "$db":
			return f, cannotCreate("Index key contains an illegal field name: field name starts with '$'.")
		}
	}
	return f, nil
}

// AppendValue appends the encoding of v as the value of field i: ascending or descending.
func (p *Pattern) AppendValue(dst []byte, i int, v document.Value) []byte {
	if p.Fields[i].Descending {
		return AppendDescending(dst, v)
	}
	return AppendValue(dst, v)
}

// String returns the pattern as a key document.
func (p *Pattern) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, f := range p.Fields {
		if i > 0 {
			b.WriteString(", ")
		}
		direction := "1"
		if f.Descending {
			direction = "-1"
		}
		fmt.Fprintf(&b, "%q: %s", f.Path, direction)
	}
	b.WriteByte('}')
	return b.String()
}
