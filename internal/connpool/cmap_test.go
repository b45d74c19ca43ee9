package connpool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/spectest"
)

// TestConnectionMonitoringAndPooling runs the specification's tests in virtual time, those that it calls integration
// tests against a server in memory that has the fail points they want.
func TestConnectionMonitoringAndPooling(t *testing.T) {
	const logging = "logs lines, which is what the client makes of the events"
	spectest.Run(t, "connection-monitoring-and-pooling", map[string]string{
		"connection-monitoring-and-pooling/logging/connection-logging.json":      logging,
		"connection-monitoring-and-pooling/logging/connection-pool-options.json": logging,
	}, func(t *testing.T, f spectest.File) {
		var test cmapTest
		f.Decode(t, &test)
		synctest.Test(t, func(t *testing.T) { newCMAPRun(t, &test).run() })
	})
}

// cmapTest is a test in the format cmap-format.
type cmapTest struct {
	PoolOptions struct {
		MaxPoolSize, MinPoolSize, MaxConnecting int
		MaxIdleTimeMS, WaitQueueTimeoutMS       int64
		BackgroundThreadIntervalMS              int // this pool looks after itself when there is a reason
		AppName                                 string
	} `bson:"poolOptions"`
	FailPoint  *cmapFailPoint `bson:"failPoint"`
	Operations []cmapOperation
	Error      *struct{ Type, Message string }
	Events     []cmapEvent
	Ignore     []string
}

type cmapFailPoint struct {
	Mode any
	Data struct {
		FailCommands    []string `bson:"failCommands"`
		CloseConnection bool     `bson:"closeConnection"`
		BlockConnection bool     `bson:"blockConnection"`
		BlockTimeMS     int64    `bson:"blockTimeMS"`
	}
}

type cmapOperation struct {
	Name, Thread, Target, Label, Connection, Event string
	Count                                          int
	MS                                             int64 `bson:"ms"`
	Interrupt                                      bool  `bson:"interruptInUseConnections"`
}

type cmapEvent struct {
	Type         string
	ConnectionID *int64 `bson:"connectionId"`
	Reason       string
	Options      any
	Interrupt    *bool `bson:"interruptInUseConnections"`
}

// anything is the value that tests have where they do not care.
const anything = 42

type cmapRun struct {
	t    *testing.T
	test *cmapTest
	pool *Pool

	mu      sync.Mutex // guards:
	events  []Event
	changed chan struct{} // closed when there is another event
	conns   map[string]*Conn
	threads map[string]*cmapThread
}

// cmapThread is a goroutine that does the operations it is given.
type cmapThread struct {
	operations chan cmapOperation
	err        chan error // the last operation's, when it has ended
}

func newCMAPRun(t *testing.T, test *cmapTest) *cmapRun {
	r := &cmapRun{t: t, test: test, changed: make(chan struct{}), conns: map[string]*Conn{}, threads: map[string]*cmapThread{}}
	s := newFakeServer(t)
	if test.FailPoint != nil {
		s.answer = test.FailPoint.answer(s)
	}
	o := s.options()
	o.MinSize, o.MaxSize, o.MaxConnecting = test.PoolOptions.MinPoolSize, test.PoolOptions.MaxPoolSize, test.PoolOptions.MaxConnecting
	o.MaxIdle = time.Duration(test.PoolOptions.MaxIdleTimeMS) * time.Millisecond
	o.WaitTimeout = time.Duration(test.PoolOptions.WaitQueueTimeoutMS) * time.Millisecond
	o.Events = r.record
	o.Failed = func(err *Error) { r.pool.Clear(err, false) } // as discovery does for failures of the network
	r.pool = New(o)
	t.Cleanup(r.pool.Close)
	return r
}

// answer makes the server block or hang up, as long as the mode says.
func (f *cmapFailPoint) answer(s *fakeServer) func([]byte) []byte {
	left := -1
	if mode, ok := f.Mode.(bson.D); ok {
		left = int(mode[0].Value.(int32))
	}
	var mu sync.Mutex
	return func(message []byte) []byte {
		mu.Lock()
		fails := left != 0
		left--
		mu.Unlock()
		switch {
		case !fails:
		case f.Data.CloseConnection:
			return nil
		case f.Data.BlockConnection:
			time.Sleep(time.Duration(f.Data.BlockTimeMS) * time.Millisecond)
		}
		return ok(message)
	}
}

