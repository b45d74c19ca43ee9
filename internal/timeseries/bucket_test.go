package timeseries

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mortondb/morton/internal/document"
)

func parse(t testing.TB, text string) document.Doc {
	t.Helper()
	d, err := document.FromJSON(text)
	if err != nil {
		t.Fatal(text, err)
	}
	return d
}

func unpacker(t testing.TB, o *Options) *Unpacker {
	t.Helper()
	u, err := CompileUnpacker(o.View("k", nil).LookupPath("pipeline").Doc().First().Value.Doc().First().Value)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func unpack(t testing.TB, u *Unpacker, bucket document.Doc) (list []string) {
	t.Helper()
	var rows Rows
	if err := rows.Open(u, bucket); err != nil {
		t.Fatal(err)
	}
	for {
		d, ok := rows.Next(nil)
		if !ok {
			return list
		}
		list = append(list, d.String())
	}
}

// TestBucketsGiveBackWhatWasPutIn packs random measurements, reading the bucket anew between them as a member does, and unpacks them: time and meta
// come first, then the fields in the order in which the bucket met them.
func TestBucketsGiveBackWhatWasPutIn(t *testing.T) {
	o := &Options{Time: "t", Meta: "m", Granularity: "seconds", Span: 3600}
	u := unpacker(t, o)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var b *Bucket
		var want []string
		for n := range 1 + r.IntN(30) {
			at := 1_700_000_000_000 + r.Int64N(1000)
			text := fmt.Sprintf(`{"t": {"$date": {"$numberLong": "%d"}}, "m": "x"`, at)
			for _, f := range []string{`, "a": 1`, `, "b": {"c": [2, {"d": "e"}]}`, `, "z": "s"`} {
				if r.IntN(2) == 0 {
					text += f
				}
			}
			m, err := o.Measure(parse(t, text+"}"))
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case n == 0:
				b = o.NewBucket(m, document.NewObjectID(), nil)
			case r.IntN(2) == 0:
				if b, err = o.OpenBucket(b.Document(), b.Start, nil); err != nil {
					t.Fatal(err)
				}
			}
			if fit := b.Fits(m); fit != Fits {
				t.Fatal(seed, n, fit)
			}
			b.Add(m)
			want = append(want, m.Doc.String())
		}
		d := b.Document()
		got := unpack(t, u, d)
		if len(got) != len(want) || Count(d, "t") != len(want) {
			t.Fatalf("seed %d: %d of %d measurements", seed, len(got), len(want))
		}
		for i := range got {
			if sortedFields(t, got[i]) != sortedFields(t, want[i]) {
				t.Fatalf("seed %d: %s is not %s", seed, got[i], want[i])
			}
		}
	}
}

func sortedFields(t testing.TB, text string) string {
	return sorted(parse(t, text).AsValue()).Doc().String()
}

// TestBucketsThatMustBeReadAre has filters with the times and meta values that random buckets have, and some near them: no bucket with a measurement that matches may
// be left out.
func TestBucketsThatMustBeReadAre(t *testing.T) {
	for _, granularity := range []string{"seconds", "minutes", "hours"} {
		o := &Options{Time: "t", Granularity: granularity, Span: SpanOf(granularity)}
		u := unpacker(t, o)
		r := rand.New(rand.NewPCG(7, 7))
		for range 2000 {
			base := []int64{0, -1, 1_700_000_000_000, -5_000_000_000, 4_294_967_295_000, 5_000_000_000_000}[r.IntN(6)]
			at := base + r.Int64N(2*o.Span*1000) - o.Span*1000
			m, err := o.Measure(parse(t, fmt.Sprintf(`{"t": {"$date": {"$numberLong": "%d"}}}`, at)))
			if err != nil {
				t.Fatal(err)
			}
			b := o.NewBucket(m, document.NewObjectID(), nil)
			b.Add(m)
			bucket := b.Document()
			for op, bound := range map[string]int64{"$gt": at - 1, "$gte": at, "$lt": at + 1, "$lte": at, "$eq": at} {
				list := u.ofTime(condition("x", op, document.Date(bound)).First().Value)
				if len(list) == 0 {
					t.Fatal(op)
				}
				for _, c := range list {
					path, wants := c.First().Key, c.First().Value.Doc().First()
					order := document.Compare(bucket.LookupPath(path), wants.Value)
					if wants.Key == "$gte" && order < 0 || wants.Key == "$lte" && order > 0 {
						t.Fatalf("%s %d: the bucket %s is left out by %s", op, bound, bucket, c)
					}
				}
			}
		}
	}
}

// TestIndexKeysThereAndBack translates keys of indexes to buckets and back.
func TestIndexKeysThereAndBack(t *testing.T) {
	o := &Options{Time: "t", Meta: "m", Granularity: "seconds", Span: 3600}
	for _, tc := range []struct{ key, onBuckets string }{
		{`{"m":1}`, `{"meta":1}`},
		{`{"m.x":-1}`, `{"meta.x":-1}`},
		{`{"t":1}`, `{"control.min.t":1,"control.max.t":1}`},
		{`{"m":1,"t":-1}`, `{"meta":1,"control.max.t":-1,"control.min.t":-1}`},
		{`{"mm":1}`, `{"control.min.mm":1,"control.max.mm":1}`},
	} {
		key := parse(t, tc.key)
		got, err := o.BucketKey(key)
		if err != nil || got.String() != parse(t, tc.onBuckets).String() {
			t.Fatal(tc.key, got, err)
		}
		back, ok := o.MeasurementKey(got)
		if ok != o.IsMetaAndTime(key) || ok && back.String() != key.String() {
			t.Fatal(tc.key, back, ok)
		}
	}
	if _, err := o.BucketKey(parse(t, `{"t":"hashed"}`)); err == nil {
		t.Fatal("times are not hashed")
	}
}

// TestWhatDoesNotFit has each reason for which a bucket is closed.
func TestWhatDoesNotFit(t *testing.T) {
	o := &Options{Time: "t", Meta: "m", Granularity: "seconds", Span: 3600}
	at := func(s int64, rest string) Measurement {
		m, err := o.Measure(parse(t, fmt.Sprintf(`{"t": {"$date": {"$numberLong": "%d"}}%s}`, 1_700_006_400_000+s*1000, rest)))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	b := o.NewBucket(at(5, ""), document.NewObjectID(), nil)
	b.Add(at(5, `, "v": 1, "d": {"a": [1]}`))
	for _, tc := range []struct {
		m    Measurement
		want Fit
	}{
		{at(0, ""), Fits}, {at(-1, ""), TooEarly}, {at(3599, ""), Fits}, {at(3600, ""), TooLate}, {at(6, `, "v": 2.5`), Fits}, {at(6, `, "v": null`), OtherTypes},
		{at(6, `, "d": {"a": ["x"]}`), OtherTypes}, {at(6, `, "d": {"b": "x", "a": [1, "x"]}`), Fits}, {at(6, `, "d": [1]`), OtherTypes},
	} {
		if got := b.Fits(tc.m); got != tc.want {
			t.Errorf("%s: %d, not %d", tc.m.Doc, got, tc.want)
		}
	}
	for b.count < maxCount {
		b.Add(at(6, ""))
	}
	if b.Fits(at(6, "")) != TooMany {
		t.Error("a bucket takes any number")
	}
	large := o.NewBucket(at(5, ""), document.NewObjectID(), nil)
	text := string(slices.Repeat([]byte("x"), 70<<10))
	large.Add(at(5, `, "s": "`+text+`"`))
	if large.Fits(at(5, `, "s": "`+text+`"`)) != TooLarge {
		t.Error("a bucket takes any size")
	}
}
