package expr

import (
	"math"
	"math/bits"

	"github.com/mortondb/morton/internal/decimal"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func init() {
	register(map[string]operator{
		"$add":      {max: -1, eval: evalAdd},
		"$multiply": {max: -1, eval: evalMultiply},
		"$subtract": {min: 2, max: 2, eval: two(subtract)},
		"$divide":   {min: 2, max: 2, eval: two(divide)},
		"$mod":      {min: 2, max: 2, eval: two(mod)},
		"$abs":      {min: 1, max: 1, eval: number(abs)},
		"$ceil":     {min: 1, max: 1, eval: number(roundTo(math.Ceil, decimal.Ceiling))},
		"$floor":    {min: 1, max: 1, eval: number(roundTo(math.Floor, decimal.Floor))},
		"$round":    {min: 1, max: 2, eval: evalRound(decimal.HalfEven)},
		"$trunc":    {min: 1, max: 2, eval: evalRound(decimal.TowardZero)},
	})
}

// evalAdd adds numbers, and at most one date.
func evalAdd(x *Evaluator, o *call) (document.Value, error) {
	var t total
	isDate := false
	for _, n := range o.args {
		v, err := n.eval(x)
		if err != nil {
			return v, err
		}
		switch {
		case v.IsNumber():
			t.add(v)
		case v.Type == document.TypeDate:
			if isDate {
				return missing, fail(16612, "only one date allowed in an $add expression")
			}
			isDate = true
			t.plain.addInt(v.Int64())
		case v.IsNullish():
			return document.Null, nil
		default:
			return missing, fail(16554, "$add only supports numeric or date types, not %s", v.Type)
		}
	}
	if isDate {
		return t.date(x)
	}
	return t.value(x), nil
}

func (t *total) date(x *Evaluator) (document.Value, error) {
	n, ok := int64(0), false
	switch t.widest {
	case document.TypeDecimal128:
		n, ok = t.decimal.Add(t.plain.decimal()).Int64(decimal.HalfEven)
	case document.TypeDouble:
		f := math.Round(t.plain.double())
		n, ok = int64(f), f >= -(1<<63) && f < 1<<63
	default:
		n, ok = t.plain.integer()
	}
	if !ok {
		return missing, mongoerr.New(mongoerr.Overflow, "date overflow in $add")
	}
	return x.date(n), nil
}

// evalMultiply multiplies from left to right: integers as long as they fit, then doubles.
func evalMultiply(x *Evaluator, o *call) (document.Value, error) {
	widest := document.TypeInt32
	product, whole, exact := 1.0, int64(1), true
	dec, isDecimal := decimal.OfInt(1), false
	for _, n := range o.args {
		v, err := n.eval(x)
		switch {
		case err != nil:
			return v, err
		case v.IsNullish():
			return document.Null, nil
		case !v.IsNumber():
			return missing, mongoerr.New(mongoerr.TypeMismatch, "$multiply only supports numeric types, not %s", v.Type)
		}
		before := widest
		widest = wider(widest, v.Type)
		switch {
		case isDecimal:
			dec = dec.Mul(decimal.Of(v))
		case widest == document.TypeDecimal128:
			switch {
			case before == document.TypeDouble || !exact:
				dec = decimal.Of(document.Double(product))
			default:
				dec = decimal.OfInt(whole)
			}
			dec, isDecimal = dec.Mul(decimal.Of(v)), true
		default:
			f, _ := v.AsFloat64()
			product *= f
			if i, ok := v.AsInt64(); ok && v.Type != document.TypeDouble && exact {
				whole, exact = multiplied(whole, i)
			}
		}
	}
	switch {
	case isDecimal:
		return dec.Value(), nil
	case widest == document.TypeDouble || !exact:
		return x.double(product), nil
	case widest == document.TypeInt64:
		return x.int64(whole), nil
	}
	return x.intOrLong(whole), nil
}

func multiplied(a, b int64) (product int64, ok bool) {
	high, low := bits.Mul64(uint64(a), uint64(b))
	product = int64(low)
	signed := int64(high)
	if a < 0 {
		signed -= b
	}
	if b < 0 {
		signed -= a
	}
	return product, signed == product>>63
}

func subtract(x *Evaluator, _ *call, a, b document.Value) (document.Value, error) {
	switch {
	case nullish(a, b):
		return document.Null, nil
	case a.Type == document.TypeDate && b.Type == document.TypeDate:
		n, ok := subtracted(a.Int64(), b.Int64())
		if !ok {
			return missing, mongoerr.New(mongoerr.Overflow, "date overflow in $subtract")
		}
		return x.int64(n), nil
	case a.Type == document.TypeDate && b.IsNumber():
		ms, _ := b.ToInt64()
		if b.Type == document.TypeDouble {
			ms = int64(math.Round(b.Double()))
		}
		n, ok := subtracted(a.Int64(), ms)
		if !ok {
			return missing, mongoerr.New(mongoerr.Overflow, "date overflow in $subtract")
		}
		return x.date(n), nil
	case !a.IsNumber() || !b.IsNumber():
		return missing, mongoerr.New(mongoerr.TypeMismatch, "can't $subtract %s from %s", b.Type, a.Type)
	}
	switch wider(a.Type, b.Type) {
	case document.TypeDecimal128:
		return decimal.Of(a).Sub(decimal.Of(b)).Value(), nil
	case document.TypeDouble:
		f, _ := a.AsFloat64()
		g, _ := b.AsFloat64()
		return x.double(f - g), nil
	}
	m, _ := a.AsInt64()
	n, _ := b.AsInt64()
	d, ok := subtracted(m, n)
	switch {
	case !ok:
		return x.double(float64(m) - float64(n)), nil
	case a.Type == document.TypeInt64 || b.Type == document.TypeInt64:
		return x.int64(d), nil
	}
	return x.intOrLong(d), nil
}

func subtracted(a, b int64) (d int64, ok bool) {
	d = a - b
	return d, (d < a) == (b > 0)
}

func divide(x *Evaluator, _ *call, a, b document.Value) (document.Value, error) {
	switch {
	case a.IsNumber() && b.IsNumber():
	case nullish(a, b):
		return document.Null, nil
	default:
		return missing, mongoerr.New(mongoerr.TypeMismatch, "$divide only supports numeric types, not %s and %s", a.Type, b.Type)
	}
	if g, _ := b.AsFloat64(); g == 0 {
		return missing, mongoerr.New(mongoerr.BadValue, "can't $divide by zero")
	}
	if wider(a.Type, b.Type) == document.TypeDecimal128 {
		return decimal.Of(a).Quo(decimal.Of(b)).Value(), nil
	}
	f, _ := a.AsFloat64()
	g, _ := b.AsFloat64()
	return x.double(f / g), nil
}

func mod(x *Evaluator, _ *call, a, b document.Value) (document.Value, error) {
	switch {
	case a.IsNumber() && b.IsNumber():
	case nullish(a, b):
		return document.Null, nil
	default:
		return missing, fail(16611, "$mod only supports numeric types, not %s and %s", a.Type, b.Type)
	}
	if g, _ := b.AsFloat64(); g == 0 {
		if b.Type == document.TypeDecimal128 {
			return missing, fail(5733415, "can't $mod by zero")
		}
		return missing, fail(16610, "can't $mod by zero")
	}
	switch {
	case wider(a.Type, b.Type) == document.TypeDecimal128:
		return decimal.Of(a).Rem(decimal.Of(b)).Value(), nil
	case a.Type == document.TypeDouble || b.Type == document.TypeDouble && !whole(b):
		f, _ := a.AsFloat64()
		g, _ := b.AsFloat64()
		return x.double(math.Mod(f, g)), nil
	}
	m, _ := a.AsInt64()
	n, _ := b.AsInt64()
	rest := int64(0)
	if n != -1 {
		rest = m % n
	}
	if a.Type == document.TypeInt64 || b.Type == document.TypeInt64 {
		return x.int64(rest), nil
	}
	return x.int32(int32(rest)), nil
}

func whole(v document.Value) bool {
	_, ok := integer(v)
	return ok
}

// number makes an operator's function of one that takes a number; what is nullish gives null.
func number(f func(x *Evaluator, o *call, v document.Value) (document.Value, error)) func(*Evaluator, *call) (document.Value, error) {
	return one(func(x *Evaluator, o *call, v document.Value) (document.Value, error) {
		switch {
		case v.IsNullish():
			return document.Null, nil
		case !v.IsNumber():
			return missing, fail(28765, "%s only supports numeric types, not %s", o.name, v.Type)
		}
		return f(x, o, v)
	})
}

func abs(x *Evaluator, _ *call, v document.Value) (document.Value, error) {
	switch v.Type {
	case document.TypeDouble:
		return x.double(math.Abs(v.Double())), nil
	case document.TypeDecimal128:
		return decimal.Of(v).Abs().Value(), nil
	}
	n, _ := v.AsInt64()
	switch {
	case n == math.MinInt64:
		return missing, fail(28680, "can't take $abs of long long min")
	case n < 0:
		n = -n
	}
	if v.Type == document.TypeInt64 {
		return x.int64(n), nil
	}
	return x.intOrLong(n), nil
}

func roundTo(double func(float64) float64, how decimal.Rounding) func(*Evaluator, *call, document.Value) (document.Value, error) {
	return func(x *Evaluator, _ *call, v document.Value) (document.Value, error) {
		switch v.Type {
		case document.TypeDouble:
			return x.double(double(v.Double())), nil
		case document.TypeDecimal128:
			return decimal.Of(v).Round(0, how).Value(), nil
		}
		return v, nil
	}
}

// evalRound is $round and $trunc: to some digits behind the point, or, if negative, before it.
func evalRound(how decimal.Rounding) func(*Evaluator, *call) (document.Value, error) {
	return all(func(x *Evaluator, o *call, args []document.Value) (document.Value, error) {
		v := args[0]
		switch {
		case v.IsNullish():
			return document.Null, nil
		case !v.IsNumber():
			return missing, fail(51081, "%s only supports numeric types, not %s", o.name, v.Type)
		}
		place := int64(0)
		if len(args) > 1 {
			p := args[1]
			if p.IsNullish() {
				return document.Null, nil
			}
			n, exact := p.AsInt64()
			if !p.IsNumber() {
				return missing, fail(16004, "can't convert from BSON type %s to long", p.Type)
			}
			if !exact {
				return missing, fail(51082, "precision argument to  %s must be a integral value", o.name)
			}
			if n < -20 || n > 100 {
				return missing, fail(51083, "cannot apply %s with precision value %d value must be in [-20, 100]", o.name, n)
			}
			place = n
		}
		return rounded(x, v, int(place), how)
	})
}

func rounded(x *Evaluator, v document.Value, place int, how decimal.Rounding) (document.Value, error) {
	switch v.Type {
	case document.TypeDecimal128:
		return decimal.Of(v).Round(place, how).Value(), nil
	case document.TypeDouble:
		f := v.Double()
		if place == 0 {
			if how == decimal.HalfEven {
				return x.double(math.RoundToEven(f)), nil
			}
			return x.double(math.Trunc(f)), nil
		}
		return x.double(decimal.Of(v).Round(place, how).Float64()), nil
	}
	if place >= 0 {
		return v, nil
	}
	n, _ := v.AsInt64()
	r := decimal.OfInt(n).Round(place, how)
	whole, ok := r.Truncated()
	switch {
	case !ok:
		return missing, fail(51080, "invalid conversion from Decimal128 result in $round resulting from arguments: [%s, %d]", v, place)
	case v.Type == document.TypeInt32:
		return x.intOrLong(whole), nil
	}
	return x.int64(whole), nil
}
