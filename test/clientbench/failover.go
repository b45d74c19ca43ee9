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
// acknowledged.
func failovers(binary string, times int) error {
	s, err := process.StartSet(binary, 3)
	if err != nil {
		return err
	}
	defer s.Close()
	uri := s.URI() + "&w=majority"
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client, err := morton.Connect(ctx, uri)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close(context.Background()) }()
	other, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return err
	}
	defer func() { _ = other.Disconnect(context.Background()) }()
	c, o := client.Database("bench").Collection("ours"), other.Database("bench").Collection("theirs")
	ours := write(ctx, func() error { _, err := c.InsertOne(context.Background(), bson.D{{Key: "x", Value: 1}}); return err })
	theirs := write(ctx, func() error {
		_, err := o.InsertOne(context.Background(), bson.D{{Key: "x", Value: 1}})
		return err
	})
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
		fmt.Printf("%2d: ours %6.2f ms, official driver %6.2f ms after the election\n", n+1, float64(x.Microseconds())/1000, float64(y.Microseconds())/1000)
		if err := errors.Join(primary.Start(), primary.Secondary(ctx)); err != nil {
			return err
		}
	}
	cancel()
	slices.Sort(a)
	slices.Sort(b)
	x, y := a[len(a)/2], b[len(b)/2]
	fmt.Printf("medians: ours %.2f ms, official driver %.2f ms: %.2f; errors: ours %d, official driver %d\n",
		float64(x.Microseconds())/1000, float64(y.Microseconds())/1000, float64(x)/float64(y), ours.failed(), theirs.failed())
	return nil
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
