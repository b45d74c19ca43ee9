package geo

import (
	"container/heap"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/golang/geo/r1"
	"github.com/golang/geo/r2"
	"github.com/golang/geo/s1"
	"github.com/golang/geo/s2"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
)

// FlatIndex makes the entries of a 2d index: a cell for each point, and the values of the other fields. The cells are those of a square that is
// quartered again and again; a cell's value is the quarters' numbers, two bits each, which interleaves the bits of both coordinates. Immutable.
type FlatIndex struct {
	Path     string
	Others   []string
	Bits     int // how often the square is quartered
	Min, Max float64
}

// maxFlatBits is how often the square may be quartered.
const maxFlatBits = 32

// codeInvalidOptions is MongoDB's InvalidOptions.
const codeInvalidOptions = 72

// Check returns what is wrong with the square, a [*keys.Error].
func (x *FlatIndex) Check() error {
	side := x.Max - x.Min
	switch {
	case x.Bits < 1 || x.Bits > maxFlatBits:
		return &keys.Error{Code: codeInvalidOptions, Message: fmt.Sprintf("bits for hash must be > 0 and <= 32, but %d bits were specified", x.Bits)}
	case !(side > 0) || math.IsInf(side, 0):
		return &keys.Error{Code: codeInvalidOptions, Message: fmt.Sprintf("region for hash must be valid and have positive area, but [%s, %s] was specified", number(x.Min), number(x.Max))}
	case math.IsInf(side*side, 0):
		return &keys.Error{Code: 4799400, Message: "Invalid GeoHashConverter parameters"}
	}
	return nil
}

// number prints a number as a C++ stream does.
func number(f float64) string {
	return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(f, 'g', 6, 64), "+"))
}

// hashSubtype is the subtype of a cell's value.
const hashSubtype = 0x80

// maxFlatCells is with how many cells a region is covered at most; mongod's internalGeoPredicateQuery2DMaxCoveringCells.
const maxFlatCells = 16

// Tuples implements keys.Plugin. A document without points has no entry.
func (x *FlatIndex) Tuples(doc document.Doc, add func([]document.Value)) (multikey uint32, err error) {
	elements, through := appendAlong(nil, doc, x.Path)
	var hashes []uint64
	for _, v := range elements {
		if v.Doc() == nil || v.Doc().IsEmpty() {
			continue
		}
		if hashes, err = x.appendHashes(hashes, doc, v); err != nil {
			return 0, err
		}
	}
	if through && len(elements) > 0 || len(hashes) > 1 {
		multikey = 1
	}
	if len(hashes) == 0 {
		return multikey, nil
	}
	tuple := make([]document.Value, 1+len(x.Others))
	for i, path := range x.Others {
		tuple[i+1] = joined(doc, path)
	}
	for _, h := range hashes {
		tuple[0] = hashValue(h)
		add(tuple)
	}
	return multikey, nil
}

// joined is what a document has at a path: one value, or all of them as an array, if there are several.
func joined(doc document.Doc, path string) document.Value {
	elements, _ := appendAlong(nil, doc, path)
	list, _ := literals(elements)
	list = slices.DeleteFunc(list, func(v document.Value) bool { return v.Type == document.TypeUndefined })
	slices.SortFunc(list, document.Compare)
	list = slices.CompactFunc(list, func(a, b document.Value) bool { return document.Compare(a, b) == 0 })
	switch len(list) {
	case 0:
		return document.Value{}
	case 1:
		return list[0]
	}
	var b document.Builder
	for i, v := range list {
		b.AppendValue(document.Index(i), v)
	}
	return document.Value{Type: document.TypeArray, Data: b.Finish()}
}

// appendHashes appends the cells of a point, or of a list of points.
func (x *FlatIndex) appendHashes(list []uint64, doc document.Doc, v document.Value) ([]uint64, error) {
	if v.Doc().First().IsNumber() {
		h, err := x.hashOf(v.Doc())
		return append(list, h), inDocument(doc, err)
	}
	for it := v.Doc().Iter(); it.Next(); {
		point := it.Value().Doc()
		if point == nil {
			return nil, &keys.Error{Code: 16804, Message: "location object expected, location array not in correct format"}
		}
		if point.IsEmpty() {
			continue
		}
		h, err := x.hashOf(point)
		if err != nil {
			return nil, inDocument(doc, err)
		}
		list = append(list, h)
	}
	return list, nil
}

