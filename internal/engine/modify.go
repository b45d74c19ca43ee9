package engine

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
)

// Modification is what collMod changes of a collection. What is nil stays as it is.
type Modification struct {
	Options func(document.Doc) document.Doc                 // the options of create
	Index   func(*Collection) (*Index, document.Doc, error) // which index gets another specification
	Command document.Doc                                    // of the client, for the oplog
}

// ModifyCollection changes a collection's entry in the catalog.
func (e *Engine) ModifyCollection(ctx context.Context, ns string, m Modification) (oplog.OpTime, error) {
	return e.changeCatalog(ctx, func(v *View) (*catalogChange, error) {
		coll := v.Catalog.Collection(ns)
		if coll == nil {
			return nil, mongoerr.New(mongoerr.NamespaceNotFound, "ns does not exist")
		}
		changed, err := coll.modified(m)
		if err != nil || changed == nil {
			return nil, err
		}
		c := &catalogChange{base: v.Catalog, after: v.Catalog, w: commandGroup(Database(ns), coll.UUID, m.Command, nil)}
		c.put(changed)
		if v.Catalog.timeseriesOn(coll) != nil {
			return c, c.putTimeseriesView(changed)
		}
		return c, nil
	})
}

func (c *Collection) modified(m Modification) (*Collection, error) {
	n := *c
	if m.Options != nil {
		if err := n.setOptions(m.Options(c.Options).Clone()); err != nil {
			return nil, err
		}
	}
	if m.Index == nil {
		return &n, nil
	}
	old, spec, err := m.Index(c)
	if err != nil {
		return nil, err
	}
	if spec == nil {
		return &n, nil
	}
	ix, err := newIndex(old.Number, spec.Clone(), old.Multikey, old.Ready)
	if err != nil {
		return nil, err
	}
	ix.Noted, ix.Arrays = old.Noted, old.Arrays
	return n.replaceIndex(ix), nil
}
