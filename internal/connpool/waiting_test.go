package connpool

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/mongoerr"
)

// TestNoWakeUpIsLost has many callers share few connections, each giving up, cancelling, breaking its connection or using it as
// chance wants, while the pool is cleared now and then. Each call ends, and in the end nobody waits and nothing is lent. (A caller that was never
// woken would leave the bubble with nothing that can go on, which fails the test.)
func TestNoWakeUpIsLost(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) { shareConnections(t, seed) })
	}
}

func shareConnections(t *testing.T, seed uint64) {
	s := newFakeServer(t)
	o := s.options()
	o.MaxSize, o.MinSize, o.MaxIdle = 3, 1, time.Second
	o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		time.Sleep(3 * time.Millisecond)
		return s.dial(ctx, network, address)
	}
	p := newPool(t, o)
	var callers sync.WaitGroup
	for i := range 20 {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		callers.Go(func() {
			for range 50 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(40))*time.Millisecond)
				if c, err := p.Get(ctx); err == nil {
					if s := p.Stats(); s.InUse+s.Idle+s.Pending > o.MaxSize {
						t.Errorf("seed %d: %+v", seed, s)
					}
					use(c, r)
					p.Put(c)
				} else if r.IntN(2) == 0 {
					time.Sleep(time.Millisecond)
				}
				cancel()
			}
		})
	}
	disturber := rand.New(rand.NewPCG(seed, 1<<32))
	callers.Go(func() {
		for range 30 {
			time.Sleep(time.Duration(disturber.IntN(30)) * time.Millisecond)
			p.Clear(errCut, disturber.IntN(2) == 0)
			p.Ready()
		}
	})
	callers.Wait()
	time.Sleep(100 * time.Millisecond) // those that are still being made
	got := p.Stats()
	if got.InUse != 0 || got.Pending != 0 || got.Waiting != 0 || got.Idle > 3 {
		t.Errorf("seed %d: in the end %+v", seed, got)
	}
}

func use(c *Conn, r *rand.Rand) {
	switch r.IntN(10) {
	case 0:
		c.Close()
	case 1:
		c.more = true // left in the middle of a stream
	default:
		time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
	}
}

// TestWaiterThatGivesUpPassesItsConnectionOn has two wait. The first gives up at the moment at which it gets the
// connection, which then is the second's.
func TestWaiterThatGivesUpPassesItsConnectionOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newFakeServer(t).options()
		o.MaxSize = 1
		p := newPool(t, o)
		only := get(t, p)
		p.mu.Lock()
		first := &waiter{answer: make(chan answer, 1)}
		p.waiters.push(first)
		p.mu.Unlock()
		got := make(chan *Conn)
		go func() { c, _ := p.Get(context.Background()); got <- c }()
		synctest.Wait()
		p.Put(only)
		if err := p.leave(first, context.Canceled); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if c := <-got; c != only {
			t.Errorf("got %v", c)
		}
	})
}

// TestBrokenConnectionIsReplacedForWhoWaits shows that who waits for the only connection gets another when that is of no
// use any more.
func TestBrokenConnectionIsReplacedForWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newFakeServer(t).options()
		o.MaxSize = 1
		p := newPool(t, o)
		broken := get(t, p)
		time.AfterFunc(time.Second, func() {
			broken.dead = true
			p.Put(broken)
		})
		c := get(t, p)
		if c == broken {
			t.Fatal("the broken one was lent")
		}
		ping(t, c)
	})
}

// TestWaitTimeoutDoesNotLimitConnecting shows that a caller for whom a connection is being made waits for it, and one behind it does
// not.
func TestWaitTimeoutDoesNotLimitConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(t)
		o := s.options()
		o.MaxConnecting, o.WaitTimeout = 1, 50*time.Millisecond
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			time.Sleep(time.Second)
			return s.dial(ctx, network, address)
		}
		p := newPool(t, o)
		first := make(chan error)
		go func() { _, err := p.Get(context.Background()); first <- err }()
		synctest.Wait()
		begun := time.Now()
		_, err := p.Get(context.Background())
		var e *Error
		if !errors.Is(err, ErrWaitTimeout) || !errors.As(err, &e) || !e.Timeout() || e.Network() || time.Since(begun) != o.WaitTimeout {
			t.Errorf("the second: %v after %v", err, time.Since(begun))
		}
		if err := <-first; err != nil {
			t.Errorf("the first: %v", err)
		}
	})
}

