package expr

import (
	"math"

	"github.com/mortondb/morton/internal/decimal"
	"github.com/mortondb/morton/internal/document"
)

func init() {
	register(map[string]operator{
		"$sqrt":  {min: 1, max: 1, eval: number(sqrt)},
		"$exp":   {min: 1, max: 1, eval: number(function(math.Exp, decimal.Number.Exp))},
		"$ln":    {min: 1, max: 1, eval: number(logarithm(28766, "$ln", math.Log, decimal.Number.Ln))},
		"$log10": {min: 1, max: 1, eval: number(logarithm(28761, "$log10", math.Log10, decimal.Number.Log10))},
		"$log":   {min: 2, max: 2, eval: two(log)},
		"$pow":   {min: 2, max: 2, eval: two(pow)},
	})
	trigonometric := func(f func(float64) float64, inside func(f float64) bool, bounds string) operator {
		return operator{min: 1, max: 1, eval: number(func(x *Evaluator, o *call, v document.Value) (document.Value, error) {
			f64, _ := v.AsFloat64()
			if f64 == f64 && !inside(f64) {
				return missing, fail(50989, "cannot apply %s to %s, value must be in %s", o.name, v, bounds)
			}
			if v.Type == document.TypeDecimal128 {
				return decimalOf(f(f64)), nil
			}
			return x.double(f(f64)), nil
		})}
	}
	finite := func(f float64) bool { return !math.IsInf(f, 0) }
	unit := func(f float64) bool { return -1 <= f && f <= 1 }
	anything := func(float64) bool { return true }
	register(map[string]operator{
		"$sin":   trigonometric(math.Sin, finite, "(-inf,inf)"),
		"$cos":   trigonometric(math.Cos, finite, "(-inf,inf)"),
		"$tan":   trigonometric(math.Tan, finite, "(-inf,inf)"),
		"$asin":  trigonometric(math.Asin, unit, "[-1,1]"),
		"$acos":  trigonometric(math.Acos, unit, "[-1,1]"),
		"$atan":  trigonometric(math.Atan, anything, ""),
		"$sinh":  trigonometric(math.Sinh, anything, ""),
		"$cosh":  trigonometric(math.Cosh, anything, ""),
		"$tanh":  trigonometric(math.Tanh, anything, ""),
		"$asinh": trigonometric(math.Asinh, anything, ""),
		"$acosh": trigonometric(math.Acosh, func(f float64) bool { return f >= 1 }, "[1,inf]"),
		"$atanh": trigonometric(math.Atanh, unit, "[-1,1]"),
		"$atan2": {min: 2, max: 2, eval: two(atan2)},
		"$degreesToRadians": {min: 1, max: 1, eval: number(function(func(f float64) float64 { return f * (math.Pi / 180) },
			func(d decimal.Number) decimal.Number { return d.Mul(piOver180) }))},
		"$radiansToDegrees": {min: 1, max: 1, eval: number(function(func(f float64) float64 { return f * (180 / math.Pi) },
			func(d decimal.Number) decimal.Number { return d.Mul(by180OverPi) }))},
	})
}

var (
	piOver180, _   = decimal.Parse("0.01745329251994329576923690768488613")
	by180OverPi, _ = decimal.Parse("57.29577951308232087679815481410517")
)

// decimalOf returns a result that was calculated as a double.
func decimalOf(f float64) document.Value { return decimal.Of(document.Double(f)).Value() }

// function makes an operator's function of one for doubles and one for decimals.
func function(double func(float64) float64, dec func(decimal.Number) decimal.Number) func(*Evaluator, *call, document.Value) (document.Value, error) {
	return func(x *Evaluator, _ *call, v document.Value) (document.Value, error) {
		if v.Type == document.TypeDecimal128 {
			return dec(decimal.Of(v)).Value(), nil
		}
		f, _ := v.AsFloat64()
		return x.double(double(f)), nil
	}
}

