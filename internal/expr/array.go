package expr

import (
	"slices"

	"github.com/mortondb/morton/internal/document"
)

func init() {
	register(map[string]operator{
		"$arrayElemAt":  {min: 2, max: 2, eval: two(arrayElemAt)},
		"$first":        {min: 1, max: 1, eval: one(endOf("$first", 0))},
		"$last":         {min: 1, max: 1, eval: one(endOf("$last", -1))},
		"$concatArrays": {max: -1, eval: all(concatArrays)},
		"$in":           {min: 2, max: 2, eval: two(evalIn)},
		"$indexOfArray": {min: 2, max: 4, eval: all(indexOfArray)},
		"$isArray": {min: 1, max: 1, eval: one(func(_ *Evaluator, _ *call, v document.Value) (document.Value, error) {
			return boolean(v.Type == document.TypeArray), nil
		})},
		"$range":         {min: 2, max: 3, eval: all(evalRange)},
		"$reverseArray":  {min: 1, max: 1, eval: one(reverseArray)},
		"$size":          {min: 1, max: 1, eval: one(size)},
		"$slice":         {min: 2, max: 3, eval: all(slice)},
		"$arrayToObject": {min: 1, max: 1, eval: one(arrayToObject)},
		"$zip":           {parse: parseZip},
	})
}

// at returns the element of an array at a position, which counts from the end if it is negative.
func at(list document.Doc, i int64) document.Value {
	if i < 0 {
		i += int64(list.Len())
	}
	if i < 0 {
		return missing
	}
	for it := list.Iter(); it.Next(); i-- {
		if i == 0 {
			return it.Value()
		}
	}
	return missing
}

func arrayElemAt(_ *Evaluator, o *call, a, i document.Value) (document.Value, error) {
	switch {
	case nullish(a, i):
		return document.Null, nil
	case a.Type != document.TypeArray:
		return missing, fail(28689, "%s's first argument must be an array, but is %s", o.name, a.Type)
	case !i.IsNumber():
		return missing, fail(28690, "%s's second argument must be a numeric value, but is %s", o.name, i.Type)
	}
	n, ok := integer(i)
	if !ok {
		return missing, fail(28691, "%s's second argument must be representable as a 32-bit integer: %s", o.name, i)
	}
	return at(a.Doc(), n), nil
}

func endOf(name string, i int64) func(*Evaluator, *call, document.Value) (document.Value, error) {
	return func(_ *Evaluator, _ *call, v document.Value) (document.Value, error) {
		switch {
		case v.IsNullish():
			return document.Null, nil
		case v.Type != document.TypeArray:
			return missing, fail(28689, "%s's argument must be an array, but is %s", name, v.Type)
		}
		return at(v.Doc(), i), nil
	}
}

func concatArrays(_ *Evaluator, _ *call, args []document.Value) (document.Value, error) {
	var out document.ArrayBuilder
	out.Grow(0)
	for _, v := range args {
		switch {
		case v.IsNullish():
			return document.Null, nil
		case v.Type != document.TypeArray:
			return missing, fail(28664, "$concatArrays only supports arrays, not %s", v.Type)
		}
		for it := v.Doc().Iter(); it.Next(); {
			out.Append(it.Value())
		}
	}
	return out.FinishValue(), nil
}

func evalIn(_ *Evaluator, o *call, v, list document.Value) (document.Value, error) {
	if list.Type != document.TypeArray {
		return missing, fail(40081, "$in requires an array as a second argument, found: %s", list.Type)
	}
	for it := list.Doc().Iter(); it.Next(); {
		if document.EqualWith(o.collator, v, it.Value()) {
			return trueValue, nil
		}
	}
	return falseValue, nil
}

func indexOfArray(x *Evaluator, o *call, args []document.Value) (document.Value, error) {
	list := args[0]
	switch {
	case list.IsNullish():
		return document.Null, nil
	case list.Type != document.TypeArray:
		return missing, fail(40090, "$indexOfArray requires an array as a first argument, found: %s", list.Type)
	}
	values := elements(list)
	start, end, err := span(o.name, args[2:], len(values))
	if err != nil {
		return missing, err
	}
	for i := start; i < end; i++ {
		if document.EqualWith(o.collator, args[1], values[i]) {
			return x.int32(int32(i)), nil
		}
	}
	return x.int32(-1), nil
}

// span reads the start and end of $indexOfArray and its relatives, and cuts them to the length.
func span(name string, bounds []document.Value, length int) (start, end int, err error) {
	end = length
	for i, v := range bounds {
		what := [2]string{"starting", "ending"}[i]
		n, ok := integer(v)
		if !ok {
			return 0, 0, fail(40096, "%s requires an integral %s index, found a value of type: %s, with value: \"%s\"", name, what, v.Type, v)
		}
		if n < 0 {
			return 0, 0, fail(40097, "%s requires a nonnegative %s index, found: %s", name, what, v)
		}
		if i == 0 {
			start = int(n)
		} else {
			end = min(int(n), length)
		}
	}
	return start, end, nil
}

