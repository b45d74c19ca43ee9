package morton_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

// began fails the test if a stream could not begin, and skips it where the server refuses streams, as Morton's does yet.
func began(t *testing.T, err error) {
	t.Helper()
	var answer *morton.CommandError
	if strings.Contains(t.Name(), "/morton") && errors.As(err, &answer) {
		t.Skipf("the server has no change streams yet: %v", err)
	}
	must(t, err)
}

// TestChangeStream sees each kind of change of a collection, of a database and of all.
func TestChangeStream(t *testing.T) {
	eachServer(t, 1, func(t *testing.T, hosts []string) {
		client := connect(t, hosts, "")
		db := client.Database("app")
		users := morton.CollectionOf[user](db, "users")
		ctx := t.Context()
		s := users.Watch(ctx, nil, morton.WatchOptions{FullDocument: "updateLookup"})
		began(t, s.Err())
		defer s.Close()
		ofDatabase, ofAll := db.Watch(ctx, nil), client.Watch(ctx, bson.A{d("$match", d("ns.db", "app"))})
		must(t, ofDatabase.Err())
		must(t, ofAll.Err())
		defer ofAll.Close()
		defer ofDatabase.Close()
		if s.TryNext() || s.Err() != nil || s.Token() == nil {
			t.Fatalf("before any change: %v, %v, %v", s.Value(), s.Err(), s.Token())
		}

		must(t, second(users.InsertOne(ctx, user{1, "Ada", 36})))
		must(t, second(users.UpdateOne(ctx, d("_id", 1), d("$set", d("age", 37), "$unset", d("name", "")))))
		must(t, second(users.ReplaceOne(ctx, d("_id", 1), user{1, "Ada", 38})))
		must(t, second(users.DeleteOne(ctx, d("_id", 1))))
		must(t, users.Drop(ctx))
		var events []morton.Event[user]
		for e, err := range s.All() {
			must(t, err)
			events = append(events, e)
			if e.Namespace != (morton.Namespace{Database: "app", Collection: "users"}) && e.Operation != "invalidate" {
				t.Errorf("%+v", e)
			}
		}
		operations := []string{"insert", "update", "replace", "delete", "drop", "invalidate"}
		same(t, names(events), operations)
		same(t, *events[0].Document, user{1, "Ada", 36})
		same(t, events[1].Update.Removed, []string{"name"})
		same(t, events[1].Update.Updated.Lookup("age").Int32(), int32(37))
		same(t, *events[2].Document, user{1, "Ada", 38})
		if e := events[3]; e.Document != nil || e.Key.Lookup("_id").Int32() != 1 || e.Time.IsZero() || e.WallTime.IsZero() {
			t.Errorf("%+v", e)
		}

		for _, other := range []*morton.ChangeStream[bson.D]{ofDatabase, ofAll} {
			for _, operation := range operations[:5] {
				if !other.Next() {
					t.Fatal(other.Err())
				}
				same(t, other.Value().Operation, operation)
			}
		}
		// Behind the end of a stream another one can begin, with StartAfter alone.
		must(t, second(users.InsertOne(ctx, user{2, "Grace", 85})))
		again := users.Watch(ctx, nil, morton.WatchOptions{StartAfter: s.Token()})
		defer again.Close()
		if !again.Next() || again.Value().Document.ID != 2 {
			t.Errorf("behind invalidate: %+v, %v", again.Value(), again.Err())
		}
		at := users.Watch(ctx, nil, morton.WatchOptions{StartAt: events[0].Time})
		defer at.Close()
		if !at.Next() || at.Value().Document == nil || at.Value().Document.ID != 1 {
			t.Errorf("from the first event's time: %+v, %v", at.Value(), at.Err())
		}
	})
}

func names[T any](events []morton.Event[T]) (names []string) {
	for _, e := range events {
		names = append(names, e.Operation)
	}
	return names
}

// TestChangeStreamRefuses has streams that cannot be: each says so at once or with the first event.
func TestChangeStreamRefuses(t *testing.T) {
	eachServer(t, 1, func(t *testing.T, hosts []string) {
		client := connect(t, hosts, "&timeoutMS=2000")
		c := client.Database("app").Collection("c")
		ctx := t.Context()
		if s := c.Watch(ctx, "text"); s.Err() == nil || s.Next() || s.Close() != nil {
			t.Error("a pipeline that is a text")
		}
		if s := c.Watch(ctx, nil, morton.WatchOptions{MaxAwait: time.Minute}); s.Err() == nil {
			t.Error("the server may wait longer than an operation")
		}
		var answer *morton.CommandError
		if s := c.Watch(ctx, bson.A{d("$nothing", 1)}); !errors.As(s.Err(), &answer) {
			t.Errorf("a stage that is none: %v", s.Err())
		}
		s := c.Watch(ctx, bson.A{d("$project", d("_id", 0))})
		began(t, s.Err())
		must(t, second(c.InsertOne(ctx, d("_id", 1))))
		if s.Next() || s.Err() == nil {
			t.Error("events without _id")
		}
		must(t, s.Close())
		limited, cancel := context.WithCancel(ctx)
		s = c.Watch(limited, nil)
		must(t, s.Err())
		cancel()
		if s.Next() || !errors.Is(s.Err(), context.Canceled) {
			t.Errorf("after the context's end: %v", s.Err())
		}
		must(t, s.Close())
	})
}

