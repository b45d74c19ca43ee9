package document

import (
	"math"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Decimals that no text spells: a coefficient of 10^34, which has a digit too many, and one in the form for even larger ones. Both are zero.
var (
	tooManyDigits = decimalValue(bson.NewDecimal128(0x3041ed09bead87c0, 0x378d8e6400000000))
	largeForm     = decimalValue(bson.NewDecimal128(0x6000000000000000|0x0c10<<47, 5))
	mostDigits    = decimalValue(bson.NewDecimal128(0x3041ed09bead87c0, 0x378d8e63ffffffff))
)

// TestNumberConversions has, for ToInt64, what a mongod 6.0.5 makes of numbers (the scale of collStats), and what its source says.
func TestNumberConversions(t *testing.T) {
	const maxInt, minInt = math.MaxInt64, math.MinInt64
	text := func(s string) Value { return parseValue(t, s) }
	dec := func(s string) Value { return text(`{"$numberDecimal":"` + s + `"}`) }
	for _, c := range []struct {
		v       Value
		float   float64
		toInt   int64
		asInt   int64
		isExact bool
	}{
		{Int32(-7), -7, -7, -7, true},
		{Int64(maxInt), 1 << 63, maxInt, maxInt, true},
		{Int64(minInt), -1 << 63, minInt, minInt, true},
		{Double(2.5), 2.5, 2, 0, false},
		{Double(-2.7), -2.7, -2, 0, false},
		{Double(3), 3, 3, 3, true},
		{Double(math.Copysign(0, -1)), math.Copysign(0, -1), 0, 0, true},
		{Double(1 << 63), 1 << 63, maxInt, 0, false},
		{Double(-1 << 63), -1 << 63, minInt, minInt, true},
		{Double(-1e300), -1e300, minInt, 0, false},
		{Double(math.Inf(1)), math.Inf(1), maxInt, 0, false},
		{Double(math.Inf(-1)), math.Inf(-1), minInt, 0, false},
		{Double(math.NaN()), math.NaN(), 0, 0, false},
		{dec("2.5"), 2.5, 2, 0, false},
		{dec("3.5"), 3.5, 4, 0, false},
		{dec("2.7"), 2.7, 3, 0, false},
		{dec("3.2"), 3.2, 3, 0, false},
		{dec("-2.5"), -2.5, -2, 0, false},
		{dec("-3.5"), -3.5, -4, 0, false},
		{dec("-2.7"), -2.7, -3, 0, false},
		{dec("1E3"), 1000, 1000, 1000, true},
		{dec("100E-2"), 1, 1, 1, true},
		{dec("-0"), math.Copysign(0, -1), 0, 0, true},
		{dec("9007199254740993"), 9007199254740992, 9007199254740993, 9007199254740993, true},
		{dec("9223372036854775807"), 1 << 63, maxInt, maxInt, true},
		{dec("9223372036854775807.5"), 1 << 63, maxInt, 0, false},
		{dec("9223372036854775808"), 1 << 63, maxInt, 0, false},
		{dec("-9223372036854775808"), -1 << 63, minInt, minInt, true},
		{dec("-1E40"), -1e40, minInt, 0, false},
		{dec("1E-6176"), 0, 0, 0, false},
		{dec("1E6000"), math.Inf(1), maxInt, 0, false},
		{dec("Infinity"), math.Inf(1), maxInt, 0, false},
		{dec("-Infinity"), math.Inf(-1), minInt, 0, false},
		{dec("NaN"), math.NaN(), 0, 0, false},
		{tooManyDigits, 0, 0, 0, true},
		{largeForm, 0, 0, 0, true},
		{mostDigits, 1e34, maxInt, 0, false},
	} {
		f, ok := c.v.AsFloat64()
		if !ok || math.Float64bits(f) != math.Float64bits(c.float) && !(f != f && c.float != c.float) {
			t.Errorf("AsFloat64(%v) = %v, %v, want %v", c.v, f, ok, c.float)
		}
		if n, ok := c.v.ToInt64(); !ok || n != c.toInt {
			t.Errorf("ToInt64(%v) = %d, %v, want %d", c.v, n, ok, c.toInt)
		}
		if n, exact := c.v.AsInt64(); exact != c.isExact || n != c.asInt {
			t.Errorf("AsInt64(%v) = %d, %v, want %d, %v", c.v, n, exact, c.asInt, c.isExact)
		}
	}
	for _, v := range []Value{{}, Null, String("1"), Bool(true), Date(1), Timestamp(1)} {
		_, float := v.AsFloat64()
		_, to := v.ToInt64()
		_, as := v.AsInt64()
		if float || to || as || v.IsNumber() {
			t.Errorf("%v is taken for a number", v)
		}
	}
}

// TestTruthy has what a mongod 6.0.5 takes for true ($cond).
func TestTruthy(t *testing.T) {
	for _, text := range []string{
		`false`, `null`, `{"$undefined":true}`, `0`, `{"$numberLong":"0"}`, `{"$numberDouble":"0"}`, `{"$numberDouble":"-0.0"}`,
		`{"$numberDecimal":"0"}`, `{"$numberDecimal":"-0E3"}`, `{"$numberDecimal":"0E-6176"}`,
	} {
		if parseValue(t, text).Truthy() {
			t.Errorf("%s is taken for true", text)
		}
	}
	for _, text := range []string{
		`true`, `1`, `-1`, `{"$numberLong":"4294967296"}`, `{"$numberDouble":"5e-324"}`, `{"$numberDouble":"NaN"}`, `{"$numberDecimal":"1E-6176"}`,
		`{"$numberDecimal":"NaN"}`, `{"$numberDecimal":"Infinity"}`, `""`, `{}`, `[]`, `{"$date":{"$numberLong":"0"}}`, `{"$minKey":1}`,
	} {
		if !parseValue(t, text).Truthy() {
			t.Errorf("%s is taken for false", text)
		}
	}
	for v, want := range map[*Value]bool{{}: false, &tooManyDigits: false, &largeForm: false, &mostDigits: true} {
		if v.Truthy() != want {
			t.Errorf("%v: %v", *v, !want)
		}
	}
}

func TestDecimalsWithTooManyDigitsAreZero(t *testing.T) {
	for _, v := range []Value{tooManyDigits, largeForm} {
		if Compare(v, Int32(0)) != 0 || Compare(v, mostDigits) >= 0 {
			t.Errorf("%x is not zero", v.Data)
		}
	}
	if Compare(mostDigits, parseValue(t, `{"$numberDecimal":"9999999999999999999999999999999999"}`)) != 0 {
		t.Error("the largest coefficient is taken for too large")
	}
}

func TestAccessorsOfParts(t *testing.T) {
	d, err := FromJSON(`{"r": {"$regularExpression": {"pattern": "^a", "options": "im"}}, "c": {"$code": "f()", "$scope": {"x": 1}},
		"b": {"$binary": {"base64": "AQID", "subType": "05"}}, "o": {"$binary": {"base64": "AQID", "subType": "02"}},
		"t": {"$timestamp": {"t": 7, "i": 9}}, "i": {"$oid": "000102030405060708090a0b"}, "n": {"a": [{"b": 5}]}}`)
	if err != nil {
		t.Fatal(err)
	}
	if p, o := d.Lookup("r").Regex(); p != "^a" || o != "im" {
		t.Errorf("regex %q %q", p, o)
	}
	if code, scope := d.Lookup("c").CodeWithScope(); code != "f()" || scope.Lookup("x").Int32() != 1 {
		t.Errorf("code %q %v", code, scope)
	}
	for key, want := range map[string]byte{"b": 5, "o": 2} {
		if subtype, data := d.Lookup(key).Binary(); subtype != want || !slices.Equal(data, []byte{1, 2, 3}) {
			t.Errorf("binary %s: %d %x", key, subtype, data)
		}
	}
	if ts := d.Lookup("t").Timestamp(); ts != 7<<32|9 {
		t.Errorf("timestamp %x", ts)
	}
	if id := d.Lookup("i").ObjectID(); id.Hex() != "000102030405060708090a0b" {
		t.Errorf("objectId %s", id.Hex())
	}
	for path, want := range map[string]int32{"n.a.0.b": 5, "n.a.1.b": 0, "n.a.b": 0, "n.x": 0, "n.a.0.b.c": 0, "": 0} {
		if got := d.LookupPath(path); got.Int32() != want || want == 0 && path != "" && !got.IsMissing() {
			t.Errorf("path %q: %v", path, got)
		}
	}
}
