package command

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// schema is the table of arguments of one command, or of a document inside one: it reads them into an A and refuses
// what does not fit in mongod's words (its IDL parser's). Every field is a row made by one of the constructors of
// fields.go:
//
//	var pingArgs = newSchema[noArgs]("ping")
//	var countArgs = newSchema("count",
//		object("query", func(a *count) *document.Doc { return &a.query }),
//		safeLong("skip", func(a *count) *int64 { return &a.skip }).atLeast(0),
//	)
//
// Null and undefined count as absent, as they do for mongod, except where a row says otherwise.
type schema[A any] struct {
	name    string // the command's name, or that of its structure, in messages
	fields  []field[A]
	index   map[string]int
	must    uint64 // the required fields, as bits
	lenient bool   // unknown fields are ignored
	preset  func(*A)
	target  func(o *operation, v document.Value) error // what the command's first field is, if it is no argument
}

// field is one row of a schema.
type field[A any] struct {
	name     string
	required bool
	nullable bool // set is called for null, too
	array    bool // null is refused if the field is required, in words of its own
	set      func(a *A, v document.Value) error
	sequence func(a *A, docs []document.Doc) error // nil if the field cannot come as a document sequence
}

func newSchema[A any](name string, fields ...field[A]) *schema[A] {
	s := &schema[A]{name: name, fields: fields, index: make(map[string]int, len(fields))}
	if len(fields) > 64 {
		panic("command: a schema has at most 64 fields: " + name)
	}
	for i, f := range fields {
		s.index[f.name] = i
		if f.required {
			s.must |= 1 << i
		}
	}
	return s
}

// loose makes the schema ignore fields that it does not know, as mongod does for its older commands.
func (s *schema[A]) loose() *schema[A] {
	s.lenient = true
	return s
}

// defaults sets what fields are before arguments are read into them.
func (s *schema[A]) defaults(preset func(*A)) *schema[A] {
	s.preset = preset
	return s
}

// fieldError is a complaint about one field whose full path is only known to those who called: each of them puts its
// own part in front ([within]).
type fieldError struct {
	code          mongoerr.Code
	path          string
	before, after string // the message around the quoted path
	named         bool   // the path begins with the name of its field already, which is another one than in the command
}

func (e *fieldError) Error() string { return e.before + "'" + e.path + "'" + e.after }

// within adds a part of the path to an error that still lacks it.
func within(name string, err error) error {
	var fe *fieldError
	if !errors.As(err, &fe) {
		return err
	}
	switch {
	case fe.named:
		fe.named = false
	case fe.path == "":
		fe.path = name
	default:
		fe.path = name + "." + fe.path
	}
	return fe
}

// argumentError turns an error of the parser into the one that clients see.
func argumentError(err error) error {
	var fe *fieldError
	if errors.As(err, &fe) {
		return mongoerr.New(fe.code, "%s", fe.Error())
	}
	return err
}

// parser reads the fields of one document by a schema.
type parser[A any] struct {
	s    *schema[A]
	a    *A
	seen uint64
}

func (s *schema[A]) begin(a *A) parser[A] {
	if s.preset != nil {
		s.preset(a)
	}
	return parser[A]{s: s, a: a}
}

// field returns the row called name, and marks it as seen; nil if there is none.
func (p *parser[A]) field(name string) (*field[A], error) {
	i, ok := p.s.index[name]
	if !ok {
		if p.s.lenient {
			return nil, nil
		}
		return nil, &fieldError{code: 40415, path: name, before: "BSON field ", after: " is an unknown field."}
	}
	if p.seen&(1<<i) != 0 {
		return nil, &fieldError{code: 40413, path: name, before: "BSON field ", after: " is a duplicate field"}
	}
	p.seen |= 1 << i
	return &p.s.fields[i], nil
}

// value reads one field. An unnamed error path means the field itself.
func (p *parser[A]) value(name string, v document.Value) error {
	f, err := p.field(name)
	if f == nil {
		return err
	}
	if (v.Type == document.TypeNull || v.Type == document.TypeUndefined) && !f.nullable {
		if f.array && f.required {
			return mongoerr.New(10065, "invalid parameter: expected an object (%s)", name)
		}
		p.seen &^= 1 << p.s.index[name]
		return nil
	}
	if err := f.set(p.a, v); err != nil {
		return within(f.name, err)
	}
	return nil
}

// documents reads one field that came as a document sequence.
func (p *parser[A]) documents(seq Sequence) error {
	f, err := p.field(seq.Name)
	if f == nil {
		return err
	}
	if f.sequence == nil {
		return &fieldError{code: mongoerr.TypeMismatch, path: f.name, before: "BSON field ", after: " may not be a document sequence"}
	}
	if err := f.sequence(p.a, seq.Docs); err != nil {
		return within(f.name, err)
	}
	return nil
}

// end checks that nothing required is missing.
func (p *parser[A]) end() error {
	missing := p.s.must &^ p.seen
	if missing == 0 {
		return nil
	}
	for i, f := range p.s.fields {
		if missing&(1<<i) != 0 {
			return &fieldError{code: 40414, path: f.name, before: "BSON field ", after: " is missing but a required field"}
		}
	}
	panic("command: unknown required field")
}

// read reads a whole document into a. The path of an error starts below the document.
func (s *schema[A]) read(d document.Doc, a *A) error {
	p := s.begin(a)
	for it := d.Iter(); it.Next(); {
		if err := p.value(it.Key(), it.Value()); err != nil {
			return err
		}
	}
	return p.end()
}

// readNamed is read for a document that stands by itself: paths of errors start with the schema's name.
func (s *schema[A]) readNamed(d document.Doc, a *A) error {
	return argumentError(within(s.name, s.read(d, a)))
}

// wrongType says that a field has one type and should have had another. several is the list of types in the words of
// mongod's parser, whose closing bracket and quote are the wrong way round.
func wrongType(got document.Type, want ...string) error {
	expected := " expected type '" + want[0] + "'"
	if len(want) > 1 {
		expected = " expected types '[" + strings.Join(want, ", ") + "']"
	}
	return &fieldError{code: mongoerr.TypeMismatch, before: "BSON field ",
		after: fmt.Sprintf(" is the wrong type '%s',%s", got, expected)}
}

// clampInt32 is what mongod's safeNumberInt makes of a number.
func clampInt32(n int64) int32 {
	return int32(max(math.MinInt32, min(math.MaxInt32, n)))
}
