package keys

import (
	"bytes"
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// value makes a value of a Go one with the official library.
func value(t testing.TB, v any) document.Value {
	t.Helper()
	if v, ok := v.(document.Value); ok {
		return v
	}
	d, err := document.Marshal(bson.D{{Key: "v", Value: v}})
	if err != nil {
		t.Fatal(err)
	}
	return d.Lookup("v")
}

func dec(t testing.TB, s string) document.Value {
	t.Helper()
	d, err := bson.ParseDecimal128(s)
	if err != nil {
		t.Fatal(err)
	}
	return value(t, d)
}

// samples is values of every type, with the numbers at which something changes.
func samples(t testing.TB) []document.Value {
	var list []document.Value
	add := func(v ...any) {
		for _, v := range v {
			list = append(list, value(t, v))
		}
	}
	add(bson.MinKey{}, bson.Undefined{}, nil, bson.MaxKey{}, document.Value{})
	for _, n := range []int64{0, 1, 2, 127, 128, 255, 256, 1<<15 - 1, 1 << 15, 1<<31 - 1, 1 << 31, 1<<53 - 1, 1 << 53, 1<<53 + 1, 1<<62 + 1, math.MaxInt64} {
		add(n, -n, float64(n), -float64(n), math.Nextafter(float64(n), math.Inf(1)), math.Nextafter(float64(n), math.Inf(-1)))
		if n <= math.MaxInt32 {
			add(int32(n), int32(-n))
		}
	}
	add(int64(math.MinInt64), math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64,
		-math.SmallestNonzeroFloat64, math.Copysign(0, -1), 0.1, -0.1, 0.5, 1.1, 1.5, -1.5, 1e300, 1e-300, 2.2250738585072014e-308)
	for _, s := range []string{
		"NaN", "Infinity", "-Infinity", "0", "-0", "0E+6111", "0E-6176", "1", "1.0", "1.00", "-1", "10E-1", "0.1", "-0.1", "0.5", "0.50", "1.1", "1.5", "19.99",
		"0.1000000000000000055511151231257827", "0.1000000000000000055511151231257828", "1.100000000000000088817841970012523",
		"9223372036854775807", "9223372036854775808", "9223372036854775807.5", "-9223372036854775808", "-9223372036854775808.5", "9223372036854775809",
		"9007199254740993", "9007199254740992.5", "9007199254740993.00000000000000001", "9999999999999999999", "10000000000000000000", "18446744073709551616",
		"1E+300", "1E-300", "1.797693134862315708145274237317043E+308", "1.797693134862315708145274237317044E+308", "1E+309", "9.999999999999999999999999999999999E+6144",
		"-9.999999999999999999999999999999999E+6144", "1E-6176", "-1E-6176", "4.940656458412465441765687928682213E-324", "4.940656458412465441765687928682214E-324",
		"2E-324", "1E-330", "1E-331", "1E-332", "123456789.123456789", "1234567890123456789.012345678901234", "1E+19", "1E+20", "1E+18",
		"4503599627370496.5", "1.000000000000000222044604925031308", "1099511627776.000000000000000222044",
	} {
		list = append(list, dec(t, s))
	}
	add("", "a", "a\x00", "a\x00b", "a\x01", "a\x01\x01", "a\x02", "ab", "b", "\x00", "\x01", "\x01\x02", "é", "\xff", bson.Symbol("a"), bson.Symbol("aa"))
	add(bson.D{}, bson.D{{Key: "a", Value: 1}}, bson.D{{Key: "a", Value: 1.5}}, bson.D{{Key: "a", Value: "x"}}, bson.D{{Key: "b", Value: 1}}, bson.D{{Key: "ab", Value: 1}},
		bson.D{{Key: "a", Value: 1}, {Key: "b", Value: 2}}, bson.D{{Key: "", Value: 1}}, bson.D{{Key: "a", Value: bson.D{{Key: "b", Value: nil}}}},
		bson.D{{Key: "a", Value: bson.D{}}}, bson.D{{Key: "a", Value: true}}, bson.D{{Key: "a", Value: false}}, bson.D{{Key: "b", Value: false}}, bson.D{{Key: "\x01", Value: 0}})
	add(bson.A{}, bson.A{1}, bson.A{1, 2}, bson.A{2}, bson.A{"a"}, bson.A{nil}, bson.A{bson.A{}}, bson.A{bson.A{1}}, bson.A{bson.D{}}, bson.A{bson.MinKey{}}, bson.A{bson.MaxKey{}})
	add(bson.Binary{}, bson.Binary{Data: []byte{0}}, bson.Binary{Data: []byte{1}}, bson.Binary{Subtype: 2, Data: []byte{1}}, bson.Binary{Subtype: 4, Data: bytes.Repeat([]byte{7}, 16)},
		bson.Binary{Subtype: 128, Data: []byte{1, 0}}, bson.Binary{Data: bytes.Repeat([]byte{7}, 253)}, bson.Binary{Data: bytes.Repeat([]byte{7}, 254)}, bson.Binary{Data: bytes.Repeat([]byte{7}, 300)})
	add(bson.ObjectID{}, bson.ObjectID{1}, bson.ObjectID{0, 0xff}, true, false, bson.DateTime(0), bson.DateTime(-1), bson.DateTime(1), bson.DateTime(math.MinInt64),
		bson.DateTime(math.MaxInt64), bson.Timestamp{}, bson.Timestamp{I: 1}, bson.Timestamp{T: 1}, bson.Timestamp{T: math.MaxUint32, I: 2})
	add(bson.Regex{Pattern: "a"}, bson.Regex{Pattern: "a", Options: "i"}, bson.Regex{Pattern: "ab"}, bson.Regex{}, bson.Regex{Options: "i"}, bson.Regex{Pattern: "a\x01", Options: "m"},
		bson.DBPointer{DB: "d.c"}, bson.DBPointer{DB: "d.d", Pointer: bson.ObjectID{1}}, bson.DBPointer{DB: "d.cc"},
		bson.JavaScript("f"), bson.JavaScript(""), bson.JavaScript("f\x00g"), bson.CodeWithScope{Code: "f", Scope: bson.D{}}, bson.CodeWithScope{Code: "f", Scope: bson.D{{Key: "a", Value: 1}}},
		bson.CodeWithScope{Code: "g\x00", Scope: bson.D{}})
	return list
}

// checkOrder tells whether the encodings of a and b are ordered as the values are, ascending, descending and in front of more.
func checkOrder(t testing.TB, a, b document.Value) {
	t.Helper()
	want := document.Compare(a, b)
	ka, kb := AppendValue(nil, a), AppendValue(nil, b)
	if got := bytes.Compare(ka, kb); got != want {
		t.Errorf("order of %v and %v: keys say %d, values %d\n%x\n%x", a, b, got, want, ka, kb)
	}
	if want != 0 && (bytes.HasPrefix(ka, kb) || bytes.HasPrefix(kb, ka)) {
		t.Errorf("%v and %v: one key is a prefix of the other\n%x\n%x", a, b, ka, kb)
	}
	da, db := AppendDescending(nil, a), AppendDescending(nil, b)
	if got := bytes.Compare(da, db); got != -want {
		t.Errorf("descending order of %v and %v: keys say %d, values %d\n%x\n%x", a, b, got, -want, da, db)
	}
	// The bytes in front of a key and after it must not matter.
	x, y := append([]byte("x"), ka...), append([]byte("x"), kb...)
	if got := bytes.Compare(append(x, 0xef), append(y, 0x10)); want != 0 && got != want {
		t.Errorf("order of %v and %v with more after them: keys say %d, values %d", a, b, got, want)
	}
}

// TestOrder compares all pairs of sample values.
func TestOrder(t *testing.T) {
	list := samples(t)
	for i, a := range list {
		for _, b := range list[i:] {
			checkOrder(t, a, b)
		}
	}
}

// TestOrderIsTotal sorts the samples by key: each step must not go back in the order of values.
func TestOrderIsTotal(t *testing.T) {
	list := samples(t)
	slices.SortStableFunc(list, func(a, b document.Value) int { return bytes.Compare(AppendValue(nil, a), AppendValue(nil, b)) })
	for i := 1; i < len(list); i++ {
		if document.Compare(list[i-1], list[i]) > 0 {
			t.Errorf("%v stands before %v", list[i-1], list[i])
		}
	}
}

// FuzzKeyOrder takes two documents out of fuzzed bytes and compares each pair of their values, and the documents as compound keys with
// ascending and descending fields.
func FuzzKeyOrder(f *testing.F) {
	list := samples(f)
	for i := range list {
		a := document.Doc(value(f, bson.D{{Key: "a", Value: 1}}).Data)
		var b document.Builder
		b.AppendValue("x", list[i])
		b.AppendValue("y", list[(i*7+3)%len(list)])
		f.Add([]byte(a), []byte(b.Finish()), uint8(i))
	}
	f.Fuzz(func(t *testing.T, a, b []byte, descending uint8) {
		if document.Validate(a, 20) != nil || document.Validate(b, 20) != nil {
			return
		}
		checkOrder(t, document.Doc(a).AsValue(), document.Doc(b).AsValue())
		for ia := document.Doc(a).Iter(); ia.Next(); {
			checkOrder(t, ia.Value(), ia.Value())
			for ib := document.Doc(b).Iter(); ib.Next(); {
				checkOrder(t, ia.Value(), ib.Value())
			}
		}
		checkCompound(t, a, b, descending)
	})
}

// checkCompound compares the first four values of two documents as compound keys; bit i of descending is field i's direction.
func checkCompound(t *testing.T, a, b document.Doc, descending uint8) {
	t.Helper()
	ia, ib := a.Iter(), b.Iter()
	var ka, kb []byte
	want := 0
	for i := 0; i < 4; i++ {
		ia.Next()
		ib.Next()
		va, vb := ia.Value(), ib.Value()
		c := document.Compare(va, vb)
		if descending>>i&1 == 1 {
			c = -c
			ka, kb = AppendDescending(ka, va), AppendDescending(kb, vb)
		} else {
			ka, kb = AppendValue(ka, va), AppendValue(kb, vb)
		}
		want = cmp.Or(want, c)
	}
	if got := bytes.Compare(ka, kb); got != want {
		t.Errorf("compound order of %v and %v, directions %b: keys say %d, values %d\n%x\n%x", a, b, descending, got, want, ka, kb)
	}
}

// TestTypeRange shows that a value lies in the range of its own type and of no other, and between minimum and maximum.
func TestTypeRange(t *testing.T) {
	for _, v := range samples(t) {
		up, down := AppendValue(nil, v), AppendDescending(nil, v)
		for order := range brackets {
			want := order == v.Type.Order()
			lo, hi := AppendTypeRange(nil, nil, order)
			if got := bytes.Compare(lo, up) <= 0 && bytes.Compare(up, hi) < 0; got != want {
				t.Errorf("%v in the range of order %d: %v", v, order, got)
			}
			lo, hi = AppendTypeRangeDescending(nil, nil, order)
			if got := bytes.Compare(lo, down) <= 0 && bytes.Compare(down, hi) < 0; got != want {
				t.Errorf("%v in the descending range of order %d: %v", v, order, got)
			}
		}
		for _, key := range [][]byte{up, down} {
			if bytes.Compare(AppendMin(nil), key) >= 0 || bytes.Compare(key, AppendMax(nil)) >= 0 {
				t.Errorf("%v is not between minimum and maximum: %x", v, key)
			}
		}
	}
}

func TestSuccessor(t *testing.T) {
	for _, c := range []struct{ prefix, want string }{
		{"", ""}, {"\x00", "\x01"}, {"a", "b"}, {"a\xff", "b"}, {"a\xff\xff", "b"}, {"\xff\xff", ""}, {"a\xfe", "a\xff"},
	} {
		if got := string(Successor([]byte(c.prefix))); got != c.want {
			t.Errorf("Successor(%q) = %q, want %q", c.prefix, got, c.want)
		}
		prefix := []byte(c.prefix)
		if got := string(AppendSuccessor(prefix[:0], prefix)); got != c.want {
			t.Errorf("AppendSuccessor in place of %q = %q, want %q", c.prefix, got, c.want)
		}
	}
}

// TestNumbersBesideEachOther compares random doubles with the decimals, doubles and integers next to them, where rounding would show.
func TestNumbersBesideEachOther(t *testing.T) {
	seed := uint64(20260101)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 3000 {
		f := math.Float64frombits(r.Uint64())
		if r.IntN(2) == 0 { // most doubles are far from the integers
			f = math.Ldexp(r.Float64()*2-1, r.IntN(80)-8)
		}
		if f != f || math.IsInf(f, 0) {
			continue
		}
		near := []document.Value{value(t, f), value(t, math.Nextafter(f, math.Inf(1))), value(t, math.Nextafter(f, math.Inf(-1)))}
		for _, digits := range []int{15, 17, 33} {
			near = append(near, dec(t, strconv.FormatFloat(f, 'e', digits, 64)))
		}
		hi, lo := near[len(near)-1].Decimal128().GetBytes()
		near = append(near, value(t, bson.NewDecimal128(hi, lo+1)), value(t, bson.NewDecimal128(hi, lo-1)))
		if math.Abs(f) < 1<<62 {
			near = append(near, value(t, int64(f)), value(t, int64(f)+1), value(t, int64(f)-1))
		}
		for i, a := range near {
			for _, b := range near[i:] {
				checkOrder(t, a, b)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
