package specification

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

func index(i int) string { return strconv.Itoa(i) }

// special runs an operation of the test runner's own.
func (r *run) special(ctx context.Context, name string, args bson.D) error {
	switch name {
	case "failPoint":
		c := r.entities[textAt(args, "client")].(*clientEntity)
		return r.arm(ctx, c.Client, documentAt(args, "failPoint"))
	case "targetedFailPoint":
		return r.arm(ctx, r.server.client, documentAt(args, "failPoint")) // with one server it is the session's
	case "createEntities":
		for _, v := range arrayAt(args, "entities") {
			if err := r.createEntity(v.(bson.D)); err != nil {
				return err
			}
		}
		return nil
	case "waitForEvent", "assertEventCount":
		return r.events(name == "waitForEvent", args)
	case "wait":
		time.Sleep(milliseconds(valueAt(args, "ms")))
		return nil
	case "runOnThread":
		r.entities[textAt(args, "thread")].(*thread).work <- documentAt(args, "operation")
		return nil
	case "waitForThread":
		return r.entities[textAt(args, "thread")].(*thread).wait()
	case "assertSessionDirty", "assertSessionNotDirty", "assertSessionPinned", "assertSessionUnpinned", "assertSessionTransactionState":
		return assertSession(r.entities[textAt(args, "session")].(*morton.Session), name, textAt(args, "state"))
	case "assertSameLsidOnLastTwoCommands", "assertDifferentLsidOnLastTwoCommands":
		return r.lastLsids(args, name == "assertSameLsidOnLastTwoCommands")
	case "assertNumberConnectionsCheckedOut":
		c := r.entities[textAt(args, "client")].(*clientEntity)
		if _, has := field(args, "connections"); !has {
			return broken("no number of connections")
		}
		return eventually(func() error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if want := integer(valueAt(args, "connections")); int64(c.out) != want {
				return fmt.Errorf("%d connections are checked out, expected %d", c.out, want)
			}
			return nil
		})
	case "assertCollectionExists", "assertCollectionNotExists":
		names, err := r.server.client.Database(textAt(args, "databaseName")).CollectionNames(ctx, bson.D{{Key: "name", Value: textAt(args, "collectionName")}})
		if err == nil && (len(names) > 0) != (name == "assertCollectionExists") {
			err = fmt.Errorf("collections: %v", names)
		}
		return err
	case "assertIndexExists", "assertIndexNotExists":
		c := morton.CollectionOf[bson.D](r.server.client.Database(textAt(args, "databaseName")), textAt(args, "collectionName"))
		exists := false
		for i, err := range c.Indexes(ctx).All() {
			if err != nil {
				return err
			}
			exists = exists || i.Lookup("name").StringValue() == textAt(args, "indexName")
		}
		if exists != (name == "assertIndexExists") {
			return fmt.Errorf("does the index exist? %v", exists)
		}
		return nil
	}
	return broken("operation " + name + " of the runner")
}

func valueAt(d bson.D, key string) any { v, _ := field(d, key); return v }

// arm turns a fail point on until the test is over.
func (r *run) arm(ctx context.Context, c *morton.Client, point bson.D) error {
	if _, err := c.Database("admin").Run(context.WithoutCancel(ctx), point); err != nil {
		return fmt.Errorf("fail point: %w", err)
	}
	r.points = append(r.points, failPoint{r.server.client, textAt(point, "configureFailPoint")})
	return nil
}

const patience = 10 * time.Second

// eventually repeats a check until it holds.
func eventually(check func() error) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if err := check(); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func (r *run) events(wait bool, args bson.D) error {
	c := r.entities[textAt(args, "client")].(*clientEntity)
	want, n := documentAt(args, "event"), int(integer(valueAt(args, "count")))
	check := func() error {
		if got := r.count(c, want); got < n || !wait && got != n {
			return fmt.Errorf("%d events like %v, expected %d; there are %s", got, want, n, names(c.kept()))
		}
		return nil
	}
	return eventually(check)
}

func (r *run) lastLsids(args bson.D, same bool) error {
	c := r.entities[textAt(args, "client")].(*clientEntity)
	var ids []bson.RawValue
	for _, e := range c.kept() {
		if cmd, ok := e.event.(morton.CommandEvent); ok && e.name == "commandStartedEvent" {
			ids = append(ids, cmd.Command.Lookup("lsid"))
		}
	}
	if len(ids) < 2 {
		return fmt.Errorf("%d commands", len(ids))
	}
	if a, b := ids[len(ids)-2], ids[len(ids)-1]; a.Equal(b) != same {
		return fmt.Errorf("sessions %v and %v", a, b)
	}
	return nil
}

// assertSession looks into a session: the client does not tell what only its own code needs.
func assertSession(s *morton.Session, name, state string) error {
	session := reflect.ValueOf(s).Elem()
	transaction := session.FieldByName("transaction")
	var got, want any
	switch name {
	case "assertSessionDirty", "assertSessionNotDirty":
		got, want = session.FieldByName("server").Elem().FieldByName("dirty").Bool(), name == "assertSessionDirty"
	case "assertSessionPinned", "assertSessionUnpinned":
		got, want = !transaction.FieldByName("pinned").IsNil(), name == "assertSessionPinned"
	case "assertSessionTransactionState":
		states := []string{"none", "starting", "in_progress", "committed", "aborted"}
		got, want = states[transaction.FieldByName("state").Uint()], state
	}
	if got != want {
		return fmt.Errorf("%s %s: the session has %v", name, state, got)
	}
	return nil
}
