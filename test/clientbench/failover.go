package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/test/process"
)

// set is three members, each of them a process.
type set struct {
	binary, directory string
	hosts             []string
	members           []*exec.Cmd
}

func startSet(binary string) (s *set, err error) {
	s = &set{binary: binary, members: make([]*exec.Cmd, 3)}
	if s.directory, err = os.MkdirTemp("", "morton-failover-"); err != nil {
		return s, err
	}
	list := bson.A{}
	for i := range s.members {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return s, err
		}
		s.hosts = append(s.hosts, l.Addr().String())
		l.Close()
		list = append(list, bson.D{{Key: "_id", Value: i}, {Key: "host", Value: s.hosts[i]}})
		if err := s.start(i); err != nil {
			return s, err
		}
	}
	c := process.Conn{Address: s.hosts[0]}
	defer c.Close()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		reply, err := c.Run("admin", bson.D{{Key: "replSetInitiate", Value: bson.D{{Key: "_id", Value: "rs0"}, {Key: "members", Value: list}}}})
		if err == nil && process.Succeeded(reply) {
			return s, nil
		}
		if time.Now().After(deadline) {
			return s, fmt.Errorf("replSetInitiate: %v %v", err, reply)
		}
	}
}

func (s *set) start(i int) error {
	_, port, _ := net.SplitHostPort(s.hosts[i])
	dbpath := filepath.Join(s.directory, fmt.Sprint(i))
	if err := os.MkdirAll(dbpath, 0o755); err != nil {
		return err
	}
	s.members[i] = exec.Command(s.binary, "serve", "--dbpath", dbpath, "--port", port, "--replSet", "rs0", "--bind_ip", "127.0.0.1")
	return s.members[i].Start()
}

func (s *set) kill(i int) {
	_ = s.members[i].Process.Kill()
	_ = s.members[i].Wait()
}

func (s *set) close() {
	for i, m := range s.members {
		if m != nil && m.Process != nil {
			s.kill(i)
		}
	}
	_ = os.RemoveAll(s.directory)
}

// failovers kills the primary so many times, under both clients, and prints how long after each election a client's first write was
// acknowledged.
func failovers(binary string, times int) error {
	s, err := startSet(binary)
	defer s.close()
	if err != nil {
		return err
	}
	uri := "mongodb://" + strings.Join(s.hosts, ",") + "/?replicaSet=rs0&w=majority"
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
		primary := s.primary()
		time.Sleep(time.Second) // both write to it, and the others have caught up
		s.kill(primary)
		elected := s.elected(primary)
		x, y := ours.after(elected), theirs.after(elected)
		a, b = append(a, x), append(b, y)
		fmt.Printf("%2d: ours %6.2f ms, official driver %6.2f ms after the election\n", n+1, float64(x.Microseconds())/1000, float64(y.Microseconds())/1000)
		if err := s.start(primary); err != nil {
			return err
		}
		s.ready(primary)
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

func writable(c *process.Conn) bool {
	reply, err := c.Run("admin", bson.D{{Key: "hello", Value: 1}})
	if err != nil {
		return false
	}
	is, _ := reply.Lookup("isWritablePrimary").BooleanOK()
	return is
}

// primary waits for a primary and returns its place.
func (s *set) primary() int {
	for ; ; time.Sleep(10 * time.Millisecond) {
		for i, h := range s.hosts {
			c := process.Conn{Address: h}
			is := writable(&c)
			c.Close()
			if is {
				return i
			}
		}
	}
}

// elected returns the moment when another member than the one that was killed first says that it is primary.
func (s *set) elected(killed int) time.Time {
	moments := make(chan time.Time, len(s.hosts))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for i, h := range s.hosts {
		if i == killed {
			continue
		}
		go func() {
			c := process.Conn{Address: h}
			defer c.Close()
			for ; ctx.Err() == nil; time.Sleep(200 * time.Microsecond) {
				if writable(&c) {
					moments <- time.Now()
					return
				}
			}
		}()
	}
	return <-moments
}

// ready waits until a member that was started again is a secondary.
func (s *set) ready(i int) {
	c := process.Conn{Address: s.hosts[i]}
	defer c.Close()
	for ; ; time.Sleep(20 * time.Millisecond) {
		if reply, err := c.Run("admin", bson.D{{Key: "hello", Value: 1}}); err == nil {
			if is, _ := reply.Lookup("secondary").BooleanOK(); is {
				return
			}
		}
	}
}