// maxRange bounds the memory of one $range.
const maxRange = 64 << 20

func evalRange(x *Evaluator, _ *call, args []document.Value) (document.Value, error) {
	numbers := [3]int64{0, 0, 1}
	codes := [3][2]codeNumber{{34443, 34444}, {34445, 34446}, {34447, 34448}}
	names := [3]string{"starting value", "ending value", "step value"}
	for i, v := range args {
		if !v.IsNumber() {
			return missing, fail(codes[i][0], "$range requires a numeric %s, found value of type:%s", names[i], v.Type)
		}
		n, ok := integer(v)
		if !ok {
			return missing, fail(codes[i][1], "$range requires a %s that can be represented as a 32-bit integer, found value: %s", names[i], v)
		}
		numbers[i] = n
	}
	from, to, step := numbers[0], numbers[1], numbers[2]
	if step == 0 {
		return missing, fail(34449, "$range requires a non-zero step value")
	}
	if length := (to - from) / step; length*11 > maxRange {
		return missing, tooLarge("$range")
	}
	var out document.ArrayBuilder
	out.Grow(0)
	for n := from; step > 0 && n < to || step < 0 && n > to; n += step {
		out.Append(document.Int32(int32(n)))
	}
	return out.FinishValue(), nil
}

func reverseArray(_ *Evaluator, _ *call, v document.Value) (document.Value, error) {
	switch {
	case v.IsNullish():
		return document.Null, nil
	case v.Type != document.TypeArray:
		return missing, fail(34435, "The argument to $reverseArray must be an array, but was of type: %s", v.Type)
	}
	list := elements(v)
	slices.Reverse(list)
	return array(list), nil
}

func size(x *Evaluator, _ *call, v document.Value) (document.Value, error) {
	if v.Type != document.TypeArray {
		return missing, fail(17124, "The argument to $size must be an array, but was of type: %s", v.Type)
	}
	return x.int32(int32(v.Doc().Len())), nil
}

// slice is {$slice: [array, n]} or {$slice: [array, position, n]}.
func slice(_ *Evaluator, _ *call, args []document.Value) (document.Value, error) {
	a, n := args[0], args[1]
	switch {
	case nullish(a, n):
		return document.Null, nil
	case a.Type != document.TypeArray:
		return missing, fail(28724, "First argument to $slice must be an array, but is of type: %s", a.Type)
	case !n.IsNumber():
		return missing, fail(28725, "Second argument to $slice must be a numeric value, but is of type: %s", n.Type)
	}
	second, ok := integer(n)
	if !ok {
		return missing, fail(28726, "Second argument to $slice can't be represented as a 32-bit integer: %s", n)
	}
	list := elements(a)
	length := int64(len(list))
	if len(args) == 2 {
		if second >= 0 {
			return array(list[:min(second, length)]), nil
		}
		return array(list[max(length+second, 0):]), nil
	}
	count := args[2]
	switch {
	case count.IsNullish():
		return document.Null, nil
	case !count.IsNumber():
		return missing, fail(28727, "Third argument to $slice must be numeric, but is of type: %s", count.Type)
	}
	third, ok := integer(count)
	switch {
	case !ok:
		return missing, fail(28728, "Third argument to $slice can't be represented as a 32-bit integer: %s", count)
	case third <= 0:
		return missing, fail(28729, "Third argument to $slice must be positive: %s", count)
	}
	from := min(second, length)
	if second < 0 {
		from = max(length+second, 0)
	}
	return array(list[from:min(from+third, length)]), nil
}

func arrayToObject(_ *Evaluator, _ *call, v document.Value) (document.Value, error) {
	switch {
	case v.IsNullish():
		return document.Null, nil
	case v.Type != document.TypeArray:
		return missing, fail(40386, "$arrayToObject requires an array input, found: %s", v.Type)
	}
	var o object
	pairs := document.TypeMissing // of the first element
	for it := v.Doc().Iter(); it.Next(); {
		e := it.Value()
		if pairs == document.TypeMissing {
			pairs = e.Type
		}
		key, value, err := pairOf(e, pairs)
		if err != nil {
			return missing, err
		}
		o.set(key, value)
	}
	return o.value(), nil
}

