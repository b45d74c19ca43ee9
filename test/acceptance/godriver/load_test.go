//go:build acceptance

package godriver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// TestDriverUnderLoad does CRUD, then retryable writes and reads until the stop file exists, while
// test/acceptance/run kills primaries. It prints one line of JSON per event, as clients/load.cjs does.
func TestDriverUnderLoad(t *testing.T) {
	uri, stopFile := os.Getenv("ACCEPTANCE_URI"), os.Getenv("ACCEPTANCE_STOP_FILE")
	if uri == "" || stopFile == "" {
		t.Skip("test/acceptance/run starts this test with ACCEPTANCE_URI and ACCEPTANCE_STOP_FILE")
	}
	ctx := t.Context()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.Background()) }()
	database := client.Database("acceptance")

	results, err := crud(ctx, database.Collection("crud"))
	if err != nil {
		t.Fatalf("crud: %v", err)
	}
	say("crud", results)
	say("loading", nil)
	results, err = load(ctx, database, stopFile)
	if err != nil {
		t.Fatalf("an error reached the application: %v", err)
	}
	say("done", results)
}

// say prints an event with its fields.
func say(event string, fields map[string]any) {
	line := map[string]any{"event": event}
	for name, value := range fields {
		line[name] = value
	}
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

// crud calls each basic operation once and returns what it read.
func crud(ctx context.Context, things *mongo.Collection) (map[string]any, error) {
	var first, upserted bson.M
	var sorted []struct {
		ID string `bson:"_id"`
	}
	var distinct []string
	var count int64
	err := firstError(
		func() error {
			_, err := things.InsertOne(ctx, bson.D{{Key: "_id", Value: "a"}, {Key: "n", Value: 1}})
			return err
		},
		func() error {
			_, err := things.InsertMany(ctx, []bson.D{{{Key: "_id", Value: "b"}, {Key: "n", Value: 2}}, {{Key: "_id", Value: "c"}, {Key: "n", Value: 3}}})
			return err
		},
		func() error {
			_, err := things.UpdateOne(ctx, bson.M{"_id": "a"}, bson.M{"$set": bson.M{"name": "first"}, "$inc": bson.M{"n": 10}})
			return err
		},
		func() error { _, err := things.ReplaceOne(ctx, bson.M{"_id": "b"}, bson.M{"n": 20}); return err },
		func() error { _, err := things.DeleteOne(ctx, bson.M{"_id": "c"}); return err },
		func() error {
			after := options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)
			return things.FindOneAndUpdate(ctx, bson.M{"_id": "d"}, bson.M{"$set": bson.M{"n": 4}}, after).Decode(&upserted)
		},
		func() error {
			_, err := things.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.M{"n": 1}})
			return err
		},
		func() error { return things.FindOne(ctx, bson.M{"_id": "a"}).Decode(&first) },
		func() error {
			cursor, err := things.Find(ctx, bson.M{"n": bson.M{"$gt": 4}}, options.Find().SetSort(bson.M{"n": -1}))
			if err != nil {
				return err
			}
			return cursor.All(ctx, &sorted)
		},
		func() (err error) { count, err = things.CountDocuments(ctx, bson.D{}); return err },
		func() error { return things.Distinct(ctx, "name", bson.D{}).Decode(&distinct) },
	)
	if err != nil {
		return nil, err
	}
	order := make([]string, len(sorted))
	for i, thing := range sorted {
		order[i] = thing.ID
	}
	return map[string]any{"first": first, "sorted": order, "count": count, "distinct": distinct, "upserted": upserted["_id"]}, nil
}

// firstError runs the steps until one fails.
func firstError(steps ...func() error) error {
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// load writes and reads until the stop file exists; the driver has to hide every failover.
func load(ctx context.Context, database *mongo.Database, stopFile string) (map[string]any, error) {
	items, counters := database.Collection("items"), database.Collection("counters")
	if _, err := counters.InsertOne(ctx, bson.M{"_id": "all", "n": 0}); err != nil {
		return nil, err
	}
	writes, reads := 0, 0
	for {
		if _, err := os.Stat(stopFile); err == nil {
			break
		} else if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		if _, err := items.InsertOne(ctx, bson.M{"_id": writes}); err != nil {
			return nil, fmt.Errorf("insert %d: %w", writes, err)
		}
		if _, err := counters.UpdateOne(ctx, bson.M{"_id": "all"}, bson.M{"$inc": bson.M{"n": 1}}); err != nil {
			return nil, fmt.Errorf("increment %d: %w", writes, err)
		}
		if err := items.FindOne(ctx, bson.M{"_id": writes}).Err(); err != nil {
			return nil, fmt.Errorf("read of acknowledged document %d: %w", writes, err)
		}
		writes++
		reads++
	}
	var counter struct{ N int }
	if err := counters.FindOne(ctx, bson.M{"_id": "all"}).Decode(&counter); err != nil {
		return nil, err
	}
	documents, err := items.CountDocuments(ctx, bson.D{})
	if err != nil {
		return nil, err
	}
	return map[string]any{"writes": writes, "reads": reads, "counter": counter.N, "documents": documents}, nil
}
