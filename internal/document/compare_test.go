package document

import (
	"math"
	"math/rand/v2"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// FuzzCompare: Compare is an order on the values of any three documents: of two values one is less, or they are equal, both ways round; and of three, the
// outer two stand as the steps between them say. Equal values have equal numbers and truth.
func FuzzCompare(f *testing.F) {
	texts := readOrderFile(f)
	rng := rand.New(rand.NewPCG(1, 6))
	for range 60 {
		var docs [3][]byte
		for i := range docs {
			docs[i] = wrapValue(parseValue(f, texts[rng.IntN(len(texts))]))
		}
		f.Add(docs[0], docs[1], docs[2])
	}
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		var values []Value
		for _, d := range [][]byte{a, b, c} {
			if Validate(d, 50) != nil {
				return
			}
			for it := Doc(d).Iter(); it.Next() && len(values) < 12; {
				values = append(values, it.Value())
			}
			values = append(values, Doc(d).AsValue())
		}
		checkOrder(t, values)
	})
}

// checkOrder checks that Compare is a total order on values.
func checkOrder(t *testing.T, values []Value) {
	t.Helper()
	order := make([][]int, len(values))
	for i, a := range values {
		for j, b := range values {
			c := Compare(a, b)
			order[i] = append(order[i], c)
			switch {
			case c < -1 || c > 1 || i == j && c != 0:
				t.Errorf("Compare(%v, %v) = %d", a, b, c)
			case j < i && c != -order[j][i]:
				t.Errorf("Compare(%v, %v) = %d, the other way round %d", a, b, c, order[j][i])
			case c == 0 && a.IsNumber() && a.Truthy() != b.Truthy():
				t.Errorf("%v and %v are equal, but only one is true", a, b)
			}
		}
	}
	for i := range values {
		for j := range values {
			for k := range values {
				ij, jk, ik := order[i][j], order[j][k], order[i][k]
				if ij <= 0 && jk <= 0 && ik != min(ij, jk) {
					t.Errorf("%v, %v, %v: %d, %d, but %d", values[i], values[j], values[k], ij, jk, ik)
				}
			}
		}
	}
}

// TestNumbersAreInOneOrder checks order among numbers that are close to each other but of different types, where rounding would show.
func TestNumbersAreInOneOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 7))
	for range 150 {
		base := int64(rng.Uint64()) >> rng.IntN(64)
		if rng.IntN(3) == 0 {
			base = 1<<(50+rng.IntN(13)) + rng.Int64N(5) - 2
		}
		var values []Value
		for d := int64(-2); d <= 2; d++ {
			n := base + d
			f := float64(n)
			values = append(values, Int64(n), Double(f), Double(math.Nextafter(f, math.Inf(1))), Double(math.Nextafter(f, math.Inf(-1))),
				decimal(t, Int64(n), ""), decimal(t, Int64(n), ".5"), decimal(t, Int64(n), ".0000001"))
			if n == int64(int32(n)) {
				values = append(values, Int32(int32(n)), Double(f+0.5))
			}
		}
		checkOrder(t, values)
		if t.Failed() {
			t.Fatalf("around %d", base)
		}
	}
}

// decimal returns the decimal number that n's digits and the rest spell.
func decimal(t *testing.T, n Value, rest string) Value {
	t.Helper()
	d, err := bson.ParseDecimal128(n.Shell() + rest)
	if err != nil {
		t.Fatal(err)
	}
	return decimalValue(d)
}

func decimalValue(d bson.Decimal128) Value {
	doc, err := Marshal(bson.D{{Key: "v", Value: d}})
	if err != nil {
		panic(err)
	}
	return doc.Lookup("v")
}
