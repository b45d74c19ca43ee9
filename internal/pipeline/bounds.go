package pipeline

import (
	"context"
	"io"
	"math/rand/v2"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// bound reads the argument of $skip or $limit.
func bound(name string, v document.Value, code mongoerr.Code) (int64, error) {
	const invalid = "invalid argument to %s stage: Expected %s in: %s: %s"
	n, exact := v.AsInt64()
	switch {
	case !v.IsNumber():
		return 0, mongoerr.New(code, invalid, name, "a number", name, v.Shell())
	case !exact:
		return 0, mongoerr.New(code, "invalid argument to %s stage: Expected an integer: %s: %s", name, name, v.Shell())
	case n < 0:
		return 0, mongoerr.New(code, invalid, name, "a non-negative number", name, v.Shell())
	}
	return n, nil
}

func limitOf(v document.Value) (int64, error) {
	n, err := bound("$limit", v, 5107201)
	if err == nil && n == 0 {
		err = fail(15958, "the limit must be positive")
	}
	return n, err
}

type skip int64

func compileSkip(v document.Value, _ *Options) ([]stage, error) {
	n, err := bound("$skip", v, 5107200)
	return []stage{skip(n)}, err
}

func (s skip) over(src Source) Source {
	left := int64(s)
	return each(src, func(doc document.Doc) (document.Doc, bool, error) {
		left--
		return doc, left < 0, nil
	})
}

type limit int64

func compileLimit(v document.Value, _ *Options) ([]stage, error) {
	n, err := limitOf(v)
	return []stage{limit(n)}, err
}

func (s limit) over(src Source) Source {
	left := int64(s)
	return passing{src, func(ctx context.Context) (document.Doc, error) {
		if left == 0 {
			return nil, io.EOF
		}
		left--
		return src.Next(ctx)
	}}
}

// sample is $sample: some documents, each as likely as any other, in random order.
type sample struct {
	size   int64
	random func() float64
	max    int
}

func compileSample(v document.Value, opts *Options) ([]stage, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(28745, "the $sample stage specification must be an object")
	}
	s := &sample{size: -1, random: opts.Expr.Random, max: opts.MaxBytes}
	for it := v.Doc().Iter(); it.Next(); {
		n := it.Value()
		switch {
		case it.Key() != "size":
			return nil, fail(28748, "unrecognized option to $sample: %s", it.Key())
		case !n.IsNumber():
			return nil, fail(28746, "size argument to $sample must be a number")
		}
		s.size, _ = n.ToInt64()
		if s.size < 0 {
			return nil, fail(28747, "size argument to $sample must not be negative")
		}
	}
	if s.size < 0 {
		return nil, fail(28749, "$sample stage must specify a size")
	}
	if s.random == nil {
		s.random = rand.Float64
	}
	return []stage{s}, nil
}

func (s *sample) over(src Source) Source { return &gathered{gather: s.choose, src: src} }

// choose looks at all documents and keeps size of them (Vitter's algorithm R), shuffled.
func (s *sample) choose(ctx context.Context, src Source) ([]row, error) {
	var chosen []row
	bytes := 0
	for seen := int64(0); ; seen++ {
		doc, err := src.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		at := int64(len(chosen))
		if at == s.size {
			if at = int64(s.random() * float64(seen+1)); at >= s.size {
				continue
			}
			bytes -= len(chosen[at].doc)
			chosen[at] = row{doc: doc.Clone(), meta: metaOf(src).Clone()}
		} else {
			chosen = append(chosen, row{doc: doc.Clone(), meta: metaOf(src).Clone()})
		}
		if bytes += len(doc); bytes > s.max {
			return nil, tooMuchMemory("$sample", s.max)
		}
	}
	for i := len(chosen) - 1; i > 0; i-- {
		j := int(s.random() * float64(i+1))
		chosen[i], chosen[j] = chosen[j], chosen[i]
	}
	return chosen, nil
}

func tooMuchMemory(name string, limit int) error {
	return mongoerr.New(mongoerr.QueryExceededMemoryLimitNoDiskUseAllowed,
		"Exceeded memory limit for %s, but didn't allow external spilling; pass allowDiskUse:true to opt in. The limit is %d bytes", name, limit)
}
