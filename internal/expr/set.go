package expr

import (
	"slices"

	"github.com/mortondb/morton/internal/document"
)

func init() {
	register(map[string]operator{
		"$setUnion":        {max: -1, eval: all(setUnion)},
		"$setIntersection": {max: -1, eval: all(setIntersection)},
		"$setDifference":   {min: 2, max: 2, eval: two(setDifference)},
		"$setEquals":       {parse: parseSetEquals},
		"$setIsSubset":     {min: 2, max: 2, eval: two(setIsSubset)},
		"$allElementsTrue": {min: 1, max: 1, eval: one(elementsTrue(17040, true))},
		"$anyElementTrue":  {min: 1, max: 1, eval: one(elementsTrue(17041, false))},
	})
}

// setOf returns the elements of an array in order, each once.
func (o *call) setOf(v document.Value) []document.Value {
	list := elements(v)
	slices.SortStableFunc(list, func(a, b document.Value) int { return document.CompareWith(o.collator, a, b) })
	return slices.CompactFunc(list, func(a, b document.Value) bool { return document.EqualWith(o.collator, a, b) })
}

func (o *call) contains(set []document.Value, v document.Value) bool {
	_, found := slices.BinarySearchFunc(set, v, func(a, b document.Value) int { return document.CompareWith(o.collator, a, b) })
	return found
}

func setUnion(_ *Evaluator, o *call, args []document.Value) (document.Value, error) {
	var all []document.Value
	for _, v := range args {
		switch {
		case v.IsNullish():
			return document.Null, nil
		case v.Type != document.TypeArray:
			return missing, fail(17043, "All operands of $setUnion must be arrays. One argument is of type: %s", v.Type)
		}
		all = append(all, elements(v)...)
	}
	return array(o.setOf(array(all))), nil
}

func setIntersection(_ *Evaluator, o *call, args []document.Value) (document.Value, error) {
	var rest []document.Value
	for i, v := range args {
		switch {
		case v.IsNullish():
			return document.Null, nil
		case v.Type != document.TypeArray:
			return missing, fail(17047, "All operands of $setIntersection must be arrays. One argument is of type: %s", v.Type)
		}
		set := o.setOf(v)
		if i == 0 {
			rest = set
			continue
		}
		rest = slices.DeleteFunc(rest, func(e document.Value) bool { return !o.contains(set, e) })
	}
	return array(rest), nil
}

// setDifference keeps the order of the first array.
func setDifference(_ *Evaluator, o *call, a, b document.Value) (document.Value, error) {
	switch {
	case nullish(a, b):
		return document.Null, nil
	case a.Type != document.TypeArray:
		return missing, fail(17048, "both operands of $setDifference must be arrays. First argument is of type: %s", a.Type)
	case b.Type != document.TypeArray:
		return missing, fail(17049, "both operands of $setDifference must be arrays. Second argument is of type: %s", b.Type)
	}
	without := o.setOf(b)
	var rest []document.Value
	for _, v := range elements(a) {
		i, found := slices.BinarySearchFunc(without, v, func(a, b document.Value) int { return document.CompareWith(o.collator, a, b) })
		if !found {
			rest = append(rest, v)
			without = slices.Insert(without, i, v)
		}
	}
	return array(rest), nil
}

func parseSetEquals(c *compiler, name string, v document.Value) (node, error) {
	args, err := c.arguments(v)
	if err != nil {
		return nil, err
	}
	if len(args) < 2 {
		return nil, fail(17045, "%s needs at least two arguments had: %d", name, len(args))
	}
	return c.call(name, &setEquals, args)
}

var setEquals = operator{eval: all(func(_ *Evaluator, o *call, args []document.Value) (document.Value, error) {
	var first []document.Value
	equal := true
	for i, v := range args {
		if v.Type != document.TypeArray {
			return missing, fail(17044, "All operands of $setEquals must be arrays. %d-th argument is of type: %s", i+1, v.Type)
		}
		set := o.setOf(v)
		if i == 0 {
			first = set
		}
		equal = equal && slices.EqualFunc(first, set, func(a, b document.Value) bool { return document.EqualWith(o.collator, a, b) })
	}
	return boolean(equal), nil
})}

func setIsSubset(_ *Evaluator, o *call, a, b document.Value) (document.Value, error) {
	switch {
	case a.Type != document.TypeArray:
		return missing, fail(17046, "both operands of $setIsSubset must be arrays. First argument is of type: %s", a.Type)
	case b.Type != document.TypeArray:
		return missing, fail(17042, "both operands of $setIsSubset must be arrays. Second argument is of type: %s", b.Type)
	}
	set := o.setOf(b)
	for it := a.Doc().Iter(); it.Next(); {
		if !o.contains(set, it.Value()) {
			return falseValue, nil
		}
	}
	return trueValue, nil
}

func elementsTrue(code codeNumber, all bool) func(*Evaluator, *call, document.Value) (document.Value, error) {
	return func(_ *Evaluator, o *call, v document.Value) (document.Value, error) {
		if v.Type != document.TypeArray {
			return missing, fail(code, "%s's argument must be an array, but is %s", o.name, v.Type)
		}
		for it := v.Doc().Iter(); it.Next(); {
			if it.Value().Truthy() != all {
				return boolean(!all), nil
			}
		}
		return boolean(all), nil
	}
}
