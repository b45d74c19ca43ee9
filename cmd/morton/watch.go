package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// watch prints what happens in the set until ctx ends. Members push their changes (the awaitable hello), as they do to drivers.
func (s *localSet) watch(ctx context.Context) {
	var all sync.WaitGroup
	lost := &lastLoss{}
	for _, m := range s.members {
		all.Go(func() { s.watchMember(ctx, m, lost) })
		all.Go(func() { s.watchProcess(ctx, m) })
	}
	all.Wait()
}

// lastLoss is when the set last lost its primary. It is guarded by the set's mu.
type lastLoss struct {
	host string
	at   time.Time
}

func (s *localSet) watchMember(ctx context.Context, m *localMember, lost *lastLoss) {
	for ctx.Err() == nil {
		_ = s.followMember(ctx, m, lost)
		if ctx.Err() == nil {
			s.changed(m, memberState{name: unreachable}, lost)
			sleep(ctx, 20*time.Millisecond)
		}
	}
}

// followMember keeps one connection to the member and waits for its changes, until the connection ends.
func (s *localSet) followMember(ctx context.Context, m *localMember, lost *lastLoss) error {
	c, err := dialMember(ctx, m.host)
	if err != nil {
		return err
	}
	defer c.close()
	var version document.Value
	for {
		// The member answers after 10 seconds if nothing has changed; one that hangs does not.
		wait, cancel := context.WithTimeout(ctx, 15*time.Second)
		hello, err := c.hello(wait, version)
		cancel()
		if err != nil {
			return err
		}
		s.changed(m, stateOf(hello), lost)
		if version = hello.Lookup("topologyVersion"); version.IsMissing() {
			sleep(ctx, 100*time.Millisecond)
		}
	}
}

// changed prints a change of a member's state.
func (s *localSet) changed(m *localMember, now memberState, lost *lastLoss) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := m.state
	m.state = now
	if was.name == now.name {
		return
	}
	if was.name == "PRIMARY" {
		*lost = lastLoss{host: m.host, at: time.Now()}
	}
	text := was.name + " → " + now.name
	if now.name == "PRIMARY" {
		text += fmt.Sprintf(", term %d", now.term)
		if lost.host != "" && lost.host != m.host {
			text += fmt.Sprintf(", %d ms after %s was lost", time.Since(lost.at).Milliseconds(), lost.host)
		}
		lost.host = ""
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
