package morton

import (
	"context"
	"errors"

	"github.com/mortondb/morton/internal/document"
)

// UpdateOptions are options of updates and replacements.
type UpdateOptions struct {
	Upsert       bool
	ArrayFilters any // an array of documents; not of ReplaceOne
	Hint         any // an index's name or keys
	Collation    any // a document
	Sort         any // a document: which of several is changed (MongoDB 8.0); not of UpdateMany
	Comment      any
	Let          any // a document of variables

	BypassDocumentValidation bool
}

var errReplaceArrays = errors.New("morton: a replacement takes no ArrayFilters: they choose elements for the operators of an update")

// UpdateOne updates the first document that matches filter.
func (c *Collection[T]) UpdateOne(ctx context.Context, filter, update any, options ...UpdateOptions) (UpdateResult, error) {
	o := one(options)
	return c.updateWrite(ctx, Update{Filter: filter, Update: update, Upsert: o.Upsert, ArrayFilters: o.ArrayFilters, Hint: o.Hint, Collation: o.Collation, Sort: o.Sort}, o)
}

// UpdateMany updates all documents that match filter.
func (c *Collection[T]) UpdateMany(ctx context.Context, filter, update any, options ...UpdateOptions) (UpdateResult, error) {
	o := one(options)
	return c.updateWrite(ctx, Update{Filter: filter, Update: update, Many: true, Upsert: o.Upsert, ArrayFilters: o.ArrayFilters, Hint: o.Hint, Collation: o.Collation, Sort: o.Sort}, o)
}

// ReplaceOne replaces the first document that matches filter.
func (c *Collection[T]) ReplaceOne(ctx context.Context, filter any, doc T, options ...UpdateOptions) (UpdateResult, error) {
	o := one(options)
	if o.ArrayFilters != nil {
		return UpdateResult{}, errReplaceArrays
	}
	return c.updateWrite(ctx, Replace{Filter: filter, Document: doc, Upsert: o.Upsert, Hint: o.Hint, Collation: o.Collation, Sort: o.Sort}, o)
}

func (c *Collection[T]) updateWrite(ctx context.Context, w Write, o UpdateOptions) (UpdateResult, error) {
	b, err := c.BulkWrite(ctx, []Write{w}, BulkOptions{BypassDocumentValidation: o.BypassDocumentValidation, Comment: o.Comment, Let: o.Let})
	return UpdateResult{Matched: b.Matched, Modified: b.Modified, Upserted: b.Upserted, UpsertedID: b.UpsertedIDs[0]}, err
}

// DeleteOptions are options of deletions.
type DeleteOptions struct {
	Hint      any // an index's name or keys
	Collation any // a document
	Comment   any
	Let       any // a document of variables
}

// DeleteOne deletes the first document that matches filter, and returns how many it was.
func (c *Collection[T]) DeleteOne(ctx context.Context, filter any, options ...DeleteOptions) (int64, error) {
	return c.delete(ctx, filter, false, one(options))
}

// DeleteMany deletes all documents that match filter, and returns how many.
func (c *Collection[T]) DeleteMany(ctx context.Context, filter any, options ...DeleteOptions) (int64, error) {
	return c.delete(ctx, filter, true, one(options))
}

func (c *Collection[T]) delete(ctx context.Context, filter any, many bool, o DeleteOptions) (int64, error) {
	b, err := c.BulkWrite(ctx, []Write{Delete{Filter: filter, Many: many, Hint: o.Hint, Collation: o.Collation}}, BulkOptions{Comment: o.Comment, Let: o.Let})
	return b.Deleted, err
}

// option appends a field to a statement if there is one to append.
func option(c codec, b *document.Builder, key string, v any) error {
	if v == nil {
		return nil
	}
	return c.appendValue(b, key, v)
}
