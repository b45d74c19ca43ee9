package query

import (
	"slices"

	"github.com/mortondb/morton/internal/document"
)

// $in, $nin: equality with any of several values.

type in struct {
	values   []document.Value // ascending, without duplicates; with a collator, their strings are its keys
	collator document.Collator
	nullish  bool // null is one of them, which missing and undefined values match too
}

func (p *in) matchValue(v document.Value, _ *matching) bool {
	if v.Type == document.TypeMissing || v.Type == document.TypeUndefined {
		return p.nullish
	}
	_, found := slices.BinarySearchFunc(p.values, document.Collated(p.collator, v), document.Compare)
	return found
}

// newIn makes the condition that a path's value is one of values.
func (c *filterCompiler) in(path string, values []document.Value) *Node {
	values = slices.Clone(values)
	compare := func(a, b document.Value) int { return document.CompareWith(c.collator, a, b) }
	slices.SortStableFunc(values, compare)
	values = slices.CompactFunc(values, func(a, b document.Value) bool { return compare(a, b) == 0 })
	nullish := slices.ContainsFunc(values, func(v document.Value) bool { return v.Type == document.TypeNull })
	collated := values
	if c.collator != nil {
		collated = make([]document.Value, len(values))
		for i, v := range values {
			collated[i] = document.Collated(c.collator, v)
		}
	}
	return &Node{Op: OpIn, Path: path, Values: values, pred: &in{collated, c.collator, nullish}, spread: true}
}

// nothing is the condition that no value meets: $all of nothing.
type nothing struct{}

func (nothing) matchValue(document.Value, *matching) bool { return false }

func newNothing(path string) *Node {
	return &Node{Op: OpAlwaysFalse, Path: path, pred: nothing{}}
}

func parseIn(c *filterCompiler, path string, operand document.Value) (*Node, error) {
	values, patterns, err := inList("$in", operand)
	switch {
	case err != nil:
		return nil, err
	case len(patterns) == 1 && len(values) == 0:
		return regexNode(path, operand.Doc().First().Value, patterns[0]), nil
	case len(patterns) > 0:
		return c.inWith(path, operand, values, patterns), nil
	}
	n := c.in(path, values)
	if len(n.Values) == 1 {
		return c.comparison(OpEq, path, n.Values[0]), nil
	}
	return n, nil
}

func parseNin(c *filterCompiler, path string, operand document.Value) (*Node, error) {
	values, patterns, err := inList("$nin", operand)
	switch {
	case err != nil:
		return nil, err
	case len(patterns) > 0:
		return not(path, c.inWith(path, operand, values, patterns)), nil
	}
	return not(path, c.in(path, values)), nil
}

// inList returns the values of an $in, and its regular expressions.
func inList(op string, operand document.Value) (values []document.Value, patterns []*pattern, err error) {
	if operand.Type != document.TypeArray {
		return nil, nil, badValue("%s needs an array", op)
	}
	for it := operand.Doc().Iter(); it.Next(); {
		v := it.Value()
		switch {
		case isOperatorDoc(v):
			return nil, nil, badValue("cannot nest $ under $in") // also of $nin
		case v.Type == document.TypeUndefined:
			return nil, nil, badValue("InMatchExpression equality cannot be undefined")
		case v.Type == document.TypeRegex:
			p, err := compilePattern(v.Regex())
			if err != nil {
				return nil, nil, err
			}
			patterns = append(patterns, p)
			continue
		}
		values = append(values, v)
	}
	return values, patterns, nil
}
