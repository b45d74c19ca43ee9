package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
)

// CreateIndexesResult is the outcome of createIndexes.
type CreateIndexesResult struct {
	Before, After     int
	CollectionCreated bool
	Time              oplog.OpTime
}

// CreateIndexes makes indexes of a collection, which is made if need be, and returns when they are built. Specifications are as listIndexes shows them:
// {v, key, name, ...}. An index that is there already with the same specification is left alone.
func (e *Engine) CreateIndexes(ctx context.Context, ns string, specs []document.Doc) (r CreateIndexesResult, err error) {
	if e.state.Load().catalog.Collection(ns) == nil {
		if err := checkSpecs(ns, specs); err != nil {
			return r, err
		}
		if _, err := e.ensureCollection(ctx, ns); err != nil {
			return r, err
		}
		r.CollectionCreated = true
	}
	var number uint32
	var made []uint32
	r.Time, err = e.changeCatalog(ctx, func(v *View) (*catalogChange, error) {
		coll := v.Catalog.Collection(ns)
		if coll == nil {
			return nil, mongoerr.New(mongoerr.NamespaceNotFound, "collection %s was dropped while its indexes were made", ns)
		}
		number, made = coll.Number, nil
		r.Before, r.After = coll.ShownIndexes(), coll.ShownIndexes()
		specs, err := inheritCollation(coll, specs)
		if err != nil {
			return nil, err
		}
		fresh, err := newSpecs(coll, specs)
		if err != nil || len(fresh) == 0 {
			return nil, err
		}
		c, list, err := planIndexesOf(v, coll, fresh)
		if err != nil {
			return nil, err
		}
		for _, ix := range list {
			made = append(made, ix.Number)
		}
		r.After += len(list)
		return c, nil
	})
	if err != nil {
		return r, err
	}
	for _, index := range made {
		if r.Time, err = e.buildIndex(ctx, number, index); err != nil {
			return r, errors.Join(err, e.abandonIndexes(number, made))
		}
	}
	return r, nil
}

// checkSpecs refuses specifications that no new collection could have, before one is made for them.
func checkSpecs(ns string, specs []document.Doc) error {
	coll := &Collection{NS: ns}
	coll.Indexes = []*Index{{Name: idIndexName, Spec: coll.idIndexSpec()}}
	specs, err := inheritCollation(coll, specs)
	if err != nil {
		return err
	}
	fresh, err := newSpecs(coll, specs)
	if err != nil {
		return err
	}
	for _, spec := range fresh {
		if _, err := compileIndex(0, spec); err != nil {
			return err
		}
	}
	return nil
}

// compileIndex compiles the specification of a new index.
func compileIndex(number uint32, spec document.Doc) (*Index, error) {
	ix, err := newIndex(number, spec.Clone(), 0, false)
	return ix, patternError(err)
}

// patternError makes of a mistake in an index's key what clients are told.
func patternError(err error) error {
	var mistake *keys.Error
	if errors.As(err, &mistake) {
		return mongoerr.New(mongoerr.Code(mistake.Code), "%s", mistake.Message)
	}
	return err
}

// planIndexesOf adds indexes that are not ready yet: writes maintain them from here on.
func planIndexesOf(v *View, coll *Collection, specs []document.Doc) (*catalogChange, []*Index, error) {
	var o document.Builder
	o.AppendString("createIndexes", coll.Name())
	first := specs[0]
	for it := first.Iter(); it.Next(); {
		o.AppendValue(it.Key(), it.Value())
	}
	c := &catalogChange{base: v.Catalog, after: v.Catalog, w: commandGroup(Database(coll.NS), coll.UUID, o.Finish(), nil)}
	number := c.take(uint32(len(specs)))
	var list []*Index
	for i, spec := range specs {
		ix, err := compileIndex(number+uint32(i), spec)
		if err != nil {
			return nil, nil, err
		}
		ix.Noted = true
		list = append(list, ix)
	}
	c.put(coll.withIndexes(append(slices.Clone(coll.Indexes), list...)))
	return c, list, nil
}

