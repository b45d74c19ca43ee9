package bench

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A workload is one kind of operation, which op does once.
type workload struct {
	name  string
	op    operation
	conns []int   // numbers of connections; nil: those of the run
	rate  float64 // operations per second of all connections together; 0: as fast as they can
}

type operation func(*worker) error

// worker is one connection that repeats an operation.
type worker struct {
	server    *server
	conn      *conn
	random    *rand.Rand
	message   message
	latencies []time.Duration
}

func newWorker(srv *server, number int) (*worker, error) {
	c, err := dial(srv.primary)
	if err != nil {
		return nil, err
	}
	return &worker{server: srv, conn: c, random: rand.New(rand.NewPCG(uint64(number), uint64(time.Now().UnixNano())))}, nil
}

// ask makes the operation that sends one command and must hear that it met n documents.
func ask(n int, build func(*message, *rand.Rand)) operation {
	return func(wk *worker) error { return wk.ask(n, build) }
}

func (wk *worker) ask(n int, build func(*message, *rand.Rand)) error {
	got, err := wk.count(build)
	if err == nil && got != n {
		err = fmt.Errorf("expected %d, got %d", n, got)
	}
	return err
}

// count sends one command and returns how many documents it met.
func (wk *worker) count(build func(*message, *rand.Rand)) (int, error) {
	wk.message.reset()
	build(&wk.message, wk.random)
	reply, err := wk.conn.exchange(wk.message.finish())
	if err != nil {
		return 0, err
	}
	n := counted(reply)
	if n < 0 {
		return n, fmt.Errorf("got %s", reply)
	}
	return n, nil
}

// repeat does the operation for as long as more says. With a rate each operation has its time, and waiting for it counts: a server that is
// late for one is late for those behind it.
func (wk *worker) repeat(w workload, conns int, more func() bool) error {
	last := time.Now()
	var every time.Duration
	if w.rate > 0 {
		every = time.Duration(float64(conns) / w.rate * float64(time.Second))
	}
	for more() {
		if every > 0 {
			last = last.Add(every)
			time.Sleep(time.Until(last))
		}
		if err := w.op(wk); err != nil {
			return err
		}
		now := time.Now()
		wk.latencies = append(wk.latencies, now.Sub(last))
		if every == 0 {
			last = now
		}
	}
	return nil
}
