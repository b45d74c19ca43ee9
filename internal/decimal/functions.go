package decimal

import (
	"math/big"

	"github.com/cockroachdb/apd/v3"
)

// precise calculates with more digits than are kept, so that the last one is right.
var precise = &apd.Context{Precision: digits + 14, MaxExponent: 100_000, MinExponent: -100_000, Rounding: apd.RoundHalfEven}

func (d Number) apd() *apd.Decimal {
	x := &apd.Decimal{Negative: d.neg}
	switch {
	case d.nan:
		x.Form = apd.NaN
	case d.coef == nil:
		x.Form = apd.Infinite
	default:
		x.Coeff.SetMathBigInt(d.coef)
		x.Exponent = int32(d.exp)
	}
	return x
}

func fromAPD(x *apd.Decimal) Number {
	switch x.Form {
	case apd.Finite:
		return Number{neg: x.Negative, coef: x.Coeff.MathBigInt(), exp: int(x.Exponent)}.rounded()
	case apd.Infinite:
		return Inf(x.Negative)
	}
	return NaN
}

// calculate runs one of apd's functions; what it has no result for is NaN.
func calculate(f func(z *apd.Decimal) (apd.Condition, error)) Number {
	var z apd.Decimal
	condition, err := f(&z)
	if err != nil || condition.InvalidOperation() || condition.DivisionUndefined() {
		return NaN
	}
	reduced := fromAPD(&z)
	return reduced.trimmed()
}

// trimmed drops zeros at the end of a fraction.
func (d Number) trimmed() Number {
	if d.coef == nil {
		return d
	}
	for d.exp < 0 {
		q, r := new(big.Int).QuoRem(d.coef, bigTen, new(big.Int))
		if r.Sign() != 0 || d.coef.Sign() == 0 {
			break
		}
		d.coef, d.exp = q, d.exp+1
	}
	if d.coef.Sign() == 0 {
		d.exp = 0
	}
	return d
}

// Sqrt returns the square root.
func (d Number) Sqrt() Number {
	return calculate(func(z *apd.Decimal) (apd.Condition, error) { return precise.Sqrt(z, d.apd()) })
}

// maxExponential is beyond the logarithm of the largest number.
var maxExponential = OfInt(15_000)

// Exp returns e^d.
func (d Number) Exp() Number {
	switch {
	case d.nan:
		return d
	case d.infinite() || d.Abs().Cmp(maxExponential) > 0:
		if d.neg {
			return Zero
		}
		return Inf(false)
	}
	return calculate(func(z *apd.Decimal) (apd.Condition, error) { return precise.Exp(z, d.apd()) })
}

// Ln returns the natural logarithm.
func (d Number) Ln() Number {
	if d.infinite() && !d.neg {
		return d
	}
	return calculate(func(z *apd.Decimal) (apd.Condition, error) { return precise.Ln(z, d.apd()) })
}

// Log10 returns the logarithm to the base of 10.
func (d Number) Log10() Number {
	if d.infinite() && !d.neg {
		return d
	}
	return calculate(func(z *apd.Decimal) (apd.Condition, error) { return precise.Log10(z, d.apd()) })
}

// Pow returns d^e.
func (d Number) Pow(e Number) Number {
	switch {
	case e.IsZero():
		return OfInt(1)
	case d.nan || e.nan:
		return NaN
	}
	if d.IsFinite() && e.IsFinite() && !d.IsZero() {
		size := e.Mul(d.Abs().Ln())
		if size.Abs().Cmp(maxExponential) > 0 {
			odd := e.IsInteger() && !e.Rem(OfInt(2)).IsZero()
			if size.neg {
				return Zero
			}
			return Inf(d.neg && odd)
		}
	}
	return calculate(func(z *apd.Decimal) (apd.Condition, error) { return precise.Pow(z, d.apd(), e.apd()) })
}
