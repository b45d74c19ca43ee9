package command

import (
	"fmt"
	"math"
	"strconv"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// The constructors of a schema's rows, one per kind of argument. Each takes the field's name and where in the
// arguments its value goes.

// require marks the field as one that must be there.
func (f field[A]) require() field[A] {
	f.required = true
	return f
}

// then adds a check that sees the arguments after the field has been set.
func (f field[A]) then(check func(*A) error) field[A] {
	set := f.set
	f.set = func(a *A, v document.Value) error {
		if err := set(a, v); err != nil {
			return err
		}
		return check(a)
	}
	return f
}

// boolean takes true and false and nothing else.
func boolean[A any](name string, at func(*A) *bool) field[A] {
	return field[A]{name: name, set: func(a *A, v document.Value) error {
		if v.Type != document.TypeBool {
			return wrongType(v.Type, "bool")
		}
		*at(a) = v.Bool()
		return nil
	}}
}

// safeBool takes booleans and numbers.
func safeBool[A any](name string, at func(*A) *bool) field[A] {
	return field[A]{name: name, set: func(a *A, v document.Value) error {
		if v.Type != document.TypeBool && !v.IsNumber() {
			return wrongType(v.Type, "bool", "long", "int", "decimal", "double")
		}
		*at(a) = v.Truthy()
		return nil
	}}
}

// findBool is find's kind of boolean, with a message of its own.
func findBool[A any](name string, at func(*A) *bool) field[A] {
	return field[A]{name: name, set: func(a *A, v document.Value) error {
		if v.Type != document.TypeBool {
			return mongoerr.New(mongoerr.TypeMismatch, "Field '%s' should be a boolean value, but found: %s", name, v.Type)
		}
		*at(a) = v.Bool()
		return nil
	}}
}

// truthy takes anything, as mongod's older commands do (trueValue).
func truthy[A any](name string, at func(*A) *bool) field[A] {
	return field[A]{name: name, nullable: true, set: func(a *A, v document.Value) error {
		*at(a) = v.Truthy()
		return nil
	}}
}

// text takes strings.
func text[A any](name string, at func(*A) *string) field[A] {
	return field[A]{name: name, set: func(a *A, v document.Value) error {
		if v.Type != document.TypeString {
			return wrongType(v.Type, "string")
		}
		*at(a) = v.Str()
		return nil
	}}
}

// object takes documents.
func object[A any](name string, at func(*A) *document.Doc) field[A] {
	return field[A]{name: name, set: func(a *A, v document.Value) error {
		if v.Type != document.TypeDocument {
			return wrongType(v.Type, "object")
		}
		*at(a) = v.Doc()
		return nil
	}}
}

// findObject is find's kind of document, with a message of its own (whose missing space is mongod's).
func findObject[A any](name string, at func(*A) *document.Doc) field[A] {
	return field[A]{name: name, set: func(a *A, v document.Value) error {
		if v.Type != document.TypeDocument {
			return mongoerr.New(mongoerr.TypeMismatch, "Expected field %sto be of type object", name)
		}
		*at(a) = v.Doc()
		return nil
	}}
}

// long takes int64 and no other number.
func long[A any](name string, at func(*A) *int64) field[A] {
	return field[A]{name: name, set: func(a *A, v document.Value) error {
		if v.Type != document.TypeInt64 {
			return wrongType(v.Type, "long")
		}
		*at(a) = v.Int64()
		return nil
	}}
}

// safeLong takes numbers of all types and cuts off fractions.
func safeLong[A any](name string, at func(*A) *int64) field[A] {
	return field[A]{name: name, set: func(a *A, v document.Value) error {
		n, ok := v.ToInt64()
		if !ok {
			return wrongType(v.Type, "long", "int", "decimal", "double")
		}
		*at(a) = n
		return nil
	}}
}

// atLeast refuses numbers below least. at must be the one that the field was made with.
func atLeast[A any](f field[A], least int64, at func(*A) *int64) field[A] {
	return f.then(func(a *A) error {
		if n := *at(a); n < least {
			return mongoerr.New(51024, "BSON field '%s' value must be >= %d, actual value '%d'", f.name, least, n)
		}
		return nil
	})
}

// maxCappedSize is the largest size of a capped collection in bytes.
const maxCappedSize = 1 << 50

// cappedSize is a field that bounds the bytes of a capped collection.
func cappedSize[A any](f field[A], at func(*A) *int64) field[A] {
	return atLeast(f, 1, at).then(func(a *A) error {
		if n := *at(a); n > maxCappedSize {
			return mongoerr.New(51024, "BSON field '%s' value must be <= %d, actual value '%d'", f.name, int64(maxCappedSize), n)
		}
		return nil
	})
}

// cappedMax is a field that bounds the documents of a capped collection.
func cappedMax[A any](f field[A], at func(*A) *int64) field[A] {
	return f.then(func(a *A) error {
		if n := *at(a); n > math.MaxInt32 {
			return mongoerr.New(51024, "BSON field '%s' value must be < 2147483648, actual value '%d'", f.name, n)
		}
		return nil
	})
}

// notNegative is safeLong without negative numbers.
func notNegative[A any](name string, at func(*A) *int64) field[A] {
	return atLeast(safeLong(name, at), 0, at)
}

// anything keeps the value as it is; null is a value.
func anything[A any](name string, at func(*A) *document.Value) field[A] {
	return field[A]{name: name, nullable: true, set: func(a *A, v document.Value) error {
		*at(a) = v
		return nil
	}}
}

// ignored is for arguments that mongod accepts and that change nothing.
func ignored[A any](name string) field[A] {
	return field[A]{name: name, nullable: true, set: func(*A, document.Value) error { return nil }}
}

// hint takes the name or the key pattern of an index.
func hint[A any](name string, at func(*A) *document.Value) field[A] {
	return field[A]{name: name, nullable: true, set: func(a *A, v document.Value) error {
		if v.Type != document.TypeString && v.Type != document.TypeDocument {
			return mongoerr.New(mongoerr.FailedToParse, "Hint must be a string or an object")
		}
		*at(a) = v
		return nil
	}}
}

// enum takes one of a few strings.
func enum[A any](name string, at func(*A) *string, values ...string) field[A] {
	return field[A]{name: name, set: func(a *A, v document.Value) error {
		if v.Type != document.TypeString {
			return wrongType(v.Type, "string")
		}
		for _, s := range values {
			if v.Str() == s {
				*at(a) = s
				return nil
			}
		}
		return &fieldError{code: mongoerr.BadValue, before: fmt.Sprintf("Enumeration value '%s' for field ", v.Str()),
			after: " is not a valid value."}
	}}
}

// documents takes an array of documents, or a document sequence.
func documents[A any](name string, at func(*A) *[]document.Doc) field[A] {
	return field[A]{name: name, array: true,
		set: func(a *A, v document.Value) error {
			return eachElement(v, func(e document.Value) error {
				if e.Type != document.TypeDocument {
					return wrongType(e.Type, "object")
				}
				*at(a) = append(*at(a), e.Doc())
				return nil
			})
		},
		sequence: func(a *A, docs []document.Doc) error {
			*at(a) = docs
			return nil
		},
	}
}

// texts takes an array of strings.
func texts[A any](name string, at func(*A) *[]string) field[A] {
	return field[A]{name: name, array: true, set: func(a *A, v document.Value) error {
		*at(a) = []string{}
		return eachElement(v, func(e document.Value) error {
			if e.Type != document.TypeString {
				return wrongType(e.Type, "string")
			}
			*at(a) = append(*at(a), e.Str())
			return nil
		})
	}}
}

// longs takes an array of int64.
func longs[A any](name string, at func(*A) *[]int64) field[A] {
	return field[A]{name: name, array: true, set: func(a *A, v document.Value) error {
		return eachElement(v, func(e document.Value) error {
			if e.Type != document.TypeInt64 {
				return wrongType(e.Type, "long")
			}
			*at(a) = append(*at(a), e.Int64())
			return nil
		})
	}}
}

// array takes an array and keeps it.
func array[A any](name string, at func(*A) *document.Value) field[A] {
	return field[A]{name: name, array: true, set: func(a *A, v document.Value) error {
		if v.Type != document.TypeArray {
			return wrongType(v.Type, "array")
		}
		*at(a) = v
		return nil
	}}
}

// structure takes a document that has a schema of its own.
func structure[A, B any](name string, s *schema[B], at func(*A) *B) field[A] {
	return field[A]{name: name, set: func(a *A, v document.Value) error {
		if v.Type != document.TypeDocument {
			return wrongType(v.Type, "object")
		}
		return s.read(v.Doc(), at(a))
	}}
}

// structures takes an array of documents that have a schema of their own, or a document sequence of them.
func structures[A, B any](name string, s *schema[B], at func(*A) *[]B) field[A] {
	add := func(a *A, d document.Doc) error {
		list := at(a)
		var zero B
		*list = append(*list, zero)
		return s.read(d, &(*list)[len(*list)-1])
	}
	return field[A]{name: name, array: true,
		set: func(a *A, v document.Value) error {
			return eachElement(v, func(e document.Value) error {
				if e.Type != document.TypeDocument {
					return wrongType(e.Type, "object")
				}
				return inElement{add(a, e.Doc())}.orNil()
			})
		},
		sequence: func(a *A, docs []document.Doc) error {
			*at(a) = make([]B, 0, len(docs))
			for _, d := range docs {
				if err := add(a, d); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// inElement marks an error of something inside an element of an array: mongod names the element by its number only
// when the element itself is wrong.
type inElement struct{ err error }

func (e inElement) Error() string { return e.err.Error() }

func (e inElement) orNil() error {
	if e.err == nil {
		return nil
	}
	return e
}

// eachElement calls use for every element of an array.
func eachElement(v document.Value, use func(document.Value) error) error {
	if v.Type != document.TypeArray {
		return wrongType(v.Type, "array")
	}
	i := 0
	for it := v.Doc().Iter(); it.Next(); i++ {
		if err := use(it.Value()); err != nil {
			if inner, ok := err.(inElement); ok {
				return inner.err
			}
			return within(strconv.Itoa(i), err)
		}
	}
	return nil
}

// collationDoc is a collation as clients write it.
type collationDoc struct {
	locale                                             string
	caseFirst, alternate, maxVariable, version         string
	strength                                           int64
	caseLevel, numericOrdering, normalization, reverse bool
}

var collationFields = newSchema("collation",
	text("locale", func(c *collationDoc) *string { return &c.locale }).require(),
	boolean("caseLevel", func(c *collationDoc) *bool { return &c.caseLevel }),
	enum("caseFirst", func(c *collationDoc) *string { return &c.caseFirst }, "upper", "lower", "off"),
	safeLong("strength", func(c *collationDoc) *int64 { return &c.strength }).then(func(c *collationDoc) error { return checkStrength(c.strength) }),
	boolean("numericOrdering", func(c *collationDoc) *bool { return &c.numericOrdering }),
	enum("alternate", func(c *collationDoc) *string { return &c.alternate }, "non-ignorable", "shifted"),
	enum("maxVariable", func(c *collationDoc) *string { return &c.maxVariable }, "punct", "space"),
	boolean("normalization", func(c *collationDoc) *bool { return &c.normalization }),
	boolean("backwards", func(c *collationDoc) *bool { return &c.reverse }),
	text("version", func(c *collationDoc) *string { return &c.version }),
)

func checkStrength(n int64) error {
	switch {
	case n > 5:
		return mongoerr.New(51024, "BSON field 'strength' value must be <= 5, actual value '%d'", n)
	case n < 0:
		return mongoerr.New(51024, "BSON field 'strength' value must be >= 0, actual value '%d'", n)
	case n == 0:
		return mongoerr.New(mongoerr.BadValue, "Enumeration value '0' for field 'collation.strength' is not a valid value.") // whatever the command
	}
	return nil
}

// collation makes the row f, which takes a document, one that takes a collation. Whether there is such a collation is package
// collation's business.
func collation[A any](f field[A], at func(*A) *document.Doc) field[A] {
	return f.then(func(a *A) error { return checkCollation(*at(a)) })
}

// checkCollation checks the fields of a collation. Statements of a batch look at theirs when it is their turn.
func checkCollation(d document.Doc) error {
	if d.IsEmpty() {
		return nil
	}
	return collationFields.readNamed(d, new(collationDoc))
}
