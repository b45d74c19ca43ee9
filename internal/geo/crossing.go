package geo

import (
	"errors"
	"slices"

	"github.com/golang/geo/r3"
	"github.com/golang/geo/s2"
)

// Whether edges of a ring cross is found out by comparing those whose boxes in space overlap: the list of edges is divided in halves along the longest side of what
// is left, those that are in both halves going into both, until few are left. Rings as they occur have few such pairs; one that has more than
// maxEdgePairs of them is refused, since there is no telling in reasonable time.

// maxEdgePairs is how many pairs of edges of a ring are compared with each other.
const maxEdgePairs = 20_000_000

var errTangled = errors.New("GeoJSON with so many edges that are close to each other is not supported")

// edgeBox is an edge of a ring, and a box that it lies in.
type edgeBox struct {
	edge      int
	low, high r3.Vector
}

// crossings looks for edges of a ring that cross.
type crossings struct {
	ring  []s2.Point
	pairs int
	i, j  int // the first that were found
	found bool
}

// firstCrossing returns the first two edges of a ring that cross.
func firstCrossing(ring []s2.Point) (i, j int, found bool, err error) {
	c := &crossings{ring: ring}
	boxes := make([]edgeBox, len(ring))
	for i := range ring {
		boxes[i] = c.box(i)
	}
	if !c.among(boxes) {
		return 0, 0, false, errTangled
	}
	return c.i, c.j, c.found, nil
}

// box returns the box of an edge, which bulges out of the straight line between its ends.
func (c *crossings) box(i int) edgeBox {
	a, b := c.ring[i], c.ring[(i+1)%len(c.ring)]
	d := a.Sub(b.Vector)
	bulge := d.Dot(d)/4 + 1e-15
	more := r3.Vector{X: bulge, Y: bulge, Z: bulge}
	low := r3.Vector{X: min(a.X, b.X), Y: min(a.Y, b.Y), Z: min(a.Z, b.Z)}
	high := r3.Vector{X: max(a.X, b.X), Y: max(a.Y, b.Y), Z: max(a.Z, b.Z)}
	return edgeBox{i, low.Sub(more), high.Add(more)}
}

// among compares the edges of a list with each other. It returns false if there are too many to compare.
func (c *crossings) among(list []edgeBox) bool {
	if len(list) <= 16 {
		return c.all(list)
	}
	for _, side := range sides(list) {
		middle := medianOf(list, side)
		var left, right []edgeBox
		for _, b := range list {
			if coordinateOf(b.low, side) <= middle {
				left = append(left, b)
			}
			if coordinateOf(b.high, side) >= middle {
				right = append(right, b)
			}
		}
		if most := len(list) * 3 / 4; len(left) <= most && len(right) <= most {
			return c.among(left) && c.among(right)
		}
	}
	return c.all(list)
}

// all compares each with each.
func (c *crossings) all(list []edgeBox) bool {
	for k := range list {
		for m := range list[:k] {
			a, b := &list[m], &list[k]
			if c.pairs++; c.pairs > maxEdgePairs {
				return false
			}
			if overlap(a, b) {
				c.compare(min(a.edge, b.edge), max(a.edge, b.edge))
			}
		}
	}
	return true
}

func overlap(a, b *edgeBox) bool {
	return a.low.X <= b.high.X && b.low.X <= a.high.X && a.low.Y <= b.high.Y && b.low.Y <= a.high.Y && a.low.Z <= b.high.Z && b.low.Z <= a.high.Z
}

// compare compares two edges, i before j.
func (c *crossings) compare(i, j int) {
	n := len(c.ring)
	if j == i+1 || (j+1)%n == i || c.found && (i > c.i || i == c.i && j >= c.j) {
		return
	}
	if s2.CrossingSign(c.ring[i], c.ring[(i+1)%n], c.ring[j], c.ring[(j+1)%n]) == s2.Cross {
		c.i, c.j, c.found = i, j, true
	}
}

// sides returns the axes, that along which the list is longest first.
func sides(list []edgeBox) [3]r3.Axis {
	low, high := list[0].low, list[0].high
	for _, b := range list[1:] {
		low = r3.Vector{X: min(low.X, b.low.X), Y: min(low.Y, b.low.Y), Z: min(low.Z, b.low.Z)}
		high = r3.Vector{X: max(high.X, b.high.X), Y: max(high.Y, b.high.Y), Z: max(high.Z, b.high.Z)}
	}
	size := high.Sub(low)
	axes := [3]r3.Axis{r3.XAxis, r3.YAxis, r3.ZAxis}
	slices.SortFunc(axes[:], func(a, b r3.Axis) int {
		if coordinateOf(size, a) > coordinateOf(size, b) {
			return -1
		}
		return 1
	})
	return axes
}

func coordinateOf(v r3.Vector, axis r3.Axis) float64 {
	switch axis {
	case r3.XAxis:
		return v.X
	case r3.YAxis:
		return v.Y
	}
	return v.Z
}

// medianOf returns about the middle of the boxes along an axis.
func medianOf(list []edgeBox, axis r3.Axis) float64 {
	const most = 101
	step := max(len(list)/most, 1)
	var sample []float64
	for i := 0; i < len(list); i += step {
		sample = append(sample, (coordinateOf(list[i].low, axis)+coordinateOf(list[i].high, axis))/2)
	}
	slices.Sort(sample)
	return sample[len(sample)/2]
}
