//go:build linux

// Command bench compares two servers side by side: the same operations, in slices that alternate
// between them, over raw OP_MSG sockets, so that the client costs little of the machine that both share.
//
//	go run ./test/bench -a PATH|URI -b PATH|URI [-members 3] [-conns 1,16] [-slice 1.5s] [-rounds 3] [-only REGEXP] [-queries]
//	go run ./test/bench -a PATH -initial-sync GB
//
// A PATH is a server binary (morton or mongod), started here as a set of -members; a URI names a
// running set on this machine. Printed are medians of A, and the ratios of A to B: above 1 is better
// in ops/s, below 1 is better in latency and in the primary's CPU time per operation.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type settings struct {
	members int
	cacheGB string
	slice   time.Duration
	rounds  int
	conns   []int
	only    *regexp.Regexp
	json    string

	workloads []workload
	preload   func(*server) error
}

func main() {
	runtime.LockOSThread() // servers die with the thread that started them; this one lives as long as the process
	a := flag.String("a", "", "first server: a binary's path or a mongodb:// URI")
	b := flag.String("b", "", "second server, what A is compared with")
	conns := flag.String("conns", "1,16", "numbers of connections")
	only := flag.String("only", "", "run the workloads whose name matches this regular expression")
	var s settings
	flag.IntVar(&s.members, "members", 1, "members of a set that is started here")
	flag.StringVar(&s.cacheGB, "cache", "0.5", "cache of a member that is started here, in GB")
	flag.DurationVar(&s.slice, "slice", 1500*time.Millisecond, "length of one slice")
	flag.IntVar(&s.rounds, "rounds", 3, "slices of each server per workload")
	flag.StringVar(&s.json, "json", "", "also write the results to this file")
	queries := flag.Bool("queries", false, "measure queries on a million documents instead")
	sync := flag.Float64("initial-sync", 0, "measure A alone: what an initial sync of so many GB costs 8 writers")
	flag.Parse()
	if s.workloads, s.preload = workloads, preload; *queries {
		s.workloads, s.preload = queryWorkloads, preloadQueried
	}
	if err := parse(&s, *conns, *only); err != nil || *a == "" || *b == "" && *sync == 0 {
		fmt.Fprintln(os.Stderr, "bench: -a and -b are needed;", err)
		flag.Usage()
		os.Exit(2)
	}
	measure := func() error { return run(*a, *b, s) }
	if *sync > 0 {
		measure = func() error { return runSync(*a, *sync, s) }
	}
	if err := measure(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(s *settings, conns, only string) (err error) {
	for _, text := range strings.Split(conns, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("bad number of connections %q", text)
		}
		s.conns = append(s.conns, n)
	}
	s.only, err = regexp.Compile(only)
	return err
}

func run(a, b string, s settings) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	var servers [2]*server
	for i, what := range []string{a, b} {
		srv, err := openServer(what, s)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		defer srv.close()
		servers[i] = srv
		if err := s.preload(srv); err != nil {
			return fmt.Errorf("%s: load the documents: %w", what, err)
		}
	}
	fmt.Printf("A = %s, B = %s; %d slices of %s each, medians\n\n", a, b, s.rounds, s.slice)
	fmt.Printf("%-34s %5s %10s %8s %17s %17s %15s\n", "", "conns", "A ops/s", "ops A/B", "p50 us A (A/B)", "p99 us A (A/B)", "CPU us A (A/B)")
	var results []comparison
	for _, w := range s.workloads {
		if !s.only.MatchString(w.name) {
			continue
		}
		for _, conns := range s.conns {
			select {
			case <-stop:
				return fmt.Errorf("interrupted")
			default:
			}
			c, err := compare(servers, w, conns, s)
			if err != nil {
				return fmt.Errorf("%s, %d connections: %w", w.name, conns, err)
			}
			c.print()
			results = append(results, c)
		}
	}
	if s.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.json, append(text, '\n'), 0o644)
}

// comparison is the outcome of one workload with one number of connections.
type comparison struct {
	Workload string
	Conns    int
	A, B     figures
}

func (c comparison) print() {
	fmt.Printf("%-34s %5d %10.0f %8.2f %10.0f (%.2f) %10.0f (%.2f) %8.0f (%.2f)\n", c.Workload, c.Conns,
		c.A.OpsPerSecond, c.A.OpsPerSecond/c.B.OpsPerSecond, c.A.P50us, c.A.P50us/c.B.P50us,
		c.A.P99us, c.A.P99us/c.B.P99us, c.A.CPUus, c.A.CPUus/c.B.CPUus)
}
