package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
)

// A change of the catalog is planned on one catalog value and entered only if that is still the newest: changes
// therefore happen one after the other, and a plan that was overtaken is made again.

// catalogChange is the plan of one change.
type catalogChange struct {
	base  *Catalog
	after *Catalog
	w     *oplog.Writer
}

// changeCatalog makes and enters the plan that build returns; a nil plan is nothing to do.
func (e *Engine) changeCatalog(ctx context.Context, build func(v *View) (*catalogChange, error)) (oplog.OpTime, error) {
	for {
		if err := ctx.Err(); err != nil {
			return oplog.OpTime{}, err
		}
		t, err := e.tryChange(build)
		if !errors.Is(err, errConflict) {
			return t, err
		}
	}
}

func (e *Engine) tryChange(build func(v *View) (*catalogChange, error)) (oplog.OpTime, error) {
	v := e.Local()
	defer v.Close()
	c, err := build(&v)
	if err != nil {
		return oplog.OpTime{}, err
	}
	if c == nil {
		return v.Time, nil
	}
	return e.propose(&proposal{view: v.overlay.TS, catalog: c.base, change: c.after, urgent: true, group: c.w.Finish()})
}

// commandGroup starts the group of a change: the oplog entry is a command on DB.$cmd.
func commandGroup(db string, uuid [16]byte, o, o2 document.Doc) *oplog.Writer {
	w := oplog.NewWriter(&oplog.Header{Wall: time.Now().UnixMilli(), Namespace: db + ".$cmd", UUID: uuid}, 512)
	w.Begin(oplog.Command, -1, o, o2)
	return w
}

// put writes a collection's entry into the group and into the catalog after it.
func (c *catalogChange) put(coll *Collection) {
	c.w.Put(collectionKey(coll.Number), coll.encode())
	c.after = c.after.with(coll)
}

// take hands out n numbers.
func (c *catalogChange) take(n uint32) (first uint32) {
	first = c.after.next
	c.after = c.after.clone()
	c.after.next += n
	c.w.Put(nextKey, binary.BigEndian.AppendUint32(nil, c.after.next))
	return first
}

