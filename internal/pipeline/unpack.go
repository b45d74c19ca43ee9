package pipeline

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/timeseries"
)

// unpack is the stage $_internalUnpackBucket: of each bucket of a time-series collection, its measurements.
type unpack struct{ u *timeseries.Unpacker }

func compileUnpack(arg document.Value, _ *Options) ([]stage, error) {
	u, err := timeseries.CompileUnpacker(arg)
	return []stage{unpack{u}}, err
}

func (s unpack) over(src Source) Source {
	var rows timeseries.Rows
	var buf []byte
	return sourceFunc(func(ctx context.Context) (document.Doc, error) {
		for n := 1; ; n++ {
			if n%checkEvery == 0 && ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if doc, ok := rows.Next(buf[:0]); ok {
				buf = doc
				return doc, nil
			}
			bucket, err := src.Next(ctx)
			if err != nil {
				return nil, err
			}
			if err := rows.Open(s.u, bucket); err != nil {
				return nil, err
			}
		}
	})
}

// takeUnpacked asks the source for those buckets only in which there can be what the filters behind the stage want.
func (f *Front) takeUnpacked(list []spec) error {
	u, err := timeseries.CompileUnpacker(list[0].arg)
	if err != nil {
		return err
	}
	var filters []document.Doc
	for _, s := range list[1:] {
		if s.name != "$match" || s.arg.Type != document.TypeDocument {
			break
		}
		if d := u.Implied(s.arg.Doc()); d != nil {
			filters = append(filters, d)
		}
	}
	f.Filter = allOf(filters)
	return nil
}
