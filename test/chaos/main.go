//go:build linux

// Command chaos lets a set of real processes run into trouble, one fault after the other and several at once, while clients with the official Go
// driver write and read, and checks from what the clients saw that nothing acknowledged was lost, that no retried write took effect twice, that
// linearizable reads are, and that causal sessions read their own writes.
//
//	go run ./test/chaos -binary ./morton [-time 30m] [-members 3] [-seed N] [-only WORD,...] [-report DIR]
//	go run ./test/chaos -binary ./morton -figures 20
//
// As root, each member runs in a network namespace of its own, with its data on a small tmpfs, so that it can be cut off and its disk be full; else
// only processes are killed and stopped. The report is a page with the time line, the table of faults, and the command that runs the same again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

type settings struct {
	binary  string
	members int
	length  time.Duration
	seed    uint64
	only    []string
	report  string
	figures int
}

func main() {
	runtime.LockOSThread() // members die with the thread that started them; this one lives as long as the process
	var s settings
	flag.StringVar(&s.binary, "binary", "./morton", "the morton binary")
	flag.IntVar(&s.members, "members", 3, "members of the set")
	flag.DurationVar(&s.length, "time", 30*time.Minute, "how long there is trouble")
	flag.Uint64Var(&s.seed, "seed", uint64(time.Now().UnixNano()), "decides which faults come when; the members' own timing differs from run to run all the same")
	only := flag.String("only", "", "only the faults whose name has one of these words, separated by commas")
	flag.StringVar(&s.report, "report", "chaos-report", "the directory of the report")
	flag.IntVar(&s.figures, "figures", 0, "instead: measure so many times what each kind of fault costs, one at a time")
	flag.Parse()
	if *only != "" {
		s.only = strings.Split(*only, ",")
	}
	code, err := start(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		code = 2
	}
	os.Exit(code)
}

// start runs everything in a network namespace of its own, if that is possible.
func start(s settings) (code int, err error) {
	if s.binary, err = filepath.Abs(s.binary); err != nil {
		return 0, err
	}
	if _, err := os.Stat(s.binary); err != nil {
		return 0, fmt.Errorf("%w: make build makes it", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if os.Getenv(inNamespace) == "" && os.Geteuid() == 0 {
		return runInNamespace(ctx)
	}
	return run(ctx, s)
}

// run returns the exit code: 1 if what the clients saw is wrong.
func run(ctx context.Context, s settings) (code int, err error) {
	set, err := newSet(s)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, set.close()) }()
	if err := set.initiate(ctx); err != nil {
		return 0, err
	}
	t := &trouble{settings: s, set: set, random: rand.New(rand.NewPCG(s.seed, 0)), started: set.started}
	h := newHistory(set.started)
	load, err := startLoad(ctx, set, h, t.epochs())
	if err != nil {
		return 0, err
	}
	watching, stopWatching := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() { defer close(watched); set.watch(watching, h) }()
	if s.figures > 0 {
		err = t.measure(ctx, h)
	} else {
		err = t.make(ctx, h)
	}
	load.stop()
	if err == nil || errors.Is(err, errNoRecovery) {
		if err != nil {
			h.violation("%v", err)
		}
		err = check(ctx, set, load, h)
	}
	stopWatching()
	<-watched
	if err != nil {
		return 0, err
	}
	if err := writeReport(t, h); err != nil {
		return 0, err
	}
	t.printTable(h)
	for _, v := range h.violations {
		fmt.Println("VIOLATION:", v)
	}
	if len(h.violations) > 0 {
		return 1, nil
	}
	return 0, nil
}
