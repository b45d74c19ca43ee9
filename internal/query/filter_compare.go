package query

import (
	"bytes"

	"github.com/mortondb/morton/internal/document"
)

// $eq, $ne, $gt, $gte, $lt, $lte: comparison with one value.

// comparison compares as mongod's ComparisonMatchExpression: only values of the same kind (document.Type.Order)
// compare, except that null equals missing and undefined, and that MinKey and MaxKey lie beyond everything.
type comparison struct {
	op       Op
	value    document.Value
	collator document.Collator
}

func (p *comparison) matchValue(v document.Value, _ *matching) bool {
	if p.op == OpEq && v.Type == p.value.Type {
		switch v.Type { // those for which equal is identical
		case document.TypeString:
			if p.collator == nil {
				return bytes.Equal(v.Data, p.value.Data)
			}
		case document.TypeObjectID, document.TypeInt32, document.TypeInt64, document.TypeBool, document.TypeDate:
			return bytes.Equal(v.Data, p.value.Data)
		}
	}
	if v.Type.Order() != p.value.Type.Order() {
		return p.matchOtherKind(v)
	}
	if v.IsNumber() && (isNaN(v) || isNaN(p.value)) {
		return isNaN(v) && isNaN(p.value) && p.op != OpLt && p.op != OpGt
	}
	return p.holds(document.CompareWith(p.collator, v, p.value))
}

func (p *comparison) holds(order int) bool {
	switch p.op {
	case OpLt:
		return order < 0
	case OpLte:
		return order <= 0
	case OpGt:
		return order > 0
	case OpGte:
		return order >= 0
	}
	return order == 0
}

func (p *comparison) matchOtherKind(v document.Value) bool {
	switch p.value.Type {
	case document.TypeNull:
		return v.IsNullish() && p.op != OpLt && p.op != OpGt
	case document.TypeMaxKey:
		return p.op == OpLt || p.op == OpLte
	case document.TypeMinKey:
		return p.op == OpGt || p.op == OpGte
	}
	return false
}

func isNaN(v document.Value) bool {
	switch v.Type {
	case document.TypeDouble:
		f := v.Double()
		return f != f
	case document.TypeDecimal128:
		return v.Decimal128().IsNaN()
	}
	return false
}

func (c *filterCompiler) comparison(op Op, path string, v document.Value) *Node {
	return &Node{Op: op, Path: path, Value: v, pred: &comparison{op, v, c.collator}, spread: true}
}

// parseValue is {path: value}: a regular expression stands for what matches it.
func parseValue(c *filterCompiler, path string, value document.Value) (*Node, error) {
	if value.Type == document.TypeRegex {
		return parseRegexValue(path, value)
	}
	return parseEq(c, path, value)
}

// parseEq is {path: {$eq: value}}: a regular expression stands for itself.
func parseEq(c *filterCompiler, path string, operand document.Value) (*Node, error) {
	if operand.Type == document.TypeUndefined {
		return nil, badValue("cannot compare to undefined")
	}
	return c.comparison(OpEq, path, operand), nil
}

func parseNe(c *filterCompiler, path string, operand document.Value) (*Node, error) {
	switch operand.Type {
	case document.TypeUndefined:
		return nil, badValue("cannot compare to undefined")
	case document.TypeRegex:
		return nil, badValue("Can't have regex as arg to $ne.")
	}
	return not(path, c.comparison(OpEq, path, operand)), nil
}

func parseOrder(op Op) func(*filterCompiler, string, document.Value) (*Node, error) {
	return func(c *filterCompiler, path string, operand document.Value) (*Node, error) {
		switch operand.Type {
		case document.TypeUndefined:
			return nil, badValue("cannot compare to undefined")
		case document.TypeRegex:
			return nil, badValue("Can't have RegEx as arg to predicate over field '%s'.", path)
		}
		return c.comparison(op, path, operand), nil
	}
}
