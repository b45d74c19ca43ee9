package morton

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
)

// Collection is a collection whose documents are Ts.
type Collection[T any] struct {
	db       *Database
	name     string
	concerns concerns
}

// CollectionOf returns a collection whose documents are Ts: structs, bson.D, bson.M, bson.Raw, or whatever else encodes as a document.
// Nothing is sent: collections come into being with their first document.
func CollectionOf[T any](d *Database, name string) *Collection[T] {
	return &Collection[T]{db: d, name: name, concerns: d.concerns}
}

// Name returns the collection's name.
func (c *Collection[T]) Name() string { return c.name }

// Database returns the database that it is in.
func (c *Collection[T]) Database() *Database { return c.db }

// With returns the collection with other settings. What they leave out stays as it is.
func (c *Collection[T]) With(s Settings) *Collection[T] {
	other := *c
	other.concerns = c.concerns.with(s)
	return &other
}

// request begins a command whose first field names the collection.
func (c *Collection[T]) request(name string) *request {
	r := c.db.client.request(c.db.name, name, &c.concerns)
	r.body.AppendString(name, c.name)
	return r
}

func (c *Collection[T]) codec() codec { return c.db.client.codec }

// Drop drops the collection and its indexes. That there is none is no error.
func (c *Collection[T]) Drop(ctx context.Context) error {
	r := c.request("drop")
	defer r.free()
	r.write = true
	err := r.runWrite(ctx)
	if isCode(err, 26) { // NamespaceNotFound
		return nil
	}
	return err
}

// CountOptions are options of counts. [Collection.EstimatedCount] knows Comment and MaxTime only.
type CountOptions struct {
	Skip, Limit int64
	Hint        any // an index's name or keys
	Collation   any // a document
	Comment     any
	MaxTime     time.Duration
}

// Count returns how many documents match filter.
func (c *Collection[T]) Count(ctx context.Context, filter any, options ...CountOptions) (int64, error) {
	o := one(options)
	match, err := c.codec().marshal(filter)
	if err != nil {
		return 0, err
	}
	pipeline := bson.A{bson.D{{Key: "$match", Value: bson.Raw(match)}}}
	if o.Skip != 0 {
		pipeline = append(pipeline, bson.D{{Key: "$skip", Value: o.Skip}})
	}
	if o.Limit != 0 {
		pipeline = append(pipeline, bson.D{{Key: "$limit", Value: o.Limit}})
	}
	pipeline = append(pipeline, bson.D{{Key: "$group", Value: bson.D{{Key: "_id", Value: 1}, {Key: "n", Value: bson.D{{Key: "$sum", Value: 1}}}}}})
	cursor := aggregate[bson.Raw](ctx, c.db, document.String(c.name), pipeline, AggregateOptions{Hint: o.Hint, Collation: o.Collation, Comment: o.Comment, MaxTime: o.MaxTime}, &c.concerns)
	defer cursor.Close()
	if !cursor.Next() {
		return 0, cursor.Err()
	}
	return countOf(document.Doc(cursor.Value()))
}

// EstimatedCount returns how many documents there are, as the server's metadata tell, which is quick.
func (c *Collection[T]) EstimatedCount(ctx context.Context, options ...CountOptions) (int64, error) {
	o := one(options)
	if o.Skip != 0 || o.Limit != 0 || o.Hint != nil || o.Collation != nil {
		return 0, errors.New("morton: EstimatedCount counts the whole collection: Skip, Limit, Hint and Collation are for Count")
	}
	r := c.request("count")
	defer r.free()
	r.read, r.concern, r.retry, r.maxTime = true, true, retryRead, o.MaxTime
	if err := r.comment(o.Comment); err != nil {
		return 0, err
	}
	reply, err := r.run(ctx)
	if err != nil {
		return 0, err
	}
	return countOf(reply)
}

func countOf(d document.Doc) (int64, error) {
	n, ok := d.Lookup("n").AsInt64()
	if !ok {
		return 0, errors.New("morton: the answer has no count")
	}
	return n, nil
}

// DistinctOptions are options of Distinct.
type DistinctOptions struct {
	Collation any // a document
	Comment   any
	MaxTime   time.Duration
}

// Distinct returns the different values that field has in the documents that match filter.
func (c *Collection[T]) Distinct(ctx context.Context, field string, filter any, options ...DistinctOptions) ([]any, error) {
	o := one(options)
	r := c.request("distinct")
	defer r.free()
	r.read, r.concern, r.retry, r.maxTime = true, true, retryRead, o.MaxTime
	r.body.AppendString("key", field)
	if err := c.codec().appendDocument(&r.body, "query", filter); err != nil {
		return nil, err
	}
	if err := r.collation(o.Collation); err != nil {
		return nil, err
	}
	if err := r.comment(o.Comment); err != nil {
		return nil, err
	}
	reply, err := r.run(ctx)
	if err != nil {
		return nil, err
	}
	list := reply.Lookup("values")
	if list.Type != document.TypeArray {
		return nil, errors.New("morton: the answer has no values")
	}
	values := []any{}
	for it := list.Doc().Iter(); it.Next(); {
		v, err := c.codec().decodeValue(it.Value())
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

func (r *request) collation(v any) error {
	if v == nil {
		return nil
	}
	return r.client.codec.appendDocument(&r.body, "collation", v)
}

func (r *request) comment(v any) error { return r.value("comment", v) }

// sort appends a sort's fields if there are any.
func (r *request) sort(v any) error {
	if err := inOrder("a sort's fields", v); err != nil {
		return err
	}
	return r.document("sort", v)
}

// hint appends the index that is to be used, if one is.
func (r *request) hint(v any) error { return appendHint(r.client.codec, &r.body, v) }

func appendHint(c codec, b *document.Builder, v any) error {
	if err := inOrder("an index's keys", v); err != nil {
		return err
	}
	return option(c, b, "hint", v)
}

// value appends a field if there is one to append.
func (r *request) value(key string, v any) error {
	return option(r.client.codec, &r.body, key, v)
}

func (r *request) document(key string, v any) error {
	if v == nil {
		return nil
	}
	return r.client.codec.appendDocument(&r.body, key, v)
}
