package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/internal/document"
)

func runStatus(i *invocation) int {
	set := pflag.NewFlagSet("status", pflag.ContinueOnError)
	set.Usage = func() {}
	once := set.Bool("once", !isTerminal(i.stdout), "print the table once and end; the default where the output is no terminal")
	every := set.Duration("interval", time.Second, "how often the table is read anew")
	timeout := set.Duration("timeout", toolPatience, "how long to look for a member that answers")
	config, code := parseMembers(i, set, statusHelp)
	if config == nil {
		return code
	}
	config.ServerSelectionTimeout = *timeout
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	client, err := morton.New(config)
	if err != nil {
		return i.failed(err, i.upCommand())
	}
	defer client.Close(context.Background())
	soon, cancel := context.WithTimeout(ctx, min(statusPatience, *timeout))
	_, _ = runAdmin(soon, client, askHello) // finds the primary, if there is one: it knows most of the others
	cancel()
	for {
		s, err := readStatus(ctx, client)
		if ctx.Err() != nil {
			return exitClean
		}
		if *once {
			if err != nil {
				return i.failed(err, i.upCommand())
			}
			fmt.Fprint(i.stdout, s.table())
			return exitClean
		}
		fmt.Fprintf(i.stdout, "\x1b[H\x1b[J%s\n", statusScreen(s, err, time.Now()))
		if sleep(ctx, *every); ctx.Err() != nil {
			return exitClean
		}
	}
}

// statusPatience is how long the primary is looked for before a secondary is asked.
const statusPatience = 500 * time.Millisecond

func statusHelp(program string, set *pflag.FlagSet) string {
	return fmt.Sprintf(`Usage: %[1]s [options] URI

Shows the members of a set: what each is, how far it is behind the primary, and since
when it runs. In a terminal the table is kept up to date until Ctrl-C.

Examples:
  %[1]s localhost:27017
  %[1]s --once mongodb://localhost:27017,localhost:27018/

Options:
%[2]s`, program, set.FlagUsages())
}

// parseMembers parses the command line of a tool that is told the members of a set. No Config: the tool is to end with the code.
func parseMembers(i *invocation, set *pflag.FlagSet, help func(string, *pflag.FlagSet) string) (config *morton.Config, code int) {
	err := set.Parse(i.args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(i.stdout, help(i.program, set))
		return nil, exitClean
	case err == nil && set.NArg() != 1:
		err = errors.New("give the address of one member at least: mongodb://HOST:PORT,... or HOST:PORT")
	}
	if err == nil {
		err = checkDurations(set)
	}
	if err == nil {
		config, err = parseSet(set.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(i.stderr, "%v\ntry '%s --help' for more information\n", err, i.program)
		return nil, exitBadOptions
	}
	return config, exitClean
}

// checkDurations refuses times that are none.
func checkDurations(set *pflag.FlagSet) (err error) {
	set.VisitAll(func(f *pflag.Flag) {
		if d, wrong := set.GetDuration(f.Name); wrong == nil && d <= 0 {
			err = fmt.Errorf("--%s %s: it must be above 0, such as 5s", f.Name, d)
		}
	})
	return err
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// setStatus is what a member's replSetGetStatus says of its set.
type setStatus struct {
	name    string
	from    string // the member that says so
	term    int64
	members []memberStatus
}

type memberStatus struct {
	host, state string
	optime      time.Time // of the last operation that it has; zero: not known
	uptime      time.Duration
	message     string
}

// readStatus asks the primary, or else a member that answers.
func readStatus(ctx context.Context, c *morton.Client) (*setStatus, error) {
	reply, err := runAdmin(ctx, c, field("replSetGetStatus", 1), morton.RunOptions{ReadPreference: &morton.ReadPreference{Mode: "primaryPreferred"}})
	if err != nil {
		return nil, err
	}
	return parseStatus(reply), nil
}

func parseStatus(reply document.Doc) *setStatus {
	term, _ := reply.Lookup("term").ToInt64()
	s := &setStatus{name: reply.Lookup("set").Str(), term: term}
	for it := reply.Lookup("members").Doc().Iter(); it.Next(); {
		d := it.Value().Doc()
		m := memberStatus{host: d.Lookup("name").Str(), state: d.Lookup("stateStr").Str(), message: d.Lookup("lastHeartbeatMessage").Str()}
		if d.Lookup("self").Truthy() {
			s.from = m.host
		}
		if ts := d.Lookup("optime").Doc().Lookup("ts"); ts.Type == document.TypeTimestamp && ts.Timestamp() != 0 {
			m.optime = time.Unix(int64(ts.Timestamp()>>32), 0)
		}
		up, _ := d.Lookup("uptime").ToInt64()
		m.uptime = time.Duration(up) * time.Second
		s.members = append(s.members, m)
	}
	return s
}

func (s *setStatus) primary() *memberStatus {
	for i := range s.members {
		if s.members[i].state == "PRIMARY" {
			return &s.members[i]
		}
	}
	return nil
}

// table returns the set as people read it.
func (s *setStatus) table() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "set %s, term %d, as %s sees it\n\n", s.name, s.term, s.from)
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "MEMBER\tSTATE\tBEHIND\tUP\t")
	primary := s.primary()
	for _, m := range s.members {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", m.host, m.state, m.behind(primary), m.up(), m.message)
	}
	w.Flush()
	if primary == nil {
		fmt.Fprintln(&b, "\nThere is no primary: the set takes no writes until a majority of its voters can talk to each other.")
	}
	return trimLines(b.String())
}

func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// behind returns how many seconds of writes the member lacks.
func (m *memberStatus) behind(primary *memberStatus) string {
	switch {
	case primary == nil || m.optime.IsZero() || primary.optime.IsZero():
		return "?"
	case m.host == primary.host:
		return "-"
	}
	return max(primary.optime.Sub(m.optime), 0).String()
}

func (m *memberStatus) up() string {
	if m.uptime == 0 {
		return "-"
	}
	return m.uptime.String()
}

func statusScreen(s *setStatus, err error, now time.Time) string {
	head := now.Format("15:04:05") + "   Ctrl-C ends\n\n"
	if err != nil {
		return head + err.Error() + "\n"
	}
	return head + s.table()
}
