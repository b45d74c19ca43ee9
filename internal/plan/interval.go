package plan

import (
	"bytes"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
)

// interval is a set of values, given by where their encodings lie: lo <= encoding < hi, as if the field were ascending. Both ends
// are at the boundary between two values: an encoding, the first key after one, or a bound of package keys.
type interval struct {
	lo, hi []byte
	point  bool // exactly one value, whose encoding is lo
}

// intervals is a union of disjoint intervals, ascending.
type intervals []interval

var (
	lowest     = keys.AppendMin(nil)
	highest    = keys.AppendMax(nil)
	everything = intervals{{lo: lowest, hi: highest}}
	nothing    = intervals{}
)

func (s intervals) isEverything() bool {
	return len(s) == 1 && bytes.Equal(s[0].lo, lowest) && bytes.Equal(s[0].hi, highest)
}

// pointsOnly reports whether s is single values.
func (s intervals) pointsOnly() bool {
	return !slices.ContainsFunc(s, func(i interval) bool { return !i.point })
}

// contains reports whether v is in the set.
func (s intervals) contains(v document.Value) bool {
	key := keys.AppendValue(nil, v)
	return slices.ContainsFunc(s, func(i interval) bool { return bytes.Compare(i.lo, key) <= 0 && bytes.Compare(key, i.hi) < 0 })
}

// pointOf returns the set of the values that are equal to v.
func pointOf(v document.Value) intervals {
	lo := keys.AppendValue(nil, v)
	return intervals{{lo: lo, hi: keys.Successor(lo), point: true}}
}

// between returns lo <= encoding < hi.
func between(lo, hi []byte) intervals {
	if bytes.Compare(lo, hi) >= 0 {
		return nothing
	}
	return intervals{{lo: lo, hi: hi}}
}

// union returns what is in either set.
func (s intervals) union(t intervals) intervals {
	all := slices.Concat(s, t)
	slices.SortFunc(all, func(a, b interval) int { return bytes.Compare(a.lo, b.lo) })
	var out intervals
	for _, i := range all {
		last := len(out) - 1
		switch {
		case last < 0 || bytes.Compare(out[last].hi, i.lo) < 0:
			out = append(out, i)
		case bytes.Equal(out[last].lo, i.lo) && bytes.Equal(out[last].hi, i.hi):
		default:
			out[last].point = false
			if bytes.Compare(out[last].hi, i.hi) < 0 {
				out[last].hi = i.hi
			}
		}
	}
	return out
}

// intersect returns what is in both sets.
func (s intervals) intersect(t intervals) intervals {
	out := nothing
	for len(s) > 0 && len(t) > 0 {
		i := interval{lo: later(s[0].lo, t[0].lo), hi: earlier(s[0].hi, t[0].hi), point: s[0].point || t[0].point}
		if bytes.Compare(i.lo, i.hi) < 0 {
			out = append(out, i)
		}
		if bytes.Compare(s[0].hi, t[0].hi) < 0 {
			s = s[1:]
		} else {
			t = t[1:]
		}
	}
	return out
}

// complement returns what is not in the set.
func (s intervals) complement() intervals {
	out, from := nothing, lowest
	for _, i := range s {
		out = append(out, between(from, i.lo)...)
		from = i.hi
	}
	return append(out, between(from, highest)...)
}

func later(a, b []byte) []byte {
	if bytes.Compare(a, b) < 0 {
		return b
	}
	return a
}

func earlier(a, b []byte) []byte {
	if bytes.Compare(a, b) < 0 {
		return a
	}
	return b
}

// inverted returns where a boundary lies among the encodings of a descending field, which are inverted: what is at or after the
// boundary in ascending order comes before the result. Empty stands for the end.
func inverted(boundary []byte) []byte {
	out := make([]byte, len(boundary))
	for i, b := range boundary {
		out[i] = ^b
	}
	return keys.Successor(out)
}
