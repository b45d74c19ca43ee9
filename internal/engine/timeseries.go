package engine

import (
	"context"
	"slices"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/timeseries"
)

// A time-series collection is two entries of the catalog, made and removed together: the collection of its buckets, and the view over it.

// Timeseries returns the buckets of a time-series collection, or nil if ns is none.
func (c *Catalog) Timeseries(ns string) *Collection {
	d := c.views[ns]
	if d == nil || d.On != timeseries.BucketsOf(ns) {
		return nil
	}
	if coll := c.collections[d.On]; coll != nil && coll.Timeseries != nil {
		return coll
	}
	return nil
}

// Timeseries returns the buckets of what is a time-series collection now, or nil.
func (e *Engine) Timeseries(ns string) *Collection { return e.state.Load().catalog.Timeseries(ns) }

// timeseriesOn returns the view over the buckets in a collection, or nil.
func (c *Catalog) timeseriesOn(buckets *Collection) *ViewDef {
	if ns, ok := timeseries.ViewOf(buckets.NS); ok && c.Timeseries(ns) == buckets {
		return c.views[ns]
	}
	return nil
}

// CreateTimeseries makes a time-series collection. options are those of its buckets, as listCollections shows them.
func (e *Engine) CreateTimeseries(ctx context.Context, ns string, options document.Doc) (oplog.OpTime, error) {
	buckets := timeseries.BucketsOf(ns)
	if err := CheckNamespace(buckets); err != nil {
		return oplog.OpTime{}, err
	}
	if _, err := e.ensureCollection(ctx, Database(ns)+"."+viewsName); err != nil {
		return oplog.OpTime{}, err
	}
	return e.changeCatalog(ctx, func(v *View) (*catalogChange, error) {
		if err := v.Catalog.checkFree(ns, false); err != nil {
			return nil, err
		}
		if other := v.Catalog.Collection(buckets); other != nil {
			return nil, mongoerr.New(mongoerr.NamespaceExists, "Bucket Collection already exists. NS: %s. UUID: %s", buckets, document.Binary(4, other.UUID[:]).Shell())
		}
		c, err := e.planCreate(v, buckets, options.Clone())
		if err != nil {
			return nil, err
		}
		return c, c.putTimeseriesView(c.after.Collection(buckets))
	})
}

// putTimeseriesView writes the view over buckets, which follows from their options.
func (c *catalogChange) putTimeseriesView(buckets *Collection) error {
	ns, _ := timeseries.ViewOf(buckets.NS)
	options := buckets.Timeseries.View((&ViewDef{NS: ns}).Name(), buckets.Options.Lookup("collation").Doc())
	d, err := parseViewDef(ns, options)
	if err == nil {
		c.putView(d)
	}
	return err
}

// expiredFilter returns the filter of the documents of a clustered collection that have expired by its expireAfterSeconds; nil if it has none. They are told by their _id: a
// date, or that of a bucket.
func (c *Collection) expiredFilter(now time.Time) document.Doc {
	seconds, expires := c.Options.Lookup("expireAfterSeconds").ToInt64()
	if !c.Clustered || !expires {
		return nil
	}
	before := now.Add(-time.Duration(seconds) * time.Second).UnixMilli()
	if c.Timeseries != nil {
		return c.Timeseries.Expired(before)
	}
	var b document.Builder
	b.OpenDoc("_id")
	b.AppendDate("$lte", before)
	b.Close()
	return b.Finish()
}

// HasTimeseries reports whether a database has a time-series collection now.
func (e *Engine) HasTimeseries(db string) bool {
	c := e.state.Load().catalog
	return slices.ContainsFunc(c.Views(db), func(d *ViewDef) bool { return c.Timeseries(d.NS) != nil })
}
