package morton

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/sdam"
)

// Database is a database of the client's servers.
type Database struct {
	client   *Client
	name     string
	concerns concerns
}

// Name returns the database's name.
func (d *Database) Name() string { return d.name }

// Client returns the client that it belongs to.
func (d *Database) Client() *Client { return d.client }

// With returns the database with other settings. What they leave out stays as it is.
func (d *Database) With(s Settings) *Database {
	other := *d
	other.concerns = d.concerns.with(s)
	return &other
}

// Collection returns a collection of documents without a type of their own. See [CollectionOf] for those with one.
func (d *Database) Collection(name string) *Collection[bson.D] { return CollectionOf[bson.D](d, name) }

// RunOptions are options of [Database.Run].
type RunOptions struct {
	// ReadPreference says who may run the command; nil: the primary. The database's settings do not hold for commands.
	ReadPreference *ReadPreference
	// The others are of [Database.RunCursor], and for the batches after the first.
	BatchSize int32
	MaxAwait  time.Duration // how long the server waits for results of a cursor that is at its end
	Comment   any
}

// command makes a request of a program's own command.
func (d *Database) command(command any, o RunOptions) (*request, error) {
	if err := inOrder("a command's fields", command); err != nil {
		return nil, err
	}
	doc, err := d.client.codec.marshal(command)
	if err != nil {
		return nil, err
	}
	if doc.IsEmpty() {
		return nil, errors.New("morton: the command is empty: its first field says which it is, such as bson.D{{\"ping\", 1}}")
	}
	var preference *sdam.ReadPreference
	if o.ReadPreference != nil {
		if preference, err = o.ReadPreference.compile(); err != nil {
			return nil, err
		}
	}
	r := d.client.request(d.name, string([]byte(doc.First().Key)), &concerns{acknowledged: true, timeout: d.concerns.timeout, err: d.concerns.err})
	r.read, r.preference = true, preference
	for it := doc.Iter(); it.Next(); {
		r.silent = r.silent || it.Key() == "maxTimeMS"
		if it.Key() != "$db" {
			r.body.AppendValue(it.Key(), it.Value())
		}
	}
	return r, nil
}

// Run runs a command that has no method, and returns the server's answer. It is sent as it is, once: nothing is added but what sessions
// need, and maxTimeMS where the context has a deadline and the command has none.
func (d *Database) Run(ctx context.Context, command any, options ...RunOptions) (bson.Raw, error) {
	o := one(options)
	if o.BatchSize != 0 || o.MaxAwait != 0 || o.Comment != nil {
		return nil, errors.New("morton: Run has no cursor: BatchSize, MaxAwait and Comment are for RunCursor; what they say of the command itself is one of its fields")
	}
	r, err := d.command(command, o)
	if err != nil {
		return nil, err
	}
	defer r.free()
	reply, err := r.run(ctx)
	if err != nil {
		return nil, err
	}
	return bson.Raw(reply.Clone()), nil
}

// RunCursor runs a command that answers with a cursor.
func (d *Database) RunCursor(ctx context.Context, command any, options ...RunOptions) *Cursor[bson.Raw] {
	o := one(options)
	send := func(context.Context) (*request, error) { return d.command(command, o) }
	return newCursor[bson.Raw](ctx, d.client, send, cursorOptions{concerns: &d.concerns, batchSize: o.BatchSize, maxAwait: o.MaxAwait, comment: o.Comment})
}

// Aggregate runs a pipeline that begins without a collection, such as one with $currentOp or $documents.
func (d *Database) Aggregate(ctx context.Context, pipeline any, options ...AggregateOptions) *Cursor[bson.Raw] {
	return aggregate[bson.Raw](ctx, d, document.Int32(1), pipeline, one(options), &d.concerns)
}

// Create creates a collection. Options are the fields of the command create, such as bson.D{{"capped", true}, {"size", 1 << 20}}.
func (d *Database) Create(ctx context.Context, name string, options any) error {
	r := d.client.request(d.name, "create", &d.concerns)
	defer r.free()
	r.write = true
	r.body.AppendString("create", name)
	if options != nil {
		doc, err := d.client.codec.marshal(options)
		if err != nil {
			return err
		}
		for it := doc.Iter(); it.Next(); {
			r.body.AppendValue(it.Key(), it.Value())
		}
	}
	return r.runWrite(ctx)
}

// Collections returns what the server tells of each collection that matches filter (listCollections).
func (d *Database) Collections(ctx context.Context, filter any) *Cursor[bson.Raw] {
	return d.listCollections(ctx, filter, false)
}

func (d *Database) listCollections(ctx context.Context, filter any, nameOnly bool) *Cursor[bson.Raw] {
	send := func(context.Context) (*request, error) {
		r := d.client.request(d.name, "listCollections", &d.concerns)
		r.read, r.retry, r.preference = true, retryRead, &sdam.ReadPreference{}
		r.body.AppendInt32("listCollections", 1)
		r.body.AppendDoc("cursor", document.Empty)
		if nameOnly {
			r.body.AppendBool("nameOnly", true)
		}
		if filter != nil {
			if err := d.client.codec.appendDocument(&r.body, "filter", filter); err != nil {
				r.free()
				return nil, err
			}
		}
		return r, nil
	}
	return newCursor[bson.Raw](ctx, d.client, send, cursorOptions{concerns: &d.concerns})
}

// CollectionNames returns the names of the collections that match filter.
func (d *Database) CollectionNames(ctx context.Context, filter any) (names []string, err error) {
	for c, err := range d.listCollections(ctx, filter, filter == nil).All() {
		if err != nil {
			return nil, err
		}
		names = append(names, text(document.Doc(c).Lookup("name")))
	}
	return names, nil
}

// Drop drops the database with all that is in it.
func (d *Database) Drop(ctx context.Context) error {
	r := d.client.request(d.name, "dropDatabase", &d.concerns)
	defer r.free()
	r.write = true
	r.body.AppendInt32("dropDatabase", 1)
	return r.runWrite(ctx)
}

// runWrite runs a command whose reply says nothing but whether its write concern was met.
func (r *request) runWrite(ctx context.Context) error {
	r.mute = r.write && r.concerns.unanswered(ctx)
	reply, err := r.run(ctx)
	if err != nil || r.mute {
		return err
	}
	if c := reply.Lookup("writeConcernError"); c.Type == document.TypeDocument {
		return &WriteError{Concern: concernFailure(c), Labels: r.labels(r.desc.MaxWire, 0), Raw: bson.Raw(reply.Clone())}
	}
	return nil
}
