package morton

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/sdam"
)

// Index is an index to be made. Its keys are a document: bson.D{{"name", 1}, {"age", -1}}.
type Index struct {
	Keys    any
	Options IndexOptions
}

// IndexOptions are options of an index.
type IndexOptions struct {
	Name        string // empty: it is made of the keys
	Unique      bool
	Sparse      bool
	Hidden      bool
	ExpireAfter *time.Duration // documents are deleted so long after the date in the indexed field, in whole seconds
	Partial     any            // a filter: documents that do not match are not indexed
	Collation   any            // a document
	Extra       any            // a document of further options, such as weights or 2dsphereIndexVersion
}

// CreateIndex makes an index, or finds it there, and returns its name.
func (c *Collection[T]) CreateIndex(ctx context.Context, keys any, options ...IndexOptions) (name string, err error) {
	names, err := c.CreateIndexes(ctx, []Index{{Keys: keys, Options: one(options)}})
	if len(names) == 1 {
		name = names[0]
	}
	return name, err
}

// CreateIndexes makes indexes and returns their names.
func (c *Collection[T]) CreateIndexes(ctx context.Context, indexes []Index) (names []string, err error) {
	if len(indexes) == 0 {
		return nil, errors.New("morton: no index to make: the list is empty")
	}
	r := c.request("createIndexes")
	defer r.free()
	r.write = true
	r.body.OpenArray("indexes")
	for i, index := range indexes {
		r.body.OpenDoc(document.Index(i))
		name, err := appendIndex(c.codec(), &r.body, index)
		if err != nil {
			return nil, err
		}
		r.body.Close()
		names = append(names, name)
	}
	r.body.Close()
	if err := r.runWrite(ctx); err != nil {
		return nil, err
	}
	return names, nil
}

func appendIndex(c codec, b *document.Builder, index Index) (name string, err error) {
	if err := inOrder("an index's keys", index.Keys); err != nil {
		return "", err
	}
	keys, err := c.marshal(index.Keys)
	if err != nil {
		return "", err
	}
	if keys.IsEmpty() {
		return "", errors.New("morton: an index needs keys, such as bson.D{{\"name\", 1}}")
	}
	o := index.Options
	if name = o.Name; name == "" {
		name = indexName(keys)
	}
	b.AppendDoc("key", keys)
	b.AppendString("name", name)
	for _, f := range []struct {
		key string
		set bool
	}{{"unique", o.Unique}, {"sparse", o.Sparse}, {"hidden", o.Hidden}} {
		if f.set {
			b.AppendBool(f.key, true)
		}
	}
	if after := o.ExpireAfter; after != nil {
		if *after%time.Second != 0 || *after/time.Second > math.MaxInt32 || *after < 0 {
			return "", fmt.Errorf("morton: ExpireAfter %v: use whole seconds, from none to %d", *after, math.MaxInt32)
		}
		b.AppendInt32("expireAfterSeconds", int32(*after/time.Second))
	}
	if err := option(c, b, "partialFilterExpression", o.Partial); err != nil {
		return "", err
	}
	if err := option(c, b, "collation", o.Collation); err != nil {
		return "", err
	}
	if o.Extra == nil {
		return name, nil
	}
	extra, err := c.marshal(o.Extra)
	for it := extra.Iter(); it.Next(); {
		b.AppendValue(it.Key(), it.Value())
	}
	return name, err
}

// indexName returns the name that drivers make of keys: name_1_age_-1.
func indexName(keys document.Doc) string {
	var parts []string
	for it := keys.Iter(); it.Next(); {
		parts = append(parts, it.Key())
		if n, ok := it.Value().AsInt64(); ok {
			parts = append(parts, fmt.Sprint(n))
		} else {
			parts = append(parts, text(it.Value()))
		}
	}
	return strings.Join(parts, "_")
}

// Indexes returns what the server tells of each index. There are none where there is no collection.
func (c *Collection[T]) Indexes(ctx context.Context) *Cursor[bson.Raw] {
	send := func(context.Context) (*request, error) {
		r := c.request("listIndexes")
		r.read, r.retry, r.preference, r.missing = true, retryRead, &sdam.ReadPreference{}, true
		r.body.AppendDoc("cursor", document.Empty)
		return r, nil
	}
	return newCursor[bson.Raw](ctx, c.db.client, send, cursorOptions{concerns: &c.concerns})
}

// DropIndex drops an index by its name; "*" drops all but that of _id.
func (c *Collection[T]) DropIndex(ctx context.Context, name string) error {
	r := c.request("dropIndexes")
	defer r.free()
	r.write = true
	r.body.AppendString("index", name)
	err := r.runWrite(ctx)
	if isCode(err, 26) { // NamespaceNotFound
		return nil
	}
	return err
}

func isCode(err error, code int32) bool {
	var answer *CommandError
	return errors.As(err, &answer) && answer.Code == code
}