// TestChangeStreamResumes has the server forget the stream's cursor, break its connection, and fail in a way that it says is no reason to
// give up: no event is lost or comes twice.
func TestChangeStreamResumes(t *testing.T) {
	eachServer(t, 1, func(t *testing.T, hosts []string) {
		config, err := morton.ParseConfig("mongodb://" + hosts[0] + "/?replicaSet=rs")
		must(t, err)
		var mu sync.Mutex
		var cursors []int64
		streams := 0
		config.Monitor.Command = func(e *morton.CommandEvent) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == "CommandSucceeded" && e.Name == "aggregate" {
				cursors = append(cursors, e.Reply.Lookup("cursor", "id").AsInt64())
			}
			if e.Kind == "CommandStarted" && e.Name == "aggregate" {
				streams++
			}
		}
		client, err := morton.New(config)
		must(t, err)
		defer client.Close(context.Background())
		ctx := t.Context()
		c := client.Database("app").Collection("c")
		s := c.Watch(ctx, nil, morton.WatchOptions{BatchSize: 1})
		began(t, s.Err())
		defer s.Close()
		admin := client.Database("admin")
		for i, trouble := range []struct {
			do     func() error
			resume bool
		}{
			{func() error { return nil }, false},
			{func() error { // events and a cursor that is not there any more
				must(t, second(c.InsertOne(ctx, d("_id", "extra"))))
				mu.Lock()
				last := cursors[len(cursors)-1]
				mu.Unlock()
				return second(client.Database("app").Run(ctx, d("killCursors", "c", "cursors", bson.A{last})))
			}, true},
			{func() error {
				return second(admin.Run(ctx, d("configureFailPoint", "failCommand", "mode", d("times", 1), "data", d("failCommands", bson.A{"getMore"}, "closeConnection", true))))
			}, true},
			{func() error {
				return second(admin.Run(ctx, d("configureFailPoint", "failCommand", "mode", d("times", 1), "data", d("failCommands", bson.A{"getMore"}, "errorCode", 6, "errorLabels", bson.A{"ResumableChangeStreamError"}))))
			}, true},
			{func() error { // and so does the new cursor, before there is an event
				must(t, second(admin.Run(ctx, d("configureFailPoint", "failCommand", "mode", d("times", 2), "data", d("failCommands", bson.A{"getMore"}, "errorCode", 6, "errorLabels", bson.A{"ResumableChangeStreamError"})))))
				if s.TryNext() {
					t.Error("an event of nothing")
				}
				return s.Err()
			}, true},
		} {
			mu.Lock()
			before := streams
			mu.Unlock()
			must(t, trouble.do())
			must(t, second(c.InsertOne(ctx, d("_id", i))))
			var want []any
			if i == 1 {
				want = append(want, "extra")
			}
			for _, id := range append(want, int32(i)) {
				if !s.Next() {
					t.Fatalf("trouble %d: %v", i, s.Err())
				}
				same(t, (*s.Value().Document)[0].Value, id)
			}
			mu.Lock()
			if resumed := streams > before; resumed != trouble.resume {
				t.Errorf("trouble %d: was the stream begun anew? %v", i, resumed)
			}
			mu.Unlock()
		}
		must(t, second(admin.Run(ctx, d("configureFailPoint", "failCommand", "mode", d("times", 1), "data", d("failCommands", bson.A{"getMore"}, "errorCode", 96)))))
		var answer *morton.CommandError
		if s.Next() || !errors.As(s.Err(), &answer) || answer.Code != 96 {
			t.Errorf("an error that is none of those: %v", s.Err())
		}
	})
}

// TestChangeStreamFollowsAFailover has the primary step down under a stream and its writer: every insertion comes, once and in order.
func TestChangeStreamFollowsAFailover(t *testing.T) {
	eachServer(t, 3, func(t *testing.T, hosts []string) {
		client := connect(t, hosts, "&w=majority")
		ctx := t.Context()
		c := client.Database("app").Collection("c")
		s := c.Watch(ctx, nil)
		began(t, s.Err())
		var want, got []int32
		insert := func() {
			must(t, second(c.InsertOne(ctx, d("_id", len(want)))))
			want = append(want, int32(len(want)))
		}
		for range 2 {
			insert()
			stepDown(t, client)
			insert()
		}
		for e, err := range s.All() {
			must(t, err)
			if e.Operation == "insert" {
				got = append(got, (*e.Document)[0].Value.(int32))
			}
			if len(got) == len(want) {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
