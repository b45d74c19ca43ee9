package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func runCheck(i *invocation) int {
	set := pflag.NewFlagSet("check", pflag.ContinueOnError)
	set.Usage = func() {}
	timeout := set.Duration("timeout", time.Minute, "how long a member may take to reach the mark and describe its state")
	config, code := parseMembers(i, set, checkHelp)
	if config == nil {
		return code
	}
	config.ServerSelectionTimeout = min(toolPatience, *timeout)
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	states, err := describeMembers(ctx, config)
	if err != nil {
		return i.failed(err, i.statusCommand(config))
	}
	return reportCheck(i, states)
}

func checkHelp(program string, set *pflag.FlagSet) string {
	return fmt.Sprintf(`Usage: %[1]s [options] URI

Compares the data of all members of a set, while it is written to: the primary puts a
mark into the log, and each member describes its state at the mark by hashes. Ends with
0 if all are equal, with 1 if one differs or could not be asked.

Examples:
  %[1]s mongodb://localhost:27017/
  %[1]s localhost:27017,localhost:27018

Options:
%[2]s`, program, set.FlagUsages())
}

// described is a member's state at the mark.
type described struct {
	host   string
	digest document.Doc
	err    error
}

// describeMembers has every member of the set that has data describe its state at one mark; the primary comes first.
func describeMembers(ctx context.Context, set *morton.Config) ([]described, error) {
	client, err := morton.New(set)
	if err != nil {
		return nil, err
	}
	defer client.Close(context.WithoutCancel(ctx))
	hosts, err := dataMembers(ctx, client)
	if err != nil {
		return nil, err
	}
	reply, err := runAdmin(ctx, client, field("_mortonMark", 1))
	var refused *morton.CommandError
	switch {
	case errors.As(err, &refused) && refused.Code == int32(mongoerr.CommandNotFound):
		return nil, fmt.Errorf("%s is no Morton, whose members alone can be compared: %w", refused.Address, err)
	case err != nil:
		return nil, fmt.Errorf("the primary could not put a mark into the log: %w", err)
	}
	mark := reply.Lookup("mark").Str()
	var states []described
	for _, h := range hosts {
		states = append(states, described{host: h})
	}
	var asked sync.WaitGroup
	for i := range states {
		asked.Go(func() {
			states[i].digest, states[i].err = runOn(ctx, set, states[i].host, field("_mortonDigest", mark))
		})
	}
	asked.Wait()
	return states, nil
}

// dataMembers returns the set's members but for arbiters, hidden ones too, the primary first. A standalone is its own set.
func dataMembers(ctx context.Context, c *morton.Client) (hosts []string, err error) {
	hello, err := runAdmin(ctx, c, askHello)
	if err != nil {
		return nil, err
	}
	if hello.Lookup("setName").IsMissing() {
		return []string{addressOf(c)}, nil
	}
	reply, err := runAdmin(ctx, c, field("replSetGetConfig", 1))
	if err != nil {
		return nil, err
	}
	hosts = []string{hello.Lookup("me").Str()}
	for it := reply.LookupPath("config.members").Doc().Iter(); it.Next(); {
		m := it.Value().Doc()
		if host := m.Lookup("host").Str(); host != hosts[0] && !m.Lookup("arbiterOnly").Truthy() {
			hosts = append(hosts, host)
		}
	}
	return hosts, nil
}

// reportCheck prints how each member compares with the primary and returns the exit code.
func reportCheck(i *invocation, states []described) int {
	code := exitClean
	primary := states[0]
	for _, s := range states {
		var what string
		switch {
		case s.err != nil:
			what = "could not be compared: " + s.err.Error()
		case primary.err != nil:
			what = "has nothing to be compared with"
		default:
			what = difference(primary.digest, s.digest)
		}
		if what != "" {
			code = exitFailed
			fmt.Fprintf(i.stdout, "%s %s\n", s.host, what)
			continue
		}
		fmt.Fprintf(i.stdout, "%s ok: %d collections, %d documents at entry %d of the log\n", s.host, s.digest.Lookup("collections").Doc().Len(),
			totalDocuments(s.digest), s.digest.Lookup("index").Int64())
	}
	return code
}

func totalDocuments(digest document.Doc) (n int64) {
	for it := digest.Lookup("collections").Doc().Iter(); it.Next(); {
		n += it.Value().Doc().Lookup("documents").Int64()
	}
	return n
}

// difference names the first thing in which a member's state is not the primary's; "" if there is none.
func difference(primary, member document.Doc) string {
	a, b := primary.Lookup("collections").Doc().Iter(), member.Lookup("collections").Doc().Iter()
	for {
		na, nb := a.Next(), b.Next()
		switch {
		case !na && !nb:
			if document.Identical(primary.Lookup("sessions"), member.Lookup("sessions")) {
				return ""
			}
			return "differs in the records of retryable writes"
		case !na:
			return fmt.Sprintf("has collection %s, which the primary has not", b.Value().Doc().Lookup("ns").Str())
		case !nb:
			return fmt.Sprintf("lacks collection %s", a.Value().Doc().Lookup("ns").Str())
		}
		ca, cb := a.Value().Doc(), b.Value().Doc()
		if document.CompareDocs(ca, cb) != 0 {
			return fmt.Sprintf("differs in %s: %s, the primary has %s", ca.Lookup("ns").Str(), cb.Shell(), ca.Shell())
		}
	}
}