func inDocument(doc document.Doc, err *keys.Error) error {
	if err == nil {
		return nil
	}
	err.Message += " :: caused by :: " + doc.Shell()
	return err
}

// hashOf returns the cell of a point as a document has it.
func (x *FlatIndex) hashOf(point document.Doc) (uint64, *keys.Error) {
	var p [2]float64
	it := point.Iter()
	for i := range p {
		if !it.Next() {
			return 0, &keys.Error{Code: 13068, Message: "geo field only has 1 element"}
		}
		f, ok := it.Value().AsFloat64()
		if !ok {
			return 0, &keys.Error{Code: 13026, Message: "geo values must be 'legacy coordinate pairs' for 2d indexes"}
		}
		p[i] = f
	}
	if !x.Holds(r2.Point{X: p[0], Y: p[1]}) {
		return 0, &keys.Error{Code: 13027, Message: x.outside()}
	}
	return x.hash(r2.Point{X: p[0], Y: p[1]}), nil
}

func (x *FlatIndex) outside() string {
	return fmt.Sprintf("point not in interval of [ %s, %s ]", number(x.Min), number(x.Max))
}

// Holds reports whether a point lies in the square.
func (x *FlatIndex) Holds(p r2.Point) bool {
	return p.X >= x.Min && p.X <= x.Max && p.Y >= x.Min && p.Y <= x.Max
}

// OutsideText says that a point does not lie in the square, in mongod's words.
func (x *FlatIndex) OutsideText() string { return x.outside() }

// hash returns the cell of a point.
func (x *FlatIndex) hash(p r2.Point) uint64 {
	h := interleaved(x.scaled(p.X), x.scaled(p.Y))
	return h &^ (math.MaxUint64 >> (2 * x.Bits))
}

// scaled returns a coordinate as a part of the square's side, in 32 bits.
func (x *FlatIndex) scaled(f float64) uint32 {
	return uint32(min((f-x.Min)*(1<<32/(x.Max-x.Min)), math.MaxUint32))
}

func interleaved(x, y uint32) uint64 { return spread(x)<<1 | spread(y) }

// spread puts a zero before each bit.
func spread(v uint32) uint64 {
	n := uint64(v)
	n = (n | n<<16) & 0x0000ffff0000ffff
	n = (n | n<<8) & 0x00ff00ff00ff00ff
	n = (n | n<<4) & 0x0f0f0f0f0f0f0f0f
	n = (n | n<<2) & 0x3333333333333333
	return (n | n<<1) & 0x5555555555555555
}

// gathered is the reverse of spread.
func gathered(n uint64) uint32 {
	n &= 0x5555555555555555
	n = (n | n>>1) & 0x3333333333333333
	n = (n | n>>2) & 0x0f0f0f0f0f0f0f0f
	n = (n | n>>4) & 0x00ff00ff00ff00ff
	n = (n | n>>8) & 0x0000ffff0000ffff
	return uint32(n | n>>16)
}

func hashValue(h uint64) document.Value {
	var b [8]byte
	for i := range b {
		b[i] = byte(h >> (56 - 8*i))
	}
	return document.Binary(hashSubtype, b[:])
}

// flatCell is one of the cells: the hash of its lower left corner, and how often the square was quartered for it.
type flatCell struct {
	hash  uint64
	level int
}

func (c flatCell) quarter(i int) flatCell {
	return flatCell{c.hash | uint64(i)<<(62-2*c.level), c.level + 1}
}

func (c flatCell) last() uint64 { return c.hash | math.MaxUint64>>(2*c.level) }

func (c flatCell) interval() Interval { return Interval{hashValue(c.hash), hashValue(c.last())} }

// square returns what points may be in a cell, a little more than it is.
func (x *FlatIndex) square(c flatCell) box {
	unit := (x.Max - x.Min) / (1 << 32)
	low := r2.Point{X: x.Min + unit*float64(gathered(c.hash>>1)), Y: x.Min + unit*float64(gathered(c.hash))}
	side := unit * float64(uint64(1)<<(32-c.level))
	more := (x.Max-x.Min)*1e-12 + math.Max(math.Abs(x.Min), math.Abs(x.Max))*1e-14
	return box{r2.Point{X: low.X - more, Y: low.Y - more}, r2.Point{X: low.X + side + more, Y: low.Y + side + more}}
}

