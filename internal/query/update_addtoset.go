package query

import (
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// $addToSet: elements into arrays that do not have them yet.

type addToSet struct{ values valueSet }

func (op *addToSet) apply(a *applier, old document.Value) (document.Value, effect, error) {
	switch {
	case old.IsMissing():
		return a.newArray(op.values.list), stored, nil
	case old.Type != document.TypeArray:
		return old, unchanged, badValue("Cannot apply $addToSet to non-array field. Field named '%s' has non-array type %v", a.path[len(a.path)-1], old.Type)
	}
	has := make([]bool, len(op.values.list))
	for it := old.Doc().Iter(); it.Next(); {
		if i, found := op.values.find(it.Value()); found {
			has[i] = true
		}
	}
	var missing []document.Value
	for i, v := range op.values.list {
		if !has[i] {
			missing = append(missing, v)
		}
	}
	if missing == nil {
		return old, unchanged, nil
	}
	return a.appended(old, missing), stored, nil
}

func parseAddToSet(c document.Collator, operand document.Value) (operator, error) {
	e := operand.Doc().First()
	if operand.Type != document.TypeDocument || e.Key != "$each" {
		return &addToSet{newValueSet([]document.Value{operand}, c)}, nil
	}
	switch {
	case e.Type != document.TypeArray:
		return nil, mongoerr.New(mongoerr.TypeMismatch, "The argument to $each in $addToSet must be an array but it was of type %v", e.Type)
	case operand.Doc().Len() > 1:
		return nil, badValue("Found unexpected fields after $each in $addToSet: %s", valueText(operand))
	}
	return &addToSet{newValueSet(arrayValues(e.Value), c)}, nil
}

// valueSet is different values in the order in which they came, with a way to find them.
type valueSet struct {
	list     []document.Value
	sorted   []int // indexes of list, by value
	collator document.Collator
}

// newValueSet keeps the first of equal values.
func newValueSet(values []document.Value, c document.Collator) valueSet {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return document.CompareWith(c, values[i], values[j]) })
	order = slices.CompactFunc(order, func(i, j int) bool { return document.EqualWith(c, values[i], values[j]) })
	place := make(map[int]int, len(order)) // from index in values to index in list
	kept := slices.Sorted(slices.Values(order))
	s := valueSet{sorted: order, collator: c}
	for i, k := range kept {
		place[k] = i
		s.list = append(s.list, values[k])
	}
	for i := range order {
		order[i] = place[order[i]]
	}
	return s
}

func (s *valueSet) find(v document.Value) (int, bool) {
	i, found := slices.BinarySearchFunc(s.sorted, v, func(i int, v document.Value) int { return document.CompareWith(s.collator, s.list[i], v) })
	if !found {
		return 0, false
	}
	return s.sorted[i], true
}
