package expr

import (
	"math"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func init() {
	register(map[string]operator{
		"$let":    {parse: parseLet},
		"$map":    {parse: parseMap},
		"$filter": {parse: parseFilter},
		"$reduce": {parse: parseReduce},
	})
}

// let is $let.
type let struct {
	first  int // slot; the others follow
	values []node
	in     node
}

func parseLet(c *compiler, _ string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(16874, "$let only supports an object as its argument")
	}
	var vars, in document.Value
	for it := v.Doc().Iter(); it.Next(); {
		switch it.Key() {
		case "vars":
			vars = it.Value()
			if vars.Type != document.TypeDocument {
				return nil, fail(10065, "invalid parameter: expected an object (vars)")
			}
		case "in":
			in = it.Value()
		default:
			return nil, fail(16875, "Unrecognized parameter to $let: %s", it.Key())
		}
	}
	switch {
	case vars.IsMissing():
		return nil, fail(16876, "Missing 'vars' parameter to $let")
	case in.IsMissing():
		return nil, fail(16877, "Missing 'in' parameter to $let")
	}
	n := &let{first: len(c.scope)}
	var names []string
	for it := vars.Doc().Iter(); it.Next(); {
		if err := CheckUserVariable(it.Key()); err != nil {
			return nil, err
		}
		value, err := c.operand(it.Value())
		if err != nil {
			return nil, err
		}
		names, n.values = append(names, it.Key()), append(n.values, value)
	}
	for _, name := range names {
		c.bind(name)
	}
	var err error
	n.in, err = c.operand(in)
	c.unbind(len(names))
	if err == nil && constants(n.in) {
		return n.in, nil
	}
	return n, err
}

func (n *let) eval(x *Evaluator) (document.Value, error) {
	// Stored when all are known: what calculates one may itself use the slots of the others.
	values := make([]document.Value, len(n.values))
	for i, value := range n.values {
		v, err := value.eval(x)
		if err != nil {
			return v, err
		}
		values[i] = v
	}
	copy(x.vars[n.first:], values)
	return n.in.eval(x)
}

// each is what $map and $filter have: an array, and an expression for each element.
type each struct {
	input node
	slot  int
	body  node
	limit node // of $filter; nil: none
}

// parseEach parses {input:, as:, <body>:, limit:}.
func (c *compiler) parseEach(v document.Value, body string, codes eachCodes) (*each, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(codes.object, "%s only supports an object as its argument", codes.name)
	}
	n := &each{}
	var as, in, limit document.Value
	var input document.Value
	for it := v.Doc().Iter(); it.Next(); {
		switch key := it.Key(); {
		case key == "input":
			input = it.Value()
		case key == "as":
			as = it.Value()
		case key == body:
			in = it.Value()
		case key == "limit" && codes.limit:
			limit = it.Value()
		default:
			return nil, fail(codes.unknown, "Unrecognized parameter to %s: %s", codes.name, key)
		}
	}
	switch {
	case input.IsMissing():
		return nil, fail(codes.input, "Missing 'input' parameter to %s", codes.name)
	case in.IsMissing():
		return nil, fail(codes.body, "Missing '%s' parameter to %s", body, codes.name)
	}
	var err error
	if n.input, err = c.operand(input); err != nil {
		return nil, err
	}
	if !limit.IsMissing() {
		if n.limit, err = c.operand(limit); err != nil {
			return nil, err
		}
	}
	name := "this"
	if !as.IsMissing() {
		name = as.Str()
		if err := CheckUserVariable(name); err != nil {
			return nil, err
		}
	}
	n.slot = c.bind(name)
	n.body, err = c.operand(in)
	c.unbind(1)
	return n, err
}

// eachCodes is how the errors of $map and $filter differ.
type eachCodes struct {
	name                         string
	object, unknown, input, body mongoerr.Code
	limit                        bool
}

func parseMap(c *compiler, name string, v document.Value) (node, error) {
	n, err := c.parseEach(v, "in", eachCodes{name, 16878, 16879, 16880, 16882, false})
	if err != nil {
		return nil, err
	}
	return c.folded(&mapNode{*n}, n.input, n.body)
}

func parseFilter(c *compiler, name string, v document.Value) (node, error) {
	n, err := c.parseEach(v, "cond", eachCodes{name, 28646, 28647, 28648, 28650, true})
	if err != nil {
		return nil, err
	}
	return c.folded(&filterNode{*n}, n.input, n.body, n.limit)
}

