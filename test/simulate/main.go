// Command simulate runs thousands of schedules of the simulation in internal/node (TestSimulation): processes of a test binary, one for each processor, each with
// one thread, take the seeds in batches. A schedule that fails, crashes or hangs is reported with its seed, what happened in it and the command to see it again.
//
//	go run ./test/simulate [-schedules 10000] [-seed 1] [-jobs N]
//	go run ./test/simulate -mutations [-schedules 500]    # are deliberate bugs found?
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// mutants are the deliberate bugs of invariant.Mutated.
var mutants = []struct{ name, what string }{
	{"ackBeforeSync", "an entry is acknowledged before it is synced"},
	{"staleRead", "a member that may have lost its leadership answers linearizable reads"},
	{"forgetVote", "votes and terms are not written to the log"},
	{"applyOutOfOrder", "entries are applied in another order than the log's"},
	{"forgetRetry", "the record of a retryable write is not written"},
}

func main() {
	r := &runner{}
	flag.IntVar(&r.schedules, "schedules", 10000, "how many schedules to run")
	flag.Uint64Var(&r.first, "seed", 1, "the seed of the first one; the others count from it")
	flag.IntVar(&r.jobs, "jobs", runtime.NumCPU(), "how many to run at a time")
	flag.IntVar(&r.limit, "limit", 5, "stop after so many failures")
	flag.StringVar(&r.mutant, "mutant", "", "switch on a deliberate bug")
	mutations := flag.Bool("mutations", false, "switch on each deliberate bug in turn; fail if one is not found")
	flag.Parse()
	err := errors.New("simulate takes no arguments")
	switch {
	case flag.NArg() > 0:
	case *mutations:
		err = r.mutations()
	default:
		err = r.all()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

// batch is how many schedules one process runs.
const batch = 50

// runner runs schedules and counts what comes of them.
type runner struct {
	first     uint64
	schedules int
	jobs      int
	limit     int
	mutant    string
	binary    string
	enough    context.CancelFunc

	mu                         sync.Mutex // guards:
	next                       uint64     // the first seed that nobody has taken yet
	passed, operations, faults int
	failed                     []failure
}

// failure is a schedule that did not pass, and what its process said.
type failure struct {
	seed   uint64
	output string
}

func (r *runner) all() error {
	remove, err := r.build()
	if err != nil {
		return err
	}
	defer remove()
	begin := time.Now()
	done := make(chan struct{})
	go r.progress(begin, done)
	err = r.run(func(f failure) { fmt.Printf("%s\n", f.output) })
	close(done)
	r.tell(begin)
	if len(r.failed) > 0 {
		return fmt.Errorf("%d schedules failed", len(r.failed))
	}
	return err
}

func (r *runner) progress(begin time.Time, done <-chan struct{}) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.tell(begin)
		case <-done:
			return
		}
	}
}

func (r *runner) tell(begin time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	took := time.Since(begin)
	fmt.Printf("%d of %d schedules passed, %d failed; %d faults, %d operations on registers; %v, %.1f schedules per second\n",
		r.passed, r.schedules, len(r.failed), r.faults, r.operations, took.Round(time.Second), float64(r.passed+len(r.failed))/took.Seconds())
}

// mutations shows that each deliberate bug is found.
func (r *runner) mutations() error {
	if !given("schedules") {
		r.schedules = 500
	}
	r.mutant, r.limit = mutants[0].name, 1
	remove, err := r.build()
	if err != nil {
		return err
	}
	defer remove()
	var missed []string
	for _, m := range mutants {
		r.mutant, r.passed, r.failed = m.name, 0, nil
		if err := r.run(func(failure) {}); err != nil {
			return err
		}
		if len(r.failed) == 0 {
			missed = append(missed, m.name)
			fmt.Printf("%-16s NOT FOUND in %d schedules: %s\n", m.name, r.passed, m.what)
			continue
		}
		f := r.failed[0]
		fmt.Printf("%-16s found by seed %d, when %d schedules had passed: %s\n%s\n", m.name, f.seed, r.passed, m.what, violations(f.output))
	}
	if len(missed) > 0 {
		return fmt.Errorf("not found: %s", strings.Join(missed, ", "))
	}
	return nil
}

