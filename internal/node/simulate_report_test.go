package node

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

func (s *simulation) violate(format string, args ...any) {
	text := fmt.Sprintf("%8.3fs %s", time.Since(s.begun).Seconds(), fmt.Sprintf(format, args...))
	s.state.Lock()
	defer s.state.Unlock()
	s.violations = append(s.violations, text)
}

// notes is what happened, for the report.
type notes struct {
	mu   sync.Mutex
	list []func() string // text is made only when it is wanted
}

func (n *notes) add(text func() string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, text)
}

func (s *simulation) note(format string, args ...any) {
	at := time.Since(s.begun).Seconds()
	s.notes.add(func() string { return fmt.Sprintf("%8.3fs %s", at, fmt.Sprintf(format, args...)) })
}

// listener is a member's log.
type listener struct {
	s    *simulation
	host string
	life int
}

func (l *listener) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (l *listener) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *listener) WithGroup(string) slog.Handler                    { return l }

const idPrimary = 21331 // of the log line

func (l *listener) Handle(_ context.Context, r slog.Record) error {
	if !l.s.disks[l.host].lives(l.life) {
		return nil // a corpse has nothing to say
	}
	var id, term int64
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "id":
			id = a.Value.Int64()
		case "term":
			term = int64(a.Value.Uint64())
		}
		return true
	})
	if id == idPrimary {
		l.s.elected(l.host, l.life, uint64(term))
	}
	at := time.Since(l.s.begun).Seconds()
	l.s.notes.add(func() string {
		var b strings.Builder
		fmt.Fprintf(&b, "%8.3fs   %s %s", at, l.host, r.Message)
		r.Attrs(func(a slog.Attr) bool {
			if a.Key != "c" && a.Key != "id" {
				fmt.Fprintf(&b, " %v", a)
			}
			return true
		})
		return b.String()
	})
	return nil
}

// report says what went wrong, what had been done to the set, and how to see it again.
func (s *simulation) report(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %v", s.c.seed, s.c)
	b.WriteString("what happened:\n")
	for _, text := range s.notes.list {
		fmt.Fprintln(&b, text())
	}
	fmt.Fprintf(&b, "violations of seed %d:\n", s.c.seed)
	for _, v := range s.violations {
		fmt.Fprintln(&b, v)
	}
	mutant := ""
	if *simulateMutant != "" {
		mutant = " -mutant " + *simulateMutant
	}
	fmt.Fprintf(&b, "again: go run ./test/simulate -seed %d -schedules 1%s\n", s.c.seed, mutant)
	t.Error(b.String())
}
