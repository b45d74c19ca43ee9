package query

import (
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// $pull, $pullAll, $pop: elements out of arrays.

// pull removes the elements for which match holds.
type pull struct {
	match func(document.Value) (bool, error)
}

func (op *pull) apply(a *applier, old document.Value) (document.Value, effect, error) {
	switch {
	case old.IsMissing():
		return old, unchanged, nil
	case old.Type != document.TypeArray:
		return old, unchanged, badValue("Cannot apply $pull to a non-array value")
	}
	list := arrayValues(old)
	var failed error
	kept := slices.DeleteFunc(list, func(v document.Value) bool {
		matched, err := op.match(v)
		if err != nil && failed == nil {
			failed = err
		}
		return matched
	})
	if failed != nil {
		return old, unchanged, failed
	}
	if len(kept) == len(list) {
		return old, unchanged, nil
	}
	return a.newArray(kept), stored, nil
}

// parsePull makes a condition of the operand: operators apply to the element, other documents are filters of elements that are
// documents, everything else must be equal.
func parsePull(c document.Collator, operand document.Value) (operator, error) {
	if operand.Type == document.TypeRegex {
		n, err := parseValue(&filterCompiler{collator: c}, "", operand)
		if err != nil {
			return nil, err
		}
		return pullIf(n), nil
	}
	if operand.Type != document.TypeDocument {
		return &pull{func(v document.Value) (bool, error) { return document.EqualWith(c, v, operand), nil }}, nil
	}
	if name := operand.Doc().First().Key; !isPathOperator(name) || name == "$not" {
		filter, err := CompileFilter(operand.Doc(), FilterOptions{Collator: c})
		if err != nil {
			return nil, err
		}
		return &pull{func(v document.Value) (bool, error) {
			if v.Type != document.TypeDocument {
				return false, nil
			}
			return filter.Match(v.Doc())
		}}, nil
	}
	list, err := (&filterCompiler{collator: c}).operators("", operand.Doc())
	if err != nil {
		return nil, err
	}
	return pullIf(and(list).Children...), nil
}

// pullIf removes the elements that meet all conditions.
func pullIf(conditions ...*Node) *pull {
	var matchers []fieldMatcher
	for _, n := range conditions {
		matchers = append(matchers, n.field())
	}
	return &pull{func(v document.Value) (bool, error) {
		group := fieldGroup(matchers)
		run := &matching{}
		return group.match(v, run), run.err
	}}
}

func parsePullAll(c document.Collator, operand document.Value) (operator, error) {
	if operand.Type != document.TypeArray {
		return nil, badValue("$pullAll requires an array argument but was given a %v", operand.Type)
	}
	values := newValueSet(arrayValues(operand), c)
	return &pull{func(v document.Value) (bool, error) {
		_, found := values.find(v)
		return found, nil
	}}, nil
}

// pop removes the first or the last element.
type pop struct{ first bool }

func (op *pop) apply(a *applier, old document.Value) (document.Value, effect, error) {
	switch {
	case old.IsMissing():
		return old, unchanged, nil
	case old.Type != document.TypeArray:
		return old, unchanged, mongoerr.New(mongoerr.TypeMismatch, "Path '%s' contains an element of non-array type '%v'", a.pathText(), old.Type)
	case old.Doc().IsEmpty():
		return old, unchanged, nil
	}
	list := arrayValues(old)
	if op.first {
		return a.newArray(list[1:]), stored, nil
	}
	return a.newArray(list[:len(list)-1]), stored, nil
}

func parsePop(path string, operand document.Value) (operator, error) {
	if !operand.IsNumber() {
		return nil, mongoerr.New(mongoerr.FailedToParse, "Expected a number in: %s", elementText(path, operand))
	}
	n, exact := operand.AsInt64()
	switch {
	case !exact:
		return nil, mongoerr.New(mongoerr.FailedToParse, "Expected an integer: %s", elementText(path, operand))
	case n != 1 && n != -1:
		return nil, mongoerr.New(mongoerr.FailedToParse, "$pop expects 1 or -1, found: %s", valueText(operand))
	}
	return &pop{first: n < 0}, nil
}