func given(name string) (is bool) {
	flag.Visit(func(f *flag.Flag) { is = is || f.Name == name })
	return is
}

// violations returns the part of a report that says what was violated, or how the process ended.
func violations(output string) string {
	for _, begin := range []string{"violations of seed", "panic: "} {
		if i := strings.Index(output, begin); i >= 0 {
			lines := strings.Split(output[i:], "\n")
			return strings.Join(lines[:min(len(lines), 20)], "\n")
		}
	}
	return output
}

// build makes the test binary.
func (r *runner) build() (remove func(), err error) {
	dir, err := os.MkdirTemp("", "simulate")
	if err != nil {
		return nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	r.binary = filepath.Join(dir, "node.test")
	args := []string{"test", "-c", "-o", r.binary}
	if r.mutant != "" {
		args = append(args, "-tags", "mutants")
	}
	cmd := exec.Command("go", append(args, "./internal/node")...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		remove()
		return nil, fmt.Errorf("building the test binary: %w", err)
	}
	return remove, nil
}

// run runs all schedules, or until enough have failed.
func (r *runner) run(failed func(failure)) error {
	r.next = r.first
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.enough = cancel
	errs := make(chan error, r.jobs)
	for range r.jobs {
		go func() {
			for {
				seed, count := r.take()
				if count == 0 {
					errs <- nil
					return
				}
				if err := r.seeds(ctx, seed, count, failed); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	var err error
	for range r.jobs {
		err = errors.Join(err, <-errs)
	}
	return err
}

// take returns the next seeds to run.
func (r *runner) take() (seed uint64, count int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	end := r.first + uint64(r.schedules)
	if len(r.failed) >= r.limit || r.next >= end {
		return 0, 0
	}
	seed, count = r.next, int(min(batch, end-r.next))
	r.next += uint64(count)
	return seed, count
}

// seeds runs some schedules. When one ends the process the next ones get another.
func (r *runner) seeds(ctx context.Context, seed uint64, count int, failed func(failure)) error {
	for end := seed + uint64(count); seed < end; {
		last, err := r.process(ctx, seed, int(end-seed), failed)
		if err != nil || ctx.Err() != nil {
			return err
		}
		seed = last + 1
	}
	return nil
}

func (r *runner) fail(f failure, tell func(failure)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, f)
	tell(f)
	if len(r.failed) >= r.limit {
		r.enough() // the processes that still run are of no interest
	}
}

// process runs schedules in one process and returns the last one that it began.
func (r *runner) process(ctx context.Context, seed uint64, count int, failed func(failure)) (last uint64, err error) {
	args := []string{"-test.run=^TestSimulation$", "-test.v", "-test.timeout=0", "-simulate.tell", fmt.Sprintf("-simulate.seed=%d", seed), fmt.Sprintf("-simulate.count=%d", count)}
	if r.mutant != "" {
		args = append(args, "-simulate.mutant="+r.mutant)
	}
	cmd := exec.CommandContext(ctx, r.binary, args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	out, in, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = in, in
	err = cmd.Start()
	in.Close()
	if err != nil {
		return 0, err
	}
	begun, running, said := false, false, bytes.Buffer{}
	end := func() {
		if running && ctx.Err() == nil {
			r.fail(failure{last, said.String()}, failed)
		}
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		var number uint64
		var operations, faults int
		if n, _ := fmt.Sscanf(line, "seed %d\n", &number); n == 1 {
			end()
			last, begun, running = number, true, true
			said.Reset()
		} else if n, _ := fmt.Sscanf(line, "passed %d: %d operations, %d faults", &number, &operations, &faults); n == 3 {
			running = false
			r.mu.Lock()
			r.passed, r.operations, r.faults = r.passed+1, r.operations+operations, r.faults+faults
			r.mu.Unlock()
		} else {
			said.WriteString(line)
		}
		if err != nil {
			break
		}
	}
	err = cmd.Wait()
	end()
	if !begun && ctx.Err() == nil {
		return 0, fmt.Errorf("the test binary did nothing: %w\n%s", err, said.String())
	}
	return last, nil
}
