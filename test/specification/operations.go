package specification

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

// operation runs one operation and compares what it gave with what is expected.
func (r *run) operation(ctx context.Context, op bson.D) error {
	_, err := r.perform(ctx, op)
	return err
}

// perform is operation; failure is the error that the operation gave and that is expected.
func (r *run) perform(ctx context.Context, op bson.D) (failure, err error) {
	name, object := textAt(op, "name"), textAt(op, "object")
	args := documentAt(op, "arguments")
	if object == "testRunner" {
		return nil, r.special(ctx, name, args)
	}
	entity, ok := r.entities[object]
	if !ok {
		return nil, fmt.Errorf("there is no %s", object)
	}
	if s := textAt(args, "session"); s != "" {
		ctx = r.entities[s].(*morton.Session).Context(ctx)
	}
	if t, has := field(args, "timeoutMS"); has {
		timeout := milliseconds(t)
		if _, is := entity.(*clientEntity); is && (timeout == 0 || name == "createChangeStream") {
			return nil, skip("operations of clients have no timeout of their own but their context's")
		} else if is {
			limited, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			ctx = limited
		}
		entity = withTimeout(entity, timeout)
	}
	result, err := r.call(ctx, entity, name, without(args, "session", "timeoutMS"))
	var s skip
	var b broken
	if errors.As(err, &s) {
		return nil, s
	}
	if errors.As(err, &b) {
		return nil, b
	}
	if flagAt(op, "ignoreResultAndError") {
		return nil, nil
	}
	if x := documentAt(op, "expectError"); x != nil {
		return err, r.matchError(err, result, x)
	}
	if err != nil {
		return nil, err
	}
	if save := textAt(op, "saveResultAsEntity"); save != "" {
		r.entities[save] = result
	}
	if x, has := field(op, "expectResult"); has {
		return nil, r.match(result, x, true)
	}
	return nil, nil
}

func without(d bson.D, keys ...string) (rest bson.D) {
next:
	for _, e := range d {
		for _, k := range keys {
			if e.Key == k {
				continue next
			}
		}
		rest = append(rest, e)
	}
	return rest
}

func withTimeout(entity any, timeout time.Duration) any {
	s := morton.Settings{Timeout: &timeout}
	switch e := entity.(type) {
	case *morton.Database:
		return e.With(s)
	case *morton.Collection[bson.D]:
		return e.With(s)
	case *bucket:
		return &bucket{e.db.With(s), e.options}
	}
	return entity
}

func (r *run) call(ctx context.Context, entity any, name string, args bson.D) (any, error) {
	if name == "createChangeStream" {
		return watch(ctx, entity, args)
	}
	switch e := entity.(type) {
	case *clientEntity:
		return r.onClient(ctx, e, name, args)
	case *morton.Database:
		return r.onDatabase(ctx, e, name, args)
	case *morton.Collection[bson.D]:
		return r.onCollection(ctx, e, name, args)
	case *morton.Session:
		return r.onSession(ctx, e, name, args)
	case *bucket:
		return r.onBucket(ctx, e, name, args)
	case cursorEntity:
		return r.onCursor(e, name)
	}
	return nil, skip(fmt.Sprintf("operations on %T", entity))
}

// cursorEntity is a cursor of any type.
type cursorEntity interface {
	Next() bool
	TryNext() bool
	Err() error
	Close() error
	document() any
}

// primed is a cursor whose first command was sent when it was made, as the specification's are.
type primed[T any] struct {
	*morton.Cursor[T]
	first bool // its first result was not asked for yet
}

func prime[T any](c *morton.Cursor[T]) (any, error) {
	first := c.TryNext()
	return &primed[T]{c, first}, c.Err()
}

func (p *primed[T]) Next() bool    { return p.take() || p.Cursor.Next() }
func (p *primed[T]) TryNext() bool { return p.take() || p.Cursor.TryNext() }
func (p *primed[T]) document() any { return p.Value() }

func (p *primed[T]) take() bool {
	had := p.first
	p.first = false
	return had
}

func (r *run) onCursor(c cursorEntity, name string) (any, error) {
	value := c.document
	switch name {
	case "iterateUntilDocumentOrError":
		if c.Next() {
			return value(), nil
		}
		return nil, c.Err()
	case "iterateOnce":
		if c.TryNext() {
			return value(), nil
		}
		return nil, c.Err()
	case "close":
		return nil, c.Close()
	}
	return nil, broken("operation " + name + " of cursors")
}

func (r *run) onClient(ctx context.Context, c *clientEntity, name string, args bson.D) (any, error) {
	switch name {
	case "listDatabases", "listDatabaseNames":
		names, err := c.DatabaseNames(ctx, filterOf(args))
		list := bson.A{}
		for _, n := range names {
			list = append(list, n)
		}
		return list, err
	case "close":
		return nil, c.Close(ctx)
	}
	if name == "clientBulkWrite" {
		return nil, skip("bulkWrite of clients, of MongoDB 8.0, is not offered")
	}
	return nil, broken("operation " + name + " of clients")
}

func filterOf(args bson.D) any {
	if f := documentAt(args, "filter"); f != nil {
		return f
	}
	return nil
}