func logarithm(code codeNumber, name string, double func(float64) float64, dec func(decimal.Number) decimal.Number) func(*Evaluator, *call, document.Value) (document.Value, error) {
	calculate := function(double, dec)
	return func(x *Evaluator, o *call, v document.Value) (document.Value, error) {
		if f, _ := v.AsFloat64(); f <= 0 {
			return missing, fail(code, "%s's argument must be a positive number, but is %s", name, v)
		}
		return calculate(x, o, v)
	}
}

func sqrt(x *Evaluator, _ *call, v document.Value) (document.Value, error) {
	f, _ := v.AsFloat64()
	if f < 0 {
		return missing, fail(28714, "$sqrt's argument must be greater than or equal to 0")
	}
	if v.Type == document.TypeDecimal128 {
		return decimal.Of(v).Sqrt().Value(), nil
	}
	return x.double(math.Sqrt(f)), nil
}

func log(x *Evaluator, _ *call, v, base document.Value) (document.Value, error) {
	switch {
	case nullish(v, base):
		return document.Null, nil
	case !v.IsNumber():
		return missing, fail(28756, "$log's argument must be numeric, not %s", v.Type)
	case !base.IsNumber():
		return missing, fail(28757, "$log's base must be numeric, not %s", base.Type)
	}
	f, _ := v.AsFloat64()
	b, _ := base.AsFloat64()
	switch {
	case f <= 0:
		return missing, fail(28758, "$log's argument must be a positive number, but is %s", v)
	case b <= 0 || b == 1:
		return missing, fail(28759, "$log's base must be a positive number not equal to 1, but is %s", base)
	}
	if wider(v.Type, base.Type) == document.TypeDecimal128 {
		return decimal.Of(v).Log10().Quo(decimal.Of(base).Log10()).Value(), nil
	}
	return x.double(math.Log(f) / math.Log(b)), nil
}

func pow(x *Evaluator, _ *call, base, exponent document.Value) (document.Value, error) {
	switch {
	case nullish(base, exponent):
		return document.Null, nil
	case !base.IsNumber():
		return missing, fail(28762, "$pow's base must be numeric, not %s", base.Type)
	case !exponent.IsNumber():
		return missing, fail(28763, "$pow's exponent must be numeric, not %s", exponent.Type)
	}
	b, _ := base.AsFloat64()
	e, _ := exponent.AsFloat64()
	if b == 0 && e < 0 {
		return missing, fail(28764, "$pow cannot take a base of 0 and a negative exponent")
	}
	switch wider(base.Type, exponent.Type) {
	case document.TypeDecimal128:
		return decimal.Of(base).Pow(decimal.Of(exponent)).Value(), nil
	case document.TypeDouble:
		return x.double(math.Pow(b, e)), nil
	}
	m, _ := base.AsInt64()
	n, _ := exponent.AsInt64()
	result, ok := integerPower(m, n)
	switch {
	case !ok:
		return x.double(math.Pow(b, e)), nil
	case base.Type == document.TypeInt64 || exponent.Type == document.TypeInt64:
		return x.int64(result), nil
	}
	return x.intOrLong(result), nil
}

// integerPower returns base^exponent if it is an int64.
func integerPower(base, exponent int64) (result int64, ok bool) {
	switch {
	case base == 1:
		return 1, true
	case base == -1:
		return 1 - 2*(exponent&1), true
	case exponent < 0 || exponent > 63 && base != 0:
		return 0, false
	case base == 0:
		if exponent == 0 {
			return 1, true
		}
		return 0, true
	}
	result = 1
	for range exponent {
		if result, ok = multiplied(result, base); !ok {
			return 0, false
		}
	}
	return result, true
}

func atan2(x *Evaluator, o *call, a, b document.Value) (document.Value, error) {
	switch {
	case nullish(a, b):
		return document.Null, nil
	case !a.IsNumber():
		return missing, fail(51044, "%s only supports numeric types, not %s", o.name, a.Type)
	case !b.IsNumber():
		return missing, fail(51045, "%s only supports numeric types, not %s", o.name, b.Type)
	}
	f, _ := a.AsFloat64()
	g, _ := b.AsFloat64()
	if wider(a.Type, b.Type) == document.TypeDecimal128 {
		return decimalOf(math.Atan2(f, g)), nil
	}
	return x.double(math.Atan2(f, g)), nil
}
