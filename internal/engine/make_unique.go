package engine

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
)

// MakeUnique puts a unique index in the place of one with prepareUnique, which sees to it that no duplicates are added meanwhile. change
// makes the new specification. Duplicates that are there are an error that names them; with dryRun that is all.
func (e *Engine) MakeUnique(ctx context.Context, ns, name string, dryRun bool, change func(document.Doc) document.Doc) (oplog.OpTime, error) {
	coll, spec, err := e.findDuplicates(ctx, ns, name)
	if err != nil || dryRun {
		return oplog.OpTime{}, err
	}
	spec = renamedSpec(change(spec), name+uniqueSuffix)
	var index uint32
	_, err = e.changeCatalog(ctx, func(v *View) (*catalogChange, error) {
		now := v.Catalog.numbers[coll.Number]
		if now == nil || now.Index(name) == nil || now.Index(name+uniqueSuffix) != nil {
			return nil, mongoerr.New(mongoerr.ConflictingOperationInProgress, "index %s of %s was changed meanwhile", name, ns)
		}
		c := internalChange(v, now)
		index = c.take(1)
		ix, err := newIndex(index, spec, 0, false)
		if err != nil {
			return nil, err
		}
		ix.Noted = true
		c.put(now.withIndexes(append(slices.Clone(now.Indexes), ix)))
		return c, nil
	})
	if err != nil {
		return oplog.OpTime{}, err
	}
	if _, err := e.buildIndex(ctx, coll.Number, index); err != nil {
		return oplog.OpTime{}, errors.Join(err, e.abandonIndexes(coll.Number, []uint32{index}))
	}
	return e.changeCatalog(ctx, func(v *View) (*catalogChange, error) { return replaceByUnique(v, coll.Number, index, name) })
}

// replaceByUnique gives the new index the name of the old one, which goes.
func replaceByUnique(v *View, number, index uint32, name string) (*catalogChange, error) {
	coll := v.Catalog.numbers[number]
	if coll == nil || coll.Index(name) == nil {
		return nil, mongoerr.New(mongoerr.IndexNotFound, "index %s was dropped while it was made unique", name)
	}
	i := slices.IndexFunc(coll.Indexes, func(ix *Index) bool { return ix.Number == index })
	if i < 0 {
		return nil, mongoerr.New(mongoerr.IndexBuildAborted, "index dropped while it was built")
	}
	old, fresh := coll.Index(name), coll.Indexes[i]
	named, err := newIndex(index, renamedSpec(fresh.Spec, name), fresh.Multikey, true)
	if err != nil {
		return nil, err
	}
	named.Noted, named.Arrays = fresh.Noted, fresh.Arrays
	var list []*Index
	for _, ix := range coll.Indexes {
		switch ix {
		case old:
			list = append(list, named)
		case fresh:
		default:
			list = append(list, ix)
		}
	}
	var o document.Builder
	o.AppendString("collMod", coll.Name())
	o.OpenDoc("index")
	o.AppendString("name", name)
	o.AppendBool("unique", true)
	o.Close()
	c := &catalogChange{base: v.Catalog, after: v.Catalog, w: commandGroup(Database(coll.NS), coll.UUID, o.Finish(), nil)}
	c.put(coll.withIndexes(list))
	c.w.RemoveRange(keys.IndexRange(old.Number))
	return c, nil
}

func renamedSpec(spec document.Doc, name string) document.Doc {
	var b document.Builder
	for it := spec.Iter(); it.Next(); {
		if it.Key() == "name" {
			b.AppendString("name", name)
		} else {
			b.AppendValue(it.Key(), it.Value())
		}
	}
	return b.Finish()
}

// maxViolations is how many groups of duplicates an error names.
const maxViolations = 1000

// findDuplicates looks for entries with the same key.
func (e *Engine) findDuplicates(ctx context.Context, ns, name string) (*Collection, document.Doc, error) {
	v := e.Local()
	defer v.Close()
	coll := v.Catalog.Collection(ns)
	if coll == nil || coll.Index(name) == nil {
		return nil, nil, mongoerr.New(mongoerr.IndexNotFound, "cannot find index %s for ns %s", name, ns)
	}
	ix := coll.Index(name)
	groups, err := v.duplicates(ctx, ix)
	if err != nil || len(groups) == 0 {
		return coll, ix.Spec, err
	}
	var extra document.Builder
	extra.OpenArray("violations")
	for i, rids := range groups {
		extra.OpenDoc(document.Index(i))
		extra.OpenArray("ids")
		for j, rid := range rids {
			doc, err := v.fetch(nil, coll, rid)
			if err != nil {
				return nil, nil, err
			}
			extra.AppendValue(document.Index(j), doc.Lookup("_id"))
		}
		extra.Close()
		extra.Close()
	}
	extra.Close()
	return nil, nil, mongoerr.New(mongoerr.CannotConvertIndexToUnique, "Cannot convert the index to unique. Please resolve conflicting documents before running collMod again.").
		WithExtra(extra.Finish())
}

// duplicates returns the records that share a key of an index that is not unique.
func (v *View) duplicates(ctx context.Context, ix *Index) (groups [][]uint64, err error) {
	lo, hi := keys.IndexRange(ix.Number)
	s, err := v.newScan(lo, hi, false)
	if err != nil {
		return nil, err
	}
	var last []byte
	var rids []uint64
	flush := func() {
		if len(rids) > 1 {
			groups = append(groups, rids)
		}
		rids = nil
	}
	n := 0
	for ok := s.seek(lo); ok && len(groups) < maxViolations; ok = s.next() {
		if n++; n%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return nil, errors.Join(err, s.close())
			}
		}
		key, rid, _ := keys.CutRecordID(s.key())
		if !bytes.Equal(key, last) {
			flush()
			last = append(last[:0], key...)
		}
		rids = append(rids, rid)
	}
	flush()
	return groups, s.close()
}
