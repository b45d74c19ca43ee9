package geo

import (
	"math"
	"strings"
	"testing"

	"github.com/golang/geo/r2"
	"github.com/golang/geo/s2"

	"github.com/mortondb/morton/internal/document"
)

// ringOf returns a polygon whose vertices lie around a place, as f says how far.
func ringOf(n int, f func(i int) float64) document.Value {
	var b document.Builder
	b.AppendString("type", "Polygon")
	b.OpenArray("coordinates")
	b.OpenArray("0")
	for i := range n + 1 {
		angle := 2 * math.Pi * float64(i%n) / float64(n)
		b.OpenArray(document.Index(i))
		b.AppendDouble("0", f(i%n)*math.Cos(angle))
		b.AppendDouble("1", f(i%n)*math.Sin(angle))
		b.Close()
	}
	b.Close()
	b.Close()
	return b.Finish().AsValue()
}

// TestLargeShapesAreComparedInTime shows that shapes with as many vertices as a document can have are read, covered and compared with others in a time that does not grow with
// the square of them: with the square, each of these would take minutes.
func TestLargeShapesAreComparedInTime(t *testing.T) {
	const n = 100_000
	star := func(i int) float64 { return 10 + 0.01*float64(i%2) }
	big, err := ParseAsked(ringOf(n, star))
	if err != nil {
		t.Fatal(err)
	}
	other, err := Parse(ringOf(n, func(i int) float64 { return 20 + 0.01*float64(i%2) }))
	if err != nil {
		t.Fatal(err)
	}
	cells := DefaultSphereCells(SphereVersion)
	if len(cells.of(other)) == 0 {
		t.Error("a shape without cells")
	}
	if list, ok := cells.Within(big.Region()); !ok || len(list) == 0 {
		t.Error("a region without cells")
	}
	if !big.Intersects(other) || !other.Region().Holds(big) || big.Region().Holds(other) {
		t.Error("the smaller of two shapes is not within the larger one")
	}
	line := &Geometry{}
	if err := line.line(ringOf(n, star).Doc().Lookup("coordinates").Doc().First().Value); err != nil {
		t.Fatal(err)
	}
	if !big.Intersects(line) || !line.Intersects(line) || !other.Region().Holds(line) {
		t.Error("the border of a shape does not meet it")
	}
	for i := range 2000 {
		angle := float64(i)
		p := r2.Point{X: math.Cos(angle), Y: math.Sin(angle)}
		for _, c := range []struct {
			at   r2.Point
			want bool
		}{{p.Mul(9.9), true}, {p.Mul(10.1), false}} {
			g := &Geometry{single: true, flat: c.at}
			g.points = append(g.points, sphere(c.at))
			if big.Intersects(g) != c.want || big.Region().Holds(g) != c.want {
				t.Fatalf("%v: %v", c.at, !c.want)
			}
		}
	}
}

// TestCrossingsAreFoundAmongMany compares what the search for crossing edges finds with what looking at all pairs does.
func TestCrossingsAreFoundAmongMany(t *testing.T) {
	for seed := range 60 {
		n := 20 + seed*7
		ring := make([]r2.Point, n)
		for i := range ring {
			angle := 2 * math.Pi * float64(i) / float64(n)
			r := 5 + 2*math.Sin(float64(i*(seed+3)))
			ring[i] = r2.Point{X: r * math.Cos(angle), Y: r * math.Sin(angle)}
		}
		if seed%3 > 0 { // makes edges cross
			a, b := (seed*13)%n, (seed*29+n/2)%n
			ring[a], ring[b] = ring[b], ring[a]
		}
		list := (&Geometry{}).points
		for _, p := range ring {
			list = append(list, sphere(p))
		}
		i, j, found, err := firstCrossing(list)
		wantI, wantJ, want := everyPair(list)
		if err != nil || i != wantI || j != wantJ || found != want {
			t.Errorf("%d: edges %d and %d %v %v, want %d and %d %v", seed, i, j, found, err, wantI, wantJ, want)
		}
	}
}

// TestTangledRingsAreRefused shows that a ring made so that very many edges come near each other costs a bounded time.
func TestTangledRingsAreRefused(t *testing.T) {
	var b document.Builder
	b.AppendString("type", "Polygon")
	b.OpenArray("coordinates")
	b.OpenArray("0")
	const n = 40000
	for i := range n + 1 {
		k := float64(i % n)
		b.OpenArray(document.Index(i))
		b.AppendDouble("0", 40*float64(i%2)+k*1e-7)
		b.AppendDouble("1", 40*float64(i%2)-k*1e-7)
		b.Close()
	}
	b.Close()
	b.Close()
	_, err := Parse(b.Finish().AsValue())
	if err == nil || !strings.Contains(err.Error(), "close to each other") && !strings.Contains(err.Error(), "cross") {
		t.Errorf("%.200v", err)
	}
}

func everyPair(ring []s2.Point) (i, j int, found bool) {
	n := len(ring)
	for i := range n {
		for j := i + 2; j < n; j++ {
			if (j+1)%n != i && s2.CrossingSign(ring[i], ring[(i+1)%n], ring[j], ring[(j+1)%n]) == s2.Cross {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}