// folded evaluates n now if its parts are constant.
func (c *compiler) folded(n node, parts ...node) (node, error) {
	if constants(parts...) {
		return c.fold(n)
	}
	return n, nil
}

type mapNode struct{ each }

func (n *mapNode) eval(x *Evaluator) (document.Value, error) {
	input, err := n.input.eval(x)
	switch {
	case err != nil:
		return input, err
	case input.IsNullish():
		return document.Null, nil
	case input.Type != document.TypeArray:
		return missing, fail(16883, "input to $map must be an array not %s", input.Type)
	}
	var out document.ArrayBuilder
	for it := input.Doc().Iter(); it.Next(); {
		x.vars[n.slot] = it.Value()
		v, err := n.body.eval(x)
		if err != nil {
			return v, err
		}
		out.Append(orNull(v))
	}
	return out.FinishValue(), nil
}

type filterNode struct{ each }

func (n *filterNode) eval(x *Evaluator) (document.Value, error) {
	input, err := n.input.eval(x)
	if err != nil {
		return input, err
	}
	if input.IsNullish() {
		return document.Null, nil
	}
	if input.Type != document.TypeArray {
		return missing, fail(28651, "input to $filter must be an array not %s", input.Type)
	}
	limit := int64(math.MaxInt32)
	if v, given, err := optional(x, n.limit); err != nil {
		return v, err
	} else if given && !v.IsNullish() {
		var ok bool
		if limit, ok = integer(v); !ok {
			return missing, fail(327391, "$filter: limit must be represented as a 32-bit integral value: %s", v)
		}
		if limit < 1 {
			return missing, fail(327392, "$filter: limit must be greater than 0: %d", limit)
		}
	}
	var out document.ArrayBuilder
	for it := input.Doc().Iter(); it.Next() && int64(out.Count()) < limit; {
		x.vars[n.slot] = it.Value()
		v, err := n.body.eval(x)
		if err != nil {
			return v, err
		}
		if v.Truthy() {
			out.Append(it.Value())
		}
	}
	return out.FinishValue(), nil
}

// reduce is $reduce.
type reduce struct {
	input, initial, in node
	this, value        int // slots
}

func parseReduce(c *compiler, name string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(40075, "$reduce requires an object as an argument, found: %s", v.Type)
	}
	n := &reduce{}
	var in document.Value
	err := c.named(withoutField(v.Doc(), "in", &in), func(name string) *node {
		return map[string]*node{"input": &n.input, "initialValue": &n.initial}[name]
	}, func(name string) error { return fail(40076, "$reduce found an unknown argument: %s", name) })
	switch {
	case err != nil:
		return nil, err
	case n.input == nil:
		return nil, fail(40077, "$reduce requires 'input' to be specified")
	case n.initial == nil:
		return nil, fail(40078, "$reduce requires 'initialValue' to be specified")
	case in.IsMissing():
		return nil, fail(40079, "$reduce requires 'in' to be specified")
	}
	n.this, n.value = c.bind("this"), c.bind("value")
	n.in, err = c.operand(in)
	c.unbind(2)
	if err != nil {
		return nil, err
	}
	return c.folded(n, n.input, n.initial, n.in)
}

// withoutField returns d without a field, whose value it stores.
func withoutField(d document.Doc, name string, into *document.Value) document.Doc {
	var b document.Builder
	for it := d.Iter(); it.Next(); {
		if it.Key() == name {
			*into = it.Value()
		} else {
			b.AppendValue(it.Key(), it.Value())
		}
	}
	return b.Finish()
}

func (n *reduce) eval(x *Evaluator) (document.Value, error) {
	input, err := n.input.eval(x)
	switch {
	case err != nil:
		return input, err
	case input.IsNullish():
		return document.Null, nil
	case input.Type != document.TypeArray:
		return missing, fail(40080, "$reduce requires that 'input' be an array, found: %s", input)
	}
	value, err := n.initial.eval(x)
	if err != nil {
		return value, err
	}
	for it := input.Doc().Iter(); it.Next(); {
		x.vars[n.this], x.vars[n.value] = it.Value(), value
		if value, err = n.in.eval(x); err != nil {
			return value, err
		}
	}
	return value, nil
}
