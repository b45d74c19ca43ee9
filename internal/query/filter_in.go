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

func (p *in) matchValue(v document.Value, _ *string) bool {
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

func (nothing) matchValue(document.Value, *string) bool { return false }

func newNothing(path string) *Node {
	return &Node{Op: OpAlwaysFalse, Path: path, pred: nothing{}}
}

func parseIn(c *filterCompiler, path string, operand document.Value) (*Node, error) {
	values, err := inList("$in", operand)
	if err != nil {
		return nil, err
	}
	n := c.in(path, values)
	if len(n.Values) == 1 {
		return c.comparison(OpEq, path, n.Values[0]), nil
	}
	return n, nil
}

func parseNin(c *filterCompiler, path string, operand document.Value) (*Node, error) {
	values, err := inList("$nin", operand)
	if err != nil {
		return nil, err
	}
	return not(path, c.in(path, values)), nil
}

func inList(op string, operand document.Value) ([]document.Value, error) {
	if operand.Type != document.TypeArray {
		return nil, badValue("%s needs an array", op)
	}
	var values []document.Value
	for it := operand.Doc().Iter(); it.Next(); {
		v := it.Value()
		switch {
		case isOperatorDoc(v):
			return nil, badValue("cannot nest $ under $in") // also of $nin
		case v.Type == document.TypeUndefined:
			return nil, badValue("InMatchExpression equality cannot be undefined")
		case v.Type == document.TypeRegex:
			return nil, notYet("matching with a regular expression is")
		}
		values = append(values, v)
	}
	return values, nil
}
