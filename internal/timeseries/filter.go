package timeseries

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// inBucket returns where a bucket has a path that is in the meta value.
func (o *Options) inBucket(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, o.Meta)
	if o.Meta == "" || !ok || rest != "" && rest[0] != '.' {
		return "", false
	}
	return "meta" + rest, true
}

// IsMeta reports whether a path is in the meta value.
func (o *Options) IsMeta(path string) bool {
	_, ok := o.inBucket(path)
	return ok
}

// MetaFilter returns what the filter of an update or a deletion means to buckets. It may only ask for the meta value, so that buckets match as a whole.
func (o *Options) MetaFilter(filter document.Doc) (document.Doc, error) {
	var b document.Builder
	for it := filter.Iter(); it.Next(); {
		name, v := it.Key(), it.Value()
		switch name {
		case "$and", "$or", "$nor":
			if v.Type != document.TypeArray {
				b.AppendValue(name, v) // and it is refused like that of any filter
				continue
			}
			b.OpenArray(name)
			for e := v.Doc().Iter(); e.Next(); {
				if e.Value().Type != document.TypeDocument {
					b.AppendValue(e.Key(), e.Value())
					continue
				}
				inside, err := o.MetaFilter(e.Value().Doc())
				if err != nil {
					return nil, err
				}
				b.AppendDoc(e.Key(), inside)
			}
			b.Close()
		case "$expr", "$where":
			return nil, mongoerr.New(mongoerr.InvalidOptions, "Cannot use %s when performing an update or delete on a time-series collection", name)
		default:
			if strings.HasPrefix(name, "$") {
				b.AppendValue(name, v)
				continue
			}
			path, ok := o.inBucket(name)
			if !ok {
				return nil, mongoerr.New(mongoerr.InvalidOptions, "Cannot perform an update or delete on a time-series collection when querying on a field that is not the metaField '%s'", o.Meta)
			}
			b.AppendValue(path, v)
		}
	}
	return b.Finish(), nil
}

// Implied returns what must be true of a bucket that has a measurement which matches a filter; nil if that is not known. It makes reads quick and decides nothing: measurements are
// looked at themselves.
func (u *Unpacker) Implied(filter document.Doc) document.Doc {
	var list []document.Doc
	for it := filter.Iter(); it.Next(); {
		list = append(list, u.implied(it.Key(), it.Value())...)
	}
	return together("$and", list)
}

func together(op string, list []document.Doc) document.Doc {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	var b document.Builder
	b.OpenArray(op)
	for i, d := range list {
		b.AppendDoc(document.Index(i), d)
	}
	b.Close()
	return b.Finish()
}

func (u *Unpacker) implied(name string, v document.Value) []document.Doc {
	var all []document.Doc
	switch name {
	case "$and":
		for it := v.Doc().Iter(); it.Next(); {
			if d := u.Implied(it.Value().Doc()); d != nil {
				all = append(all, d)
			}
		}
		return all
	case "$or":
		for it := v.Doc().Iter(); it.Next(); {
			d := u.Implied(it.Value().Doc())
			if d == nil {
				return nil
			}
			all = append(all, d)
		}
		if len(all) == 0 {
			return nil
		}
		return []document.Doc{together("$or", all)}
	case u.Time:
		return u.ofTime(v)
	}
	if path, ok := u.inBucket(name); ok {
		var b document.Builder
		b.AppendValue(path, v)
		return []document.Doc{b.Finish()}
	}
	return nil
}

// ofTime returns what conditions on the time mean to buckets.
func (u *Unpacker) ofTime(v document.Value) (list []document.Doc) {
	if v.Type == document.TypeDate {
		return append(u.notBefore(v.Int64()), u.notAfter(v.Int64())...)
	}
	if v.Type != document.TypeDocument {
		return nil
	}
	for it := v.Doc().Iter(); it.Next(); {
		if it.Value().Type != document.TypeDate {
			continue
		}
		t := it.Value().Int64()
		switch it.Key() {
		case "$gt", "$gte":
			list = append(list, u.notBefore(t)...)
		case "$lt", "$lte":
			list = append(list, u.notAfter(t)...)
		case "$eq":
			list = append(append(list, u.notBefore(t)...), u.notAfter(t)...)
		}
	}
	return list
}

// slack is how many milliseconds apart the times of a bucket can be: its span, and what its beginning was rounded by.
func (u *Unpacker) slack() int64 { return (u.Span + granularities["hours"].rounding) * 1000 }

func (u *Unpacker) notBefore(t int64) []document.Doc {
	return []document.Doc{condition("_id", "$gte", idBound((t-u.slack())/1000, 0)), condition("control.max."+u.Time, "$gte", document.Date(t)),
		condition("control.min."+u.Time, "$gte", document.Date(t-u.slack()))}
}

