package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/test/process"
)

// failovers kills the primary so many times, under both clients, and prints how long after each election a client's first write was
// acknowledged. The other client is the official driver, or with options ours with these.
func failovers(binary string, times int, options string) error {
	s, err := process.StartSet(binary, 3)
	if err != nil {
		return err
	}
	defer s.Close()
	uri := s.URI() + "&w=majority"
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	insert, end, err := openOurWriter(ctx, uri, "ours")
	if err != nil {
		return err
	}
	defer end()
	open, name := openTheirWriter, "official driver"
	if options != "" {
		uri, open, name = uri+"&"+options, openOurWriter, options
	}
	insertOther, endOther, err := open(ctx, uri, "theirs")
	if err != nil {
		return err
	}
	defer endOther()
	ours, theirs := write(ctx, insert), write(ctx, insertOther)
	var a, b []time.Duration
	for n := range times {
		primary, err := s.Primary(ctx)
		if err != nil {
			return err
		}
		time.Sleep(time.Second) // both write to it, and the others have caught up
		primary.Kill()
		if _, err := s.Primary(ctx, primary); err != nil {
			return err
		}
		elected := time.Now()
		x, y := ours.after(elected), theirs.after(elected)
		a, b = append(a, x), append(b, y)
		fmt.Printf("%2d: ours %6.2f ms, %s %6.2f ms after the election\n", n+1, float64(x.Microseconds())/1000, name, float64(y.Microseconds())/1000)
		if err := errors.Join(primary.Start(), primary.Secondary(ctx)); err != nil {
			return err
		}
	}
	cancel()
	slices.Sort(a)
	slices.Sort(b)
	x, y := a[len(a)/2], b[len(b)/2]
	fmt.Printf("medians: ours %.2f ms, %s %.2f ms: %.2f; errors: ours %d, the other %d\n",
		float64(x.Microseconds())/1000, name, float64(y.Microseconds())/1000, float64(x)/float64(y), ours.failed(), theirs.failed())
	return nil
}

var written = bson.D{{Key: "x", Value: 1}}

func openOurWriter(ctx context.Context, uri, collection string) (insert func() error, end func(), err error) {
	client, err := morton.Connect(ctx, uri)
	if err != nil {
		return nil, nil, err
	}
	c := client.Database("bench").Collection(collection)
	return func() error { _, err := c.InsertOne(context.Background(), written); return err }, func() { _ = client.Close(context.Background()) }, nil
}

func openTheirWriter(_ context.Context, uri, collection string) (insert func() error, end func(), err error) {
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return nil, nil, err
	}
	c := client.Database("bench").Collection(collection)
	return func() error { _, err := c.InsertOne(context.Background(), written); return err }, func() { _ = client.Disconnect(context.Background()) }, nil
}

// writer writes without a pause and keeps when its writes began and were acknowledged.
type writer struct {
	mu     sync.Mutex
	acks   []time.Time
	errors int
}

func write(ctx context.Context, op func() error) *writer {
	w := &writer{}
	go func() {
		for ctx.Err() == nil {
			err := op()
			now := time.Now()
			if ctx.Err() != nil {
				return // it is over, and the client closed
			}
			w.mu.Lock()
			if err != nil {
				w.errors++
				fmt.Println("error:", err)
			} else {
				w.acks = append(w.acks, now)
			}
			w.mu.Unlock()
		}
	}()
	return w
}

// after waits for the first acknowledgement after t, and returns how long after.
func (w *writer) after(t time.Time) time.Duration {
	for ; ; time.Sleep(time.Millisecond) {
		w.mu.Lock()
		for _, ack := range w.acks {
			if ack.After(t) {
				w.acks = w.acks[:0]
				w.mu.Unlock()
				return ack.Sub(t)
			}
		}
		w.mu.Unlock()
	}
}

func (w *writer) failed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.errors
}
