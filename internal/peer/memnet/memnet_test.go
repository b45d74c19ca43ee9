package memnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// pair returns both ends of a connection from a to b.
func pair(t *testing.T, n *Network) (client, server net.Conn) {
	t.Helper()
	l, err := n.Listen("b")
	if err != nil {
		t.Fatal(err)
	}
	if client, err = n.Dial(t.Context(), "a", "b"); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// TestBytesArriveInOrder: megabytes through a slow link come out as they went in, later by its delay.
func TestBytesArriveInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.Set("a", "b", Link{Delay: time.Second, Jitter: time.Second})
		client, server := pair(t, n)
		sent := make([]byte, 5<<20)
		r := rand.New(rand.NewPCG(1, 1))
		for i := range sent {
			sent[i] = byte(r.Uint32())
		}
		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			for rest := sent; len(rest) > 0; {
				k := min(len(rest), 1+r.IntN(300000))
				if _, err := client.Write(rest[:k]); err != nil {
					t.Error(err)
				}
				rest = rest[k:]
			}
			client.Close()
		})
		got, err := io.ReadAll(server)
		if err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("%d of %d bytes, %v", len(got), len(sent), err)
		}
		if took := time.Since(began); took < time.Second {
			t.Errorf("took %v", took)
		}
		wg.Wait()
	})
}

// TestCut: data waits for the end of a cut, and so does who dials.
func TestCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		client, server := pair(t, n)
		n.Set("a", "b", Link{Cut: true})
		if _, err := client.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		_ = server.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("through a cut: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := n.Dial(ctx, "b", "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("dialling through a cut: %v", err)
		}
		time.AfterFunc(time.Second, func() { n.Set("a", "b", Link{}) })
		_ = server.SetReadDeadline(time.Time{})
		began := time.Now()
		if _, err := server.Read(make([]byte, 1)); err != nil || time.Since(began) != time.Second {
			t.Fatalf("after the cut: %v after %v", err, time.Since(began))
		}
	})
}

// TestKill: the others see the connections of a dead process end, and dialling it is refused.
func TestKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		client, _ := pair(t, n)
		n.Kill("b")
		if _, err := client.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("read from a dead process: %v", err)
		}
		if _, err := client.Write([]byte("x")); err == nil {
			t.Fatal("wrote to a dead process")
		}
		if _, err := n.Dial(t.Context(), "a", "b"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("dialling a dead process: %v", err)
		}
	})
}

// TestBreak: with a probability a write resets its connection, at both ends.
func TestBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		client, server := pair(t, n)
		n.Set("a", "b", Link{Break: 1})
		if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
	})
}

// TestWritersWait: who writes more than the window waits for the reader, up to the deadline.
func TestWritersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		client, _ := pair(t, n)
		_ = client.SetWriteDeadline(time.Now().Add(time.Second))
		k, err := client.Write(make([]byte, 2*window))
		if k != window || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("wrote %d: %v", k, err)
		}
	})
}
