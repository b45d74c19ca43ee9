package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/collation"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
)

// ViewDef is a view's entry in the catalog: a name for what a pipeline makes of a collection or of another view. Immutable.
type ViewDef struct {
	NS        string
	On        string // the namespace that it is made from
	Pipeline  []document.Doc
	Collation *collation.Collation // of whoever reads it; nil: the simple one
	Options   document.Doc         // {viewOn, pipeline, collation}, as listCollections shows it
}

// Name returns the view's name without its database.
func (d *ViewDef) Name() string {
	_, name, _ := strings.Cut(d.NS, ".")
	return name
}

// maxViewDepth is how many views may stand on each other.
const maxViewDepth = 20

// viewsName is the collection that shows a database's views. It is made with the first of them.
const viewsName = "system.views"

func viewKey(ns string) []byte { return keys.AppendCatalog(nil, keys.CatalogView, ns) }

// parseViewDef reads a view's options.
func parseViewDef(ns string, options document.Doc) (*ViewDef, error) {
	d := &ViewDef{NS: ns, On: Database(ns) + "." + options.Lookup("viewOn").Str(), Options: options}
	for it := options.Lookup("pipeline").Doc().Iter(); it.Next(); {
		d.Pipeline = append(d.Pipeline, it.Value().Doc())
	}
	var err error
	if d.Collation, err = collation.Parse(options.Lookup("collation").Doc()); err != nil {
		return nil, fmt.Errorf("engine: view %s: %w", ns, err)
	}
	return d, nil
}

// ViewOf returns the view of a name, or nil.
func (c *Catalog) ViewOf(ns string) *ViewDef { return c.views[ns] }

// IsView reports whether a name is a view's now.
func (e *Engine) IsView(ns string) bool { return e.state.Load().catalog.views[ns] != nil }

// ViewCollator returns what a view's readers compare strings with.
func (e *Engine) ViewCollator(ns string) document.Collator {
	d := e.state.Load().catalog.views[ns]
	if d == nil {
		return nil
	}
	return d.Collation.Collator()
}

// Views returns a database's views, by name.
func (c *Catalog) Views(db string) []*ViewDef {
	var list []*ViewDef
	for _, d := range c.views {
		if Database(d.NS) == db {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b *ViewDef) int { return strings.Compare(a.NS, b.NS) })
	return list
}

// ResolveView follows a name through views down to a collection: its namespace, and the pipeline from there.
func (c *Catalog) ResolveView(ns string) (base string, pipeline []document.Doc, err error) {
	base = ns
	for depth := 0; ; depth++ {
		d := c.views[base]
		if d == nil {
			return base, pipeline, nil
		}
		if depth == maxViewDepth {
			return "", nil, mongoerr.New(mongoerr.ViewDepthLimitExceeded, "View depth too deep or view cycle detected; maximum depth is %d", maxViewDepth)
		}
		pipeline = append(slices.Clone(d.Pipeline), pipeline...)
		base = d.On
	}
}

// sources returns the namespaces that a view reads.
func (d *ViewDef) sources() []string {
	list := []string{d.On}
	for _, stage := range d.Pipeline {
		list = appendSources(list, Database(d.NS), stage)
	}
	return list
}

// appendSources adds what one stage reads beside its input.
func appendSources(list []string, db string, stage document.Doc) []string {
	nested := func(pipeline document.Value) {
		for it := pipeline.Doc().Iter(); it.Next(); {
			list = appendSources(list, db, it.Value().Doc())
		}
	}
	arg := stage.First().Value
	switch stage.First().Key {
	case "$lookup", "$graphLookup":
		if from := arg.Doc().Lookup("from"); from.Type == document.TypeString {
			list = append(list, db+"."+from.Str())
		}
		nested(arg.Doc().Lookup("pipeline"))
	case "$unionWith":
		if arg.Type == document.TypeString {
			return append(list, db+"."+arg.Str())
		}
		list = append(list, db+"."+arg.Doc().Lookup("coll").Str())
		nested(arg.Doc().Lookup("pipeline"))
	case "$facet":
		for it := arg.Doc().Iter(); it.Next(); {
			nested(it.Value())
		}
	}
	return list
}

// checkView refuses a view that stands on itself, on too many others, or on one of another collation.
func (c *Catalog) checkView(d *ViewDef) error {
	depth, err := c.viewDepth(d, d, []string{d.Name()})
	if err != nil {
		return err
	}
	if depth > maxViewDepth {
		return errViewDepth()
	}
	for _, other := range c.views {
		if height, err := c.viewDepth(other, d, nil); err == nil && height > maxViewDepth {
			return errViewDepth()
		}
	}
	for _, ns := range d.sources() {
		if on := c.views[ns]; on != nil && !document.SameCollator(on.Collation.Collator(), d.Collation.Collator()) {
			return mongoerr.New(mongoerr.OptionNotSupportedOnView, "View %s has conflicting collation with view %s", d.NS, on.NS)
		}
	}
	return nil
}

func errViewDepth() error {
	return mongoerr.New(mongoerr.ViewDepthLimitExceeded, "View depth limit exceeded; maximum depth is %d", maxViewDepth)
}

