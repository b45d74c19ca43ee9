package main

import (
	"bufio"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/pflag"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/logfile"
	"github.com/mortondb/morton/internal/node"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/raftnode"
)

func runDumpLog(i *invocation) int {
	set := pflag.NewFlagSet("dump-log", pflag.ContinueOnError)
	set.Usage = func() {}
	from := set.Uint64("from", 0, "the first entry, by its index; 0: the oldest that there is")
	to := set.Uint64("to", 0, "the last entry; 0: the newest")
	mutations := set.Bool("mutations", false, "also the keys that each operation writes and removes")
	err := set.Parse(i.args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(i.stdout, dumpLogHelp(i.program, set))
		return exitClean
	case err == nil && set.NArg() != 1:
		err = errors.New("give the data directory of a member that does not run")
	case err == nil && *to != 0 && *to < *from:
		err = fmt.Errorf("--from %d --to %d: the last entry comes before the first", *from, *to)
	}
	if err != nil {
		fmt.Fprintf(i.stderr, "%v\ntry '%s --help' for more information\n", err, i.program)
		return exitBadOptions
	}
	if *to == 0 {
		*to = math.MaxUint64
	}
	d := dumper{out: bufio.NewWriter(i.stdout), mutations: *mutations}
	err = node.DumpLog(vfs.Default, set.Arg(0), *from, *to, d.entry)
	if err = errors.Join(err, d.out.Flush()); err != nil {
		fmt.Fprintln(i.stderr, dumpError(err))
		return exitFailed
	}
	if d.entries == 0 {
		fmt.Fprintln(i.stderr, "The log has no such entries.")
	}
	return exitClean
}

func dumpLogHelp(program string, set *pflag.FlagSet) string {
	return fmt.Sprintf(`Usage: %[1]s [options] DBPATH

Prints the replicated log of a member that does not run: each entry with its index and
term, and the operations in it as they stand in local.oplog.rs.

Examples:
  %[1]s morton-data/member1
  %[1]s --from 1200 --to 1300 --mutations /data/db

Options:
%[2]s`, program, set.FlagUsages())
}

func dumpError(err error) string {
	var locked *node.LockedError
	if errors.As(err, &locked) {
		return fmt.Sprintf("a member runs on %s: stop it first, or read local.oplog.rs of it", locked.DBPath)
	}
	return err.Error()
}

// dumper prints entries of the log.
type dumper struct {
	out       *bufio.Writer
	mutations bool
	entries   int // that were printed
}

func (d *dumper) entry(e logfile.Entry) error {
	d.entries++
	if text := raftnode.DescribeEntry(e.Type, e.Data); text != "" {
		fmt.Fprintf(d.out, "%d term %d  %s\n", e.Index, e.Term, text)
		return nil
	}
	fmt.Fprintf(d.out, "%d term %d  %d bytes\n", e.Index, e.Term, len(e.Data))
	for rest := e.Data; len(rest) > 0; {
		group, after, err := oplog.NextGroup(rest)
		if err != nil {
			return fmt.Errorf("entry %d: %w", e.Index, err)
		}
		if err := d.group(group, e.Term); err != nil {
			return fmt.Errorf("entry %d: %w", e.Index, err)
		}
		rest = after
	}
	return nil
}

func (d *dumper) group(group []byte, term uint64) error {
	err := oplog.Documents(group, term, func(_ oplog.Timestamp, doc document.Doc) bool {
		fmt.Fprintf(d.out, "  %s\n", doc.Shell())
		return true
	})
	if err != nil || !d.mutations {
		return err
	}
	r, err := oplog.NewReader(group)
	if err != nil {
		return err
	}
	for {
		var op oplog.Op
		if more, err := r.Next(&op); err != nil || !more {
			return err
		}
		for _, m := range op.Mutations {
			d.mutation(m)
		}
	}
}

func (d *dumper) mutation(m oplog.Mutation) {
	switch m.Kind {
	case oplog.Remove:
		fmt.Fprintf(d.out, "    remove %s\n", keys.Format(m.Key))
	case oplog.RemoveRange:
		fmt.Fprintf(d.out, "    remove %s to %s\n", keys.Format(m.Key), keys.Format(m.Value))
	default:
		fmt.Fprintf(d.out, "    put    %s, %d bytes\n", keys.Format(m.Key), len(m.Value))
	}
}
