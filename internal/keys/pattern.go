package keys

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// MaxFields is the most fields that an index may have.
const MaxFields = 32

// Error codes of [Error], MongoDB's.
const (
	CodeBadValue                  = 2
	CodeCannotCreateIndex         = 67
	CodeCannotIndexParallelArrays = 171
	CodeTooManyFields             = 13103
	CodeAmbiguousField            = 16746
	CodeArrayInHashed             = 16766
	CodeTooManyHashed             = 31303
	CodeCannotBuildIndexKeys      = 201
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
	Kind       string // "": ordered by its values; KindHashed, or the kind of a plugin

	dotted bool
}

// Pattern is the compiled form of an index's key document, such as {a: 1, "b.c": -1}.
type Pattern struct {
	Fields   []Field
	Collator document.Collator // of strings, whose keys stand for them in entries; nil: by bytes
	Plugin   Plugin            // makes the entries; nil: they have the fields' values
	Wildcard *Wildcard         // of an index on paths that are not known beforehand, whose entries have a path and a value; nil: on its fields

	hashed bool
}

// CompilePattern compiles the key document of an index of ordered and hashed fields. The error is an [*Error]; mongod puts
// `Error in specification {...} :: caused by :: ` before the messages of code 67.
func CompilePattern(key document.Doc) (*Pattern, error) { return CompileKind(key, KindHashed) }

// CompileKind is [CompilePattern] for fields of another kind than hashed, whose entries a plugin makes, beside ordered ones.
func CompileKind(key document.Doc, kind string) (*Pattern, error) {
	if key.IsEmpty() {
		return nil, cannotCreate("Index keys cannot be empty.")
	}
	for it := key.Iter(); it.Next(); {
		if v := it.Value(); v.Type == document.TypeString && v.Str() != "" && v.Str() != kind {
			return nil, cannotCreate("Unknown index plugin '%s'", v.Str())
		}
	}
	p := &Pattern{}
	for it := key.Iter(); it.Next(); {
		f, err := compileField(it.Element(), kind)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(p.Fields, func(g Field) bool { return g.Path == f.Path }) {
			return nil, &Error{Code: CodeBadValue, Message: fmt.Sprintf("The field '%s' appears multiple times in the index key pattern %s", f.Path, key.Shell())}
		}
		p.Fields = append(p.Fields, f)
	}
	if len(p.Fields) > MaxFields {
		return nil, &Error{Code: CodeTooManyFields, Message: "too many compound keys"}
	}
	return p, p.checkHashed(key)
}

func cannotCreate(format string, args ...any) *Error {
	return &Error{Code: CodeCannotCreateIndex, Message: fmt.Sprintf(format, args...)}
}

func compileField(e document.Element, kind string) (Field, error) {
	f := Field{Path: strings.Clone(e.Key)}
	n, ok := e.AsFloat64()
	switch {
	case e.Type == document.TypeString && e.Str() == kind && f.Path != "":
		f.Kind = kind
	case e.Type == document.TypeString && e.Str() == kind:
		return f, cannotCreate("Index keys cannot be an empty field.")
	case e.Type == document.TypeString && e.Str() == "":
		return f, cannotCreate("Values in the index key pattern cannot be empty strings")
	case !ok:
		return f, cannotCreate("Values in v:2 index key pattern cannot be of type %v. Only numbers > 0, numbers < 0, and strings are allowed.", e.Type)
	case n != n:
		return f, cannotCreate("Values in the index key pattern cannot be NaN.")
	case n == 0:
		return f, cannotCreate("Values in the index key pattern cannot be 0.")
	case f.Path == "":
		return f, cannotCreate("Index keys cannot be an empty field.")
	case f.Path == "_fts" && f.Kind == "":
		return f, cannotCreate("Index key contains an illegal field name: '_fts'")
	}
	f.Descending, f.dotted = n < 0, strings.Contains(f.Path, ".")
	return f, checkPath(f.Path)
}

// checkPath checks the parts of a path. Only those of a DBRef may start with a dollar, inside its field.
func checkPath(path string) error {
	for i, part := range strings.Split(path, ".") {
		switch {
		case part == "":
			return cannotCreate("Index keys cannot contain an empty field.")
		case part[0] != '$':
		case i > 0 && (part == "$id" || part == "$ref" || part == "$db"):
		default:
			return cannotCreate("Index key contains an illegal field name: field name starts with '$'.")
		}
	}
	return nil
}

// AppendValue appends the encoding of v as the value of field i: ascending, descending, or its hash.
func (p *Pattern) AppendValue(dst []byte, i int, v document.Value) []byte {
	if p.Collator != nil && (p.Plugin == nil || p.Fields[i].Kind == "") {
		v = document.Collated(p.Collator, v)
	}
	if p.hashed && p.Fields[i].Kind == KindHashed {
		v = document.Int64(Hash(v))
	}
	if p.Fields[i].Descending {
		return AppendDescending(dst, v)
	}
	return AppendValue(dst, v)
}

// Ordered reports whether the entries have the values of the fields, and nothing else.
func (p *Pattern) Ordered() bool { return !p.hashed && p.Plugin == nil && p.Wildcard == nil }

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
		if f.Kind != "" {
			direction = strconv.Quote(f.Kind)
		}
		fmt.Fprintf(&b, "%q: %s", f.Path, direction)
	}
	b.WriteByte('}')
	return b.String()
}