func (r *run) onDatabase(ctx context.Context, db *morton.Database, name string, args bson.D) (any, error) {
	switch name {
	case "runCommand", "runCursorCommand", "createCommandCursor":
		var o morton.RunOptions
		if p := documentAt(args, "readPreference"); p != nil {
			o.ReadPreference = readPreference(p)
		}
		for _, e := range args {
			switch e.Key {
			case "readPreference", "command", "commandName", "cursorType": // the command itself says that its cursor is tailable
			case "batchSize":
				o.BatchSize = int32(integer(e.Value))
			case "maxTimeMS":
				o.MaxAwait = milliseconds(e.Value)
			case "comment":
				o.Comment = e.Value
			case "timeoutMode":
				return nil, skip("cursors have no timeoutMode: the context has the cursor's time, and MaxAwait that of one wait")
			default:
				return nil, broken("option " + e.Key + " of " + name)
			}
		}
		if name == "runCommand" {
			reply, err := db.Run(ctx, documentAt(args, "command"), o)
			return reply, err
		}
		c := db.RunCursor(ctx, documentAt(args, "command"), o)
		if name == "createCommandCursor" {
			return prime(c)
		}
		return slice(c)
	case "aggregate":
		o, err := aggregateOptions(args)
		if err != nil {
			return nil, err
		}
		return slice(db.Aggregate(ctx, arrayAt(args, "pipeline"), o))
	case "createCollection":
		name := textAt(args, "collection")
		return morton.CollectionOf[bson.D](db, name), db.Create(ctx, name, without(args, "collection"))
	case "dropCollection":
		return nil, db.Collection(textAt(args, "collection")).Drop(ctx)
	case "listCollections":
		return slice(db.Collections(ctx, filterOf(args)))
	case "listCollectionNames":
		names, err := db.CollectionNames(ctx, filterOf(args))
		list := bson.A{}
		for _, n := range names {
			list = append(list, n)
		}
		return list, err
	case "modifyCollection":
		_, err := db.Run(ctx, append(bson.D{{Key: "collMod", Value: textAt(args, "collection")}}, without(args, "collection")...))
		return nil, err
	}
	return nil, broken("operation " + name + " of databases")
}

func slice[T any](c *morton.Cursor[T]) (any, error) {
	docs, err := c.Slice()
	list := bson.A{}
	for _, d := range docs {
		if raw, ok := any(d).(bson.Raw); ok {
			var doc bson.D
			if err := bson.Unmarshal(raw, &doc); err != nil {
				return nil, err
			}
			list = append(list, doc)
			continue
		}
		list = append(list, d)
	}
	return list, err
}

func (r *run) onSession(ctx context.Context, s *morton.Session, name string, args bson.D) (any, error) {
	switch name {
	case "startTransaction":
		o, err := transactionOptions(args)
		if err != nil {
			return nil, err
		}
		return nil, s.Start(o)
	case "commitTransaction":
		return nil, s.Commit(ctx)
	case "abortTransaction":
		return nil, s.Abort(ctx)
	case "endSession":
		s.Close(ctx)
		return nil, nil
	case "withTransaction":
		o, err := transactionOptions(without(args, "callback"))
		if err != nil {
			return nil, err
		}
		return nil, s.Transaction(ctx, func(ctx context.Context) error {
			for _, v := range arrayAt(args, "callback") {
				failure, err := r.perform(ctx, v.(bson.D))
				if err = cmp.Or(err, failure); err != nil {
					return err // the transaction is to hear of it
				}
			}
			return nil
		}, o)
	}
	return nil, broken("operation " + name + " of sessions")
}

// matchError compares an error with what a test expects of it.
func (r *run) matchError(err error, result any, want bson.D) error {
	if err == nil {
		return fmt.Errorf("no error, but %v", result)
	}
	var answer *morton.CommandError
	var write *morton.WriteError
	isAnswer := errors.As(err, &answer)
	isWrite := errors.As(err, &write)
	for _, e := range want {
		switch e.Key {
		case "isError":
		case "isClientError":
			if e.Value.(bool) == (isAnswer || isWrite) && !morton.IsTimeout(err) {
				return fmt.Errorf("whose error is it? %w", err)
			}
		case "isTimeoutError":
			if e.Value.(bool) != morton.IsTimeout(err) {
				return fmt.Errorf("is it a timeout? %w", err)
			}
		case "errorContains":
			if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(e.Value.(string))) {
				return fmt.Errorf("expected %q in %q", e.Value, err)
			}
		case "errorCode", "errorCodeName":
			if err := matchCode(e, answer, write); err != nil {
				return err
			}
		case "errorLabelsContain":
			for _, l := range e.Value.(bson.A) {
				if !morton.HasLabel(err, l.(string)) {
					return fmt.Errorf("no label %v: %w", l, err)
				}
			}
		case "errorLabelsOmit":
			for _, l := range e.Value.(bson.A) {
				if morton.HasLabel(err, l.(string)) {
					return fmt.Errorf("label %v: %w", l, err)
				}
			}
		case "expectResult":
			if isWrite {
				result = bulkResult(write.Result)
			}
			if err := r.match(result, e.Value, true); err != nil {
				return err
			}
		case "errorResponse":
			var raw bson.Raw
			switch {
			case isAnswer:
				raw = answer.Raw
			case isWrite:
				raw = write.Raw
			}
			if err := r.match(raw, e.Value, true); err != nil {
				return fmt.Errorf("answer: %w", err)
			}
		default:
			return broken("expectation " + e.Key + " of errors")
		}
	}
	return nil
}

func matchCode(e bson.E, answer *morton.CommandError, write *morton.WriteError) error {
	var code int32
	var name string
	switch {
	case answer != nil:
		code, name = answer.Code, answer.Name
	case write != nil && len(write.Failures) > 0:
		code = write.Failures[0].Code
	case write != nil && write.Concern != nil:
		code, name = write.Concern.Code, write.Concern.Name
	}
	got := any(code)
	if e.Key == "errorCodeName" {
		got = name
	}
	if !equal(got, e.Value) {
		return fmt.Errorf("%s: expected %v, got %v", e.Key, e.Value, got)
	}
	return nil
}
