package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/internal/bench"
)

// benchOptions are those of the command line that are no options of a run.
type benchOptions struct {
	bench.Options
	morton, mongod, only, conns string
	json, html                  string
	sets                        []*morton.Config // that run and are measured
}

func runBench(i *invocation) int {
	runtime.LockOSThread() // servers die with the thread that started them; this one lives as long as the process
	defer runtime.UnlockOSThread()
	o := benchOptions{Options: bench.Defaults()}
	set := benchFlags(&o)
	err := set.Parse(i.args)
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Fprint(i.stdout, benchHelp(i.program, set))
		return exitClean
	}
	if err == nil {
		err = o.complete(set.Args())
	}
	if err != nil {
		fmt.Fprintf(i.stderr, "%v\ntry '%s --help' for more information\n", err, i.program)
		return exitBadOptions
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := o.findPrimaries(ctx); err != nil {
		return i.failed(err, i.upCommand())
	}
	o.Out = i.stdout
	report, err := bench.Run(ctx, o.Options)
	err = errors.Join(err, o.write(report))
	if err != nil {
		fmt.Fprintln(i.stderr, err)
		return exitFailed
	}
	return exitClean
}

func benchFlags(o *benchOptions) *pflag.FlagSet {
	set := pflag.NewFlagSet("bench", pflag.ContinueOnError)
	set.Usage = func() {}
	set.SortFlags = false
	set.StringVar(&o.morton, "morton", "", "the Morton to start (this program)")
	set.StringVar(&o.mongod, "mongod", "", "the mongod to start beside it (one in the PATH, if there is)")
	set.StringVar(&o.only, "only", "", "measure what this regular expression finds in \"GROUP: NAME\"")
	set.StringVar(&o.conns, "conns", "1,16,128", "numbers of connections")
	set.DurationVar(&o.Slice, "slice", o.Slice, "length of one slice")
	set.IntVar(&o.Rounds, "rounds", o.Rounds, "slices of each server for each workload, and kills")
	set.Float64Var(&o.CacheGB, "cacheSizeGB", o.CacheGB, "cache of each member that is started")
	set.DurationVar(&o.Steady, "steady", o.Steady, "length of the bulk load")
	set.Float64Var(&o.DataGB, "data", o.DataGB, "GB of documents for cold starts and the initial sync")
	set.IntVar(&o.Growth, "growth", o.Growth, "documents that the collection grows to")
	set.StringVar(&o.json, "json", "", "write the figures to this file")
	set.StringVar(&o.html, "html", "", "write a page with charts to this file")
	set.StringVar(&o.Profile, "profile", "", "write processor profiles of Morton into this directory")
	return set
}

func benchHelp(program string, set *pflag.FlagSet) string {
	var groups strings.Builder
	for _, g := range bench.Names() {
		fmt.Fprintf(&groups, "  %-11s %s\n", g[0], g[1])
	}
	return fmt.Sprintf(`Usage: %[1]s [options] [URI [URI]]

Measures two servers side by side, in slices that alternate between them. Without a URI
it starts Morton, and a mongod if there is one, on this machine. The first server's
figures are printed, each with its ratio to the second's: above 1 is better in ops/s,
below 1 in latency and in the primary's processor time per operation. A whole run takes
more than two hours. On a running set, it writes to the database "bench".

Examples:
  %[1]s --mongod ./mongod --only operations --conns 1,16
  %[1]s --mongod ./mongod --html report.html
  %[1]s localhost:27017 localhost:27018

Groups:
%[2]s
Options:
%[3]s`, program, &groups, set.FlagUsages())
}

// complete checks the options and finds the servers.
func (o *benchOptions) complete(uris []string) (err error) {
	if o.Only, err = regexp.Compile(o.only); err != nil {
		return err
	}
	if !o.Finds() {
		return fmt.Errorf("--only %s: nothing is named so; see the groups in the help, and what a run of one prints", o.only)
	}
	if o.Conns, err = parseNumbers(o.conns); err != nil {
		return err
	}
	if o.Rounds < 1 || o.Slice <= 0 || o.Steady <= 0 || o.CacheGB <= 0 || o.DataGB <= 0 {
		return errors.New("numbers and lengths must be above 0")
	}
	switch {
	case len(uris) > 2:
		return errors.New("give two servers at most")
	case len(uris) > 0:
		return o.useRunning(uris)
	}
	return o.useBinaries()
}

func (o *benchOptions) useRunning(uris []string) error {
	for _, uri := range uris {
		config, err := parseSet(uri)
		if err != nil {
			return err
		}
		if config.Credential != nil || config.TLS != nil {
			return fmt.Errorf("%s: the load goes over plain connections of nobody: leave out the user and TLS", config.Hosts[0])
		}
		o.sets = append(o.sets, config)
		o.Servers = append(o.Servers, bench.Server{Name: config.Hosts[0]})
	}
	return nil
}

// findPrimaries finds whom the load goes to, in each set that runs. Any of its members may have been named.
func (o *benchOptions) findPrimaries(ctx context.Context) error {
	for i, set := range o.sets {
		primary, err := findPrimary(ctx, set)
		if err != nil {
			return err
		}
		o.Servers[i].Where = "mongodb://" + primary
	}
	return nil
}

func (o *benchOptions) useBinaries() (err error) {
	if o.morton == "" {
		if o.morton, err = os.Executable(); err != nil {
			return err
		}
	}
	o.Servers = []bench.Server{{Name: "Morton", Where: o.morton}}
	if o.mongod == "" {
		o.mongod, _ = exec.LookPath("mongod")
	}
	for _, binary := range []string{o.morton, o.mongod} {
		if _, err := exec.LookPath(binary); binary != "" && err != nil {
			return err
		}
	}
	if o.mongod != "" {
		o.Servers = append(o.Servers, bench.Server{Name: "mongod", Where: o.mongod})
	}
	return nil
}

func parseNumbers(text string) (list []int, err error) {
	for _, part := range strings.Split(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number of connections", part)
		}
		list = append(list, n)
	}
	return list, nil
}

// write writes the reports that were asked for, also of a run that was broken off.
func (o *benchOptions) write(report *bench.Report) error {
	var errs []error
	for _, f := range []struct {
		path string
		make func() ([]byte, error)
	}{{o.json, report.JSON}, {o.html, report.HTML}} {
		if f.path == "" {
			continue
		}
		text, err := f.make()
		if err == nil {
			err = os.WriteFile(f.path, text, 0o644)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
