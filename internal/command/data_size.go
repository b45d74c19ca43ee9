package command

import (
	"context"
	"io"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

type dataSizeArgs struct {
	key, min, max       document.Doc
	estimate            bool
	maxSize, maxObjects int64
}

var dataSizeFields = func() *schema[dataSizeArgs] {
	s := newSchema("dataSize",
		object("keyPattern", func(a *dataSizeArgs) *document.Doc { return &a.key }),
		object("min", func(a *dataSizeArgs) *document.Doc { return &a.min }),
		object("max", func(a *dataSizeArgs) *document.Doc { return &a.max }),
		safeBool("estimate", func(a *dataSizeArgs) *bool { return &a.estimate }),
		safeLong("maxSize", func(a *dataSizeArgs) *int64 { return &a.maxSize }),
		safeLong("maxObjects", func(a *dataSizeArgs) *int64 { return &a.maxObjects }),
	)
	s.target = fullTarget
	return s
}()

// runDataSize adds up the sizes of documents: of all, or of those between two keys.
func runDataSize(ctx context.Context, o *operation, a *dataSizeArgs) error {
	began := time.Now()
	if err := o.notView(); err != nil {
		return err
	}
	if a.min.IsEmpty() != a.max.IsEmpty() {
		if a.min.IsEmpty() {
			return mongoerr.New(mongoerr.BadValue, "min must be set if max is set")
		}
		return mongoerr.New(mongoerr.BadValue, "max must be set if min is set")
	}
	v := o.openView()
	coll := v.Catalog.Collection(o.ns)
	v.Close()
	if coll == nil {
		appendSize(&o.out, 0, 0, began)
		return nil
	}
	if a.estimate && a.min.IsEmpty() {
		n, size := coll.Count()
		o.out.AppendBool("estimate", true)
		appendSize(&o.out, n, size, began)
		return nil
	}
	o.out.AppendBool("estimate", a.estimate)
	return o.addSizes(ctx, a, coll, began)
}

func appendSize(b *document.Builder, n, size int64, began time.Time) {
	appendCount(b, "size", size)
	appendCount(b, "numObjects", n)
	appendCount(b, "millis", time.Since(began).Milliseconds())
}

func (o *operation) addSizes(ctx context.Context, a *dataSizeArgs, coll *engine.Collection, began time.Time) error {
	spec := engine.FindSpec{NS: o.ns}
	if !a.min.IsEmpty() {
		key := a.key
		if key.IsEmpty() {
			key = a.min
		}
		field := key.First().Key
		if !hasIndexOn(coll, field) {
			return mongoerr.New(0, "couldn't find valid index containing key pattern")
		}
		spec.Filter = between(field, a.min.First().Value, a.max.First().Value)
	}
	it, err := o.openView().Find(ctx, spec)
	if err != nil {
		return err
	}
	defer it.Close()
	var n, size int64
	for {
		doc, err := it.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		n, size = n+1, size+int64(len(doc))
		if a.maxSize > 0 && size > a.maxSize || a.maxObjects > 0 && n > a.maxObjects {
			o.out.AppendBool("maxReached", true)
			break
		}
	}
	appendSize(&o.out, n, size, began)
	return nil
}

func hasIndexOn(coll *engine.Collection, field string) bool {
	for _, ix := range coll.Indexes {
		if ix.Ready && ix.Fields[0].Path == field {
			return true
		}
	}
	return false
}

// between is the filter of what is at least least and less than below.
func between(path string, least, below document.Value) document.Doc {
	var b document.Builder
	b.OpenDoc(path)
	b.AppendValue("$gte", least)
	b.AppendValue("$lt", below)
	b.Close()
	return b.Finish()
}