// viewDepth returns how many views stand below one another from d on, with fresh in place of what the catalog has of its name.
func (c *Catalog) viewDepth(d, fresh *ViewDef, way []string) (int, error) {
	deepest := 0
	if len(way) > maxViewDepth+1 {
		return len(way), nil
	}
	for _, ns := range d.sources() {
		below := c.views[ns]
		if ns == fresh.NS {
			below = fresh
		}
		if below == nil {
			continue
		}
		if way != nil && ns == fresh.NS {
			return 0, mongoerr.New(mongoerr.GraphContainsCycle, "View cycle detected: %s", strings.Join(append(way, fresh.Name()), " => "))
		}
		n, err := c.viewDepth(below, fresh, appendWay(way, below.Name()))
		if err != nil {
			return 0, err
		}
		deepest = max(deepest, n)
	}
	return deepest + 1, nil
}

func appendWay(way []string, name string) []string {
	if way == nil {
		return nil
	}
	return append(slices.Clone(way), name)
}

func (c *Catalog) withView(d *ViewDef) *Catalog {
	n := c.clone()
	n.views = maps.Clone(c.views)
	if n.views == nil {
		n.views = map[string]*ViewDef{}
	}
	n.views[d.NS] = d
	return n
}

func (c *Catalog) withoutView(ns string) *Catalog {
	n := c.clone()
	n.views = maps.Clone(c.views)
	delete(n.views, ns)
	return n
}

// putView writes a view's entry into the group and into the catalog after it.
func (c *catalogChange) putView(d *ViewDef) {
	c.w.Put(viewKey(d.NS), d.Options)
	c.after = c.after.withView(d)
}

// CreateView makes a view. options are {viewOn, pipeline, collation}.
func (e *Engine) CreateView(ctx context.Context, ns string, options document.Doc) (oplog.OpTime, error) {
	if err := CheckNamespace(ns); err != nil {
		return oplog.OpTime{}, err
	}
	if _, err := e.ensureCollection(ctx, Database(ns)+"."+viewsName); err != nil {
		return oplog.OpTime{}, err
	}
	return e.changeCatalog(ctx, func(v *View) (*catalogChange, error) {
		if err := v.Catalog.checkFree(ns, true); err != nil {
			return nil, err
		}
		return v.planView(ns, options.Clone())
	})
}

// ChangeView replaces what a view is.
func (e *Engine) ChangeView(ctx context.Context, ns string, options document.Doc) (oplog.OpTime, error) {
	return e.changeCatalog(ctx, func(v *View) (*catalogChange, error) {
		if v.Catalog.views[ns] == nil {
			return nil, mongoerr.New(mongoerr.NamespaceNotFound, "ns does not exist")
		}
		return v.planView(ns, options.Clone())
	})
}

func (v *View) planView(ns string, options document.Doc) (*catalogChange, error) {
	d, err := parseViewDef(ns, options)
	if err != nil {
		return nil, err
	}
	if err := v.Catalog.checkView(d); err != nil {
		return nil, err
	}
	var o document.Builder
	o.AppendString("create", d.Name())
	for it := options.Iter(); it.Next(); {
		o.AppendValue(it.Key(), it.Value())
	}
	c := &catalogChange{base: v.Catalog, after: v.Catalog, w: commandGroup(Database(ns), [16]byte{}, o.Finish(), nil)}
	c.putView(d)
	return c, nil
}

// DropView removes a view.
func (e *Engine) DropView(ctx context.Context, ns string) (oplog.OpTime, error) {
	return e.changeCatalog(ctx, func(v *View) (*catalogChange, error) {
		d := v.Catalog.views[ns]
		if d == nil {
			return nil, mongoerr.New(mongoerr.NamespaceNotFound, "ns not found")
		}
		var o document.Builder
		o.AppendString("drop", d.Name())
		c := &catalogChange{base: v.Catalog, after: v.Catalog.withoutView(ns), w: commandGroup(Database(ns), [16]byte{}, o.Finish(), nil)}
		c.w.Remove(viewKey(ns))
		return c, nil
	})
}

// CheckFree refuses a name that a collection or a view has now.
func (e *Engine) CheckFree(ns string) error { return e.state.Load().catalog.checkFree(ns, false) }

// checkFree refuses a name that a collection or a view has.
func (c *Catalog) checkFree(ns string, asView bool) error {
	switch {
	case c.Collection(ns) != nil && asView:
		return mongoerr.New(mongoerr.NamespaceExists, "Cannot create collection %s - collection already exists.", ns)
	case c.Collection(ns) != nil:
		return mongoerr.New(mongoerr.NamespaceExists, "Collection %s already exists.", ns)
	case c.views[ns] != nil && asView:
		return mongoerr.New(mongoerr.NamespaceExists, "Namespace already exists")
	case c.Timeseries(ns) != nil:
		return mongoerr.New(mongoerr.NamespaceExists, "A timeseries collection already exists. NS: %s", ns)
	case c.views[ns] != nil:
		return mongoerr.New(mongoerr.NamespaceExists, "A view already exists. NS: %s", ns)
	}
	return nil
}

// IsViews reports whether ns is a collection that shows a database's views.
func IsViews(ns string) bool {
	return strings.HasSuffix(ns, "."+viewsName) && ns == Database(ns)+"."+viewsName
}

// viewDocuments returns the documents of system.views.
func (c *Catalog) viewDocuments(db string) (docs []document.Doc) {
	for _, d := range c.Views(db) {
		var b document.Builder
		b.AppendString("_id", d.NS)
		for it := d.Options.Iter(); it.Next(); {
			b.AppendValue(it.Key(), it.Value())
		}
		docs = append(docs, b.Finish())
	}
	return docs
}