func (u *Unpacker) notAfter(t int64) []document.Doc {
	return []document.Doc{condition("_id", "$lte", idBound(t/1000, 0xff)), condition("control.min."+u.Time, "$lte", document.Date(t)),
		condition("control.max."+u.Time, "$lte", document.Date(t+u.slack()))}
}

// idBound is the least or the greatest _id, by fill, of buckets of a time.
func idBound(seconds int64, fill byte) document.Value {
	var id document.ObjectID
	binary.BigEndian.PutUint32(id[:], idSeconds(seconds))
	for i := 4; i < len(id); i++ {
		id[i] = fill
	}
	return document.OID(id)
}

func condition(path, op string, v document.Value) document.Doc {
	var b document.Builder
	b.OpenDoc(path)
	b.AppendValue(op, v)
	b.Close()
	return b.Finish()
}

// Expired returns the filter of the buckets all of whose measurements are older than a time.
func (o *Options) Expired(before int64) document.Doc {
	return condition("_id", "$lt", idBound(before/1000-o.Span, 0))
}

// MetaUpdate returns what an update means to buckets. It may only change the meta value.
func (o *Options) MetaUpdate(u document.Value) (document.Value, error) {
	fail := func(format string, args ...any) (document.Value, error) {
		return document.Value{}, mongoerr.New(mongoerr.InvalidOptions, format, args...)
	}
	const what = "Cannot perform an update on a time-series collection "
	if u.Type == document.TypeArray {
		return fail(what + "using a pipeline update")
	}
	if first := u.Doc().First().Key; first == "" || first[0] != '$' {
		return fail(what + "using a replacement document")
	}
	var b document.Builder
	for it := u.Doc().Iter(); it.Next(); {
		if it.Value().Type != document.TypeDocument {
			b.AppendValue(it.Key(), it.Value())
			continue
		}
		b.OpenDoc(it.Key())
		for e := it.Value().Doc().Iter(); e.Next(); {
			path, ok := o.inBucket(e.Key())
			v := e.Value()
			if it.Key() == "$rename" && ok && v.Type == document.TypeString {
				var to string
				to, ok = o.inBucket(v.Str())
				v = document.String(to)
			}
			if !ok {
				return fail(what+"which updates a field that is not the metaField '%s'", o.Meta)
			}
			b.AppendValue(path, v)
		}
		b.Close()
	}
	return b.Finish().AsValue(), nil
}

// BucketKey returns what the key of an index on measurements is on buckets; of a field that is neither time nor meta, the extremes.
func (o *Options) BucketKey(key document.Doc) (document.Doc, error) {
	if key.IsEmpty() {
		return nil, mongoerr.New(mongoerr.BadValue, "Empty object is not a valid index spec")
	}
	var b document.Builder
	for it := key.Iter(); it.Next(); {
		name, v := it.Key(), it.Value()
		if path, ok := o.inBucket(name); ok {
			b.AppendValue(path, v)
			continue
		}
		direction, _ := v.AsFloat64()
		if !v.IsNumber() {
			what := "Indexes on measurement fields must be ascending or descending (numbers only), or '2dsphere'"
			if name == o.Time {
				what = "Indexes on the time field must be ascending or descending (numbers only)"
			}
			return nil, mongoerr.New(mongoerr.BadValue, "Invalid index spec for time-series collection: %s. %s: %s: %s", key.Shell(), what, name, v.Shell())
		}
		sides := []string{"control.min.", "control.max."}
		if direction < 0 {
			slices.Reverse(sides)
		}
		for _, side := range sides {
			b.AppendValue(side+name, v)
		}
	}
	return b.Finish(), nil
}

// IsMetaAndTime reports whether the key of an index asks for the time and the meta value only, so that it can be told from that on the buckets.
func (o *Options) IsMetaAndTime(key document.Doc) bool {
	for it := key.Iter(); it.Next(); {
		if _, ok := o.inBucket(it.Key()); !ok && it.Key() != o.Time {
			return false
		}
	}
	return true
}

// MeasurementKey returns the key on measurements whose BucketKey is this one; ok is false if there is none.
func (o *Options) MeasurementKey(key document.Doc) (_ document.Doc, ok bool) {
	var b document.Builder
	for it := key.Iter(); it.Next(); {
		name, v := it.Key(), it.Value()
		if rest, isMeta := strings.CutPrefix(name, "meta"); isMeta && o.Meta != "" && (rest == "" || rest[0] == '.') {
			b.AppendValue(o.Meta+rest, v)
			continue
		}
		pair := []string{"control.min." + o.Time, "control.max." + o.Time}
		if direction, _ := v.AsFloat64(); direction < 0 {
			slices.Reverse(pair)
		}
		if name != pair[0] || !it.Next() || it.Key() != pair[1] {
			return nil, false
		}
		b.AppendValue(o.Time, v)
	}
	return b.Finish(), true
}
