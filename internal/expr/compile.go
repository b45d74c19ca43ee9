package expr

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// compiler turns BSON into nodes.
type compiler struct {
	opts  Options
	depth int
	scope []binding // innermost last
	slots int       // used at once, at most
	reads bool      // the document is looked at
}

// binding is a variable that an expression around this place defines.
type binding struct {
	name string
	slot int
}

// operator is a row of the table of operators.
type operator struct {
	min, max int // arguments; max -1: any number
	eval     func(x *Evaluator, o *call) (document.Value, error)
	// parse, if set, makes the node itself instead.
	parse func(c *compiler, name string, v document.Value) (node, error)
	// varies: the result is another one each time, so that it is not calculated beforehand.
	varies bool
}

// operators is filled by the init functions of the families' files.
var operators = map[string]*operator{}

func register(rows map[string]operator) {
	for name, row := range rows {
		operators[name] = &row
	}
}

// Known reports whether there is an operator of that name, such as "$add".
func Known(name string) bool { return operators[name] != nil }

// call is an operator with its arguments.
type call struct {
	name     string
	op       *operator
	args     []node
	collator document.Collator
}

func (o *call) eval(x *Evaluator) (document.Value, error) { return o.op.eval(x, o) }

// operand compiles anything: a path, an operator, an object, an array, or a constant.
func (c *compiler) operand(v document.Value) (node, error) {
	if c.depth++; c.depth > maxDepth {
		return nil, mongoerr.New(mongoerr.Overflow, "Expression exceeds the maximum depth of %d", maxDepth)
	}
	defer func() { c.depth-- }()
	switch v.Type {
	case document.TypeString:
		if s := v.Str(); strings.HasPrefix(s, "$") {
			return c.path(s)
		}
	case document.TypeDocument:
		return c.object(v.Doc())
	case document.TypeArray:
		return c.array(v.Doc())
	}
	return constant{v}, nil
}

// object compiles an operator or an object literal.
func (c *compiler) object(d document.Doc) (node, error) {
	e := d.First()
	if !strings.HasPrefix(e.Key, "$") {
		return c.literal(d)
	}
	if d.Len() != 1 {
		return nil, fail(15983, "an expression specification must contain exactly one field, the name of the expression. Found %d fields in %s", d.Len(), d.Shell())
	}
	return c.operator(e.Key, e.Value)
}

func (c *compiler) operator(name string, v document.Value) (node, error) {
	op := operators[name]
	if op == nil {
		return nil, mongoerr.New(mongoerr.InvalidPipelineOperator, "Unrecognized expression '%s'", name)
	}
	if op.parse != nil {
		return op.parse(c, name, v)
	}
	args, err := c.arguments(v)
	if err != nil {
		return nil, err
	}
	switch n := len(args); {
	case op.min == op.max && n != op.min:
		return nil, fail(16020, "Expression %s takes exactly %d arguments. %d were passed in.", name, op.min, n)
	case n < op.min || op.max >= 0 && n > op.max:
		if op.max < 0 {
			return nil, fail(28667, "Expression %s takes at least %d arguments, and at most %d, but %d were passed in.", name, op.min, int64(1)<<32-1, n)
		}
		return nil, fail(28667, "Expression %s takes at least %d arguments, and at most %d, but %d were passed in.", name, op.min, op.max, n)
	}
	return c.call(name, op, args)
}

// arguments compiles the elements of an array, or the only argument.
func (c *compiler) arguments(v document.Value) ([]node, error) {
	if v.Type != document.TypeArray {
		n, err := c.operand(v)
		return []node{n}, err
	}
	return c.operands(v.Doc())
}

func (c *compiler) operands(list document.Doc) ([]node, error) {
	args := []node{}
	for it := list.Iter(); it.Next(); {
		n, err := c.operand(it.Value())
		if err != nil {
			return nil, err
		}
		args = append(args, n)
	}
	return args, nil
}

// call makes the node of an operator, and its result at once if that is always the same.
func (c *compiler) call(name string, op *operator, args []node) (node, error) {
	o := &call{name, op, args, c.opts.Collator}
	if op.varies || !constants(args...) {
		return o, nil
	}
	return c.fold(o)
}

// constants reports whether all nodes that there are, nil being none, are constants.
func constants(nodes ...node) bool {
	for _, n := range nodes {
		if _, ok := n.(constant); n != nil && !ok {
			return false
		}
	}
	return true
}

// fold evaluates a node whose parts are constant.
func (c *compiler) fold(n node) (node, error) {
	v, err := n.eval(&Evaluator{root: document.Empty, vars: make([]document.Value, c.slots)})
	if err != nil {
		return nil, c.failed(err)
	}
	return constant{v.Clone()}, nil
}

