package command

import (
	"context"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

type dropIndexesArgs struct{ index document.Value }

var dropIndexesFields = newSchema("dropIndexes",
	field[dropIndexesArgs]{name: "index", nullable: true, set: func(a *dropIndexesArgs, v document.Value) error {
		switch v.Type {
		case document.TypeString, document.TypeDocument:
		case document.TypeArray:
			for it := v.Doc().Iter(); it.Next(); {
				if it.Value().Type != document.TypeString {
					return within(it.Key(), wrongType(it.Value().Type, "string"))
				}
			}
		default:
			return wrongType(v.Type, "string", "object")
		}
		a.index = v
		return nil
	}}.require(),
	ignored[dropIndexesArgs]("collectionUUID"),
).on(mongoerr.BadValue)

func runDropIndexes(ctx context.Context, o *operation, a *dropIndexesArgs) error {
	ns := o.ns
	if buckets := o.timeseries(); buckets != nil {
		ns, a.index = buckets.NS, hintOnBuckets(buckets.Timeseries, a.index)
	} else if err := o.notView(); err != nil {
		return err
	}
	all := isAllIndexes(a.index)
	var chosen map[uint32]bool // by number, once they have been found: they are dropped one after the other
	was, t, err := o.d.engine.DropIndexes(ctx, ns, func(coll *engine.Collection) ([]*engine.Index, error) {
		if all {
			return slices.Clone(coll.Indexes[1:]), nil
		}
		if chosen == nil {
			list, err := chooseIndexes(coll, a.index)
			if err != nil {
				return nil, err
			}
			chosen = map[uint32]bool{}
			for _, ix := range list {
				chosen[ix.Number] = true
			}
		}
		return slices.DeleteFunc(slices.Clone(coll.Indexes), func(ix *engine.Index) bool { return !chosen[ix.Number] }), nil
	})
	o.noteTime(t)
	if err != nil {
		return err
	}
	if was == 0 { // nothing was to be dropped
		v := o.d.engine.Local()
		defer v.Close()
		if coll := v.Catalog.Collection(ns); coll != nil {
			was = coll.ShownIndexes()
		}
	}
	o.out.AppendInt32("nIndexesWas", int32(was))
	if all {
		o.out.AppendString("msg", "non-_id indexes dropped for collection")
	}
	return nil
}

// isAllIndexes reports whether v is "*" or ["*"].
func isAllIndexes(v document.Value) bool {
	if v.Type == document.TypeArray && v.Doc().Len() == 1 {
		v = v.Doc().First().Value
	}
	return v.Str() == "*"
}

// chooseIndexes finds indexes by name, by key, or by a list of names.
func chooseIndexes(coll *engine.Collection, v document.Value) ([]*engine.Index, error) {
	switch v.Type {
	case document.TypeString:
		ix, err := indexByName(coll, v.Str())
		return []*engine.Index{ix}, err
	case document.TypeArray:
		var list []*engine.Index
		for it := v.Doc().Iter(); it.Next(); {
			ix, err := indexByName(coll, it.Value().Str())
			if err != nil {
				return nil, err
			}
			list = append(list, ix)
		}
		return list, nil
	}
	var list []*engine.Index
	for _, ix := range coll.Indexes {
		if document.CompareDocs(ix.Spec.Lookup("key").Doc(), v.Doc()) == 0 {
			list = append(list, ix)
		}
	}
	switch {
	case len(list) == 0:
		return nil, mongoerr.New(mongoerr.IndexNotFound, "can't find index with key: %s", v.Shell())
	case list[0] == coll.Indexes[0]:
		return nil, cannotDropID(coll)
	case len(list) > 1:
		var specs []string
		for _, ix := range list[:2] { // mongod names two, however many there are
			specs = append(specs, ix.Spec.Shell())
		}
		return nil, mongoerr.New(mongoerr.AmbiguousIndexKeyPattern, "%d indexes found for key: %s, identify by name instead. Conflicting indexes: %s",
			len(list), v.Shell(), strings.Join(specs, ", "))
	}
	return list, nil
}

// cannotDropID is the error for the index on _id, which for a clustered collection is the collection.
func cannotDropID(coll *engine.Collection) error {
	if coll.Clustered {
		return mongoerr.New(5979800, "It is illegal to drop the clusteredIndex")
	}
	return mongoerr.New(mongoerr.InvalidOptions, "cannot drop _id index")
}

func indexByName(coll *engine.Collection, name string) (*engine.Index, error) {
	ix := coll.Index(name)
	switch {
	case ix == nil:
		return nil, mongoerr.New(mongoerr.IndexNotFound, "index not found with name [%s]", name)
	case ix == coll.Indexes[0]:
		return nil, cannotDropID(coll)
	}
	return ix, nil
}
