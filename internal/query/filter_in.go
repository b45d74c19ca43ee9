package query

import (
	"slices"

	"github.com/mortondb/morton/internal/document"
)

// $in, $nin: equality with any of several values.

type in struct {
	values  []document.Value // ascending, without duplicates
	nullish bool             // null is one of them, which missing and undefined values match too
}

func (p *in) matchValue(v document.Value, _ *string) bool {
	if v.Type == document.TypeMissing || v.Type == document.TypeUndefined {
		return p.nullish
	}
	_, found := slices.BinarySearchFunc(p.values, v, document.Compare)
	return found
}

// newIn makes the condition that a path's value is one of values.
func newIn(path string, values []document.Value) *Node {
	values = slices.Clone(values)
	slices.SortFunc(values, document.Compare)
	values = slices.CompactFunc(values, document.Equal)
	nullish := slices.ContainsFunc(values, func(v document.Value) bool { return v.Type == document.TypeNull })
	return &Node{Op: OpIn, Path: path, Values: values, pred: &in{values, nullish}, spread: true}
}

// nothing is the condition that no value meets: $all of nothing.
type nothing struct{}

func (nothing) matchValue(document.Value, *string) bool { return false }

func newNothing(path string) *Node {
	return &Node{Op: OpAlwaysFalse, Path: path, pred: nothing{}}
}

func parseIn(_ *filterCompiler, path string, operand document.Value) (*Node, error) {
	values, err := inList("$in", operand)
	if err != nil {
		return nil, err
	}
	n := newIn(path, values)
	if len(n.Values) == 1 {
		return newComparison(OpEq, path, n.Values[0]), nil
	}
	return n, nil
}

func parseNin(_ *filterCompiler, path string, operand document.Value) (*Node, error) {
	values, err := inList("$nin", operand)
	if err != nil {
		return nil, err
	}
	return not(path, newIn(path, values)), nil
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
