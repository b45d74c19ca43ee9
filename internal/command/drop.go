package command

import (
	"context"

	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/timeseries"
)

type dropArgs struct{}

var dropFields = newSchema("drop", ignored[dropArgs]("collectionUUID")).on(mongoerr.InvalidNamespace)

func runDrop(ctx context.Context, o *operation, _ *dropArgs) error {
	if engine.IsProfile(o.ns) {
		return o.dropProfile()
	}
	ns := o.ns
	if buckets := o.timeseries(); buckets != nil {
		ns = buckets.NS
	} else if view, ok := timeseries.ViewOf(o.ns); ok && o.d.engine.Timeseries(view) != nil {
		o.ns = view // the answer is about the collection
	}
	if ns == o.ns && o.notView() != nil {
		t, err := o.d.engine.DropView(ctx, o.ns)
		o.noteTime(t)
		o.out.AppendString("ns", o.ns)
		return err
	}
	if engine.IsViews(o.ns) && o.d.engine.HasTimeseries(o.req.DB) {
		return mongoerr.New(mongoerr.CommandFailed, "cannot drop collection %s when time-series collections are present.", o.ns)
	}
	dropped, t, err := o.d.engine.DropCollection(ctx, ns)
	o.noteTime(t)
	if err != nil {
		return err
	}
	o.d.usage.forget(o.ns)
	o.out.AppendInt32("nIndexesWas", int32(dropped.ShownIndexes()))
	o.out.AppendString("ns", o.ns)
	return nil
}

// dropProfile forgets the database's profile.
func (o *operation) dropProfile() error {
	if o.d.profiling.of(o.req.DB).level > 0 {
		return mongoerr.New(mongoerr.IllegalOperation, "turn off profiling before dropping system.profile collection")
	}
	if !o.d.engine.DropProfile(o.req.DB) {
		return mongoerr.New(mongoerr.NamespaceNotFound, "ns not found")
	}
	o.out.AppendInt32("nIndexesWas", 0)
	o.out.AppendString("ns", o.ns)
	return nil
}

type dropDatabaseArgs struct{ one int64 }

var dropDatabaseFields = newSchema("dropDatabase",
	safeLong("dropDatabase", func(a *dropDatabaseArgs) *int64 { return &a.one }))

func runDropDatabase(ctx context.Context, o *operation, a *dropDatabaseArgs) error {
	switch {
	case o.req.DB == "admin":
		return mongoerr.New(mongoerr.IllegalOperation, "Dropping the 'admin' database is prohibited.")
	case o.req.DB == "local":
		return mongoerr.New(mongoerr.IllegalOperation, "Cannot drop 'local' database while replication is active")
	case a.one != 1:
		return mongoerr.New(5255100, "Have to pass 1 as 'drop' parameter")
	}
	v := o.d.engine.Local()
	list := v.Catalog.Collections(o.req.DB)
	v.Close()
	o.d.engine.DropProfile(o.req.DB)
	_, t, err := o.d.engine.DropDatabase(ctx, o.req.DB)
	o.noteTime(t)
	for _, coll := range list {
		o.d.usage.forget(coll.NS)
	}
	return err
}
