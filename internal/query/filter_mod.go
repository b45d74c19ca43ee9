package query

import (
	"math"

	"github.com/mortondb/morton/internal/decimal"
	"github.com/mortondb/morton/internal/document"
)

// $mod: the remainder of a division of integers. Fractions are cut off.

type mod struct{ divisor, remainder int64 }

func (p *mod) matchValue(v document.Value, _ *matching) bool {
	n, ok := truncated(v)
	return ok && n%p.divisor == p.remainder
}

// truncated returns a finite number without its fraction, if that is an int64.
func truncated(v document.Value) (n int64, ok bool) {
	switch v.Type {
	case document.TypeDouble:
		f := math.Trunc(v.Double())
		if !(f >= -(1<<63) && f < 1<<63) {
			return 0, false
		}
		return int64(f), true
	case document.TypeDecimal128:
		return decimal.Of(v).Truncated()
	}
	return v.AsInt64()
}

func parseMod(_ *filterCompiler, path string, operand document.Value) (*Node, error) {
	if operand.Type != document.TypeArray {
		return nil, badValue("malformed mod, needs to be an array")
	}
	var args []document.Value
	for it := operand.Doc().Iter(); it.Next(); {
		args = append(args, it.Value())
	}
	switch {
	case len(args) < 2:
		return nil, badValue("malformed mod, not enough elements")
	case len(args) > 2:
		return nil, badValue("malformed mod, too many elements")
	}
	divisor, err := modArgument("divisor", args[0])
	if err != nil {
		return nil, err
	}
	if divisor == 0 {
		return nil, badValue("divisor cannot be 0")
	}
	remainder, err := modArgument("remainder", args[1])
	if err != nil {
		return nil, err
	}
	return &Node{Op: OpMod, Path: path, Value: operand, pred: &mod{divisor, remainder}, spread: true}, nil
}

func modArgument(name string, v document.Value) (int64, error) {
	if !v.IsNumber() {
		return 0, badValue("malformed mod, %s not a number", name)
	}
	n, ok := truncated(v)
	if ok {
		return n, nil
	}
	why := "Out of bounds coercing to integral value"
	if f, _ := v.AsFloat64(); f != f || math.IsInf(f, 0) {
		why = "Unable to coerce NaN/Inf to integral type"
	}
	return 0, badValue("malformed mod, %s value is invalid :: caused by :: %s", name, why)
}
