package command

import (
	"context"

	"github.com/mortondb/morton/internal/document"
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
	if err := o.notView(); err != nil {
		return err
	}
	v := o.openView()
	defer v.Close()
	coll := v.Catalog.Collection(o.ns)
	if coll == nil {
		if engine.IsVirtual(o.ns) {
			return o.answerWithList(ctx, o.ns, nil, a.cursor.batchSize)
		}
		return mongoerr.New(mongoerr.NamespaceNotFound, "ns does not exist: %s", o.ns)
	}
	var docs []document.Doc
	for _, ix := range coll.Indexes {
		docs = append(docs, ix.Spec)
	}
	return o.answerWithList(ctx, o.ns, docs, a.cursor.batchSize)
}
