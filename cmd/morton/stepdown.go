package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/mortondb/morton/internal/document"
)

func runStepDown(i *invocation) int {
	set := pflag.NewFlagSet("stepdown", pflag.ContinueOnError)
	set.Usage = func() {}
	period := set.Int32("seconds", 60, "how long the member will not be primary again")
	force := set.Bool("force", false, "step down even if no other member has all writes within 10 seconds")
	timeout := set.Duration("timeout", 30*time.Second, "how long to wait for another primary")
	seeds, code := parseMembers(i, set, stepDownHelp)
	if seeds == nil {
		return code
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	old, hosts, err := findPrimary(ctx, seeds)
	if err != nil {
		fmt.Fprintln(i.stderr, err)
		return exitFailed
	}
	begin := time.Now()
	_, err = ask(ctx, old, func(b *document.Builder) {
		b.AppendInt32("replSetStepDown", *period)
		b.AppendBool("force", *force)
	})
	if err != nil {
		fmt.Fprintf(i.stderr, "%s did not step down: %v\n", old, err)
		return exitFailed
	}
	fresh, term, err := nextPrimary(ctx, hosts, old)
	if err != nil {
		fmt.Fprintf(i.stderr, "%s has stepped down, but %v\ntry 'morton status %s'\n", old, err, old)
		return exitFailed
	}
	fmt.Fprintf(i.stdout, "%s has stepped down; %s is primary, term %d, after %d ms\n", old, fresh, term, time.Since(begin).Milliseconds())
	return exitClean
}

func stepDownHelp(program string, set *pflag.FlagSet) string {
	return fmt.Sprintf(`Usage: %[1]s [options] URI

Has the primary of a set hand over to another member, as before maintenance, and waits
until there is a new one. Drivers repeat what they had sent to the old one.

Examples:
  %[1]s localhost:27017
  %[1]s --seconds 600 mongodb://localhost:27017,localhost:27018/

Options:
%[2]s`, program, set.FlagUsages())
}

// nextPrimary waits for a member other than old that says that it is primary.
func nextPrimary(ctx context.Context, hosts []string, old string) (string, uint64, error) {
	for {
		for _, host := range hosts {
			hello, err := ask(ctx, host, func(b *document.Builder) { b.AppendInt32("hello", 1) })
			if s := stateOf(hello); err == nil && s.name == "PRIMARY" && host != old {
				return host, s.term, nil
			}
		}
		if sleep(ctx, 5*time.Millisecond); ctx.Err() != nil {
			return "", 0, errors.New("no other member became primary in time")
		}
	}
}
