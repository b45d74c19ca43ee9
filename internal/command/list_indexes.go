package command

import (
	"context"

	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

type listIndexesArgs struct {
	cursor     cursorArgs
	buildUUIDs bool
	buildInfo  bool
}

var listIndexesFields = newSchema("listIndexes",
	cursorField(func(a *listIndexesArgs) *cursorArgs { return &a.cursor }),
	safeBool("includeBuildUUIDs", func(a *listIndexesArgs) *bool { return &a.buildUUIDs }),
	safeBool("includeIndexBuildInfo", func(a *listIndexesArgs) *bool { return &a.buildInfo }),
).on(mongoerr.BadValue).defaults(func(a *listIndexesArgs) { a.cursor.batchSize = 1 << 30 })

func runListIndexes(ctx context.Context, o *operation, a *listIndexesArgs) error {
	v := o.openView()
	defer v.Close()
	coll := v.Catalog.Timeseries(o.ns)
	measurements := coll != nil
	if coll == nil {
		if err := o.notView(); err != nil {
			return err
		}
		coll = v.Catalog.Collection(o.ns)
	}
	if coll == nil {
		if engine.IsVirtual(o.ns) {
			return o.answerWithList(ctx, o.ns, nil, a.cursor.batchSize)
		}
		return mongoerr.New(mongoerr.NamespaceNotFound, "ns does not exist: %s", o.ns)
	}
	return o.answerWithList(ctx, o.ns, listedIndexes(coll, measurements), a.cursor.batchSize)
}
