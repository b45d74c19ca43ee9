package morton_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

type user struct {
	ID   int    `bson:"_id"`
	Name string `bson:"name"`
	Age  int    `bson:"age"`
}

func d(pairs ...any) (doc bson.D) {
	for i := 0; i < len(pairs); i += 2 {
		doc = append(doc, bson.E{Key: pairs[i].(string), Value: pairs[i+1]})
	}
	return doc
}

// TestOperations does each kind of operation once with a set of one member, and looks at what came of it.
func TestOperations(t *testing.T) {
	eachServer(t, 1, func(t *testing.T, hosts []string) {
		client := connect(t, hosts, "")
		db := client.Database("app")
		t.Run("documents", func(t *testing.T) { testDocuments(t, morton.CollectionOf[user](db, "users")) })
		t.Run("updates", func(t *testing.T) { testUpdates(t, morton.CollectionOf[user](db, "updates")) })
		t.Run("bulk", func(t *testing.T) { testBulk(t, db.Collection("bulk")) })
		t.Run("cursors", func(t *testing.T) { testCursors(t, db.Collection("cursors")) })
		t.Run("database", func(t *testing.T) { testDatabase(t, client) })
		t.Run("options", func(t *testing.T) { testOptions(t, hosts) })
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

func testDocuments(t *testing.T, users *morton.Collection[user]) {
	ctx := t.Context()
	id, err := users.InsertOne(ctx, user{1, "Ada", 36})
	must(t, err)
	same(t, id, int32(1))
	ids, err := users.InsertMany(ctx, []user{{2, "Grace", 85}, {3, "Alan", 41}})
	must(t, err)
	same(t, ids, []any{int32(2), int32(3)})
	_, err = users.InsertOne(ctx, user{1, "Eve", 1})
	var failed *morton.WriteError
	if !morton.IsDuplicateKey(err) || !errors.As(err, &failed) || failed.Failures[0].Index != 0 {
		t.Fatalf("a second _id 1: %v", err)
	}
	ada, err := users.FindOne(ctx, d("name", "Ada"))
	must(t, err)
	same(t, ada, user{1, "Ada", 36})
	if _, err := users.FindOne(ctx, d("name", "Eve")); err != morton.ErrNotFound {
		t.Fatalf("who is not there: %v", err)
	}
	old, err := users.Find(ctx, d("age", d("$gt", 40)), morton.FindOptions{Sort: d("age", -1)}).Slice()
	must(t, err)
	same(t, old, []user{{2, "Grace", 85}, {3, "Alan", 41}})
	n, err := users.Count(ctx, nil)
	must(t, err)
	same(t, n, int64(3))
	n, err = users.EstimatedCount(ctx)
	must(t, err)
	same(t, n, int64(3))
	names, err := users.Distinct(ctx, "name", d("_id", d("$lt", 3)))
	must(t, err)
	same(t, names, []any{"Ada", "Grace"})
	_, err = users.Save(ctx, user{4, "Eve", 20})
	must(t, err)
	_, err = users.Save(ctx, user{4, "Eve", 21})
	must(t, err)
	eve, err := users.FindOneAndDelete(ctx, d("_id", 4))
	must(t, err)
	same(t, eve, user{4, "Eve", 21})
	gone, err := users.DeleteMany(ctx, d("_id", d("$gte", 2)))
	must(t, err)
	same(t, gone, int64(2))
	gone, err = users.DeleteOne(ctx, d("_id", 2))
	must(t, err)
	same(t, gone, int64(0))
}

func testUpdates(t *testing.T, users *morton.Collection[user]) {
	ctx := t.Context()
	_, err := users.InsertMany(ctx, []user{{1, "Ada", 36}, {2, "Grace", 85}})
	must(t, err)
	r, err := users.UpdateOne(ctx, d("_id", 1), d("$inc", d("age", 1)))
	must(t, err)
	same(t, r, morton.UpdateResult{Matched: 1, Modified: 1})
	r, err = users.UpdateMany(ctx, nil, d("$set", d("name", "X")))
	must(t, err)
	same(t, r, morton.UpdateResult{Matched: 2, Modified: 2})
	r, err = users.UpdateOne(ctx, d("_id", 9), d("$set", d("name", "Y")), morton.UpdateOptions{Upsert: true})
	must(t, err)
	same(t, r, morton.UpdateResult{Upserted: 1, UpsertedID: int32(9)})
	r, err = users.ReplaceOne(ctx, d("_id", 9), user{9, "Z", 1})
	must(t, err)
	same(t, r, morton.UpdateResult{Matched: 1, Modified: 1})
	r, err = users.UpdateMany(ctx, nil, []bson.D{d("$set", d("age", d("$add", bson.A{"$age", 1})))})
	must(t, err)
	same(t, r, morton.UpdateResult{Matched: 3, Modified: 3})
	z, err := users.FindOneAndUpdate(ctx, d("_id", 9), d("$inc", d("age", 10)), morton.FindAndModifyOptions{ReturnNew: true})
	must(t, err)
	same(t, z, user{9, "Z", 12})
	z, err = users.FindOneAndReplace(ctx, d("_id", 9), user{9, "W", 0})
	must(t, err)
	same(t, z, user{9, "Z", 12})
	for _, bad := range []any{d("age", 1), d(), 5} {
		if _, err := users.UpdateOne(ctx, nil, bad); err == nil {
			t.Errorf("%v was taken for an update", bad)
		}
	}
}

func testBulk(t *testing.T, c *morton.Collection[bson.D]) {
	ctx := t.Context()
	r, err := c.BulkWrite(ctx, []morton.Write{
		morton.Insert{Document: d("_id", 1)},
		morton.Insert{Document: d("_id", 2)},
		morton.Update{Filter: d("_id", 1), Update: d("$set", d("x", 1))},
		morton.Update{Filter: d("_id", 3), Update: d("$set", d("x", 3)), Upsert: true},
		morton.Replace{Filter: d("_id", 2), Document: d("y", 2)},
		morton.Delete{Filter: d("_id", 1)},
	})
	must(t, err)
	same(t, r, morton.BulkResult{Inserted: 2, Matched: 2, Modified: 2, Upserted: 1, Deleted: 1, Acknowledged: true,
		UpsertedIDs: map[int]any{3: int32(3)}, InsertedIDs: map[int]any{0: int32(1), 1: int32(2)}})
	for _, unordered := range []bool{false, true} {
		r, err = c.BulkWrite(ctx, []morton.Write{
			morton.Delete{Filter: d("_id", 99)}, morton.Insert{Document: d("_id", 2)}, morton.Insert{Document: d("_id", bson.NewObjectID())},
		}, morton.BulkOptions{Unordered: unordered})
		var failed *morton.WriteError
		if !errors.As(err, &failed) || len(failed.Failures) != 1 || failed.Failures[0].Index != 1 || failed.Failures[0].Code != 11000 {
			t.Fatalf("unordered %v: %v", unordered, err)
		}
		want := int64(0)
		if unordered {
			want = 1
		}
		same(t, r.Inserted, want)
	}
	big := make([]bson.D, 26)
	for i := range big {
		big[i] = d("_id", fmt.Sprint("big", i), "bytes", make([]byte, 2<<20))
	}
	ids, err := c.InsertMany(ctx, big) // 52 MB: more than one message
	must(t, err)
	same(t, len(ids), 26)
	n, err := c.DeleteMany(ctx, d("_id", bson.Regex{Pattern: "^big"}))
	must(t, err)
	same(t, n, int64(26))
}

func testCursors(t *testing.T, c *morton.Collection[bson.D]) {
	ctx := t.Context()
	var docs []bson.D
	for i := range 250 {
		docs = append(docs, d("_id", i))
	}
	_, err := c.InsertMany(ctx, docs)
	must(t, err)
	n := 0
	for doc, err := range c.Find(ctx, nil, morton.FindOptions{BatchSize: 7, Sort: d("_id", 1)}).All() {
		must(t, err)
		same(t, doc, d("_id", int32(n)))
		n++
	}
	same(t, n, 250)
	all, err := c.Find(ctx, nil).Slice()
	must(t, err)
	same(t, len(all), 250)
	cursor := c.Find(ctx, nil, morton.FindOptions{BatchSize: 2})
	if !cursor.Next() || cursor.ID() == 0 {
		t.Fatal("no open cursor", cursor.Err())
	}
	must(t, cursor.Close())
	totals, err := morton.CollectionOf[struct{ N int }](c.Database(), c.Name()).Aggregate(ctx, []bson.D{d("$group", d("_id", nil, "n", d("$sum", 1)))}).Slice()
	must(t, err)
	same(t, totals, []struct{ N int }{{250}})
	if _, err := c.Find(ctx, d("$nonsense", 1)).Slice(); err == nil {
		t.Error("a bad filter found something")
	}
}

func testDatabase(t *testing.T, client *morton.Client) {
	ctx := t.Context()
	db := client.Database("other")
	must(t, db.Create(ctx, "capped", d("capped", true, "size", 1<<20)))
	name, err := db.Collection("c").CreateIndex(ctx, d("a", 1, "b", -1), morton.IndexOptions{Unique: true})
	must(t, err)
	same(t, name, "a_1_b_-1")
	indexes, err := db.Collection("c").Indexes(ctx).Slice()
	must(t, err)
	same(t, len(indexes), 2)
	must(t, db.Collection("c").DropIndex(ctx, name))
	none, err := db.Collection("none").Indexes(ctx).Slice()
	must(t, err)
	same(t, len(none), 0)
	names, err := db.CollectionNames(ctx, nil)
	must(t, err)
	slices.Sort(names)
	same(t, names, []string{"c", "capped"})
	must(t, db.Collection("c").Drop(ctx))
	must(t, db.Collection("c").Drop(ctx))
	reply, err := db.Run(ctx, d("ping", 1))
	must(t, err)
	same(t, reply.Lookup("ok").AsFloat64(), 1.0)
	var answer *morton.CommandError
	if _, err := db.Run(ctx, d("nonsense", 1)); !errors.As(err, &answer) || answer.Code != 59 || answer.Name != "CommandNotFound" {
		t.Fatal(err)
	}
	must(t, db.Drop(ctx))
	databases, err := client.DatabaseNames(ctx, d("name", d("$in", bson.A{"admin", "other"})))
	must(t, err)
	same(t, databases, []string{"admin"})
	if client.Host() != "127.0.0.1" || client.Port() == 0 || len(client.Members()) != 1 {
		t.Error(client.Host(), client.Port(), client.Members())
	}
}

// testOptions looks at what commands make of options, and whether the server takes it.
func testOptions(t *testing.T, hosts []string) {
	config, err := morton.ParseConfig("mongodb://" + hosts[0] + "/?replicaSet=rs")
	must(t, err)
	var sent []bson.Raw
	config.Monitor.Command = func(e *morton.CommandEvent) {
		if e.Kind == "CommandStarted" {
			sent = append(sent, e.Command)
		}
	}
	client, err := morton.New(config)
	must(t, err)
	defer client.Close(context.Background())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	db := client.Database("app")
	c := db.Collection("options")

	_, err = db.Run(ctx, d("count", "options", "maxTimeMS", 5000))
	must(t, err)
	must(t, second(db.Run(ctx, d("count", "options"))))
	same(t, keys(sent[0], "maxTimeMS"), 1) // not the context's, too
	same(t, keys(sent[1], "maxTimeMS"), 1)

	sent = nil
	_, err = c.BulkWrite(t.Context(), []morton.Write{
		morton.Insert{Document: d("_id", 1)}, morton.Update{Filter: d("$expr", d("$eq", bson.A{"$_id", "$$one"})), Update: d("$set", d("a", 1))}, morton.Delete{Filter: d("_id", 1)},
	}, morton.BulkOptions{Let: d("one", 1), BypassDocumentValidation: true})
	must(t, err)
	for i, want := range []struct{ let, bypass int }{{0, 1}, {1, 1}, {1, 0}} {
		same(t, keys(sent[i], "let"), want.let)
		same(t, keys(sent[i], "bypassDocumentValidation"), want.bypass)
	}

	sent = nil
	brief := time.Microsecond
	_, err = c.With(morton.Settings{WriteConcern: &morton.WriteConcern{W: 1, Timeout: brief}}).InsertOne(t.Context(), d("_id", 2))
	must(t, err)
	_, _ = c.Find(t.Context(), nil, morton.FindOptions{MaxTime: brief}).Slice() // it may well be over
	same(t, sent[0].Lookup("writeConcern", "wtimeout").AsInt64(), int64(1))
	same(t, sent[1].Lookup("maxTimeMS").AsInt64(), int64(1))
}

// keys returns how many of a document's keys are key.
func keys(d bson.Raw, key string) (n int) {
	elements, _ := d.Elements()
	for _, e := range elements {
		if e.Key() == key {
			n++
		}
	}
	return n
}
