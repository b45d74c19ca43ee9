package geo

import "math"

// Sines, cosines and angles that are rounded once, to the nearest double in all but a few of a thousand cases, as those of the C library are that mongod's distances come from; and which
// are the same on every processor, which a member's entries in indexes must be: another member removes them.

// double is a sum of two doubles of which the second is what the first lacks.
type double struct{ hi, lo float64 }

// sumOf returns a+b exactly, for |a| >= |b|.
func sumOf(a, b float64) double {
	s := a + b
	return double{s, b - (s - a)}
}

// anySum is sumOf for any order of magnitudes.
func anySum(a, b float64) double {
	s := a + b
	t := s - a
	return double{s, (a - (s - t)) + (b - t)}
}

// product returns a*b exactly.
func product(a, b float64) double {
	p := float64(a * b)
	return double{p, math.FMA(a, b, -p)}
}

func (a double) plus(b double) double {
	s := anySum(a.hi, b.hi)
	return sumOf(s.hi, s.lo+(a.lo+b.lo))
}

func (a double) times(b double) double {
	p := product(a.hi, b.hi)
	return sumOf(p.hi, p.lo+(float64(a.hi*b.lo)+float64(a.lo*b.hi)))
}

func (a double) minus(b double) double { return a.plus(double{-b.hi, -b.lo}) }

// step is a 32nd of pi, in three parts, of which small multiples of the first two are exact.
const (
	step1 = 0x1.921fb54400000p-4
	step2 = 0x1.0b4611a600000p-38
	step3 = 0x1.3198a2e037073p-73
)

// stepSines are the sines of 0 to 16 steps.
var stepSines = [17]double{
	{0, 0},
	{0x1.917a6bc29b42cp-4, -0x1.e2718d26ed688p-60},
	{0x1.8f8b83c69a60bp-3, -0x1.26d19b9ff8d82p-57},
	{0x1.294062ed59f06p-2, -0x1.5d28da2c4612dp-56},
	{0x1.87de2a6aea963p-2, -0x1.72cedd3d5a610p-57},
	{0x1.e2b5d3806f63bp-2, 0x1.e0d891d3c6841p-58},
	{0x1.1c73b39ae68c8p-1, 0x1.b25dd267f6600p-55},
	{0x1.44cf325091dd6p-1, 0x1.8076a2cfdc6b3p-57},
	{0x1.6a09e667f3bcdp-1, -0x1.bdd3413b26456p-55},
	{0x1.8bc806b151741p-1, -0x1.2c5e12ed1336dp-55},
	{0x1.a9b66290ea1a3p-1, 0x1.9f630e8b6dac8p-60},
	{0x1.c38b2f180bdb1p-1, -0x1.6e0b1757c8d07p-56},
	{0x1.d906bcf328d46p-1, 0x1.457e610231ac2p-56},
	{0x1.e9f4156c62ddap-1, 0x1.760b1e2e3f81ep-55},
	{0x1.f6297cff75cb0p-1, 0x1.562172a361fd3p-56},
	{0x1.fd88da3d12526p-1, -0x1.87df6378811c7p-55},
	{0x1.0000000000000p+0, 0},
}

// sineAndCosine returns those of an angle of no more than a few turns.
func sineAndCosine(x float64) (sin, cos double) {
	k := math.Round(x / step1)
	r := anySum(x-float64(k*step1), -float64(k*step2))
	r = sumOf(r.hi, r.lo-float64(k*step3))
	sinR, cosR := smallSine(r), smallCosine(r)
	sinK, cosK := stepSine(int(k)), stepSine(int(k)+16)
	sin = sinK.times(cosR).plus(cosK.times(sinR))
	cos = cosK.times(cosR).minus(sinK.times(sinR))
	return sin, cos
}

// stepSine returns the sine of k steps.
func stepSine(k int) double {
	k = (k%64 + 64) % 64
	negative := k >= 32
	if k %= 32; k > 16 {
		k = 32 - k
	}
	s := stepSines[k]
	if negative {
		return double{-s.hi, -s.lo}
	}
	return s
}

// smallSine returns the sine of an angle of no more than half a step.
func smallSine(r double) double {
	q := float64(r.hi * r.hi)
	series := -1.0/6 + float64(q*(1.0/120+float64(q*(-1.0/5040+float64(q/362880)))))
	return sumOf(r.hi, r.lo+float64(float64(r.hi*q)*series))
}

// smallCosine returns the cosine of an angle of no more than half a step.
func smallCosine(r double) double {
	square := r.times(r)
	q := square.hi
	series := 1.0/24 + float64(q*(-1.0/720+float64(q*(1.0/40320-float64(q/3628800)))))
	rest := double{-square.hi / 2, -square.lo/2 + float64(float64(q*q)*series)}
	return double{1, 0}.plus(rest)
}

// angle returns the angle of the vector (x, y), as math.Atan2 does for what has a length.
func angle(y, x float64) float64 {
	near := math.Atan2(y, x)
	if near == 0 || math.IsNaN(near) {
		return near
	}
	sin, cos := sineAndCosine(near)
	across := double{y, 0}.times(cos).minus(double{x, 0}.times(sin))
	along := float64(x*cos.hi) + float64(y*sin.hi)
	return near + across.hi/along
}
