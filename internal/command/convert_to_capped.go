package command

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

// runConvertToCapped makes a collection capped: it keeps the newest documents that fit, and none of its indexes but that on _id.
func runConvertToCapped(ctx context.Context, o *operation) error {
	if err := o.setTarget(o.first.Value, mongoerr.InvalidNamespace, "collection name has invalid type %s"); err != nil {
		return err
	}
	return o.convertToCapped(ctx, o.ns)
}

// runCloneCollectionAsCapped makes a capped copy of a collection.
func runCloneCollectionAsCapped(ctx context.Context, o *operation) error {
	if err := o.setTarget(o.first.Value, mongoerr.InvalidNamespace, "collection name has invalid type %s"); err != nil {
		return err
	}
	to := o.argument("toCollection")
	if to.Type != document.TypeString {
		return mongoerr.New(mongoerr.TypeMismatch, "'toCollection' must be of type String")
	}
	if to.Str() == "" {
		return mongoerr.New(0, "invalid command spec")
	}
	return o.convertToCapped(ctx, o.req.DB+"."+to.Str())
}

func (o *operation) convertToCapped(ctx context.Context, to string) error {
	size, _ := o.argument("size").ToInt64()
	switch {
	case size < 0:
		return mongoerr.New(mongoerr.BadValue, "size has to be >= 0")
	case size == 0 || size > maxCappedSize:
		return mongoerr.New(0, "invalid command spec")
	}
	if err := o.notView(); err != nil {
		return err
	}
	if isBuckets(o.ns) {
		return mongoerr.New(mongoerr.BadValue, "Invalid namespace: %s.convertToCapped.%s", o.req.DB, o.coll)
	}
	if to != o.ns {
		v := o.d.engine.Local()
		source, target := v.Catalog.Collection(o.ns), v.Catalog.Collection(to)
		v.Close()
		if source != nil && (target != nil || o.d.engine.IsView(to)) {
			return mongoerr.New(mongoerr.NamespaceExists, "cloneCollectionAsCapped failed - destination collection %s already exists. source collection: %s", to, o.ns)
		}
	}
	if err := engine.CheckNamespace(to); err != nil {
		return err
	}
	t, err := o.d.engine.ConvertToCapped(ctx, o.ns, to, size)
	o.noteTime(t)
	return err
}
