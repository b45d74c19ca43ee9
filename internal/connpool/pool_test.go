package connpool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// get is Get that must succeed.
func get(t *testing.T, p *Pool) *Conn {
	t.Helper()
	c, err := p.Get(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ping does an operation that must succeed and could be interrupted.
func ping(t *testing.T, c *Conn) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := c.RoundTrip(ctx, message(1, `{"ping": 1, "$db": "admin"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Free()
}

// newPool returns a pool that is ready, and closed when the test ends.
func newPool(t *testing.T, o Options) *Pool {
	p := New(o)
	t.Cleanup(p.Close)
	p.Ready()
	return p
}

// TestLastConnectionIsLentFirst shows that a connection is used again, and of several the one that was used last.
func TestLastConnectionIsLentFirst(t *testing.T) {
	p := newPool(t, newFakeServer(t).options())
	a, b := get(t, p), get(t, p)
	p.Put(a)
	p.Put(b)
	if c := get(t, p); c != b {
		t.Errorf("got connection %d, want %d", c.ID(), b.ID())
	}
	if got, want := p.Stats(), (Stats{InUse: 1, Idle: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestOperationEndsWithItsContext has a server that does not answer. The operation ends a few milliseconds after its
// context at most, whether that was cancelled or ran out, and says that the server may have seen it. That there was no
// operation for an hour makes no difference.
func TestOperationEndsWithItsContext(t *testing.T) {
	for _, want := range []error{context.Canceled, context.DeadlineExceeded} {
		synctest.Test(t, func(t *testing.T) {
			s := newFakeServer(t)
			p := newPool(t, s.options())
			c := get(t, p)
			ping(t, c)
			time.Sleep(time.Hour)
			s.answer = func([]byte) []byte { time.Sleep(time.Hour); return nil }
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			if want == context.Canceled {
				time.AfterFunc(time.Second, cancel)
			}
			begun := time.Now()
			_, err := c.RoundTrip(ctx, message(1, `{"ping": 1, "$db": "admin"}`))
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, want) || e.Op != OpRead || !e.Sent {
				t.Errorf("got %#v, want %v after the message was sent", err, want)
			}
			late := time.Since(begun) - time.Second
			if want == context.DeadlineExceeded {
				late -= time.Second
			}
			if late < 0 || late > watchInterval {
				t.Errorf("ended %v after its context", late)
			}
			p.Put(c)
			if got := p.Stats(); got != (Stats{}) {
				t.Errorf("the connection was kept: %+v", got)
			}
		})
	}
}

// TestContextThatEndsWithTheReplyDoesNoHarm shows that a connection whose operation succeeded is as new, even if its
// context ended at the same time.
func TestContextThatEndsWithTheReplyDoesNoHarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, newFakeServer(t).options())
		c := get(t, p)
		for range 100 {
			ctx, cancel := context.WithCancel(context.Background())
			c.begin(ctx)
			cancel()
			time.Sleep(2 * watchInterval) // in virtual time: until somebody has looked
			c.mu.Lock()
			interrupted := c.interrupted
			c.mu.Unlock()
			if !interrupted {
				t.Fatal("not interrupted")
			}
			c.end()
			ping(t, c)
		}
	})
}
