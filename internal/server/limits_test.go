package server

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/wire"
)

// TestMaxConns shows that a connection too many is closed at once, and that there is room again after another ends.
func TestMaxConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{MaxConns: 2}, nil)
		a, b := r.connect(t), r.connect(t)
		a.ping()
		b.ping()
		r.connect(t).wantClosed()
		if st := r.Stats(); st.Current != 2 || st.Available != 0 || st.Rejected != 1 || st.TotalCreated != 2 {
			t.Errorf("stats %+v", st)
		}
		a.Close()
		synctest.Wait()
		r.connect(t).ping()
		if st := r.Stats(); st.Current != 2 || st.TotalCreated != 3 || st.Requests != 3 {
			t.Errorf("stats %+v", st)
		}
	})
}

// TestShutdown shows the order of a clean stop: no new connections, idle ones closed, what runs interrupted and still
// answered; and that nothing is left running.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := make(chan error, 1)
		s := &script{}
		s.answer = func(ctx context.Context, req *command.Request) command.Reply {
			if req.Body.First().Key == "wait" {
				<-ctx.Done()
				cause <- context.Cause(ctx)
			}
			return command.Reply{Doc: doc(`{"ok": 1.0}`)}
		}
		r := newRig(t, Options{}, s)
		idler, worker := r.connect(t), r.connect(t)
		idler.ping()
		worker.send(msg(0, `{"wait": 1, "$db": "admin"}`))
		synctest.Wait()
		done := make(chan struct{})
		go func() {
			r.Shutdown(context.Background())
			close(done)
		}()
		idler.wantClosed()
		worker.recvMsg()
		worker.wantClosed()
		<-done
		if err := <-cause; mongoerr.CodeOf(err) != mongoerr.InterruptedAtShutdown {
			t.Errorf("interrupted by %v", err)
		}
		if err := r.Serve(newMemory()); err != ErrClosed {
			t.Errorf("Serve after Shutdown: %v", err)
		}
	})
}

// TestShutdownGivesUp shows that a client which does not read its reply does not keep the server from stopping.
func TestShutdownGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, nil)
		c := r.connect(t)
		c.send(msg(0, `{"ping": 1, "$db": "admin"}`)) // and never reads
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		begin := time.Now()
		r.Shutdown(ctx)
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// TestCloseLegacy shows whom a step-down disconnects: clients that have used an old opcode and are no modern driver. One
// that waits for an answer still gets it.
func TestCloseLegacy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.answer = func(_ context.Context, req *command.Request) command.Reply {
			if req.Body.First().Key == "wait" {
				time.Sleep(time.Minute)
			}
			return command.Reply{Doc: doc(`{"ok": 1.0}`)}
		}
		r := newRig(t, Options{}, s)
		modern := r.connect(t)
		modern.ping()
		old := func(command string) *client {
			c := r.connect(t)
			q := wire.Query{Namespace: "admin.$cmd", Return: -1, Query: doc(command)}
			c.send(q.Append)
			return c
		}
		idler, worker := old(`{"ismaster": 1}`), old(`{"wait": 1}`)
		idler.recvText()
		synctest.Wait()
		r.isLegacy = func(c *command.Conn) bool { return c.ID > 1 }
		r.CloseLegacy()
		idler.wantClosed()
		worker.recvText()
		worker.wantClosed()
		modern.ping()
		r.CloseConns()
		modern.wantClosed()
		r.connect(t).ping()
	})
}

// flakyListener fails like one without file descriptors, then like one that is broken.
type flakyListener struct {
	*memory
	errs []error
}

func (l *flakyListener) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	return l.memory.Accept()
}

type temporaryError struct{}

func (temporaryError) Error() string   { return "too many open files" }
func (temporaryError) Temporary() bool { return true }

// TestAcceptErrors shows that the server outlives what passes and reports what does not.
func TestAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{}, nil)
		broken := errors.New("broken")
		l := &flakyListener{newMemory(), []error{temporaryError{}, temporaryError{}, temporaryError{}, broken}}
		begin := time.Now()
		if err := r.Serve(l); err != broken {
			t.Errorf("Serve returned %v", err)
		}
		if waited := time.Since(begin); waited != 35*time.Millisecond {
			t.Errorf("waited %v", waited)
		}
	})
}

// TestIdleConnectionsAreCheap shows what a connection costs that has said hello and waits.
func TestIdleConnectionsAreCheap(t *testing.T) {
	if testing.Short() {
		t.Skip("many sockets")
	}
	const count = 400
	r := newRig(t, Options{}, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go r.Serve(l)
	before := memoryInUse()
	conns := make([]net.Conn, count)
	var wg sync.WaitGroup
	for i := range conns {
		wg.Go(func() {
			nc, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			conns[i] = nc
			c := &client{Conn: nc, t: t, r: wire.NewReader(nc)}
			c.ping()
			c.r.Close()
		})
	}
	wg.Wait()
	if st := r.Stats(); st.Current != count {
		t.Errorf("stats %+v", st)
	}
	each := (memoryInUse() - before) / count
	t.Logf("%d bytes a connection, both ends", each)
	if each > 16<<10 {
		t.Errorf("an idle connection costs %d bytes", each)
	}
	for _, nc := range conns {
		if nc != nil {
			nc.Close()
		}
	}
}

func memoryInUse() int64 {
	for range 3 { // the second collection empties the pools, the third shrinks the stacks
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
