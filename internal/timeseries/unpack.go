package timeseries

import (
	"slices"
	"strconv"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Unpacker reads measurements out of buckets, as the stage $_internalUnpackBucket does.
type Unpacker struct {
	Options
	include, exclude []string // fields; of include nil: all
}

// CompileUnpacker reads the argument of the stage.
func CompileUnpacker(arg document.Value) (*Unpacker, error) {
	if arg.Type != document.TypeDocument {
		return nil, mongoerr.New(5346500, "$_internalUnpackBucket specification must be an object, got: %s", arg.Type)
	}
	u := &Unpacker{}
	timed, included, excluded := false, false, false
	for it := arg.Doc().Iter(); it.Next(); {
		v := it.Value()
		switch it.Key() {
		case "include", "exclude":
			if v.Type != document.TypeArray {
				return nil, mongoerr.New(5346501, "include or exclude field must be an array, got: %s", v.Type)
			}
			list := []string{}
			for e := v.Doc().Iter(); e.Next(); {
				if e.Value().Type != document.TypeString {
					return nil, mongoerr.New(5346502, "include or exclude field element must be a string, got: %s", e.Value().Type)
				}
				list = append(list, e.Value().Str())
			}
			if it.Key() == "include" {
				u.include, included = list, true
			} else {
				u.exclude, excluded = list, true
			}
		case "timeField":
			if v.Type != document.TypeString {
				return nil, mongoerr.New(5346504, "timeField field must be a string, got: %s", v.Type)
			}
			u.Time, timed = v.Str(), true
		case "metaField":
			if v.Type != document.TypeString {
				return nil, mongoerr.New(5346505, "metaField field must be a string, got: %s", v.Type)
			}
			u.Meta = v.Str()
		case "bucketMaxSpanSeconds":
			u.Span, _ = v.ToInt64()
		case "assumeNoMixedSchemaData", "usesExtendedRange":
		default:
			return nil, mongoerr.New(5346506, "unrecognized parameter to unpack stage: %s", it.Key())
		}
	}
	switch {
	case included && excluded:
		return nil, mongoerr.New(5408000, "The $_internalUnpackBucket stage requires either include or exclude parameter to be specified, not both")
	case !timed:
		return nil, mongoerr.New(5346508, "The $_internalUnpackBucket stage requires a timeField parameter")
	case u.Span <= 0:
		return nil, mongoerr.New(5510600, "The $_internalUnpackBucket stage requires a bucketMaxSpanSeconds parameter")
	}
	return u, nil
}

func (u *Unpacker) wants(name string) bool {
	return (u.include == nil || slices.Contains(u.include, name)) && !slices.Contains(u.exclude, name)
}

// Rows are the measurements of a bucket.
type Rows struct {
	u       *Unpacker
	times   document.Iter
	timed   bool // the time is wanted
	meta    document.Value
	columns []rowColumn
}

type rowColumn struct {
	name string
	it   document.Iter
	more bool // it stands on an element that has not been used
}

// Open goes to the first measurement of a bucket, whose bytes must stay until all have been read.
func (r *Rows) Open(u *Unpacker, bucket document.Doc) error {
	if n, _ := bucket.Lookup("control").Doc().Lookup("version").AsInt64(); n != 1 {
		return errVersion(n)
	}
	data := bucket.Lookup("data").Doc()
	*r = Rows{u: u, times: data.Lookup(u.Time).Doc().Iter(), timed: u.wants(u.Time), columns: r.columns[:0]}
	if u.Meta != "" && u.wants(u.Meta) {
		r.meta = bucket.Lookup("meta")
	}
	for it := data.Iter(); it.Next(); {
		if it.Key() == u.Time || !u.wants(it.Key()) {
			continue
		}
		c := rowColumn{name: it.Key(), it: it.Value().Doc().Iter()}
		c.more = c.it.Next()
		r.columns = append(r.columns, c)
	}
	return nil
}

// Next appends the next measurement to buf; ok is false after the last.
func (r *Rows) Next(buf []byte) (doc document.Doc, ok bool) {
	if r.u == nil || !r.times.Next() {
		return nil, false
	}
	number := r.times.Key()
	b := document.NewBuilder(buf)
	if r.timed {
		b.AppendValue(r.u.Time, r.times.Value())
	}
	b.AppendValue(r.u.Meta, r.meta)
	for i := range r.columns {
		c := &r.columns[i]
		for c.more && c.it.Key() != number && before(c.it.Key(), number) {
			c.more = c.it.Next() // written by hand: a number that no time has
		}
		if c.more && c.it.Key() == number {
			b.AppendValue(c.name, c.it.Value())
			c.more = c.it.Next()
		}
	}
	return b.Finish(), true
}

func before(a, b string) bool {
	m, err1 := strconv.Atoi(a)
	n, err2 := strconv.Atoi(b)
	return err1 == nil && err2 == nil && m < n
}
