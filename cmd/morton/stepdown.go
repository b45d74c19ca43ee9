package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

func runStepDown(i *invocation) int {
	set := pflag.NewFlagSet("stepdown", pflag.ContinueOnError)
	set.Usage = func() {}
	period := set.Int32("seconds", 60, "how long the member will not be primary again")
	force := set.Bool("force", false, "step down even if no other member has all writes within 10 seconds")
	timeout := set.Duration("timeout", 30*time.Second, "how long to wait for another primary")
	config, code := parseMembers(i, set, stepDownHelp)
	if config == nil {
		return code
	}
	config.ServerSelectionTimeout = min(toolPatience, *timeout)
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	client, err := morton.New(config)
	if err != nil {
		return i.failed(err, i.statusCommand(config))
	}
	defer client.Close(context.Background())
	hello, err := runAdmin(ctx, client, askHello)
	if err != nil {
		return i.failed(err, i.statusCommand(config))
	}
	old := hello.Lookup("me").Str()
	begin := time.Now()
	if _, err = runAdmin(ctx, client, bson.D{{Key: "replSetStepDown", Value: *period}, {Key: "force", Value: *force}}); err != nil {
		return i.failed(fmt.Errorf("the primary did not step down: %w", err), i.statusCommand(config))
	}
	fresh, term, err := nextPrimary(ctx, client, old)
	if err != nil {
		fmt.Fprintf(i.stderr, "%s has stepped down, but %v\ntry '%s'\n", old, err, i.statusCommand(config))
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

// nextPrimary waits for a primary other than old.
func nextPrimary(ctx context.Context, c *morton.Client, old string) (string, uint64, error) {
	for {
		hello, err := runAdmin(ctx, c, askHello)
		if s := stateOf(hello); err == nil && s.name == "PRIMARY" && hello.Lookup("me").Str() != old {
			return hello.Lookup("me").Str(), s.term, nil
		}
		if sleep(ctx, 5*time.Millisecond); ctx.Err() != nil {
			return "", 0, errors.New("no other member became primary in time")
		}
	}
}
