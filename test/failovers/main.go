//go:build unix

// Command failovers sends a thousand goroutines with one client through one failover after the other, and compares what the client told each of them with
// what is there afterwards: what was acknowledged is there once, what was said not to have been done is not, and what may have been done is there at
// most once. When the client is closed, none of its goroutines and connections is left.
//
//	go run -race ./test/failovers -binary ./morton [-goroutines 1000] [-times 20] [-seed N]
//
// The primary is killed, stopped as if it hung, told to step down, or ended cleanly, in turns.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/test/process"
)

func main() {
	binary := flag.String("binary", "./morton", "the server to start: morton or mongod")
	goroutines := flag.Int("goroutines", 1000, "how many use the client at a time")
	times := flag.Int("times", 20, "how many primaries are lost")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "decides who does what when")
	flag.Parse()
	runtime.LockOSThread() // members die with the thread that started them
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	wrong, err := run(ctx, *binary, *goroutines, *times, *seed)
	for _, w := range wrong {
		fmt.Println("WRONG:", w)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "failovers:", err)
		os.Exit(2)
	}
	if len(wrong) > 0 {
		os.Exit(1)
	}
}

// run returns what was wrong.
func run(ctx context.Context, binary string, goroutines, times int, seed uint64) (wrong []string, err error) {
	set, err := process.StartSet(binary, 3)
	if err != nil {
		return nil, err
	}
	defer set.Close()
	before := inUse()
	client, err := morton.Connect(ctx, set.URI()+"&w=majority&maxPoolSize=50")
	if err != nil {
		return nil, err
	}
	w := startWorkers(client, goroutines, seed)
	started := time.Now()
	err = w.allWork(ctx)
	for n := 0; n < times && err == nil; n++ {
		f := failures[n%len(failures)]
		if err = fail(ctx, set, f); err != nil {
			err = fmt.Errorf("%s: %w", f.name, err)
			break
		}
		err = w.allWork(ctx)
		fmt.Printf("%3d: %-16s %s\n", n+1, f.name, w.summary())
	}
	w.stop()
	if err == nil {
		fmt.Printf("%d failovers in %.0f s, %s\n", times, time.Since(started).Seconds(), w.summary())
		err = check(ctx, client, w)
	}
	err = errors.Join(err, client.Close(context.WithoutCancel(ctx)))
	if after := settled(before); after.goroutines > before.goroutines || after.sockets > before.sockets {
		w.wrong("the client was closed and left %d goroutines and %d sockets:\n%s", after.goroutines-before.goroutines, after.sockets-before.sockets, stacks())
	}
	return w.list, err
}

// failure is a way to lose the primary.
type failure struct {
	name string
	do   func(ctx context.Context, set *process.Set, primary *process.Member) error
}

var failures = []failure{
	{"kill -9", func(ctx context.Context, set *process.Set, primary *process.Member) error {
		primary.Kill()
		return restart(ctx, set, primary)
	}},
	{"replSetStepDown", func(ctx context.Context, set *process.Set, primary *process.Member) error {
		c := process.Conn{Address: primary.Address, Timeout: 10 * time.Second}
		defer c.Close()
		if reply, err := c.Run("admin", bson.D{{Key: "replSetStepDown", Value: 5}, {Key: "secondaryCatchUpPeriodSecs", Value: 4}}); err != nil || !process.Succeeded(reply) {
			return fmt.Errorf("%v %v", err, reply)
		}
		_, err := set.Primary(ctx)
		return err
	}},
	{"hang", func(ctx context.Context, set *process.Set, primary *process.Member) error {
		primary.Signal(syscall.SIGSTOP)
		_, err := set.Primary(ctx, primary)
		wait(ctx, time.Second) // so long the others work
		primary.Signal(syscall.SIGCONT)
		return errors.Join(err, primary.Secondary(ctx))
	}},
	{"clean shutdown", func(ctx context.Context, set *process.Set, primary *process.Member) error {
		primary.Signal(syscall.SIGTERM)
		primary.Wait()
		return restart(ctx, set, primary)
	}},
}

// restart waits for a new primary, and then for the old one.
func restart(ctx context.Context, set *process.Set, old *process.Member) error {
	if _, err := set.Primary(ctx, old); err != nil {
		return err
	}
	return errors.Join(old.Start(), old.Secondary(ctx))
}

const failTimeout = time.Minute

// fail has the set lose its primary, and waits until it is whole again.
func fail(ctx context.Context, set *process.Set, f failure) error {
	ctx, cancel := context.WithTimeout(ctx, failTimeout)
	defer cancel()
	primary, err := set.Primary(ctx)
	if err != nil {
		return err
	}
	return f.do(ctx, set, primary)
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// usage is what a client could leave behind.
type usage struct{ goroutines, sockets int }

func inUse() usage {
	u := usage{goroutines: runtime.NumGoroutine()}
	files, _ := os.ReadDir("/proc/self/fd") // elsewhere only goroutines are counted
	for _, f := range files {
		if to, err := os.Readlink("/proc/self/fd/" + f.Name()); err == nil && len(to) > 7 && to[:7] == "socket:" {
			u.sockets++
		}
	}
	return u
}

// settled waits a while for what there was before.
func settled(before usage) (now usage) {
	for range 50 {
		if now = inUse(); now.goroutines <= before.goroutines && now.sockets <= before.sockets {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return now
}

func stacks() []byte {
	text := make([]byte, 1<<20)
	return text[:runtime.Stack(text, true)]
}
