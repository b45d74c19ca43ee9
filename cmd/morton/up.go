package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/mortondb/morton/internal/options"
)

// upOptions are those of morton up.
type upOptions struct {
	dbpath    string
	ephemeral bool
	again     func(other map[string]string) string // the command line once more, with other values of some options
	layout
}

// layout is what a set on this machine keeps for its life: its configuration has these hosts. It is stored beside the data.
type layout struct {
	Version int    `json:"version"`
	Set     string `json:"replSet"`
	Port    int    `json:"port"` // of the first member; the others follow
	Members int    `json:"members"`
}

const (
	layoutVersion = 1
	layoutFile    = "up.json"
	maxLocal      = 7 // as many as may vote
)

func runUp(i *invocation) int {
	set := pflag.NewFlagSet("up", pflag.ContinueOnError)
	set.SortFlags = false
	set.Usage = func() {}
	o := upOptions{layout: layout{Version: layoutVersion}}
	set.IntVar(&o.Members, "members", 3, "how many members, 1 to 7")
	set.IntVar(&o.Port, "port", options.DefaultPort, "port of the first member; the others take the ports after it")
	set.StringVar(&o.Set, "replSet", "morton", "name of the set")
	set.StringVar(&o.dbpath, "dbpath", "morton-data", "directory for data and logs, made if it is not there")
	set.BoolVar(&o.ephemeral, "ephemeral", false, "keep the data in a temporary directory, removed at the end")
	help := set.BoolP("help", "h", false, "show this help")
	err := set.Parse(i.args)
	if err == nil && *help {
		fmt.Fprint(i.stdout, upHelp(i.program, set))
		return exitClean
	}
	if err == nil && set.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	if err == nil {
		err = o.complete(set)
	}
	o.again = func(other map[string]string) string { return commandLine(i.program, set, other) }
	if err != nil {
		fmt.Fprintf(i.stderr, "%v\ntry '%s --help' for more information\n", err, i.program)
		return exitBadOptions
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := up(ctx, stop, i, &o); err != nil {
		fmt.Fprintln(i.stderr, err)
		return exitFailed
	}
	return exitClean
}

func upHelp(program string, set *pflag.FlagSet) string {
	return fmt.Sprintf(`Usage: %[1]s [options]

Starts a replica set on this machine: one process for each member, which only this
machine can reach. Prints how to connect, and what happens in the set. Ctrl-C stops it;
the same command brings it back with its data.

Examples:
  %[1]s
  %[1]s --members 5 --ephemeral
  %[1]s --port 27117 --dbpath ./second

Options:
%[2]s`, program, set.FlagUsages())
}

// complete checks the options, and takes those that were not given from the set that is in the directory already.
func (o *upOptions) complete(set *pflag.FlagSet) error {
	if o.ephemeral && set.Changed("dbpath") {
		return errors.New("--ephemeral makes a directory of its own: leave out --dbpath")
	}
	if !o.ephemeral {
		dir, err := filepath.Abs(o.dbpath)
		if err != nil {
			return err
		}
		o.dbpath = dir
		if err := o.recall(set); err != nil {
			return err
		}
	}
	last := o.Port + o.Members - 1 + options.ConsoleOffset
	switch {
	case o.Members < 1 || o.Members > maxLocal:
		return fmt.Errorf("--members %d: a set on one machine has 1 to %d", o.Members, maxLocal)
	case o.Port < 1 || last > 65535:
		return fmt.Errorf("--port %d: the set needs the ports %d to %d, and up to %d for the console", o.Port, o.Port, o.Port+o.Members-1, last)
	case o.Set == "" || strings.ContainsAny(o.Set, "/ "):
		return fmt.Errorf("--replSet %q: the name of the set, without / and spaces", o.Set)
	}
	return nil
}

// recall reads the layout of the set in the directory, if there is one.
func (o *upOptions) recall(set *pflag.FlagSet) error {
	path := filepath.Join(o.dbpath, layoutFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var was layout
	if err == nil {
		err = json.Unmarshal(text, &was)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if was.Version > layoutVersion {
		return fmt.Errorf("%s has version %d, this program knows up to %d: use the newer program that made it", path, was.Version, layoutVersion)
	}
	for _, c := range []struct {
		flag     string
		now, was any
	}{{"members", o.Members, was.Members}, {"port", o.Port, was.Port}, {"replSet", o.Set, was.Set}} {
		if set.Changed(c.flag) && c.now != c.was {
			return fmt.Errorf("the set in %s has --%s %v: leave the option out to start it, or choose another --dbpath for a new set", o.dbpath, c.flag, c.was)
		}
	}
	o.layout = was
	return nil
}

func (o *upOptions) save() error {
	text, err := json.MarshalIndent(o.layout, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(o.dbpath, layoutFile), append(text, '\n'), 0o644)
}

// up is the life of a set on this machine. stop gives signals back their usual effect, so that a second Ctrl-C ends the program at once.
func up(ctx context.Context, stop func(), i *invocation, o *upOptions) (err error) {
	if err := checkPorts(o); err != nil {
		return err
	}
	if o.ephemeral {
		if o.dbpath, err = os.MkdirTemp("", "morton-up-"); err != nil {
			return err
		}
		defer os.RemoveAll(o.dbpath)
	}
	s, err := newLocalSet(o, i.stdout)
	if err != nil {
		return err
	}
	defer func() {
		stop()
		if ctx.Err() != nil {
			fmt.Fprintln(i.stdout, "\nStopping the set: secondaries first, then the primary. Ctrl-C again ends it at once; that loses nothing that was acknowledged.")
		}
		s.stop()
	}()
	client, err := s.start(ctx)
	if client != nil {
		defer client.Close(context.Background())
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	s.printBanner(o)
	s.watch(ctx)
	return nil
}

// checkPorts says which port is busy before anything is started, and what to type next.
func checkPorts(o *upOptions) error {
	busy := busyPort(o.Port, o.Members)
	if busy == 0 {
		return nil
	}
	use := "a member"
	if busy >= o.Port+o.Members {
		use = "a member's console"
	}
	other := map[string]string{"port": strconv.Itoa(freePorts(o.Port, o.Members))}
	if _, err := os.Stat(filepath.Join(o.dbpath, layoutFile)); err == nil && !o.ephemeral { // a set keeps its ports
		other["dbpath"] = o.dbpath + "-2"
		return fmt.Errorf("port %d, for %s, is busy. Perhaps this set runs already?\nStop what listens there, or start another set beside it:\n\n    %s", busy, use, o.again(other))
	}
	return fmt.Errorf("port %d, for %s, is busy.\nStop what listens there, or choose other ports:\n\n    %s", busy, use, o.again(other))
}

// commandLine is what to type for the options that were given, with other values of some.
func commandLine(program string, set *pflag.FlagSet, other map[string]string) string {
	args := []string{program}
	set.VisitAll(func(f *pflag.Flag) {
		value, ok := other[f.Name]
		switch {
		case ok:
			args = append(args, "--"+f.Name, value)
		case f.Changed && f.NoOptDefVal != "":
			args = append(args, "--"+f.Name+"="+f.Value.String())
		case f.Changed:
			args = append(args, "--"+f.Name, f.Value.String())
		}
	})
	return args[0] + " " + shellCommand(args[1:])
}

// busyPort returns a port of a set from first on that cannot be listened on, 0 if there is none.
func busyPort(first, members int) int {
	for _, offset := range []int{0, options.ConsoleOffset} {
		for n := range members {
			port := first + n + offset
			l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err != nil {
				return port
			}
			l.Close()
		}
	}
	return 0
}

// freePorts looks for a first port for which all of a set's ports are free.
func freePorts(busy, members int) int {
	for first := busy + 100; first+members+options.ConsoleOffset < 65535; first += 100 {
		if busyPort(first, members) == 0 {
			return first
		}
	}
	return busy + 100
}

// printf writes to the terminal. There is nothing to be done if nobody listens.
func printf(w io.Writer, format string, args ...any) { fmt.Fprintf(w, format, args...) }