// TestFirstWaiterHearsOfTheFailure has a server that cannot be reached. The one who wants to know hears of it before
// the one who waits, who gets the reason, and the others' turn comes.
func TestFirstWaiterHearsOfTheFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{Address: "db1:27017", MaxConnecting: 1}
		refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		dials := 0
		o.Dial = func(context.Context, string, string) (net.Conn, error) {
			dials++
			time.Sleep(time.Millisecond)
			return nil, refused
		}
		var mu sync.Mutex
		var heard []string
		hear := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, what)
		}
		o.Failed = func(*Error) { hear("failed") }
		p := newPool(t, o)
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				_, err := p.Get(context.Background())
				var e *Error
				if !errors.As(err, &e) || e.Op != OpDial || !e.Handshake() || !e.Network() || e.Sent || !errors.Is(err, refused) {
					t.Errorf("got %v", err)
				}
				hear("get")
			})
			synctest.Wait()
		}
		waiting.Wait()
		if dials != 3 || len(heard) != 6 || heard[0] != "failed" || heard[1] != "get" {
			t.Errorf("%d dials, then %v", dials, heard)
		}
	})
}

// TestMinSizeIsNotTriedInALoop shows that a server which cannot be reached is not asked all the time.
func TestMinSizeIsNotTriedInALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{Address: "db1:27017", MinSize: 5}
		var mu sync.Mutex
		dials := 0
		o.Dial = func(context.Context, string, string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			dials++
			return nil, errCut
		}
		newPool(t, o)
		time.Sleep(35 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if want := 4 * DefaultMaxConnecting; dials != want {
			t.Errorf("%d dials, want %d", dials, want)
		}
	})
}

// TestClearInterruptsWhatIsInUse shows that an operation on a server that failed ends at once if the pool is told so.
func TestClearInterruptsWhatIsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(t)
		p := newPool(t, s.options())
		c := get(t, p)
		s.answer = func([]byte) []byte { time.Sleep(time.Hour); return nil }
		time.AfterFunc(time.Second, func() { p.Clear(errCut, true) })
		begun := time.Now()
		_, err := c.RoundTrip(context.Background(), message(1, `{"ping": 1, "$db": "admin"}`))
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, ErrPoolCleared) || !errors.Is(err, errCut) || !e.Sent || !e.Network() || e.Generation != 0 {
			t.Errorf("got %v", err)
		}
		if time.Since(begun) != time.Second {
			t.Errorf("after %v", time.Since(begun))
		}
		p.Put(c)
		if _, err := p.Get(context.Background()); !errors.Is(err, ErrPoolCleared) || !errors.Is(err, errCut) {
			t.Errorf("Get of a paused pool: %v", err)
		}
		if got, want := p.Stats(), (Stats{Generation: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// TestCloseEndsWhatIsInUse shows that nothing goes on in a pool that is closed.
func TestCloseEndsWhatIsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(t)
		p := New(s.options())
		p.Ready()
		c := get(t, p)
		s.answer = func([]byte) []byte { time.Sleep(time.Hour); return nil }
		time.AfterFunc(time.Second, p.Close)
		_, err := c.RoundTrip(context.Background(), message(1, `{"ping": 1, "$db": "admin"}`))
		if !errors.Is(err, ErrPoolClosed) {
			t.Errorf("got %v", err)
		}
		p.Put(c)
		if _, err := p.Get(context.Background()); !errors.Is(err, ErrPoolClosed) {
			t.Errorf("Get of a closed pool: %v", err)
		}
	})
}

// TestHandshakeFailures holds the ways in which a greeting ends.
func TestHandshakeFailures(t *testing.T) {
	hello := func(answer func(message []byte) []byte) func(t *testing.T) *Error {
		return func(t *testing.T) *Error {
			s := newFakeServer(t)
			s.answer = answer
			o := s.options()
			o.ConnectTimeout = time.Second
			_, err := Dial(context.Background(), o)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			return e
		}
	}
	tests := []struct {
		name  string
		fail  func(t *testing.T) *Error
		check func(e *Error) bool
	}{
		{"hung up", hello(func([]byte) []byte { return nil }), func(e *Error) bool { return e.Network() && !e.Timeout() }},
		{"silence", hello(func([]byte) []byte { time.Sleep(time.Minute); return nil }), func(e *Error) bool { return e.Network() && e.Timeout() }},
		{"refusal", hello(func(m []byte) []byte { return reply(m, doc(`{"ok": 0.0, "errmsg": "going down", "code": 91}`)) }), func(e *Error) bool {
			var answer *mongoerr.Error
			return !e.Network() && errors.As(e, &answer) && answer.Code == mongoerr.ShutdownInProgress
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if e := tt.fail(t); e.Op != OpHello || !e.Handshake() || !tt.check(e) {
					t.Errorf("got %#v", e)
				}
			})
		})
	}
}