// ensureCollection returns a collection, made if need be.
func (e *Engine) ensureCollection(ctx context.Context, ns string) (*Collection, error) {
	if coll := e.state.Load().catalog.Collection(ns); coll != nil {
		return coll, nil
	}
	_, err := e.CreateCollection(ctx, ns, document.Empty, document.Empty)
	var exists *mongoerr.Error
	if errors.As(err, &exists) && exists.Code == mongoerr.NamespaceExists {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	if coll := e.state.Load().catalog.Collection(ns); coll != nil {
		return coll, nil
	}
	return nil, mongoerr.New(mongoerr.ConflictingOperationInProgress, "collection %s was dropped while it was written to", ns)
}

// CreateCollection makes an empty collection. options are what listCollections shows; idIndex may be empty or the
// specification of the index on _id.
func (e *Engine) CreateCollection(ctx context.Context, ns string, options, idIndex document.Doc) (oplog.OpTime, error) {
	if err := CheckNamespace(ns); err != nil {
		return oplog.OpTime{}, err
	}
	return e.changeCatalog(ctx, func(v *View) (*catalogChange, error) {
		if err := v.Catalog.checkFree(ns, false); err != nil {
			return nil, err
		}
		return e.planCreate(v, ns, options.Clone())
	})
}

func (e *Engine) planCreate(v *View, ns string, options document.Doc) (*catalogChange, error) {
	uuid := newUUID()
	coll := Collection{NS: ns, UUID: uuid}
	if err := coll.setOptions(options); err != nil {
		return nil, err
	}
	spec := coll.idIndexSpec()
	var o document.Builder
	o.AppendString("create", coll.Name())
	for it := options.Iter(); it.Next(); {
		o.AppendValue(it.Key(), it.Value())
	}
	if !coll.Clustered {
		o.AppendDoc("idIndex", spec)
	}
	c := &catalogChange{base: v.Catalog, after: v.Catalog, w: commandGroup(Database(ns), uuid, o.Finish(), nil)}
	first := c.take(2)
	coll.Number = first
	coll.stats = e.counters(first)
	ix, err := newIndex(first+1, spec, 0, true)
	if err != nil {
		return nil, err
	}
	ix.Noted = true
	c.put(coll.withIndexes([]*Index{ix}))
	return c, nil
}

// idIndexSpec is the specification of the index on _id. That of a clustered collection is the clustered one.
func (c *Collection) idIndexSpec() document.Doc {
	var b document.Builder
	if d := c.Options.Lookup("clusteredIndex").Doc(); d != nil {
		for it := d.Iter(); it.Next(); {
			b.AppendValue(it.Key(), it.Value())
		}
		b.AppendBool("clustered", true)
		return b.Finish()
	}
	b.AppendInt32("v", 2)
	b.OpenDoc("key")
	b.AppendInt32("_id", 1)
	b.Close()
	b.AppendString("name", idIndexName)
	if c.Collation != nil {
		b.AppendDoc("collation", c.Collation.Document())
	}
	return b.Finish()
}

// DropCollection removes a collection with its indexes. It returns NamespaceNotFound if there is none.
func (e *Engine) DropCollection(ctx context.Context, ns string) (dropped *Collection, t oplog.OpTime, err error) {
	t, err = e.changeCatalog(ctx, func(v *View) (*catalogChange, error) {
		if dropped = v.Catalog.Collection(ns); dropped == nil {
			return nil, mongoerr.New(mongoerr.NamespaceNotFound, "ns not found")
		}
		return planDrop(v, dropped), nil
	})
	return dropped, t, err
}

func planDrop(v *View, coll *Collection) *catalogChange {
	var o, o2 document.Builder
	o.AppendString("drop", coll.Name())
	documents, _ := coll.Count()
	o2.AppendInt64("numRecords", documents)
	c := &catalogChange{base: v.Catalog, after: v.Catalog, w: commandGroup(Database(coll.NS), coll.UUID, o.Finish(), o2.Finish())}
	c.drop(coll)
	if d := v.Catalog.timeseriesOn(coll); d != nil {
		c.w.Remove(viewKey(d.NS))
		c.after = c.after.withoutView(d.NS)
	}
	if coll.Name() == viewsName {
		for _, d := range v.Catalog.Views(Database(coll.NS)) {
			c.w.Remove(viewKey(d.NS))
			c.after = c.after.withoutView(d.NS)
		}
	}
	return c
}

// DropDatabase removes all collections of a database, then says so in the oplog. existed is false if there were none.
func (e *Engine) DropDatabase(ctx context.Context, db string) (existed bool, t oplog.OpTime, err error) {
	for {
		v := e.Local()
		list := v.Catalog.Collections(db)
		v.Close()
		if len(list) == 0 {
			break
		}
		existed = true
		for _, coll := range list {
			_, _, err := e.DropCollection(ctx, coll.NS)
			if mongoerr.CodeOf(err) != mongoerr.NamespaceNotFound && err != nil {
				return existed, t, err
			}
		}
	}
	if !existed {
		return false, t, nil
	}
	t, err = e.changeCatalog(ctx, func(v *View) (*catalogChange, error) {
		var o document.Builder
		o.AppendInt32("dropDatabase", 1)
		return &catalogChange{base: v.Catalog, after: v.Catalog, w: commandGroup(db, [16]byte{}, o.Finish(), nil)}, nil
	})
	return true, t, err
}

// maxArrays is how many paths with arrays are noted of a wildcard index. If there are more, every path is taken for one.
const maxArrays = 1000

// knowsArrays reports whether it is known of the index where the document of these entries has arrays.
func (ix *Index) knowsArrays(of *keys.Entries) bool {
	if of.Multikey&^ix.Multikey != 0 {
		return false
	}
	return ix.Multikey != 0 || !slices.ContainsFunc(of.Arrays, func(path string) bool {
		_, found := slices.BinarySearch(ix.Arrays, path)
		return !found
	})
}

// withArrays returns an index that knows where the document of these entries has arrays.
func (ix *Index) withArrays(of *keys.Entries) *Index {
	changed := *ix
	changed.Multikey |= of.Multikey
	changed.Arrays = slices.Concat(ix.Arrays, of.Arrays)
	slices.Sort(changed.Arrays)
	if changed.Arrays = slices.Compact(changed.Arrays); len(changed.Arrays) > maxArrays {
		changed.Arrays, changed.Multikey = nil, 1
	}
	return &changed
}

// setMultikey says in the catalog at which fields, or paths, of an index there are arrays.
func (e *Engine) setMultikey(coll *Collection, ix *Index, of *keys.Entries) error {
	_, err := e.changeCatalog(context.Background(), func(v *View) (*catalogChange, error) {
		now := v.Catalog.numbers[coll.Number]
		if now == nil {
			return nil, nil
		}
		i := slices.IndexFunc(now.Indexes, func(x *Index) bool { return x.Number == ix.Number })
		if i < 0 || now.Indexes[i].knowsArrays(of) {
			return nil, nil
		}
		return internalChange(v, now.replaceIndex(now.Indexes[i].withArrays(of))), nil
	})
	return err
}

// internalChange is a change of one collection's entry that local.oplog.rs does not show.
func internalChange(v *View, coll *Collection) *catalogChange {
	w := oplog.NewWriter(&oplog.Header{Wall: time.Now().UnixMilli(), Namespace: coll.NS, UUID: coll.UUID}, 512)
	w.Begin(oplog.Internal, -1, nil, nil)
	c := &catalogChange{base: v.Catalog, after: v.Catalog, w: w}
	c.put(coll)
	return c
}