func (r *cmapRun) record(e Event) {
	if e.Kind == PoolCreated {
		o := *e.Options
		e.Options = &o
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *cmapRun) run() {
	var err error
	for _, o := range r.test.Operations {
		if o.Thread != "" {
			r.threads[o.Thread].operations <- o
			continue
		}
		if err = r.do(o); err != nil {
			break
		}
	}
	r.checkError(err)
	synctest.Wait()
	r.checkEvents()
	for _, thread := range r.threads {
		close(thread.operations)
	}
}

// do does one operation.
func (r *cmapRun) do(o cmapOperation) error {
	switch o.Name {
	case "ready":
		r.pool.Ready()
	case "clear":
		r.pool.Clear(errors.New("cleared by the test"), o.Interrupt)
	case "close":
		r.pool.Close()
	case "wait":
		time.Sleep(time.Duration(o.MS) * time.Millisecond)
	case "start":
		r.start(o.Target)
	case "waitForThread":
		thread := r.threads[o.Target]
		close(thread.operations)
		delete(r.threads, o.Target)
		return <-thread.err
	case "waitForEvent":
		r.waitForEvent(o.Event, o.Count)
	case "checkOut":
		c, err := r.pool.Get(context.Background())
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.conns[o.Label] = c
		r.mu.Unlock()
	case "checkIn":
		r.mu.Lock()
		c := r.conns[o.Connection]
		r.mu.Unlock()
		r.pool.Put(c)
	default:
		r.t.Fatalf("unknown operation %q", o.Name)
	}
	return nil
}

func (r *cmapRun) start(name string) {
	thread := &cmapThread{operations: make(chan cmapOperation, len(r.test.Operations)), err: make(chan error, 1)}
	r.threads[name] = thread
	go func() {
		var err error
		for o := range thread.operations {
			if err == nil {
				err = r.do(o)
			}
		}
		thread.err <- err
	}()
}

func (r *cmapRun) waitForEvent(kind string, count int) {
	timeout := time.After(10 * time.Second)
	for {
		r.mu.Lock()
		n := 0
		for _, e := range r.events {
			if e.Kind.String() == kind {
				n++
			}
		}
		changed := r.changed
		r.mu.Unlock()
		if n >= count {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			r.t.Fatalf("waited for %d of %s, got %d", count, kind, n)
		}
	}
}

// checkError compares with the error that the test expects. Its message is our own.
func (r *cmapRun) checkError(err error) {
	r.t.Helper()
	var want error
	if r.test.Error != nil {
		want = map[string]error{"PoolClosedError": ErrPoolClosed, "WaitQueueTimeoutError": ErrWaitTimeout}[r.test.Error.Type]
		if want == nil {
			r.t.Fatalf("unknown type of error %q", r.test.Error.Type)
		}
	}
	if !errors.Is(err, want) {
		r.t.Errorf("got error %v, want %v", err, want)
	}
}

func (r *cmapRun) checkEvents() {
	r.t.Helper()
	r.mu.Lock()
	got := slices.DeleteFunc(slices.Clone(r.events), func(e Event) bool { return slices.Contains(r.test.Ignore, e.Kind.String()) })
	r.mu.Unlock()
	for i, want := range r.test.Events {
		if i >= len(got) {
			r.t.Errorf("%d events instead of %d", len(got), len(r.test.Events))
			break
		}
		if err := want.matches(got[i]); err != nil {
			r.t.Errorf("event %d: %v", i, err)
		}
	}
	if len(got) > len(r.test.Events) {
		r.t.Errorf("%d events instead of %d: %+v", len(got), len(r.test.Events), got[len(r.test.Events):])
	}
	if r.t.Failed() {
		for _, e := range got {
			r.t.Logf("%s %d %s", e.Kind, e.ConnectionID, e.Reason)
		}
	}
}

func (want cmapEvent) matches(got Event) error {
	switch {
	case got.Kind.String() != want.Type:
		return fmt.Errorf("got %s, want %s", got.Kind, want.Type)
	case got.Address == "":
		return fmt.Errorf("%s without address", got.Kind)
	case want.ConnectionID != nil && got.ConnectionID == 0, want.ConnectionID != nil && *want.ConnectionID != anything && *want.ConnectionID != got.ConnectionID:
		return fmt.Errorf("%s of connection %d, want %d", got.Kind, got.ConnectionID, *want.ConnectionID)
	case want.Reason != "" && want.Reason != string(got.Reason):
		return fmt.Errorf("%s because of %q, want %q", got.Kind, got.Reason, want.Reason)
	case want.Interrupt != nil && *want.Interrupt != got.Interrupt:
		return fmt.Errorf("%s with interrupt %v", got.Kind, got.Interrupt)
	case want.Options != nil && got.Options == nil:
		return fmt.Errorf("%s without options", got.Kind)
	}
	options, _ := want.Options.(bson.D)
	for _, o := range options {
		have := map[string]int{"maxPoolSize": got.Options.MaxSize, "minPoolSize": got.Options.MinSize, "maxIdleTimeMS": int(got.Options.MaxIdle.Milliseconds())}
		if n, known := have[o.Key]; !known || n != int(o.Value.(int32)) {
			return fmt.Errorf("option %s is %d, want %v", o.Key, n, o.Value)
		}
	}
	return nil
}
