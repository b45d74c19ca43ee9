package query

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/mortondb/morton/internal/decimal"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// $inc, $mul, $bit: arithmetic with mongod's rules of numeric types (SafeNum): the result has the wider of the two types,
// an int32 that overflows becomes an int64, an int64 that overflows is an error.

type arithmetic struct {
	name    string
	operand document.Value
	mul     bool
}

func (op *arithmetic) apply(a *applier, old document.Value) (document.Value, effect, error) {
	switch {
	case old.IsMissing() && op.mul:
		v, _ := op.result(a, document.Int32(0))
		return v, stored, nil
	case old.IsMissing():
		return op.operand, stored, nil
	case !old.IsNumber():
		return old, unchanged, mongoerr.New(mongoerr.TypeMismatch, "Cannot apply %s to a value of non-numeric type. {%s} has the field '%s' of non-numeric type %v",
			op.name, a.idText(), a.path[len(a.path)-1], old.Type)
	}
	v, ok := op.result(a, old)
	if !ok {
		return old, unchanged, badValue("Failed to apply %s operations to current value ((%s)%s) for document {%s}", op.name, shellType(old.Type), valueText(old), a.idText())
	}
	if v.Type == old.Type && document.Equal(v, old) {
		return old, unchanged, nil // as mongod: -0 stays -0, and 1.10 does not become 1.100
	}
	return v, stored, nil
}

func (op *arithmetic) result(a *applier, old document.Value) (v document.Value, ok bool) {
	x, y := old, op.operand
	switch {
	case x.Type == document.TypeDecimal128 || y.Type == document.TypeDecimal128:
		if op.mul {
			return decimal.Of(x).Mul(decimal.Of(y)).Value(), true
		}
		return decimal.Of(x).Add(decimal.Of(y)).Value(), true
	case x.Type == document.TypeDouble || y.Type == document.TypeDouble:
		f, _ := x.AsFloat64()
		g, _ := y.AsFloat64()
		if op.mul {
			return a.double(f * g), true
		}
		return a.double(f + g), true
	}
	m, _ := x.AsInt64()
	n, _ := y.AsInt64()
	sum, ok := addInt64(m, n)
	if op.mul {
		sum, ok = mulInt64(m, n)
	}
	if x.Type == document.TypeInt32 && y.Type == document.TypeInt32 && sum == int64(int32(sum)) {
		return a.int32(int32(sum)), true
	}
	return a.int64(sum), ok
}

func addInt64(m, n int64) (int64, bool) {
	sum := m + n
	return sum, (sum > m) == (n > 0)
}

func mulInt64(m, n int64) (int64, bool) {
	if m == 0 || n == 0 {
		return 0, true
	}
	hi, lo := bits.Mul64(magnitude(m), magnitude(n))
	negative := (m < 0) != (n < 0)
	switch {
	case hi != 0 || lo > 1<<63 || lo == 1<<63 && !negative:
		return 0, false
	case negative:
		return -int64(lo), true
	}
	return int64(lo), true
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// Numbers in the applier's buffer.

func (a *applier) int32(n int32) document.Value {
	binary.LittleEndian.PutUint32(a.number[:], uint32(n))
	return document.Value{Type: document.TypeInt32, Data: a.number[:4]}
}

func (a *applier) int64(n int64) document.Value {
	binary.LittleEndian.PutUint64(a.number[:], uint64(n))
	return document.Value{Type: document.TypeInt64, Data: a.number[:8]}
}

func (a *applier) double(f float64) document.Value {
	binary.LittleEndian.PutUint64(a.number[:], math.Float64bits(f))
	return document.Value{Type: document.TypeDouble, Data: a.number[:8]}
}

func shellType(t document.Type) string {
	switch t {
	case document.TypeInt32:
		return "NumberInt"
	case document.TypeInt64:
		return "NumberLong"
	case document.TypeDecimal128:
		return "NumberDecimal"
	}
	return "NumberDouble"
}

func parseInc(path string, operand document.Value) (operator, error) {
	if !operand.IsNumber() {
		return nil, mongoerr.New(mongoerr.TypeMismatch, "Cannot increment with non-numeric argument: %s", bracedText(path, operand))
	}
	return &arithmetic{"$inc", operand, false}, nil
}

func parseMul(path string, operand document.Value) (operator, error) {
	if !operand.IsNumber() {
		return nil, mongoerr.New(mongoerr.TypeMismatch, "Cannot multiply with non-numeric argument: %s", bracedText(path, operand))
	}
	return &arithmetic{"$mul", operand, true}, nil
}

// bit is a list of bitwise operations.
type bit []bitOperation

type bitOperation struct {
	and, or, xor bool
	operand      document.Value
}

func (op bit) apply(a *applier, old document.Value) (document.Value, effect, error) {
	switch old.Type {
	case document.TypeMissing:
		old = document.Int32(0)
	case document.TypeInt32, document.TypeInt64:
	default:
		return old, unchanged, badValue("Cannot apply $bit to a value of non-integral type.%s has the field %s of non-integer type %v",
			a.idText(), a.path[len(a.path)-1], old.Type)
	}
	n, _ := old.AsInt64()
	wide := old.Type == document.TypeInt64
	for _, o := range op {
		m, _ := o.operand.AsInt64()
		switch {
		case o.and:
			n &= m
		case o.or:
			n |= m
		default:
			n ^= m
		}
		wide = wide || o.operand.Type == document.TypeInt64
	}
	if wide {
		return a.int64(n), stored, nil
	}
	return a.int32(int32(n)), stored, nil
}

func parseBit(_ string, operand document.Value) (operator, error) {
	if operand.Type != document.TypeDocument {
		return nil, badValue("The $bit modifier is not compatible with a %v. You must pass in an embedded document: {$bit: {field: {and/or/xor: #}}", operand.Type)
	}
	var op bit
	for it := operand.Doc().Iter(); it.Next(); {
		name, v := it.Key(), it.Value()
		o := bitOperation{name == "and", name == "or", name == "xor", v}
		switch {
		case !o.and && !o.or && !o.xor:
			return nil, badValue("The $bit modifier only supports 'and', 'or', and 'xor', not '%s' which is an unknown operator: %s", name, bracedText(name, v))
		case v.Type != document.TypeInt32 && v.Type != document.TypeInt64:
			return nil, badValue("The $bit modifier field must be an Integer(32/64 bit); a '%v' is not supported here: %s", v.Type, bracedText(name, v))
		}
		op = append(op, o)
	}
	if len(op) == 0 {
		return nil, badValue("You must pass in at least one bitwise operation. The format is: {$bit: {field: {and/or/xor: #}}")
	}
	return op, nil
}
