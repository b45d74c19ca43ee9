package morton

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
)

// InsertOptions are options of InsertOne and InsertMany.
type InsertOptions struct {
	// Unordered goes on with the other documents where one fails.
	Unordered                bool
	BypassDocumentValidation bool
	Comment                  any
}

// InsertOne inserts a document and returns its _id, which is made here if it has none
// (see "Values" in the package's documentation: a struct's field needs omitempty).
func (c *Collection[T]) InsertOne(ctx context.Context, doc T, options ...InsertOptions) (id any, err error) {
	ids, err := c.InsertMany(ctx, []T{doc}, options...)
	if len(ids) == 1 {
		id = ids[0]
	}
	return id, err
}

// InsertMany inserts documents and returns their _ids in their order, which are made here for those that have none. If some were not
// inserted the error is a [WriteError], which says which.
func (c *Collection[T]) InsertMany(ctx context.Context, docs []T, options ...InsertOptions) (ids []any, err error) {
	if len(docs) == 0 {
		return nil, errNoWrites
	}
	o := one(options)
	ctx, cancel := c.concerns.limit(ctx)
	defer cancel()
	ids = make([]any, len(docs))
	list := make([]statement, len(docs))
	for i := range list {
		list[i].index = i
	}
	next := func(dst []byte, i int) ([]byte, error) {
		d, err := c.codec().marshal(docs[i])
		if err != nil {
			return dst, err
		}
		whole, id := withID(d)
		if ids[i] == nil { // not one that did not fit into the message before
			if ids[i], err = c.goValue(id); err != nil {
				return dst, err
			}
		} else if generated, ok := ids[i].(bson.ObjectID); ok && id.Type == document.TypeObjectID {
			copy(id.Data, generated[:]) // the one that was made for it then
		}
		return append(dst, whole...), nil
	}
	var result BulkResult
	var failed WriteError
	_, err = c.writes(ctx, insertKind, list, next, &writeOptions{unordered: o.Unordered, bypass: o.BypassDocumentValidation, comment: o.Comment}, &result, &failed)
	return ids, failed.or(err, result)
}

func (c *Collection[T]) goValue(v document.Value) (any, error) {
	if v.Type == document.TypeObjectID {
		return v.ObjectID(), nil
	}
	return c.codec().decodeValue(v)
}

// or returns e if it says that anything failed, else err.
func (e *WriteError) or(err error, result BulkResult) error {
	if len(e.Failures) == 0 && e.Concern == nil {
		return err
	}
	e.Result, e.Err = result, err
	failure := *e
	return &failure
}

// Save inserts a document without _id, and replaces the one with its _id, or inserts it if there is none. It returns the _id.
func (c *Collection[T]) Save(ctx context.Context, doc T) (id any, err error) {
	d, err := c.codec().marshal(doc)
	if err != nil {
		return nil, err
	}
	v := d.Lookup("_id")
	if v.Type == document.TypeMissing {
		return c.InsertOne(ctx, doc)
	}
	if id, err = c.goValue(v); err != nil {
		return nil, err
	}
	_, err = c.ReplaceOne(ctx, bson.D{{Key: "_id", Value: id}}, doc, UpdateOptions{Upsert: true})
	return id, err
}
