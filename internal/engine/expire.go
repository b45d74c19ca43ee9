package engine

import (
	"context"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
)

// Documents expire by an index with expireAfterSeconds: those whose date in the indexed field, or the earliest of several in an array, is that
// long ago. Those of a clustered collection with expireAfterSeconds do by their _id. The primary deletes them like any client would, so that what is deleted travels in the log.

// DeleteExpired deletes what has expired at a time, by all indexes that say so. It returns how many documents.
func (e *Engine) DeleteExpired(ctx context.Context, now time.Time) (deleted int64, err error) {
	for _, coll := range e.state.Load().catalog.numbers {
		if filter := coll.expiredFilter(now); filter != nil {
			n, err := e.deleteExpiredBy(ctx, coll, coll.Indexes[0], filter)
			deleted += n
			if err != nil {
				return deleted, err
			}
		}
		for _, ix := range coll.Indexes {
			if !ix.Expires || !ix.Ready || len(ix.Fields) != 1 {
				continue
			}
			n, err := e.deleteExpiredBy(ctx, coll, ix, ix.expired(now))
			deleted += n
			if err != nil {
				return deleted, err
			}
		}
	}
	return deleted, nil
}

func (e *Engine) deleteExpiredBy(ctx context.Context, coll *Collection, ix *Index, expired document.Doc) (int64, error) {
	if _, primary := e.Primary(); !primary {
		return 0, errNotPrimary()
	}
	filter, err := query.CompileFilter(expired, query.FilterOptions{Collator: ix.Collator})
	if err != nil {
		return 0, err
	}
	d := &deletion{e: e, spec: &DeleteSpec{NS: coll.NS, Multi: true}, filter: filter}
	r := &request{coll: coll, filter: filter, indexes: []plan.Index{ix.planned()}, hint: document.String(ix.Name)}
	err = e.eachGroupOf(ctx, r, d.group, func(context.Context) error { return nil })
	return d.result.N, err
}

// expired returns the filter of the documents that have expired.
func (ix *Index) expired(now time.Time) document.Doc {
	var b document.Builder
	b.OpenArray("$and")
	b.OpenDoc("0")
	b.OpenDoc(ix.Fields[0].Path)
	b.AppendDate("$lte", now.Add(-ix.ExpireAfter).UnixMilli())
	b.Close()
	b.Close()
	if partial := ix.Spec.Lookup("partialFilterExpression").Doc(); partial != nil {
		b.AppendDoc("1", partial)
	}
	b.Close()
	return b.Finish()
}
