package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/internal/document"
)

// follow makes the client that hears of the members' changes, as they push them, until it is closed.
func (s *localSet) follow() (*morton.Client, error) {
	config, err := s.config()
	if err != nil {
		return nil, err
	}
	config.HeartbeatInterval = watchInterval
	config.Monitor.Topology = func(e *morton.TopologyEvent) {
		switch e.Kind {
		case "ServerHeartbeatSucceeded":
			s.heard(e.Address, stateOf(document.Doc(e.Reply)))
		case "ServerHeartbeatFailed":
			s.heard(e.Address, memberState{name: unreachable})
		}
	}
	return morton.New(config)
}

// watchInterval is how often a member that cannot be reached is looked for.
const watchInterval = 500 * time.Millisecond

// watch prints what happens in the set until ctx ends.
func (s *localSet) watch(ctx context.Context) {
	s.show(true)
	defer s.show(false)
	var all sync.WaitGroup
	for _, m := range s.members {
		all.Go(func() { s.watchProcess(ctx, m) })
	}
	all.Wait()
	<-ctx.Done()
}

func (s *localSet) show(yes bool) {
	s.mu.Lock()
	s.showing = yes
	s.mu.Unlock()
}

// loss is when the set last lost its primary, and which it was.
type loss struct {
	host string
	at   time.Time
}

// heard notes a member's state, and prints it if it is another one than before.
func (s *localSet) heard(host string, now memberState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.members {
		if m.host == host && m.state.name != now.name {
			s.changedLocked(m, now)
		}
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *localSet) changedLocked(m *localMember, now memberState) {
	was := m.state
	m.state = now
	if was.name == "PRIMARY" {
		s.lost = loss{host: m.host, at: time.Now()}
	}
	if !s.showing {
		return
	}
	text := was.name + " → " + now.name
	if now.name == "PRIMARY" {
		text += fmt.Sprintf(", term %d", now.term)
		if s.lost.host != "" && s.lost.host != m.host {
			text += fmt.Sprintf(", %d ms after %s was lost", time.Since(s.lost.at).Milliseconds(), s.lost.host)
		}
		s.lost.host = ""
	}
	s.printLocked(m, text)
	if now.name == "PRIMARY" && m.running() && len(s.members) > 2 {
		s.printLocked(m, "the next failover: "+killCommand(m))
	}
}

// watchProcess prints that a process ended by itself, and how to bring it back. It is not started again: whoever killed
// it wants to see what the others do without it.
func (s *localSet) watchProcess(ctx context.Context, m *localMember) {
	select {
	case <-ctx.Done():
	case <-m.exited:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.printLocked(m, fmt.Sprintf("its process ended (%v). It is not started again by itself; bring it back in another terminal with\n\n    %s\n", m.cmd.ProcessState, shellCommand(m.args)))
	}
}

func (m *localMember) running() bool {
	select {
	case <-m.exited:
		return false
	default:
		return true
	}
}

func (s *localSet) printLocked(m *localMember, text string) {
	printf(s.out, "%s  %s  %s\n", time.Now().Format("15:04:05.000"), m.host, text)
}

// shellCommand quotes arguments where a shell needs it.
func shellCommand(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		if a == "" || strings.Trim(a, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,=+@%") != "" {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		quoted[i] = a
	}
	return strings.Join(quoted, " ")
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
