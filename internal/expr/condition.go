package expr

import (
	"github.com/mortondb/morton/internal/document"
)

func init() {
	register(map[string]operator{
		"$cond":   {parse: parseCond},
		"$ifNull": {parse: parseIfNull},
		"$switch": {parse: parseSwitch},
	})
}

// cond is $cond: one of two, of which the other is not evaluated.
type cond struct{ condition, then, otherwise node }

func parseCond(c *compiler, name string, v document.Value) (node, error) {
	n := &cond{}
	if v.Type != document.TypeDocument {
		args, err := c.arguments(v)
		if err != nil {
			return nil, err
		}
		if len(args) != 3 {
			return nil, fail(16020, "Expression %s takes exactly %d arguments. %d were passed in.", name, 3, len(args))
		}
		n.condition, n.then, n.otherwise = args[0], args[1], args[2]
	} else {
		err := c.named(v.Doc(), func(name string) *node {
			return map[string]*node{"if": &n.condition, "then": &n.then, "else": &n.otherwise}[name]
		}, func(name string) error { return fail(17083, "Unrecognized parameter to $cond: %s", name) })
		switch {
		case err != nil:
			return nil, err
		case n.condition == nil:
			return nil, fail(17080, "Missing 'if' parameter to $cond")
		case n.then == nil:
			return nil, fail(17081, "Missing 'then' parameter to $cond")
		case n.otherwise == nil:
			return nil, fail(17082, "Missing 'else' parameter to $cond")
		}
	}
	if constants(n.condition, n.then, n.otherwise) {
		return c.fold(n)
	}
	return n, nil
}

func (n *cond) eval(x *Evaluator) (document.Value, error) {
	v, err := n.condition.eval(x)
	switch {
	case err != nil:
		return v, err
	case v.Truthy():
		return n.then.eval(x)
	}
	return n.otherwise.eval(x)
}

// ifNull is $ifNull: the first that is not nullish, or else the last.
type ifNull struct{ args []node }

func parseIfNull(c *compiler, name string, v document.Value) (node, error) {
	args, err := c.arguments(v)
	if err != nil {
		return nil, err
	}
	if len(args) < 2 {
		return nil, fail(1257300, "%s needs at least two arguments, had: %d", name, len(args))
	}
	n := &ifNull{args}
	if constants(args...) {
		return c.fold(n)
	}
	return n, nil
}

func (n *ifNull) eval(x *Evaluator) (v document.Value, err error) {
	for _, a := range n.args {
		if v, err = a.eval(x); err != nil || !v.IsNullish() {
			return v, err
		}
	}
	return v, nil
}

// switchNode is $switch.
type switchNode struct {
	branches  []branch
	otherwise node // nil: none
}

type branch struct{ when, then node }

func parseSwitch(c *compiler, _ string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(40060, "$switch requires an object as an argument, found: %s", v.Type)
	}
	n := &switchNode{}
	for it := v.Doc().Iter(); it.Next(); {
		switch it.Key() {
		case "branches":
			if it.Value().Type != document.TypeArray {
				return nil, fail(40061, "$switch expected an array for 'branches', found: %s", it.Value().Type)
			}
			for b := it.Value().Doc().Iter(); b.Next(); {
				if err := n.addBranch(c, b.Value()); err != nil {
					return nil, err
				}
			}
		case "default":
			var err error
			if n.otherwise, err = c.operand(it.Value()); err != nil {
				return nil, err
			}
		default:
			return nil, fail(40067, "$switch found an unknown argument: %s", it.Key())
		}
	}
	if len(n.branches) == 0 {
		return nil, fail(40068, "$switch requires at least one branch.")
	}
	if n.otherwise == nil && n.allFalse() {
		return nil, c.failed(fail(40069, "Cannot execute a switch statement where all the cases evaluate to false without a default"))
	}
	parts := []node{n.otherwise}
	for _, b := range n.branches {
		parts = append(parts, b.when, b.then)
	}
	if constants(parts...) {
		return c.fold(n)
	}
	return n, nil
}

// allFalse reports whether it is known that no branch is ever taken.
func (n *switchNode) allFalse() bool {
	for _, b := range n.branches {
		if k, ok := b.when.(constant); !ok || k.value.Truthy() {
			return false
		}
	}
	return true
}

func (n *switchNode) addBranch(c *compiler, v document.Value) error {
	if v.Type != document.TypeDocument {
		return fail(40062, "$switch expected each branch to be an object, found: %s", v.Type)
	}
	var b branch
	err := c.named(v.Doc(), func(name string) *node {
		return map[string]*node{"case": &b.when, "then": &b.then}[name]
	}, func(name string) error {
		return fail(40063, "$switch found an unknown argument to a branch: %s", name)
	})
	switch {
	case err != nil:
		return err
	case b.when == nil:
		return fail(40064, "$switch requires each branch have a 'case' expression")
	case b.then == nil:
		return fail(40065, "$switch requires each branch have a 'then' expression.")
	}
	n.branches = append(n.branches, b)
	return nil
}

func (n *switchNode) eval(x *Evaluator) (document.Value, error) {
	for _, b := range n.branches {
		v, err := b.when.eval(x)
		if err != nil {
			return v, err
		}
		if v.Truthy() {
			return b.then.eval(x)
		}
	}
	if n.otherwise == nil {
		return missing, fail(40066, "$switch could not find a matching branch for an input, and no default was specified.")
	}
	return n.otherwise.eval(x)
}