// pairOf reads an element of $arrayToObject's argument: [key, value] or {k:, v:}, as the first one was.
func pairOf(e document.Value, first document.Type) (key string, value document.Value, err error) {
	var k document.Value
	switch first {
	case document.TypeArray:
		if e.Type != document.TypeArray {
			return "", missing, fail(40396, "$arrayToObject requires a consistent input format. Elements must all be arrays or all be objects. Array was detected, now found: %s", e.Type)
		}
		list := elements(e)
		if len(list) != 2 {
			return "", missing, fail(40397, "$arrayToObject requires an array of size 2 arrays,found array of size: %d", len(list))
		}
		k, value = list[0], list[1]
		if k.Type != document.TypeString {
			return "", missing, fail(40395, "$arrayToObject requires an array of key-value pairs, where the key must be of type string. Found key type: %s", k.Type)
		}
	case document.TypeDocument:
		if e.Type != document.TypeDocument {
			return "", missing, fail(40391, "$arrayToObject requires a consistent input format. Elements must all be arrays or all be objects. Object was detected, now found: %s", e.Type)
		}
		if n := e.Doc().Len(); n != 2 {
			return "", missing, fail(40392, "$arrayToObject requires an object keys of 'k' and 'v'. Found incorrect number of keys:%d", n)
		}
		k, value = e.Doc().Lookup("k"), e.Doc().Lookup("v")
		if k.IsMissing() || value.IsMissing() {
			return "", missing, fail(40393, "$arrayToObject requires an object with keys 'k' and 'v'. Missing either or both keys from: %s", e)
		}
		if k.Type != document.TypeString {
			return "", missing, fail(40394, "$arrayToObject requires an object with keys 'k' and 'v', where the value of 'k' must be of type string. Found type: %s", k.Type)
		}
	default:
		return "", missing, fail(40398, "Unrecognised input type format for $arrayToObject: %s", e.Type)
	}
	if key = k.Str(); slices.Contains([]byte(key), 0) {
		return "", missing, fail(4940400, "Key field cannot contain an embedded null byte")
	}
	return key, value, nil
}

// zip is $zip.
type zip struct {
	inputs   []node
	defaults []node
	longest  bool
}

func parseZip(c *compiler, _ string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(34460, "$zip only supports an object as an argument, found %s", v.Type)
	}
	n := &zip{}
	hasDefaults := false
	for it := v.Doc().Iter(); it.Next(); {
		value, err := it.Value(), error(nil)
		switch it.Key() {
		case "inputs":
			if value.Type != document.TypeArray {
				return nil, fail(34461, "inputs must be an array of expressions, found %s", value.Type)
			}
			n.inputs, err = c.operands(value.Doc())
		case "defaults":
			if value.Type != document.TypeArray {
				return nil, fail(34462, "defaults must be an array of expressions, found %s", value.Type)
			}
			hasDefaults = true
			n.defaults, err = c.operands(value.Doc())
		case "useLongestLength":
			if value.Type != document.TypeBool {
				return nil, fail(34463, "useLongestLength must be a bool, found %s", value.Type)
			}
			n.longest = value.Bool()
		default:
			return nil, fail(34464, "$zip found an unknown argument: %s", it.Key())
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case len(n.inputs) == 0:
		return nil, fail(34465, "$zip requires at least one input array")
	case hasDefaults && len(n.defaults) > 0 && !n.longest:
		return nil, fail(34466, "cannot specify defaults unless useLongestLength is true")
	case len(n.defaults) > 0 && len(n.defaults) != len(n.inputs):
		return nil, fail(34467, "defaults and inputs must have the same length")
	}
	return c.folded(n, slices.Concat(n.inputs, n.defaults)...)
}

func (n *zip) eval(x *Evaluator) (document.Value, error) {
	lists := make([][]document.Value, len(n.inputs))
	length := -1
	for i, input := range n.inputs {
		v, err := input.eval(x)
		switch {
		case err != nil:
			return v, err
		case v.IsNullish():
			return document.Null, nil
		case v.Type != document.TypeArray:
			return missing, fail(34468, "$zip found a non-array expression in input: %s", v)
		}
		lists[i] = elements(v)
		switch {
		case length < 0:
			length = len(lists[i])
		case n.longest:
			length = max(length, len(lists[i]))
		default:
			length = min(length, len(lists[i]))
		}
	}
	defaults := make([]document.Value, len(lists))
	for i, d := range n.defaults {
		v, err := d.eval(x)
		if err != nil {
			return v, err
		}
		defaults[i] = v
	}
	out := make([]document.Value, length)
	for row := range out {
		tuple := make([]document.Value, len(lists))
		for i, list := range lists {
			if tuple[i] = defaults[i]; row < len(list) {
				tuple[i] = list[row]
			}
		}
		out[row] = array(tuple)
	}
	return array(out), nil
}
