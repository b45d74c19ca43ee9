package expr

import (
	"context"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Expression is a compiled expression. It is immutable; any number of goroutines may use it, each with its own Evaluator.
type Expression struct {
	root  node
	slots int  // of variables
	reads bool // the document is looked at
}

// node is one part of a compiled expression.
type node interface {
	eval(x *Evaluator) (document.Value, error)
}

// Options are what an expression means besides its text.
type Options struct {
	Collator document.Collator       // of strings; nil: by bytes
	Let      []Variable              // the command's variables
	Now      int64                   // $$NOW: milliseconds since 1970, the same for the whole command
	Cluster  uint64                  // $$CLUSTER_TIME; 0: there is none
	Random   func() float64          // for $rand: between 0 and 1; nil: $rand is refused
	Meta     func(name string) error // is told of each $meta, and may refuse it; nil: all are taken, what is not known is missing
	// Failed is what errors of constant parts begin with, such as "Failed to optimize pipeline".
	Failed string
}

// Variable is a name, without $$, and its value.
type Variable struct {
	Name  string
	Value document.Value
}

// Compile compiles an expression. It aliases the expression's bytes.
func Compile(v document.Value, opts Options) (*Expression, error) {
	c := compiler{opts: opts}
	root, err := c.operand(v)
	if err != nil {
		return nil, err
	}
	return &Expression{root, c.slots, c.reads}, nil
}

// CompileObject compiles a document that is an object literal or an operator. The difference to [Compile] is none for documents.
func CompileObject(d document.Doc, opts Options) (*Expression, error) {
	return Compile(d.AsValue(), opts)
}

// Constant returns the value of an expression that is the same for every document; ok is false for others.
func (e *Expression) Constant() (v document.Value, ok bool) {
	c, ok := e.root.(constant)
	return c.value, ok
}

// FieldPath returns the path of an expression that is only a path in the document, such as "a.b" of "$a.b".
func (e *Expression) FieldPath() (path string, ok bool) {
	p, ok := e.root.(*fieldPath)
	if !ok || p.slot >= 0 || len(p.parts) == 0 {
		return "", false
	}
	return p.text, true
}

// ReadsDocument reports whether the result depends on the document.
func (e *Expression) ReadsDocument() bool { return e.reads }

// Eval evaluates the expression for the document that x has begun. The result may be missing.
func (e *Expression) Eval(x *Evaluator) (document.Value, error) {
	if len(x.vars) < e.slots {
		x.vars = append(x.vars, make([]document.Value, e.slots-len(x.vars))...)
	}
	return e.root.eval(x)
}

// Evaluator evaluates expressions for one document after the other. It is not for concurrent use; its zero value is ready.
type Evaluator struct {
	Meta    func(name string) document.Value // $meta; nil: there is none
	Context context.Context                  // ends scripts; may be nil

	root  document.Doc
	vars  []document.Value
	chunk []byte // memory for results: values point into it, so it is replaced when full, never moved
	zones map[string]*time.Location
}

// chunkSize is how much memory for results is taken at a time.
const chunkSize = 1 << 10

// Begin says which document is evaluated next. Results of earlier ones become invalid.
func (x *Evaluator) Begin(root document.Doc) {
	x.root = root
	x.chunk = x.chunk[:0]
}

// alloc returns n bytes of memory for a result.
func (x *Evaluator) alloc(n int) []byte {
	if cap(x.chunk)-len(x.chunk) < n {
		x.chunk = make([]byte, 0, max(chunkSize, n))
	}
	at := len(x.chunk)
	x.chunk = x.chunk[:at+n]
	return x.chunk[at : at+n : at+n]
}

// constant is an expression that depends on nothing.
type constant struct{ value document.Value }

func (c constant) eval(*Evaluator) (document.Value, error) { return c.value, nil }

// maxDepth is how deep expressions may be nested; mongod's limit comes from the depth of BSON.
const maxDepth = document.MaxDepth

// fail returns an error with a code of its own. Values among args are printed as mongod prints them.
func fail(code mongoerr.Code, format string, args ...any) error {
	for i, a := range args {
		if v, ok := a.(document.Value); ok {
			args[i] = Text(v)
		}
	}
	return mongoerr.New(code, format, args...)
}
