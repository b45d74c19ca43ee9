package command

import (
	"bytes"
	"context"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/timeseries"
)

type renameArgs struct {
	to         string
	dropTarget document.Value
}

var renameFields = func() *schema[renameArgs] {
	s := newSchema("renameCollection",
		text("to", func(a *renameArgs) *string { return &a.to }).require(),
		field[renameArgs]{name: "dropTarget", set: func(a *renameArgs, v document.Value) error {
			if v.Type != document.TypeBool && v.Type != document.TypeBinary {
				return wrongType(v.Type, "bool", "binData")
			}
			a.dropTarget = v
			return nil
		}},
		safeBool("stayTemp", func(a *renameArgs) *bool { return new(bool) }), // temporary collections are none of a client's
	)
	s.target = fullTarget
	return s
}()

// fullTarget takes the namespace that a command is about from its first field, with the database.
func fullTarget(o *operation, v document.Value) error {
	if v.Type != document.TypeString {
		return mongoerr.New(mongoerr.BadValue, "collection name has invalid type %s", v.Type)
	}
	db, name, _ := strings.Cut(v.Str(), ".")
	if db == "" || name == "" || strings.ContainsRune(v.Str(), 0) {
		return mongoerr.New(mongoerr.InvalidNamespace, "Invalid namespace specified '%s'", v.Str())
	}
	o.coll, o.ns = name, v.Str()
	return nil
}

func runRenameCollection(ctx context.Context, o *operation, a *renameArgs) error {
	if err := o.checkRename(a); err != nil {
		return err
	}
	t, err := o.d.engine.RenameCollection(ctx, strings.Clone(o.ns), strings.Clone(a.to), a.dropTarget.Truthy())
	o.noteTime(t)
	if err == nil {
		o.d.usage.forget(o.ns)
	}
	return err
}

// checkRename refuses names that a collection must not have or lose.
func (o *operation) checkRename(a *renameArgs) error {
	db, name, _ := strings.Cut(a.to, ".")
	switch {
	case db == "" || name == "":
		return mongoerr.New(mongoerr.InvalidNamespace, "Invalid target namespace: %s", a.to)
	case o.ns == oplogNS || a.to == oplogNS:
		return mongoerr.New(mongoerr.IllegalOperation, "can't rename live oplog while replicating")
	case engine.IsViews(o.ns) || engine.IsVirtual(o.ns):
		return mongoerr.New(mongoerr.IllegalOperation, "error with source namespace: cannot write to %s", o.ns)
	case isBuckets(o.ns):
		return mongoerr.New(mongoerr.IllegalOperation, "Renaming system.buckets collections is not allowed")
	case strings.HasPrefix(name, "system.") && !systemCollections[name] && !isBuckets(a.to):
		return mongoerr.New(mongoerr.IllegalOperation, "error with target namespace: Invalid system namespace: %s", a.to)
	case engine.IsViews(a.to):
		return mongoerr.New(mongoerr.IllegalOperation, "error with target namespace: cannot write to %s", a.to)
	case a.to == o.ns:
		return mongoerr.New(mongoerr.IllegalOperation, "Can't rename a collection to itself")
	}
	if err := engine.CheckNamespace(a.to); err != nil {
		return mongoerr.New(mongoerr.IllegalOperation, "error with target namespace: %s", err.Error())
	}
	v := o.d.engine.Local()
	defer v.Close()
	source := engine.Database(o.ns)
	switch {
	case v.Catalog.ViewOf(o.ns) != nil:
		return mongoerr.New(mongoerr.CommandNotSupportedOnView, "cannot rename view: %s", o.ns)
	case len(v.Catalog.Collections(source)) == 0 || db != source && v.Catalog.Collection(o.ns) == nil:
		return mongoerr.New(mongoerr.NamespaceNotFound, "source namespace does not exist")
	}
	return a.checkTarget(v.Catalog.Collection(a.to))
}

func isBuckets(ns string) bool {
	view, ok := timeseries.ViewOf(ns)
	return ok && view != engine.Database(ns)+"."
}

// checkTarget checks that what would be dropped is what the client means, if it says so by its UUID.
func (a *renameArgs) checkTarget(target *engine.Collection) error {
	if a.dropTarget.Type != document.TypeBinary || target == nil {
		return nil
	}
	if _, uuid := a.dropTarget.Binary(); !bytes.Equal(uuid, target.UUID[:]) {
		return mongoerr.New(mongoerr.NamespaceExists, "target namespace exists")
	}
	return nil
}
