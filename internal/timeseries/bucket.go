package timeseries

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// A bucket takes no more than these, as in mongod.
const (
	maxCount = 1000
	maxBytes = 125 << 10
)

// Measurement is a document that is to go into a bucket.
type Measurement struct {
	Doc  document.Doc
	Time int64          // milliseconds
	Meta document.Value // with the fields of documents in it sorted; missing if the document has none
}

// Measure reads the document's time and meta value.
func (o *Options) Measure(d document.Doc) (m Measurement, err error) {
	t := d.Lookup(o.Time)
	if t.Type != document.TypeDate {
		return m, mongoerr.New(mongoerr.BadValue, "'%s' must be present and contain a valid BSON UTC datetime value", o.Time)
	}
	m = Measurement{Doc: d, Time: t.Int64()}
	if o.Meta != "" {
		m.Meta = sorted(d.Lookup(o.Meta))
	}
	return m, nil
}

// sorted returns a value with the fields of all documents in it in order of their names, so that it does not matter in which order a client writes them.
func sorted(v document.Value) document.Value {
	if v.Type != document.TypeDocument && v.Type != document.TypeArray {
		return v
	}
	var list []document.Element
	for it := v.Doc().Iter(); it.Next(); {
		list = append(list, document.Element{Key: it.Key(), Value: sorted(it.Value())})
	}
	if v.Type == document.TypeDocument {
		slices.SortStableFunc(list, func(a, b document.Element) int { return strings.Compare(a.Key, b.Key) })
	}
	var b document.Builder
	for _, e := range list {
		b.AppendValue(e.Key, e.Value)
	}
	return document.Value{Type: v.Type, Data: b.Finish()}
}

// Bucket is a bucket that measurements are added to.
type Bucket struct {
	ID    document.ObjectID
	Start int64 // its earliest time, rounded down

	opts     *Options
	collator document.Collator
	meta     document.Value
	count    int
	size     int
	columns  []column
	extremes []extreme
}

// column is a field of the measurements: the elements of its document, whose keys are the measurements' numbers.
type column struct {
	name     string
	elements []byte
	last     int // the last measurement that has it
}

// NewBucket returns an empty bucket for measurements like m. unique tells it from others of its time.
func (o *Options) NewBucket(m Measurement, unique document.ObjectID, collator document.Collator) *Bucket {
	rounding := granularities[o.Granularity].rounding * 1000
	b := &Bucket{ID: unique, Start: m.Time - m.Time%rounding, opts: o, collator: collator, meta: m.Meta}
	binary.BigEndian.PutUint32(b.ID[:], idSeconds(b.Start/1000))
	return b
}

// idSeconds is the time with which a bucket's _id begins. Times that four bytes cannot hold become the nearest ones, so that order is kept.
func idSeconds(s int64) uint32 { return uint32(min(max(s, 0), math.MaxUint32)) }

// OpenBucket reads a bucket to which measurements are to be added.
func (o *Options) OpenBucket(d document.Doc, start int64, collator document.Collator) (*Bucket, error) {
	control := d.Lookup("control").Doc()
	if n, _ := control.Lookup("version").AsInt64(); n != 1 {
		return nil, errVersion(n)
	}
	b := &Bucket{ID: d.Lookup("_id").ObjectID(), Start: start, opts: o, collator: collator, meta: d.Lookup("meta"), count: Count(d, o.Time)}
	b.extremes = readExtremes(control.Lookup("min").Doc(), control.Lookup("max").Doc())
	for it := d.Lookup("data").Doc().Iter(); it.Next(); {
		inside := it.Value().Doc()
		if it.Value().Type != document.TypeDocument || len(inside) < 5 {
			return nil, fmt.Errorf("timeseries: column %q of bucket %v is no document", it.Key(), b.ID)
		}
		b.columns = append(b.columns, column{name: it.Key(), elements: slices.Clone(inside[4 : len(inside)-1]), last: -1})
		b.size += len(inside)
	}
	return b, nil
}

func errVersion(n int64) error {
	return mongoerr.New(mongoerr.NotImplemented, "buckets with control.version %d, which mongod has compressed, cannot be read; dump the time-series collection's documents instead of its buckets", n)
}

// Count returns how many measurements a bucket has.
func Count(bucket document.Doc, timeField string) (n int) {
	return bucket.Lookup("data").Doc().Lookup(timeField).Doc().Len()
}

// Is reports whether the bucket is for a meta value.
func (b *Bucket) Is(meta document.Value) bool { return document.Identical(b.meta, meta) }

// Fit is whether a measurement can go into a bucket, or why not.
type Fit int

// What may be in the way.
const (
	Fits Fit = iota
	TooMany
	TooLarge
	TooLate
	TooEarly
	OtherTypes // a field has a value of another type than in the measurements before
)

// Fits reports whether a measurement can be added.
func (b *Bucket) Fits(m Measurement) Fit {
	switch {
	case b.count == 0:
		return Fits
	case b.count >= maxCount:
		return TooMany
	case m.Time < b.Start:
		return TooEarly
	case m.Time-b.Start >= b.opts.Span*1000:
		return TooLate
	case b.size+len(m.Doc) > maxBytes:
		return TooLarge
	}
	for it := m.Doc.Iter(); it.Next(); {
		if it.Key() != b.opts.Meta && !fits(b.extremes, it.Key(), it.Value()) {
			return OtherTypes
		}
	}
	return Fits
}

// Add adds a measurement that fits. The bucket refers to its bytes.
func (b *Bucket) Add(m Measurement) {
	for it := m.Doc.Iter(); it.Next(); {
		name, v := it.Key(), it.Value()
		if name == b.opts.Meta && name != "" {
			continue
		}
		c := b.column(name)
		if c.last == b.count {
			continue // a second field of the name: the first one counts
		}
		c.elements = append(c.elements, byte(v.Type))
		c.elements = append(strconv.AppendInt(c.elements, int64(b.count), 10), 0)
		c.elements = append(c.elements, v.Data...)
		c.last = b.count
		if name == b.opts.Time && !slices.ContainsFunc(b.extremes, func(e extreme) bool { return e.name == name }) {
			b.extremes = widen(b.extremes, name, document.Date(b.Start), nil)
		}
		b.extremes = widen(b.extremes, name, v, b.collator)
	}
	b.count++
	b.size += len(m.Doc)
}

func (b *Bucket) column(name string) *column {
	for i := range b.columns {
		if b.columns[i].name == name {
			return &b.columns[i]
		}
	}
	b.columns = append(b.columns, column{name: strings.Clone(name), last: -1})
	return &b.columns[len(b.columns)-1]
}

// Document returns the bucket as it is stored.
func (b *Bucket) Document() document.Doc {
	d := document.NewBuilder(make([]byte, 0, 2*b.size+512))
	d.AppendObjectID("_id", b.ID)
	d.OpenDoc("control")
	d.AppendInt32("version", 1)
	for _, side := range []string{"min", "max"} {
		d.OpenDoc(side)
		appendExtremes(&d, b.extremes, side == "max")
		d.Close()
	}
	d.Close()
	d.AppendValue("meta", b.meta)
	d.OpenDoc("data")
	for _, c := range b.columns {
		inside := binary.LittleEndian.AppendUint32(make([]byte, 0, len(c.elements)+5), uint32(len(c.elements)+5))
		d.AppendDoc(c.name, append(append(inside, c.elements...), 0))
	}
	d.Close()
	return d.Finish()
}
