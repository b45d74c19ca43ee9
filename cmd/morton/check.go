package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/replset"
)

func runCheck(i *invocation) int {
	set := pflag.NewFlagSet("check", pflag.ContinueOnError)
	set.Usage = func() {}
	timeout := set.Duration("timeout", time.Minute, "how long a member may take to reach the mark and describe its state")
	seeds, code := parseMembers(i, set, checkHelp)
	if seeds == nil {
		return code
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	states, err := describeMembers(ctx, seeds)
	if err != nil {
		fmt.Fprintln(i.stderr, err)
		return exitFailed
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

// parseSeeds returns the host:port list of a connection string or of a bare list. What a connection string says beside the
// hosts is about clients and not asked for here.
func parseSeeds(uri string) ([]string, error) {
	list := strings.TrimPrefix(uri, "mongodb://")
	if strings.Contains(list, "://") {
		return nil, fmt.Errorf("%q is not a mongodb:// connection string", uri)
	}
	list, _, _ = strings.Cut(list, "/")
	list, _, _ = strings.Cut(list, "?")
	if strings.Contains(list, "@") {
		return nil, errors.New("there are no users in this release of Morton: leave user and password out of the connection string")
	}
	var seeds []string
	for _, s := range strings.Split(list, ",") {
		host, port, err := replset.ParseHost(s)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", s, err)
		}
		seeds = append(seeds, replset.JoinHost(host, port))
	}
	return seeds, nil
}

// described is a member's state at the mark.
type described struct {
	host   string
	digest document.Doc
	err    error
}

// describeMembers has every member of the seeds' set describe its state at one mark; the primary comes first.
func describeMembers(ctx context.Context, seeds []string) ([]described, error) {
	primary, hosts, err := findPrimary(ctx, seeds)
	if err != nil {
		return nil, err
	}
	reply, err := ask(ctx, primary, func(b *document.Builder) { b.AppendInt32("_mortonMark", 1) })
	if err != nil {
		return nil, fmt.Errorf("the primary %s could not put a mark into the log: %w", primary, err)
	}
	mark := reply.Lookup("mark").Str()
	states := []described{{host: primary}}
	for _, h := range hosts {
		if h != primary {
			states = append(states, described{host: h})
		}
	}
	var asked sync.WaitGroup
	for i := range states {
		asked.Go(func() {
			states[i].digest, states[i].err = ask(ctx, states[i].host, func(b *document.Builder) { b.AppendString("_mortonDigest", mark) })
		})
	}
	asked.Wait()
	return states, nil
}

// findPrimary returns the primary that the seeds know and the members that it lists. A standalone is its own set.
func findPrimary(ctx context.Context, seeds []string) (primary string, hosts []string, err error) {
	var errs []error
	for _, seed := range seeds {
		hello, err := ask(ctx, seed, func(b *document.Builder) { b.AppendInt32("hello", 1) })
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", seed, err))
			continue
		}
		for _, list := range []string{"hosts", "passives"} {
			for it := hello.Lookup(list).Doc().Iter(); it.Next(); {
				hosts = append(hosts, strings.Clone(it.Value().Str()))
			}
		}
		if p := hello.Lookup("primary").Str(); p != "" {
			return strings.Clone(p), hosts, nil
		}
		if hello.Lookup("setName").IsMissing() && hello.Lookup("isWritablePrimary").Bool() {
			return seed, nil, nil
		}
		hosts = nil
		errs = append(errs, fmt.Errorf("%s knows no primary: the set is not initiated, or has no majority", seed))
	}
	return "", nil, errors.Join(errs...)
}

// ask sends one command to a member, on a connection of its own.
func ask(ctx context.Context, host string, build func(*document.Builder)) (document.Doc, error) {
	c, err := dialMember(ctx, host)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.run(ctx, build)
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
