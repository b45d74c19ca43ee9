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

// client is one of the two that are compared.
type client struct {
	name   string
	insert func() error
	after  []time.Duration // of each failover: from the election to the first acknowledged write
	errors int
}

// failovers kills the primary so many times under each client, in turns, and prints how long after each election the client's first write was
// acknowledged. One client writes at a time, without a pause and with its defaults; the other is connected and does nothing. That is the official driver,
// or with options ours with these.
func failovers(binary string, times int, options string) error {
	s, err := process.StartSet(binary, 3)
	if err != nil {
		return err
	}
	defer s.Close()
	ctx := context.Background()
	uri := s.URI() + "&w=majority"
	insert, end, err := openOurWriter(ctx, uri)
	if err != nil {
		return err
	}
	defer end()
	open, name := openTheirWriter, "official driver"
	if options != "" {
		uri, open, name = uri+"&"+options, openOurWriter, options
	}
	insertOther, endOther, err := open(ctx, uri)
	if err != nil {
		return err
	}
	defer endOther()
	clients := []*client{{name: "ours", insert: insert}, {name: name, insert: insertOther}}
	for n := range 2 * times {
		if err := clients[n%2].failover(ctx, s, n/2+1); err != nil {
			return err
		}
	}
	x, y := clients[0].median(), clients[1].median()
	fmt.Printf("medians: ours %.2f ms, %s %.2f ms: %.2f; errors: ours %d, the other %d\n", millis(x), name, millis(y), float64(x)/float64(y), clients[0].errors, clients[1].errors)
	return nil
}

var written = bson.D{{Key: "x", Value: 1}}

func openOurWriter(ctx context.Context, uri string) (insert func() error, end func(), err error) {
	client, err := morton.Connect(ctx, uri)
	if err != nil {
		return nil, nil, err
	}
	c := client.Database("bench").Collection("writes")
	return func() error { _, err := c.InsertOne(context.Background(), written); return err }, func() { _ = client.Close(context.Background()) }, nil
}

func openTheirWriter(_ context.Context, uri string) (insert func() error, end func(), err error) {
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return nil, nil, err
	}
	c := client.Database("bench").Collection("writes")
	return func() error { _, err := c.InsertOne(context.Background(), written); return err }, func() { _ = client.Disconnect(context.Background()) }, nil
}

// failover kills the primary while the client writes.
func (c *client) failover(ctx context.Context, s *process.Set, n int) error {
	primary, err := s.Primary(ctx)
	if err != nil {
		return err
	}
	w := startWriter(c.insert)
	time.Sleep(time.Second) // the others have caught up
	primary.Kill()
	dead := time.Now()
	if _, err := s.Primary(ctx, primary); err != nil {
		return err
	}
	elected := time.Now() // as a member has just told
	took := w.first(dead).Sub(elected)
	c.errors += w.stop()
	c.after = append(c.after, took)
	fmt.Printf("%2d: %-15s %6.2f ms after the election, which was told %5.2f ms after the end of the old primary\n", n, c.name, millis(took), millis(elected.Sub(dead)))
	return errors.Join(primary.Start(), primary.Secondary(ctx))
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (c *client) median() time.Duration {
	slices.Sort(c.after)
	return (c.after[(len(c.after)-1)/2] + c.after[len(c.after)/2]) / 2
}

// writer writes without a pause and keeps when its writes were acknowledged.
type writer struct {
	ended  chan struct{}
	mu     sync.Mutex
	acks   []time.Time
	errors int
	over   bool
}

func startWriter(op func() error) *writer {
	w := &writer{ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		for w.note(op()) {
		}
	}()
	return w
}

// note keeps how a write ended, and reports whether there shall be another.
func (w *writer) note(err error) bool {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.errors++
		fmt.Println("error:", err)
	} else {
		w.acks = append(w.acks, now)
	}
	return !w.over
}

// first waits for the first acknowledgement after t, and returns when it came.
func (w *writer) first(t time.Time) time.Time {
	for ; ; time.Sleep(time.Millisecond) {
		w.mu.Lock()
		i := slices.IndexFunc(w.acks, t.Before)
		if i >= 0 {
			defer w.mu.Unlock()
			return w.acks[i]
		}
		w.mu.Unlock()
	}
}

// stop ends the writer and returns how many of its writes failed.
func (w *writer) stop() int {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	<-w.ended
	return w.errors
}
