package decimal

import "testing"

func number(t *testing.T, s string) Number {
	t.Helper()
	n, ok := Parse(s)
	if !ok {
		t.Fatal(s)
	}
	return n
}

// TestArithmetic: results have the exponent nearest to the ideal one (IEEE 754-2008), as those of the library that mongod uses.
func TestArithmetic(t *testing.T) {
	for _, c := range []struct{ a, op, b, want string }{
		{"1.25", "+", "7", "8.25"}, {"1", "-", "1.00", "0.00"}, {"2.5", "*", "4", "10.0"}, {"1", "/", "3", "0.3333333333333333333333333333333333"},
		{"10", "/", "4", "2.5"}, {"1.00", "/", "1", "1.00"}, {"7.5", "%", "2", "1.5"}, {"-7", "%", "3", "-1"}, {"1E+6000", "%", "7", "1"},
		{"9E+6144", "+", "9E+6144", "Infinity"}, {"1", "/", "0", "Infinity"}, {"0", "/", "0", "NaN"}, {"Infinity", "-", "Infinity", "NaN"},
		{"2", "^", "0.5", "1.414213562373095048801688724209698"}, {"0.1", "^", "0", "1"}, {"10", "^", "7000", "Infinity"}, {"10", "^", "-7000", "0"},
	} {
		a, b := number(t, c.a), number(t, c.b)
		got := map[string]func(Number) Number{"+": a.Add, "-": a.Sub, "*": a.Mul, "/": a.Quo, "%": a.Rem, "^": a.Pow}[c.op](b)
		if got.String() != c.want {
			t.Errorf("%s %s %s = %s, want %s", c.a, c.op, c.b, got, c.want)
		}
	}
}

func TestRound(t *testing.T) {
	for _, c := range []struct {
		n     string
		place int
		how   Rounding
		want  string
	}{
		{"2.5", 0, HalfEven, "2"}, {"3.5", 0, HalfEven, "4"}, {"-2.5", 0, Floor, "-3"}, {"-2.5", 0, Ceiling, "-2"}, {"2.567", 2, TowardZero, "2.56"},
		{"1234", -2, HalfEven, "1.2E+3"}, {"4", -5, HalfEven, "0E+5"}, {"1E-6000", 3, Ceiling, "0.001"},
	} {
		if got := number(t, c.n).Round(c.place, c.how).String(); got != c.want {
			t.Errorf("%s to %d places: %s, want %s", c.n, c.place, got, c.want)
		}
	}
}
