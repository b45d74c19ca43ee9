//go:build acceptance

package godriver

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// TestWriters has writers insert documents and increment their counters until the stop file exists, with default settings, as clients/writers.py does.
func TestWriters(t *testing.T) {
	uri, stopFile := os.Getenv("ACCEPTANCE_URI"), os.Getenv("ACCEPTANCE_STOP_FILE")
	n, err := strconv.Atoi(os.Getenv("ACCEPTANCE_WRITERS"))
	if uri == "" || err != nil {
		t.Skip("test/acceptance/run starts this test with ACCEPTANCE_URI, ACCEPTANCE_STOP_FILE and ACCEPTANCE_WRITERS")
	}
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.Background()) }()
	w := &writers{database: client.Database("acceptance"), stopFile: stopFile}
	for i := range n {
		if _, err := w.database.Collection("counters").InsertOne(t.Context(), bson.M{"_id": i, "n": 0}); err != nil {
			t.Fatal(err)
		}
	}
	say("loading", nil)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { w.write(t.Context(), i) })
	}
	all.Wait()
	if w.err != nil {
		t.Fatalf("an error reached the application: %v", w.err)
	}
	say("done", map[string]any{"writes": w.writes, "slowest ms": w.slowest.Milliseconds()})
}

type writers struct {
	database *mongo.Database
	stopFile string

	mu      sync.Mutex
	writes  int
	slowest time.Duration
	err     error
}

func (w *writers) write(ctx context.Context, writer int) {
	for n := 0; ; n++ {
		if _, err := os.Stat(w.stopFile); err == nil {
			return
		}
		begin := time.Now()
		_, err := w.database.Collection("items").InsertOne(ctx, bson.M{"_id": fmt.Sprintf("%d-%d", writer, n)})
		if err == nil {
			_, err = w.database.Collection("counters").UpdateOne(ctx, bson.M{"_id": writer}, bson.M{"$inc": bson.M{"n": 1}})
		}
		if !w.note(time.Since(begin), err) {
			return
		}
	}
}

func (w *writers) note(took time.Duration, err error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && w.err == nil {
		w.err = err
	}
	if w.err != nil {
		return false
	}
	w.writes++
	w.slowest = max(w.slowest, took)
	return true
}