// finishIndex makes an index ready.
func (e *Engine) finishIndex(ctx context.Context, number, index uint32) (oplog.OpTime, error) {
	return e.changeCatalog(ctx, func(v *View) (*catalogChange, error) {
		coll := v.Catalog.numbers[number]
		if coll == nil {
			return nil, mongoerr.New(mongoerr.IndexBuildAborted, "collection dropped while its index was built")
		}
		i := slices.IndexFunc(coll.Indexes, func(ix *Index) bool { return ix.Number == index })
		if i < 0 {
			return nil, mongoerr.New(mongoerr.IndexBuildAborted, "index dropped while it was built")
		}
		if coll.Indexes[i].Ready {
			return nil, nil
		}
		ready := *coll.Indexes[i]
		ready.Ready = true
		return internalChange(v, coll.replaceIndex(&ready)), nil
	})
}

// abandonIndexes removes indexes whose build failed.
func (e *Engine) abandonIndexes(number uint32, indexes []uint32) error {
	_, err := e.changeCatalog(context.Background(), func(v *View) (*catalogChange, error) {
		coll := v.Catalog.numbers[number]
		if coll == nil {
			return nil, nil
		}
		gone := slices.DeleteFunc(slices.Clone(coll.Indexes), func(ix *Index) bool { return !slices.Contains(indexes, ix.Number) })
		if len(gone) == 0 {
			return nil, nil
		}
		w := oplog.NewWriter(&oplog.Header{Wall: time.Now().UnixMilli(), Namespace: coll.NS, UUID: coll.UUID}, 512)
		w.Begin(oplog.Internal, -1, nil, nil)
		c := &catalogChange{base: v.Catalog, after: v.Catalog, w: w}
		c.removeIndexes(coll, gone)
		return c, nil
	})
	if errors.Is(err, errNotPrimary()) {
		return nil // the next primary goes on with the build
	}
	return err
}

// removeIndexes takes indexes out of a collection's entry and removes their entries.
func (c *catalogChange) removeIndexes(coll *Collection, gone []*Index) {
	c.put(coll.withIndexes(slices.DeleteFunc(slices.Clone(coll.Indexes), func(ix *Index) bool { return slices.Contains(gone, ix) })))
	for _, ix := range gone {
		c.w.RemoveRange(keys.IndexRange(ix.Number))
	}
}

// DropIndexes removes the indexes that choose picks of a collection's. It returns how many there were before.
func (e *Engine) DropIndexes(ctx context.Context, ns string, choose func(*Collection) ([]*Index, error)) (before int, t oplog.OpTime, err error) {
	for {
		var again bool
		t, err = e.changeCatalog(ctx, func(v *View) (*catalogChange, error) {
			coll := v.Catalog.Collection(ns)
			if coll == nil {
				return nil, mongoerr.New(mongoerr.NamespaceNotFound, "ns not found %s", ns)
			}
			gone, err := choose(coll)
			if err != nil || len(gone) == 0 {
				again = false
				return nil, err
			}
			before = max(before, coll.ShownIndexes())
			again = len(gone) > 1
			return planDropIndex(v, coll, gone[0]), nil
		})
		if err != nil || !again {
			return before, t, err
		}
	}
}

func planDropIndex(v *View, coll *Collection, ix *Index) *catalogChange {
	var o document.Builder
	o.AppendString("dropIndexes", coll.Name())
	o.AppendString("index", ix.Name)
	c := &catalogChange{base: v.Catalog, after: v.Catalog, w: commandGroup(Database(coll.NS), coll.UUID, o.Finish(), ix.Spec)}
	c.removeIndexes(coll, []*Index{ix})
	return c
}

// resumeBuilds goes on with index builds that the primary before did not finish.
func (e *Engine) resumeBuilds(ctx context.Context, catalog *Catalog) {
	for _, coll := range catalog.numbers {
		for _, ix := range coll.Indexes {
			if ix.Ready || coll.temporary() || coll.replaces(ix) != nil {
				continue
			}
			e.building.Add(1)
			go func() {
				defer e.building.Done()
				if _, err := e.buildIndex(ctx, coll.Number, ix.Number); err != nil && ctx.Err() == nil {
					e.opts.Logf("index build %s of %s failed: %v", ix.Name, coll.NS, err)
					if err := e.abandonIndexes(coll.Number, []uint32{ix.Number}); err != nil {
						e.opts.Logf("index build %s of %s: %v", ix.Name, coll.NS, fmt.Errorf("clean up: %w", err))
					}
				}
			}()
		}
	}
}
