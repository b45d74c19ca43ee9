package engine

import (
	"context"
	"io"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
)

// RenameCollection gives a collection another name, also one of another database. A collection that has the name already
// goes with dropTarget and is an error without.
func (e *Engine) RenameCollection(ctx context.Context, from, to string, dropTarget bool) (oplog.OpTime, error) {
	if err := CheckNamespace(to); err != nil {
		return oplog.OpTime{}, err
	}
	if Database(from) != Database(to) {
		return e.moveCollection(ctx, from, to, dropTarget)
	}
	return e.changeCatalog(ctx, func(v *View) (*catalogChange, error) {
		coll, target, err := v.Catalog.renaming(from, to, dropTarget)
		if err != nil {
			return nil, err
		}
		return planRename(v, coll, target, to), nil
	})
}

// renaming looks up what a rename is about. target is nil if the name is free.
func (c *Catalog) renaming(from, to string, dropTarget bool) (coll, target *Collection, err error) {
	if coll = c.Collection(from); coll == nil {
		return nil, nil, mongoerr.New(mongoerr.NamespaceNotFound, "Source collection %s does not exist", from)
	}
	if target = c.Collection(to); target != nil && !dropTarget {
		return nil, nil, mongoerr.New(mongoerr.NamespaceExists, "target namespace exists")
	}
	if c.ViewOf(to) != nil {
		return nil, nil, mongoerr.New(mongoerr.NamespaceExists, "a view already exists with that name: %s", to)
	}
	return coll, target, nil
}

func planRename(v *View, coll, target *Collection, to string) *catalogChange {
	var o, o2 document.Builder
	o.AppendString("renameCollection", coll.NS)
	o.AppendString("to", to)
	o.AppendBool("stayTemp", false)
	if target != nil {
		o.AppendBinary("dropTarget", 4, target.UUID[:])
		n, _ := target.Count()
		o2.AppendInt64("numRecords", n)
	}
	c := &catalogChange{base: v.Catalog, after: v.Catalog, w: commandGroup(Database(coll.NS), coll.UUID, o.Finish(), o2.Finish())}
	if target != nil {
		c.drop(target)
	}
	c.put(coll.toStay(to))
	return c
}

// drop removes a collection and all that is in it.
func (c *catalogChange) drop(coll *Collection) {
	c.after = c.after.without(coll.Number)
	c.w.Remove(collectionKey(coll.Number))
	c.w.RemoveRange(keys.RecordRange(coll.Number))
	for _, ix := range coll.Indexes {
		c.w.RemoveRange(keys.IndexRange(ix.Number))
	}
	c.w.Remove(countersKey(coll.Number))
}

// moveCollection copies a collection into another database under a temporary name, which becomes the new one when all is there.
func (e *Engine) moveCollection(ctx context.Context, from, to string, dropTarget bool) (oplog.OpTime, error) {
	coll, _, err := e.state.Load().catalog.renaming(from, to, dropTarget)
	if err != nil {
		return oplog.OpTime{}, err
	}
	temp := temporaryName(Database(to))
	if err := e.copyCollection(ctx, coll, temp); err != nil {
		_, _, dropErr := e.DropCollection(context.WithoutCancel(ctx), temp)
		return oplog.OpTime{}, joinFirst(err, dropErr)
	}
	if t, err := e.RenameCollection(ctx, temp, to, dropTarget); err != nil {
		_, _, dropErr := e.DropCollection(context.WithoutCancel(ctx), temp)
		return t, joinFirst(err, dropErr)
	}
	_, t, err := e.DropCollection(ctx, from)
	return t, err
}

func (e *Engine) copyCollection(ctx context.Context, coll *Collection, to string) error {
	if _, err := e.CreateCollection(ctx, to, asTemporary(coll.Options), document.Empty); err != nil {
		return err
	}
	var specs []document.Doc
	for _, ix := range coll.Indexes[1:] {
		specs = append(specs, ix.Spec)
	}
	if len(specs) > 0 {
		if _, err := e.CreateIndexes(ctx, to, specs); err != nil {
			return err
		}
	}
	_, err := e.copyDocuments(ctx, coll.NS, to)
	return err
}

// joinFirst keeps the error that matters: that what was begun could not be cleaned away is a consequence of it.
func joinFirst(err, _ error) error { return err }

// take returns the next documents, at most so many and about so many bytes; none at the end.
func (it *Iterator) take(ctx context.Context, most, bytes int) (docs []document.Doc, err error) {
	for size := 0; len(docs) < most && size < bytes; {
		doc, err := it.Next(ctx)
		if err == io.EOF {
			return docs, nil
		}
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc.Clone())
		size += len(doc)
	}
	return docs, nil
}
