package morton_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/test/inside"
)

// TestWritersDoNotNoticeAStepDown has writers write while the primary steps down, twice: no error reaches them, and every write took effect
// once.
func TestWritersDoNotNoticeAStepDown(t *testing.T) {
	eachServer(t, 3, func(t *testing.T, hosts []string) {
		client := connect(t, hosts, "&w=majority")
		counters := client.Database("app").Collection("counters")
		const writers = 8
		var done [writers]int
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var work sync.WaitGroup
		var gate atomic.Pointer[sync.WaitGroup] // has each writer acknowledged once more?
		pass := func() {
			var all sync.WaitGroup
			all.Add(writers)
			gate.Store(&all)
			all.Wait()
		}
		for i := range writers {
			work.Go(func() {
				var passed *sync.WaitGroup
				for ctx.Err() == nil {
					_, err := counters.UpdateOne(context.WithoutCancel(ctx), d("_id", i), d("$inc", d("n", 1)), morton.UpdateOptions{Upsert: true})
					if err != nil {
						t.Errorf("writer %d after %d writes: %v", i, done[i], err)
						continue
					}
					done[i]++
					if g := gate.Load(); g != passed {
						g.Done()
						passed = g
					}
				}
			})
		}
		for range 2 { // an operation is sent again once: it gets over one step-down, and the next must not come before
			pass()
			stepDown(t, client)
		}
		pass()
		cancel()
		work.Wait()
		for i := range writers {
			doc, err := counters.FindOne(t.Context(), d("_id", i))
			must(t, err)
			if n := doc[1].Value.(int32); int(n) != done[i] {
				t.Errorf("writer %d: %d writes were acknowledged, %d took effect", i, done[i], n)
			}
		}
	})
}

// stepDown has the primary step down and waits until the client sees another one.
func stepDown(t *testing.T, client *morton.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	was := client.Port()
	admin := client.Database("admin")
	for {
		_, err := admin.Run(ctx, d("replSetStepDown", 10, "secondaryCatchUpPeriodSecs", 10))
		if err == nil || client.Port() != was {
			break
		}
		var lost *morton.AutoReconnect
		if errors.As(err, &lost) {
			break
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	for client.Port() == was || client.Port() == 0 {
		if _, err := client.Database("app").Collection("none").DeleteOne(ctx, d("_id", 0)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAutoReconnectComesOnce has the primary step down under a client that does not retry: it gets one AutoReconnect, and then finds the
// new primary.
func TestAutoReconnectComesOnce(t *testing.T) {
	eachServer(t, 3, func(t *testing.T, hosts []string) {
		client := connect(t, hosts, "&retryWrites=false&retryReads=false")
		other := connect(t, hosts, "")
		ctx := t.Context()
		c := client.Database("app").Collection("c")
		_, err := c.InsertOne(ctx, d("_id", 1))
		must(t, err)
		stepDown(t, other)
		var lost *morton.AutoReconnect
		errs := 0
		for i := range 3 {
			_, err := c.InsertOne(ctx, d("_id", bson.NewObjectID(), "i", i))
			if errors.As(err, &lost) {
				errs++
			} else {
				must(t, err)
			}
		}
		if errs > 1 {
			t.Errorf("%d AutoReconnects", errs)
		}
		must(t, morton.Retry(ctx, func(ctx context.Context) error {
			_, err := c.FindOne(ctx, d("_id", 1))
			return err
		}))
	})
}

// TestTransaction has a transaction write, be seen by itself alone, and commit; another one aborts.
func TestTransaction(t *testing.T) {
	eachServer(t, 1, func(t *testing.T, hosts []string) {
		client := connect(t, hosts, "")
		ctx := t.Context()
		c := client.Database("app").Collection("c")
		_, err := c.InsertOne(ctx, d("_id", 0))
		must(t, err)
		err = client.Transaction(ctx, func(inside context.Context) error {
			if _, err := c.InsertOne(inside, d("_id", 1)); err != nil {
				return err
			}
			if _, err := c.FindOne(inside, d("_id", 1)); err != nil {
				return err
			}
			if _, err := c.FindOne(ctx, d("_id", 1)); err != morton.ErrNotFound {
				t.Errorf("outside: %v", err)
			}
			return nil
		})
		var answer *morton.CommandError
		if errors.As(err, &answer) && t.Name() == "TestTransaction/morton" {
			t.Skipf("the server has no transactions yet: %v", err)
		}
		must(t, err)
		no := errors.New("no")
		err = client.Transaction(ctx, func(inside context.Context) error {
			_, err := c.InsertOne(inside, d("_id", 2))
			must(t, err)
			return no
		})
		if err != no {
			t.Error(err)
		}
		n, err := c.Count(ctx, nil)
		must(t, err)
		same(t, n, int64(2))
	})
}

// TestSessionReadsItsWrites has a session of a client that prefers secondaries read what it wrote.
func TestSessionReadsItsWrites(t *testing.T) {
	eachServer(t, 3, func(t *testing.T, hosts []string) {
		client := connect(t, hosts, "&readPreference=secondaryPreferred")
		s := client.Session()
		ctx := s.Context(t.Context())
		defer s.Close(t.Context())
		c := client.Database("app").Collection("c")
		for i := range 50 {
			_, err := c.InsertOne(ctx, d("_id", i))
			must(t, err)
			_, err = c.FindOne(ctx, d("_id", i))
			must(t, err)
		}
		if s.OperationTime().IsZero() || s.ClusterTime() == nil {
			t.Error("no times")
		}
	})
}

// TestDeadlineDuringARetryIsTold loses the only server in the middle of a write, and the context ends while the client waits for another: the error says both,
// that the time is over and that the write may have been done.
func TestDeadlineDuringARetryIsTold(t *testing.T) {
	address := inside.Member(t, "rs")
	initiate(t, []string{address})
	config, err := morton.ParseConfig("mongodb://" + address + "/?replicaSet=rs")
	must(t, err)
	var gone atomic.Bool
	config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if gone.Load() {
			return nil, errors.New("no route")
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	client, err := morton.New(config)
	must(t, err)
	defer client.Close(context.Background())
	fail := d("configureFailPoint", "failCommand", "mode", d("times", 1), "data", d("failCommands", bson.A{"insert"}, "closeConnection", true))
	must(t, second(client.Database("admin").Run(t.Context(), fail)))
	gone.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = client.Database("app").Collection("c").InsertOne(ctx, d("_id", 1))
	var lost *morton.AutoReconnect
	if !errors.As(err, &lost) || !lost.Sent || !morton.IsTimeout(err) {
		t.Errorf("%v", err)
	}
}
