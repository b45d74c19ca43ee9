package command

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

// runValidate compares a collection with its indexes. What it finds is true at one moment, whatever is written meanwhile: full or background makes
// no difference to that.
func runValidate(ctx context.Context, o *operation) error {
	if err := o.setTarget(o.first.Value, mongoerr.InvalidNamespace, "collection name has invalid type %s"); err != nil {
		return err
	}
	full, background := o.argument("full").Truthy(), o.argument("background").Truthy()
	metadata, repair := o.argument("metadata").Truthy(), o.argument("repair").Truthy()
	switch {
	case background && full:
		return mongoerr.New(mongoerr.InvalidOptions, "Running the validate command with both { background: true } and { full: true } is not supported.")
	case metadata && (full || background || repair || o.argument("enforceFastCount").Truthy()):
		return mongoerr.New(mongoerr.InvalidOptions, "Running the validate command with { metadata: true } is not supported with any other options")
	case repair && !o.view.Standalone():
		return mongoerr.New(mongoerr.InvalidOptions, "Running the validate command with { repair: true } can only be performed in standalone mode.")
	case repair:
		return notImplemented("repair of validate")
	case o.d.engine.IsView(o.ns):
		return mongoerr.New(mongoerr.CommandNotSupportedOnView, "Cannot validate a view")
	}
	v := o.openView()
	defer v.Close()
	coll := v.Catalog.Collection(o.ns)
	if coll == nil {
		return mongoerr.New(mongoerr.NamespaceNotFound, "Collection '%s' does not exist to validate.", o.ns)
	}
	o.out.AppendString("ns", o.ns)
	if metadata {
		appendValidity(&o.out, &engine.Validation{})
		return nil
	}
	r, err := v.Validate(ctx, coll)
	if err != nil {
		return err
	}
	appendFigures(&o.out, coll, r)
	if background {
		o.out.AppendTimestamp("readTimestamp", uint64(v.Time.TS))
	}
	appendValidity(&o.out, r)
	return nil
}

func appendFigures(b *document.Builder, coll *engine.Collection, r *engine.Validation) {
	appendCount(b, "nInvalidDocuments", r.Invalid)
	appendCount(b, "nNonCompliantDocuments", r.NotCompliant)
	appendCount(b, "nrecords", r.Records)
	b.AppendInt32("nIndexes", int32(coll.ShownIndexes()))
	shown := coll.Indexes
	if coll.Clustered {
		shown = shown[1:]
	}
	from := len(coll.Indexes) - len(shown)
	b.OpenDoc("keysPerIndex")
	for i, ix := range shown {
		appendCount(b, ix.Name, r.Keys[from+i])
	}
	b.Close()
	b.OpenDoc("indexDetails")
	for i, ix := range shown {
		b.OpenDoc(ix.Name)
		problem, bad := r.Problems[from+i]
		b.AppendBool("valid", !bad)
		if bad {
			b.OpenArray("errors")
			b.AppendString("0", problem)
			b.Close()
		}
		b.Close()
	}
	b.Close()
}

func appendValidity(b *document.Builder, r *engine.Validation) {
	b.AppendBool("valid", len(r.Errors) == 0 && len(r.Problems) == 0)
	b.AppendBool("repaired", false)
	b.AppendArray("warnings", document.Empty)
	b.OpenArray("errors")
	for i, text := range r.Errors {
		if i == maxListedErrors {
			break
		}
		b.AppendString(document.Index(i), text)
	}
	b.Close()
	b.AppendArray("extraIndexEntries", document.Empty)
	b.AppendArray("missingIndexEntries", document.Empty)
	b.AppendArray("corruptRecords", document.Empty)
}

// maxListedErrors bounds the errors in a reply.
const maxListedErrors = 100

// runCompact answers as a mongod does: a primary refuses without force. There is nothing to do, since storage compacts itself all the time.
func runCompact(_ context.Context, o *operation) error {
	if err := o.setTarget(o.first.Value, mongoerr.InvalidNamespace, "collection name has invalid type %s"); err != nil {
		return err
	}
	if o.view.CheckWrite(o.dialect()) == nil && !o.view.Standalone() && !o.argument("force").Truthy() {
		return mongoerr.New(0, "will not run compact on an active replica set primary as this is a slow blocking operation. use force:true to force")
	}
	if err := o.notView(); err != nil {
		return err
	}
	v := o.openView()
	defer v.Close()
	if v.Catalog.Collection(o.ns) == nil {
		return mongoerr.New(mongoerr.NamespaceNotFound, "collection does not exist")
	}
	o.out.AppendInt64("bytesFreed", 0)
	return nil
}

// runReIndex says what mongod says of a member of a set.
func runReIndex(_ context.Context, o *operation) error {
	if err := o.setTarget(o.first.Value, mongoerr.InvalidNamespace, "collection name has invalid type %s"); err != nil {
		return err
	}
	if o.view.Standalone() {
		return notImplemented("reIndex")
	}
	return mongoerr.New(mongoerr.IllegalOperation, "reIndex is only allowed on a standalone mongod instance. Cannot reIndex '%s' while replication is active", o.ns)
}

// Plans are not kept from one query to the next, so that there is nothing to clear and there are no filters of plans.

func runPlanCacheClear(_ context.Context, o *operation) error {
	if err := o.setTarget(o.first.Value, mongoerr.InvalidNamespace, "collection name has invalid type %s"); err != nil {
		return err
	}
	return o.notView()
}

func runPlanCacheListFilters(ctx context.Context, o *operation) error {
	if err := runPlanCacheClear(ctx, o); err != nil {
		return err
	}
	o.out.AppendArray("filters", document.Empty)
	return nil
}

func runPlanCacheSetFilter(ctx context.Context, o *operation) error {
	if err := runPlanCacheClear(ctx, o); err != nil {
		return err
	}
	return notImplemented("planCacheSetFilter")
}
