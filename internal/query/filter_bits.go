package query

import (
	"math"
	"math/bits"

	"github.com/mortondb/morton/internal/decimal"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// $bitsAllSet, $bitsAllClear, $bitsAnySet, $bitsAnyClear: single bits of integers and of binary data.

type bitTest struct {
	positions []uint32
	mask      uint64 // those below 64
	set, all  bool
}

func (p *bitTest) matchValue(v document.Value, _ *matching) bool {
	switch v.Type {
	case document.TypeInt32, document.TypeInt64, document.TypeDouble:
		n, exact := v.AsInt64()
		return exact && p.matchInteger(n)
	case document.TypeDecimal128: // unlike a double it is rounded, and what is no int64 becomes the least one
		n, ok := decimal.Of(v).Int64(decimal.HalfEven)
		if !ok {
			n = math.MinInt64
		}
		return p.matchInteger(n)
	case document.TypeBinary:
		_, data := v.Binary()
		return p.match(func(i uint32) bool { return int(i/8) < len(data) && data[i/8]>>(i%8)&1 != 0 })
	}
	return false
}

func (p *bitTest) matchInteger(n int64) bool {
	if bits.OnesCount64(p.mask) == len(p.positions) {
		word := uint64(n)
		if !p.set {
			word = ^word
		}
		if p.all {
			return word&p.mask == p.mask
		}
		return word&p.mask != 0
	}
	return p.match(func(i uint32) bool { return n>>min(i, 63)&1 != 0 }) // beyond 63 there is the sign
}

// match tries the bits one by one. None at all are all set, but none of them is set.
func (p *bitTest) match(isSet func(i uint32) bool) bool {
	for _, i := range p.positions {
		if (isSet(i) == p.set) != p.all {
			return !p.all
		}
	}
	return p.all
}

func parseBits(name Op, set, all bool) func(*filterCompiler, string, document.Value) (*Node, error) {
	return func(_ *filterCompiler, path string, operand document.Value) (*Node, error) {
		p := &bitTest{set: set, all: all}
		err := error(nil)
		switch {
		case operand.Type == document.TypeArray:
			for it := operand.Doc().Iter(); it.Next() && err == nil; {
				var i uint32
				i, err = bitPosition(it.Key(), it.Value())
				p.positions = append(p.positions, i)
			}
		case operand.IsNumber():
			var n int64
			if n, err = bitMask(string(name), operand); err == nil {
				for i := range uint32(64) {
					if n>>i&1 != 0 {
						p.positions = append(p.positions, i)
					}
				}
			}
		case operand.Type == document.TypeBinary:
			_, data := operand.Binary()
			for i, b := range data {
				for j := range 8 {
					if b>>j&1 != 0 {
						p.positions = append(p.positions, uint32(i*8+j))
					}
				}
			}
		default:
			err = badValue("%s takes an Array, a number, or a BinData but received: %s", path, elementText(string(name), operand))
		}
		if err != nil {
			return nil, err
		}
		for _, i := range p.positions {
			if i < 64 {
				p.mask |= 1 << i
			}
		}
		return &Node{Op: name, Path: path, Value: operand, pred: p, spread: true}, nil
	}
}

// bitNumber reads a number that is not negative.
func bitNumber(name string, v document.Value) (n int64, problem string) {
	text := elementText(name, v)
	f, _ := v.AsFloat64()
	n, exact := v.AsInt64()
	switch {
	case !v.IsNumber():
		return 0, "Expected a number in: " + text
	case f != f:
		return 0, "Expected an integer, but found NaN in: " + text
	case !exact && f == math.Trunc(f):
		return 0, "Cannot represent as a 64-bit integer: " + text
	case !exact:
		return 0, "Expected an integer: " + text
	case n < 0:
		return 0, "Expected a non-negative number in: " + text
	}
	return n, ""
}

func bitMask(name string, v document.Value) (int64, error) {
	n, problem := bitNumber(name, v)
	if problem != "" {
		return 0, mongoerr.New(mongoerr.FailedToParse, "%s", problem)
	}
	return n, nil
}

func bitPosition(name string, v document.Value) (uint32, error) {
	n, problem := bitNumber(name, v)
	switch {
	case problem != "":
		return 0, badValue("Failed to parse bit position. %s", problem)
	case n > math.MaxInt32:
		return 0, badValue("Failed to parse bit position. bit positions cannot be represented as a 32-bit signed integer: %s", elementText(name, v))
	}
	return uint32(n), nil
}
