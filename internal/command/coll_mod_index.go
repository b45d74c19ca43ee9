package command

import (
	"bytes"
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

// indexChange is what collMod tells of an index: the values before and after, of what changed.
type indexChange struct{ fields document.Builder }

func (c *indexChange) append(b *document.Builder) {
	for it := c.fields.Finish().Iter(); it.Next(); {
		b.AppendValue(it.Key(), it.Value())
	}
}

// find returns the index that is meant.
func (x *collModIndex) find(coll *engine.Collection) (*engine.Index, error) {
	switch {
	case x.name == "" && x.key == nil:
		return nil, mongoerr.New(mongoerr.InvalidOptions, "Must specify either index name or key pattern.")
	case x.name != "" && x.key != nil:
		return nil, mongoerr.New(mongoerr.InvalidOptions, "Cannot specify both key pattern and name.")
	case x.expireAfter.IsMissing() && x.hidden == nil && x.unique == nil && x.prepareUnique == nil:
		return nil, mongoerr.New(mongoerr.InvalidOptions, "no expireAfterSeconds, hidden, unique, or prepareUnique field")
	case !x.expireAfter.IsMissing():
		if err := checkLifetime(x.expireAfter); err != nil {
			return nil, err
		}
	}
	var list []*engine.Index
	for _, ix := range coll.Indexes {
		if ix.Ready && (ix.Name == x.name && x.name != "" || x.key != nil && bytes.Equal(ix.Spec.Lookup("key").Doc(), x.key)) {
			list = append(list, ix)
		}
	}
	switch {
	case len(list) > 1:
		return nil, mongoerr.New(mongoerr.AmbiguousIndexKeyPattern, "index keyPattern %s matches %d indexes, must use index name. Conflicting indexes: %s, %s",
			x.key.Shell(), len(list), list[0].Spec.Shell(), list[1].Spec.Shell())
	case len(list) == 1:
		return list[0], x.check(coll, list[0])
	case x.key != nil:
		return nil, mongoerr.New(mongoerr.IndexNotFound, "cannot find index %s for ns %s", x.key.Shell(), coll.NS)
	}
	return nil, mongoerr.New(mongoerr.IndexNotFound, "cannot find index %s for ns %s", x.name, coll.NS)
}

// check refuses what the index cannot become.
func (x *collModIndex) check(coll *engine.Collection, ix *engine.Index) error {
	isID := ix == coll.Indexes[0]
	_, expires := ix.Spec.Lookup("expireAfterSeconds").ToInt64()
	switch {
	case x.hidden != nil && isID && coll.Clustered:
		return mongoerr.New(6011800, "The 'hidden' option is not supported for a clusteredIndex")
	case isID && coll.Clustered:
		return mongoerr.New(mongoerr.IndexNotFound, "cannot find index %s for ns %s", ix.Name, coll.NS)
	case x.hidden != nil && isID:
		return mongoerr.New(mongoerr.BadValue, "can't hide _id index")
	case !x.expireAfter.IsMissing() && isID:
		return mongoerr.New(mongoerr.InvalidOptions, "the _id field does not support TTL indexes")
	case !x.expireAfter.IsMissing() && !expires && len(ix.Fields) > 1:
		return mongoerr.New(mongoerr.InvalidOptions, "TTL indexes are single-field indexes, compound indexes do not support TTL")
	case !x.expireAfter.IsMissing() && ix.Wildcard != nil:
		return mongoerr.New(mongoerr.InvalidOptions, "Index type 'wildcard' cannot be a TTL index")
	case x.unique != nil && ix.Wildcard != nil:
		return mongoerr.New(mongoerr.InvalidOptions, "Index type 'wildcard' does not support the unique option")
	case !x.expireAfter.IsMissing() && coll.Capped != nil:
		return mongoerr.New(mongoerr.InvalidOptions, "TTL indexes are not supported for capped collections.")
	case x.unique != nil && !*x.unique:
		return mongoerr.New(mongoerr.BadValue, "Cannot make index non-unique")
	case (x.unique != nil || x.prepareUnique != nil) && isID:
		return mongoerr.New(mongoerr.InvalidOptions, "the _id index is unique already")
	}
	return nil
}

// apply returns the index and what its specification becomes; nil if nothing changes.
func (x *collModIndex) apply(coll *engine.Collection, done *indexChange) (*engine.Index, document.Doc, error) {
	*done = indexChange{}
	ix, err := x.find(coll)
	if err != nil {
		return nil, nil, err
	}
	set := map[string]document.Value{}
	if seconds, ok := x.expireAfter.ToInt64(); ok {
		old, had := ix.Spec.Lookup("expireAfterSeconds").ToInt64()
		if had {
			done.fields.AppendInt64("expireAfterSeconds_old", old)
		}
		done.fields.AppendInt64("expireAfterSeconds_new", seconds)
		if !had || old != seconds {
			set["expireAfterSeconds"] = document.Int32(int32(seconds))
		}
	}
	x.flag(ix, "hidden", x.hidden, set, done)
	if !ix.Unique {
		x.flag(ix, "prepareUnique", x.prepareUnique, set, done)
	}
	if len(set) == 0 {
		return ix, nil, nil
	}
	return ix, withIndexOptions(ix.Spec, set), nil
}

// flag changes a flag that a specification has only if it is set.
func (x *collModIndex) flag(ix *engine.Index, name string, to *bool, set map[string]document.Value, done *indexChange) {
	was := ix.Spec.Lookup(name).Truthy()
	if to == nil || *to == was {
		return
	}
	done.fields.AppendBool(name+"_old", was)
	done.fields.AppendBool(name+"_new", *to)
	set[name] = document.Value{}
	if *to {
		set[name] = document.Bool(true)
	}
}

// withIndexOptions returns a specification with some options changed, in the order in which listIndexes shows them; a missing value takes one away.
func withIndexOptions(spec document.Doc, set map[string]document.Value) document.Doc {
	var b document.Builder
	for _, option := range indexOptions {
		v, changed := set[option.name]
		if !changed {
			v = spec.Lookup(option.name)
		}
		b.AppendValue(option.name, v)
	}
	for it := spec.Iter(); it.Next(); {
		if _, known := findIndexOption(it.Key()); !known {
			b.AppendValue(it.Key(), it.Value())
		}
	}
	return b.Finish()
}

// makeUnique turns an index with prepareUnique into a unique one.
func (o *operation) makeUnique(ctx context.Context, a *collModArgs, coll *engine.Collection) error {
	ix, err := a.index.find(coll)
	if err != nil {
		return err
	}
	switch {
	case ix.Unique:
		return nil
	case !ix.Distinct:
		return mongoerr.New(mongoerr.InvalidOptions, "Cannot make index unique with 'prepareUnique=false'. Run collMod to set it first.")
	}
	t, err := o.d.engine.MakeUnique(ctx, coll.NS, ix.Name, a.dryRun, func(spec document.Doc) document.Doc {
		return withIndexOptions(spec, map[string]document.Value{"unique": document.Bool(true), "prepareUnique": {}})
	})
	o.noteTime(t)
	if err == nil && !a.dryRun {
		o.out.AppendBool("unique_new", true)
	}
	return err
}
