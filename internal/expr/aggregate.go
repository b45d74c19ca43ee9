package expr

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// Accumulators that are operators, too: over their arguments, or over the elements of the only one.

func init() {
	for _, name := range []string{"$sum", "$avg", "$min", "$max", "$stdDevPop", "$stdDevSamp"} {
		operators[name] = &operator{max: -1, eval: accumulate(func(a *Accumulator) State { return accumulators[name].make(a, 1) })}
	}
	for _, name := range []string{"$firstN", "$lastN", "$minN", "$maxN"} {
		operators[name] = &operator{parse: parseSeveralOf}
	}
	operators["$sortArray"] = &operator{parse: parseSortArray}
}

func accumulate(state func(a *Accumulator) State) func(*Evaluator, *call) (document.Value, error) {
	return func(x *Evaluator, o *call) (document.Value, error) {
		s := state(&Accumulator{opts: Options{Collator: o.collator}})
		for _, n := range o.args {
			v, err := n.eval(x)
			if err != nil {
				return v, err
			}
			if len(o.args) > 1 || v.Type != document.TypeArray {
				if err := s.add(v, nil); err != nil {
					return missing, err
				}
				continue
			}
			for it := v.Doc().Iter(); it.Next(); {
				if err := s.add(it.Value(), nil); err != nil {
					return missing, err
				}
			}
		}
		return s.Value(), nil
	}
}

// severalOf is $firstN and its relatives as operators on an array.
type severalOf struct {
	name     string
	input, n node
	collator document.Collator
}

func parseSeveralOf(c *compiler, name string, v document.Value) (node, error) {
	in, count, err := severalArguments(name, v)
	if err != nil {
		return nil, err
	}
	n := &severalOf{name: name, collator: c.opts.Collator}
	if n.input, err = c.operand(in); err != nil {
		return nil, err
	}
	if n.n, err = c.operand(count); err != nil {
		return nil, err
	}
	return c.folded(n, n.input, n.n)
}

func (n *severalOf) eval(x *Evaluator) (document.Value, error) {
	v, err := n.n.eval(x)
	if err != nil {
		return v, err
	}
	count, err := countOf(v)
	if err != nil {
		return missing, err
	}
	input, err := n.input.eval(x)
	switch {
	case err != nil:
		return input, err
	case input.Type != document.TypeArray:
		return missing, fail(5788200, "Input must be an array")
	}
	s := accumulators[n.name].make(&Accumulator{opts: Options{Collator: n.collator}}, count)
	for it := input.Doc().Iter(); it.Next(); {
		if err := s.add(it.Value(), nil); err != nil {
			return missing, err
		}
	}
	return s.Value(), nil
}

// sortArray is $sortArray: by the whole elements, or by fields of those that are documents.
type sortArray struct {
	input    node
	fields   []sortField // none: whole elements
	sign     int
	collator document.Collator
}

type sortField struct {
	path []string
	sign int
}

func parseSortArray(c *compiler, _ string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(2942500, "$sortArray requires an object as an argument, found: %s", v.Type)
	}
	n := &sortArray{collator: c.opts.Collator}
	var by document.Value
	err := c.named(withoutField(v.Doc(), "sortBy", &by), func(key string) *node {
		return map[string]*node{"input": &n.input}[key]
	}, func(key string) error { return fail(2942501, "$sortArray found an unknown argument: %s", key) })
	switch {
	case err != nil:
		return nil, err
	case n.input == nil:
		return nil, fail(2942502, "$sortArray requires 'input' to be specified")
	case by.IsMissing():
		return nil, fail(2942503, "$sortArray requires 'sortBy' to be specified")
	}
	if err := n.sortBy(by); err != nil {
		return nil, err
	}
	return c.folded(n, n.input)
}

func direction(v document.Value) (int, bool) {
	n, exact := v.AsInt64()
	return int(n), v.IsNumber() && exact && (n == 1 || n == -1)
}

func (n *sortArray) sortBy(by document.Value) error {
	const code = 2942505
	if by.Type != document.TypeDocument {
		var ok bool
		if n.sign, ok = direction(by); !ok {
			return fail(code, "BadValue: The sort element value must be either 1 or -1")
		}
		return nil
	}
	if by.Doc().IsEmpty() {
		return fail(code, "BadValue: The sort pattern is empty when it should be a set of fields.")
	}
	n.sign = 1
	for it := by.Doc().Iter(); it.Next(); {
		sign, ok := direction(it.Value())
		if !ok {
			return fail(code, "BadValue: The sort element value must be either 1 or -1")
		}
		if it.Key() == "" {
			return fail(code, "BadValue: The sort field cannot be empty")
		}
		path := strings.Split(it.Key(), ".")
		if slices.ContainsFunc(path, func(part string) bool { return part == "" || part[0] == '$' }) {
			return fail(code, "BadValue: The sort field is a dotted field with an invalid part: %s", it.Key())
		}
		n.fields = append(n.fields, sortField{path, sign})
	}
	return nil
}

func (n *sortArray) eval(x *Evaluator) (document.Value, error) {
	v, err := n.input.eval(x)
	switch {
	case err != nil:
		return v, err
	case v.IsNullish():
		return document.Null, nil
	case v.Type != document.TypeArray:
		return missing, fail(2942504, "The input argument to $sortArray must be an array, but was of type: %s", v.Type)
	}
	list := elements(v)
	slices.SortStableFunc(list, n.compare)
	return array(list), nil
}

func (n *sortArray) compare(a, b document.Value) int {
	if len(n.fields) == 0 || a.Type != document.TypeDocument || b.Type != document.TypeDocument {
		return document.CompareWith(n.collator, a, b) * n.sign
	}
	return cmp.Or(func() (cs []int) {
		for _, f := range n.fields {
			cs = append(cs, document.CompareWith(n.collator, orNull(plainPath(a, f.path)), orNull(plainPath(b, f.path)))*f.sign)
		}
		return cs
	}()...)
}

// plainPath follows a path through documents, and through arrays by position.
func plainPath(v document.Value, path []string) document.Value {
	for _, part := range path {
		v = v.Doc().Lookup(part)
	}
	return v
}