// Within returns the intervals of the index in which what lies in a region has entries; ok is false if the index cannot tell.
func (x *FlatIndex) Within(r *Region) (list []Interval, ok bool) {
	if r.flat == nil && r.cap == nil {
		return nil, false
	}
	queue := &flatQueue{{}}
	var done []flatCell
	for queue.Len() > 0 && queue.Len()+len(done) < maxFlatCells {
		c := heap.Pop(queue).(flatCell)
		if c.level == x.Bits || r.coversSquare(x.square(c)) {
			done = append(done, c)
			continue
		}
		for i := range 4 {
			if q := c.quarter(i); r.meetsSquare(x.square(q)) {
				heap.Push(queue, q)
			}
		}
	}
	for _, c := range append(done, *queue...) {
		list = append(list, c.interval())
	}
	return list, true
}

// Intersecting says that there are no shapes in the index.
func (x *FlatIndex) Intersecting(*Geometry) ([]Interval, bool) { return nil, false }

// flatQueue has the largest cells first.
type flatQueue []flatCell

func (q flatQueue) Len() int           { return len(q) }
func (q flatQueue) Less(i, j int) bool { return q[i].level < q[j].level }
func (q flatQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *flatQueue) Push(c any)        { *q = append(*q, c.(flatCell)) }
func (q *flatQueue) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	*q = (*q)[:last]
	return c
}

// meetsSquare reports whether there may be points of the region in a square.
func (r *Region) meetsSquare(b box) bool {
	switch f := r.flat.(type) {
	case nil:
		rect := b.onSphere()
		return !rect.IsEmpty() && rect.DistanceToLatLng(s2.LatLngFromPoint(r.cap.Center())) <= r.cap.Radius()+s1.Angle(distanceError)
	case box:
		return f.low.X <= b.high.X && b.low.X <= f.high.X && f.low.Y <= b.high.Y && b.low.Y <= f.high.Y
	case circle:
		return b.distance(f.center) <= f.radius*(1+1e-12)+1e-12
	case ring:
		return f.meetsSquare(b)
	}
	return true
}

// coversSquare reports whether all points of a square are surely in the region.
func (r *Region) coversSquare(b box) bool {
	switch f := r.flat.(type) {
	case box:
		return f.contains(b.low) && f.contains(b.high)
	case circle:
		return b.farthest(f.center) <= f.radius
	}
	return false
}

// onSphere returns the part of a square whose points are longitudes and latitudes.
func (b box) onSphere() s2.Rect {
	lng, lat := r1.Interval{Lo: max(b.low.X, -180), Hi: min(b.high.X, 180)}, r1.Interval{Lo: max(b.low.Y, -90), Hi: min(b.high.Y, 90)}
	if lng.IsEmpty() || lat.IsEmpty() {
		return s2.EmptyRect()
	}
	return s2.Rect{Lat: r1.Interval{Lo: lat.Lo * degree, Hi: lat.Hi * degree}, Lng: s1.IntervalFromEndpoints(lng.Lo*degree, lng.Hi*degree)}
}

// distance returns how far the nearest point of a square is.
func (b box) distance(p r2.Point) float64 {
	return math.Hypot(max(b.low.X-p.X, 0, p.X-b.high.X), max(b.low.Y-p.Y, 0, p.Y-b.high.Y))
}

// farthest returns how far the farthest point of a square is.
func (b box) farthest(p r2.Point) float64 {
	return math.Hypot(max(p.X-b.low.X, b.high.X-p.X), max(p.Y-b.low.Y, b.high.Y-p.Y))
}

// meetsSquare reports whether a polygon may have points in a square: a corner of one lies in the other, or their borders cross.
func (r ring) meetsSquare(b box) bool {
	for i, p := range r {
		if segmentMeets(p, r[(i+1)%len(r)], b) {
			return true
		}
	}
	return r.contains(b.low)
}

// segmentMeets reports whether a segment has a point in a square.
func segmentMeets(p, q r2.Point, b box) bool {
	from, to := 0.0, 1.0
	for _, side := range [4][2]float64{{p.X - q.X, p.X - b.low.X}, {q.X - p.X, b.high.X - p.X}, {p.Y - q.Y, p.Y - b.low.Y}, {q.Y - p.Y, b.high.Y - p.Y}} {
		slope, room := side[0], side[1]
		switch {
		case slope == 0 && room < 0:
			return false
		case slope < 0:
			from = max(from, room/slope)
		case slope > 0:
			to = min(to, room/slope)
		}
	}
	return from <= to+1e-12
}
