package bench

import (
	"math"
	"math/rand/v2"
)

// zipfTheta is YCSB's constant: the most popular of 100,000 records is asked for by 8 % of the requests.
const zipfTheta = 0.99

// zipfian draws numbers of which the n-th is asked for 1/n^theta as often as the first, by the method of Gray et al., "Quickly
// Generating Billion-Record Synthetic Databases", SIGMOD 1994. (The standard library's wants an exponent above 1.)
type zipfian struct {
	n                uint64
	zeta, alpha, eta float64
	second           float64 // up to here a draw is the second number
}

func newZipfian(n uint64) *zipfian {
	zeta := 0.0
	for i := uint64(1); i <= n; i++ {
		zeta += math.Pow(1/float64(i), zipfTheta)
	}
	two := 1 + math.Pow(0.5, zipfTheta)
	return &zipfian{n: n, zeta: zeta, alpha: 1 / (1 - zipfTheta), second: two,
		eta: (1 - math.Pow(2/float64(n), 1-zipfTheta)) / (1 - two/zeta)}
}

// next returns a number below n.
func (z *zipfian) next(r *rand.Rand) uint64 {
	u := r.Float64()
	switch uz := u * z.zeta; {
	case uz < 1:
		return 0
	case uz < z.second:
		return 1
	}
	return min(uint64(float64(z.n)*math.Pow(z.eta*u-z.eta+1, z.alpha)), z.n-1)
}
