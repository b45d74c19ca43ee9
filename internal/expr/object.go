package expr

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func init() {
	register(map[string]operator{
		"$mergeObjects":  {max: -1, eval: all(mergeObjects)},
		"$objectToArray": {min: 1, max: 1, eval: one(objectToArray)},
		"$getField":      {parse: parseGetField},
		"$setField":      {parse: parseSetField},
		"$unsetField":    {parse: parseSetField},
	})
}

// codeNumber is short for the type of error codes in tables.
type codeNumber = mongoerr.Code

func tooLarge(name string) error {
	return mongoerr.New(mongoerr.ExceededMemoryLimit, "%s would use too much memory (%d bytes) and cannot spill to disk. Memory limit: %d bytes", name, maxRange, maxRange)
}

// object is a document whose fields are set one after the other; one that is set again keeps its place.
type object struct {
	names  []string
	values []document.Value
	index  map[string]int
}

func (o *object) set(name string, v document.Value) {
	if i, ok := o.index[name]; ok {
		o.values[i] = v
		return
	}
	if o.index == nil {
		o.index = map[string]int{}
	}
	o.index[name] = len(o.names)
	o.names, o.values = append(o.names, name), append(o.values, v)
}

func (o *object) value() document.Value {
	var b document.Builder
	for i, name := range o.names {
		b.AppendValue(name, o.values[i])
	}
	return b.Finish().AsValue()
}

func mergeObjects(_ *Evaluator, _ *call, args []document.Value) (document.Value, error) {
	var o object
	for _, v := range args {
		switch {
		case v.IsNullish(), v.Type == document.TypeArray && v.Doc().IsEmpty():
			continue
		case v.Type != document.TypeDocument:
			return missing, fail(40400, "$mergeObjects requires object inputs, but input %s is of type %s", v, v.Type)
		}
		for it := v.Doc().Iter(); it.Next(); {
			o.set(it.Key(), it.Value())
		}
	}
	return o.value(), nil
}

func objectToArray(_ *Evaluator, _ *call, v document.Value) (document.Value, error) {
	switch {
	case v.IsNullish():
		return document.Null, nil
	case v.Type != document.TypeDocument:
		return missing, fail(40390, "$objectToArray requires a document input, found: %s", v.Type)
	}
	var out document.ArrayBuilder
	out.Grow(2 * len(v.Data))
	for it := v.Doc().Iter(); it.Next(); {
		var pair document.Builder
		pair.AppendString("k", it.Key())
		pair.AppendValue("v", it.Value())
		out.Append(pair.Finish().AsValue())
	}
	return out.FinishValue(), nil
}

// getField is $getField.
type getField struct {
	field string
	input node // nil: the document
}

func parseGetField(c *compiler, name string, v document.Value) (node, error) {
	n := &getField{}
	field := v
	if v.Type == document.TypeDocument && !strings.HasPrefix(v.Doc().First().Key, "$") {
		field = missing
		var input document.Value
		for it := v.Doc().Iter(); it.Next(); {
			switch it.Key() {
			case "field":
				field = it.Value()
			case "input":
				input = it.Value()
			default:
				return nil, fail(3041701, "$getField found an unknown argument: %s", it.Key())
			}
		}
		switch {
		case field.IsMissing():
			return nil, fail(3041702, "$getField requires 'field' to be specified")
		case input.IsMissing():
			return nil, fail(3041703, "$getField requires 'input' to be specified")
		}
		var err error
		if n.input, err = c.operand(input); err != nil {
			return nil, err
		}
	}
	var err error
	if n.field, err = c.fieldName(name, field, 5654602, 5654600, 5654601); err != nil {
		return nil, err
	}
	if n.input != nil {
		return c.folded(n, n.input)
	}
	c.reads = true
	return n, nil
}

// fieldName compiles the name of a field, which must be a constant string and no path.
func (c *compiler) fieldName(op string, v document.Value, notString, isPath, notConstant codeNumber) (string, error) {
	n, err := c.operand(v)
	if err != nil {
		return "", err
	}
	if e := v.Doc().First(); v.Type == document.TypeDocument && e.Key != "$literal" && e.Key != "$const" {
		return "", fail(notConstant, "%s requires 'field' to evaluate to a constant, but got a non-constant argument", op)
	}
	if _, ok := n.(*fieldPath); ok {
		return "", fail(isPath, "A field path reference which is not allowed in this context. Did you mean {$literal: '%s'}?", v.Str())
	}
	k, ok := n.(constant)
	switch {
	case !ok:
		return "", fail(notConstant, "%s requires 'field' to evaluate to a constant, but got a non-constant argument", op)
	case k.value.Type != document.TypeString:
		return "", fail(notString, "%s requires 'field' to evaluate to type String, but got %s", op, k.value.Type)
	}
	return k.value.Str(), nil
}

func (n *getField) eval(x *Evaluator) (document.Value, error) {
	if n.input == nil {
		return x.root.Lookup(n.field), nil
	}
	v, err := n.input.eval(x)
	switch {
	case err != nil:
		return v, err
	case v.Type == document.TypeMissing:
		return missing, nil
	case v.IsNullish():
		return document.Null, nil
	case v.Type != document.TypeDocument:
		return missing, nil
	}
	return v.Doc().Lookup(n.field), nil
}

// setField is $setField, and $unsetField, which sets a field to nothing.
type setField struct {
	field        string
	input, value node
}

func parseSetField(c *compiler, name string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(4161100, "%s only supports an object as its argument", name)
	}
	n := &setField{}
	var field document.Value
	err := c.named(withoutField(v.Doc(), "field", &field), func(key string) *node {
		if key == "input" {
			return &n.input
		}
		if key == "value" && name == "$setField" {
			return &n.value
		}
		return nil
	}, func(key string) error { return fail(4161101, "%s found an unknown argument: %s", name, key) })
	switch {
	case err != nil:
		return nil, err
	case field.IsMissing():
		return nil, fail(4161102, "%s requires 'field' to be specified", name)
	case n.input == nil:
		return nil, fail(4161109, "%s requires 'input' to be specified", name)
	case n.value == nil && name == "$setField":
		return nil, fail(4161103, "%s requires 'value' to be specified", name)
	}
	if n.field, err = c.fieldName(name, field, 4161107, 4161108, 4161106); err != nil {
		return nil, err
	}
	if n.value == nil {
		n.value = constant{missing}
	}
	return c.folded(n, n.input, n.value)
}

func (n *setField) eval(x *Evaluator) (document.Value, error) {
	v, err := n.input.eval(x)
	switch {
	case err != nil:
		return v, err
	case v.IsNullish():
		return document.Null, nil
	case v.Type != document.TypeDocument:
		return missing, fail(4161105, "$setField requires 'input' to evaluate to type Object")
	}
	value, err := n.value.eval(x)
	if err != nil {
		return value, err
	}
	var b document.Builder
	found := false
	for it := v.Doc().Iter(); it.Next(); {
		if it.Key() == n.field && !found {
			b.AppendValue(n.field, value)
			found = true
			continue
		}
		b.AppendValue(it.Key(), it.Value())
	}
	if !found {
		b.AppendValue(n.field, value)
	}
	return b.Finish().AsValue(), nil
}
