package replset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// fields reads the documents that mongod describes in its interface definition language, with the errors of mongod's
// generated parsers: unknown, duplicate, missing and wrongly typed fields are refused, null counts as absent.
type fields struct {
	structure string // name of the structure, as messages have it
	known     map[string]fieldParser
	required  []string
}

// fieldParser reads one field into wherever it belongs.
type fieldParser func(name string, v document.Value) error

// parse hands each field of d to its parser, in the order of d.
func (f fields) parse(d document.Doc) error {
	var seen []string
	for it := d.Iter(); it.Next(); {
		name := it.Key()
		parse, ok := f.known[name]
		if !ok {
			return f.errorf(idlUnknownField, name, "is an unknown field.")
		}
		if slices.Contains(seen, name) {
			return f.errorf(idlDuplicateField, name, "is a duplicate field")
		}
		seen = append(seen, name)
		if err := parse(f.structure+"."+name, it.Value()); err != nil {
			return err
		}
	}
	for _, name := range f.required {
		if d.Lookup(name).IsNullish() {
			return f.errorf(idlMissingField, name, "is missing but a required field")
		}
	}
	return nil
}

func (f fields) errorf(code mongoerr.Code, name, what string) error {
	return mongoerr.New(code, "BSON field '%s.%s' %s", f.structure, name, what)
}

// Codes that mongod has no name for.
const (
	idlDuplicateField mongoerr.Code = 40413
	idlMissingField   mongoerr.Code = 40414
	idlUnknownField   mongoerr.Code = 40415
)

// wrongType is the error about a field whose value is of none of the types.
func wrongType(name string, v document.Value, types ...string) error {
	expected := "type '" + types[0] + "'"
	if len(types) > 1 {
		expected = "types '[" + strings.Join(types, ", ") + "']"
	}
	return mongoerr.New(mongoerr.TypeMismatch, "BSON field '%s' is the wrong type '%s', expected %s", name, v.Type, expected)
}

func stringField(into *string) fieldParser {
	return func(name string, v document.Value) error {
		if v.IsNullish() {
			return nil
		}
		if v.Type != document.TypeString {
			return wrongType(name, v, "string")
		}
		*into = strings.Clone(v.Str())
		return nil
	}
}

func docField(into *document.Doc) fieldParser {
	return func(name string, v document.Value) error {
		if v.IsNullish() {
			return nil
		}
		if v.Type != document.TypeDocument {
			return wrongType(name, v, "object")
		}
		*into = v.Doc().Clone()
		return nil
	}
}

// boolField reads what mongod calls safeBool: a boolean or any number.
func boolField(into *bool) fieldParser {
	return func(name string, v document.Value) error {
		if v.IsNullish() {
			return nil
		}
		if v.Type != document.TypeBool && !v.IsNumber() {
			return wrongType(name, v, "bool", "long", "int", "decimal", "double")
		}
		*into = v.Truthy()
		return nil
	}
}

// bounds is what a number has to obey. Names in range errors lack the structure, as mongod's do.
type bounds struct {
	min, max  float64
	exclusive bool // min and max themselves are out
}

func (r bounds) check(name string, n float64, text string) error {
	_, name, _ = cutLast(name, ".")
	low, high := ">=", "<="
	if r.exclusive {
		low, high = ">", "<"
	}
	switch {
	case n < r.min || r.exclusive && n == r.min:
		return mongoerr.New(mongoerr.BadValue, "BSON field '%s' value must be %s %v, actual value '%s'", name, low, int64(r.min), text)
	case n > r.max || r.exclusive && n == r.max:
		return mongoerr.New(mongoerr.BadValue, "BSON field '%s' value must be %s %v, actual value '%s'", name, high, int64(r.max), text)
	}
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

// intField reads any number, cutting off its fraction.
func intField(into *int64, r bounds) fieldParser {
	return func(name string, v document.Value) error {
		if v.IsNullish() {
			return nil
		}
		n, ok := v.ToInt64()
		if !ok {
			return wrongType(name, v, "long", "int", "decimal", "double")
		}
		*into = n
		return r.check(name, float64(n), fmt.Sprint(n))
	}
}

func floatField(into *float64, r bounds) fieldParser {
	return func(name string, v document.Value) error {
		if v.IsNullish() {
			return nil
		}
		f, ok := v.AsFloat64()
		if !ok {
			return wrongType(name, v, "long", "int", "decimal", "double")
		}
		*into = f
		return r.check(name, f, fmt.Sprint(f))
	}
}

// wholeField reads a number that has to be whole. Null is not absent here.
func wholeField(into *int64, r bounds) fieldParser {
	return func(name string, v document.Value) error {
		_, short, _ := cutLast(name, ".")
		n, err := wholeNumber(short, v)
		if err != nil {
			return err
		}
		*into = n
		return r.check(name, float64(n), fmt.Sprint(n))
	}
}

func wholeNumber(name string, v document.Value) (int64, error) {
	if !v.IsNumber() {
		return 0, mongoerr.New(mongoerr.TypeMismatch, "Expected a number, got value of type %s for field %s", v.Type, name)
	}
	n, exact := v.AsInt64()
	if !exact {
		return 0, mongoerr.New(mongoerr.BadValue,
			"Expected field %q to have a value exactly representable as a 64-bit integer, but found %s: %s", name, name, v.Shell())
	}
	return n, nil
}
