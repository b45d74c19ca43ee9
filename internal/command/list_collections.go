package command

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/query"
)

type listCollectionsArgs struct {
	filter     document.Doc
	nameOnly   bool
	authorized bool // everything is allowed
	cursor     cursorArgs
}

var listCollectionsFields = newSchema("listCollections",
	object("filter", func(a *listCollectionsArgs) *document.Doc { return &a.filter }),
	boolean("nameOnly", func(a *listCollectionsArgs) *bool { return &a.nameOnly }),
	boolean("authorizedCollections", func(a *listCollectionsArgs) *bool { return &a.authorized }),
	cursorField(func(a *listCollectionsArgs) *cursorArgs { return &a.cursor }),
).defaults(func(a *listCollectionsArgs) { a.cursor.batchSize = 1 << 30 })

func runListCollections(ctx context.Context, o *operation, a *listCollectionsArgs) error {
	filter, err := query.CompileFilter(orEmpty(a.filter), query.FilterOptions{})
	if err != nil {
		return err
	}
	v := o.openView()
	defer v.Close()
	var docs []document.Doc
	add := func(d document.Doc) {
		if a.nameOnly { // then filters see no more than that, either
			d = only(d, "name", "type")
		}
		if matches(filter, d) {
			docs = append(docs, d)
		}
	}
	for _, coll := range v.Catalog.Collections(o.req.DB) {
		add(describeCollection(coll))
	}
	for _, d := range v.Catalog.Views(o.req.DB) {
		if buckets := v.Catalog.Timeseries(d.NS); buckets != nil {
			add(describeTimeseries(d, buckets))
			continue
		}
		add(describeView(d))
	}
	if size := o.d.engine.ProfileBytes(o.req.DB); size > 0 {
		add(describeProfile(size))
	}
	for _, name := range v.VirtualCollections(o.req.DB) {
		add(o.d.describeVirtual(o.req.DB, name))
	}
	return o.answerWithList(ctx, o.req.DB+".$cmd.listCollections", docs, a.cursor.batchSize)
}

func only(d document.Doc, names ...string) document.Doc {
	var b document.Builder
	for _, name := range names {
		b.AppendValue(name, d.Lookup(name))
	}
	return b.Finish()
}

func describeCollection(coll *engine.Collection) document.Doc {
	var b document.Builder
	b.AppendString("name", coll.Name())
	b.AppendString("type", "collection")
	b.AppendDoc("options", orEmpty(coll.Options))
	b.OpenDoc("info")
	b.AppendBool("readOnly", false)
	b.AppendBinary("uuid", 4, coll.UUID[:])
	b.Close()
	if !coll.Clustered {
		b.AppendDoc("idIndex", coll.Indexes[0].Spec)
	}
	return b.Finish()
}

// describeProfile describes the operations that this member has noted of a database.
func describeProfile(size int64) document.Doc {
	var b document.Builder
	b.AppendString("name", "system.profile")
	b.AppendString("type", "collection")
	b.OpenDoc("options")
	b.AppendBool("capped", true)
	appendCount(&b, "size", size)
	b.Close()
	b.OpenDoc("info")
	b.AppendBool("readOnly", false)
	b.Close()
	return b.Finish()
}

func describeView(d *engine.ViewDef) document.Doc {
	var b document.Builder
	b.AppendString("name", d.Name())
	b.AppendString("type", "view")
	b.AppendDoc("options", d.Options)
	b.OpenDoc("info")
	b.AppendBool("readOnly", true)
	b.Close()
	return b.Finish()
}

// describeVirtual describes a collection that is a view of the log or of the set's state.
func (d *Dispatcher) describeVirtual(db, name string) document.Doc {
	var b document.Builder
	b.AppendString("name", name)
	b.AppendString("type", "collection")
	b.OpenDoc("options")
	if db+"."+name == oplogNS {
		b.AppendBool("capped", true)
		appendCount(&b, "size", d.set.OplogBytes())
	}
	b.Close()
	b.OpenDoc("info")
	b.AppendBool("readOnly", true)
	b.Close()
	return b.Finish()
}