func (c *compiler) failed(err error) error {
	if c.opts.Failed == "" {
		return err
	}
	return mongoerr.From(err).WithContext("%s", c.opts.Failed)
}

// bind defines a variable for what is compiled until unbind.
func (c *compiler) bind(name string) (slot int) {
	slot = len(c.scope)
	c.scope = append(c.scope, binding{name, slot})
	c.slots = max(c.slots, len(c.scope))
	return slot
}

func (c *compiler) unbind(n int) { c.scope = c.scope[:len(c.scope)-n] }

// arrayNode is an array of expressions.
type arrayNode struct{ elems []node }

func (c *compiler) array(list document.Doc) (node, error) {
	elems, err := c.operands(list)
	if err != nil {
		return nil, err
	}
	n := &arrayNode{elems}
	if constants(elems...) {
		return c.fold(n)
	}
	return n, nil
}

func (a *arrayNode) eval(x *Evaluator) (document.Value, error) {
	var b document.ArrayBuilder
	for _, n := range a.elems {
		v, err := n.eval(x)
		if err != nil {
			return v, err
		}
		b.Append(orNull(v))
	}
	return b.FinishValue(), nil
}

// literalNode is an object whose fields are expressions.
type literalNode struct {
	names  []string
	values []node
}

func (c *compiler) literal(d document.Doc) (node, error) {
	n := &literalNode{}
	seen := map[string]bool{}
	for it := d.Iter(); it.Next(); {
		name := it.Key()
		switch {
		case seen[name]:
			return nil, fail(16406, "duplicate field name specified in object literal: %s", d.Shell())
		case strings.HasPrefix(name, "$"):
			return nil, fail(16410, "FieldPath field names may not start with '$'. Consider using $getField or $setField.")
		case strings.Contains(name, "."):
			return nil, fail(16412, "FieldPath field names may not contain '.'. Consider using $getField or $setField.")
		case name == "":
			return nil, fail(15998, "FieldPath field names may not be empty strings.")
		}
		seen[name] = true
		value, err := c.operand(it.Value())
		if err != nil {
			return nil, err
		}
		n.names, n.values = append(n.names, name), append(n.values, value)
	}
	if constants(n.values...) {
		return c.fold(n)
	}
	return n, nil
}

func (l *literalNode) eval(x *Evaluator) (document.Value, error) {
	var b document.Builder
	for i, n := range l.values {
		v, err := n.eval(x)
		if err != nil {
			return v, err
		}
		b.AppendValue(l.names[i], v)
	}
	return b.Finish().AsValue(), nil
}

// values evaluates all arguments.
func (o *call) values(x *Evaluator) ([]document.Value, error) {
	list := make([]document.Value, len(o.args))
	for i, n := range o.args {
		v, err := n.eval(x)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}

// one makes an operator's function out of one that takes the value of its only argument.
func one(f func(x *Evaluator, o *call, v document.Value) (document.Value, error)) func(*Evaluator, *call) (document.Value, error) {
	return func(x *Evaluator, o *call) (document.Value, error) {
		v, err := o.args[0].eval(x)
		if err != nil {
			return v, err
		}
		return f(x, o, v)
	}
}

// two is one for operators of two arguments.
func two(f func(x *Evaluator, o *call, a, b document.Value) (document.Value, error)) func(*Evaluator, *call) (document.Value, error) {
	return func(x *Evaluator, o *call) (document.Value, error) {
		a, err := o.args[0].eval(x)
		if err != nil {
			return a, err
		}
		b, err := o.args[1].eval(x)
		if err != nil {
			return b, err
		}
		return f(x, o, a, b)
	}
}

// all is one for operators whose arguments are all evaluated first.
func all(f func(x *Evaluator, o *call, args []document.Value) (document.Value, error)) func(*Evaluator, *call) (document.Value, error) {
	return func(x *Evaluator, o *call) (document.Value, error) {
		args, err := o.values(x)
		if err != nil {
			return missing, err
		}
		return f(x, o, args)
	}
}

// named reads the arguments of an operator that have names. Each is given to at: where to put the node.
func (c *compiler) named(d document.Doc, at func(name string) *node, unknown func(name string) error) error {
	for it := d.Iter(); it.Next(); {
		place := at(it.Key())
		if place == nil {
			return unknown(it.Key())
		}
		n, err := c.operand(it.Value())
		if err != nil {
			return err
		}
		*place = n
	}
	return nil
}

// optional evaluates a node that may be nil; given is false if it is.
func optional(x *Evaluator, n node) (v document.Value, given bool, err error) {
	if n == nil {
		return missing, false, nil
	}
	v, err = n.eval(x)
	return v, true, err
}
