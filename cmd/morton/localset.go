package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/internal/options"
)

// How long things may take before up gives up.
const (
	startTime  = 60 * time.Second
	settleTime = 2 * time.Second // for secondaries, once there is a primary
	stopTime   = 20 * time.Second
	pollTime   = 5 * time.Millisecond
)

// localSet is a replica set of processes on this machine.
type localSet struct {
	name    string
	members []*localMember
	out     io.Writer
	news    chan struct{} // a member's state has changed; holds one

	mu      sync.Mutex // held while a line is printed
	showing bool       // changes are printed
	lost    loss
}

// localMember is one process.
type localMember struct {
	host   string
	port   int
	args   []string // of the program, for a person to start the member again
	dir    string
	log    string
	cmd    *exec.Cmd
	stdin  io.Closer     // the member stops when it is closed
	exited chan struct{} // closed when the process has ended
	state  memberState   // guarded by the set's mu
}

func newLocalSet(o *upOptions, out io.Writer) (*localSet, error) {
	s := &localSet{name: o.Set, out: out, news: make(chan struct{}, 1)}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var hosts []string
	for n := range o.Members {
		hosts = append(hosts, "localhost:"+strconv.Itoa(o.Port+n))
	}
	for n, host := range hosts {
		m := &localMember{host: host, port: o.Port + n, dir: filepath.Join(o.dbpath, fmt.Sprintf("member%d", n+1)), exited: make(chan struct{})}
		m.log = m.dir + ".log"
		replSet := o.Set
		if seeds := without(hosts, n); len(seeds) > 0 {
			replSet += "/" + strings.Join(seeds, ",")
		}
		m.args = []string{exe, "serve", "--dbpath", m.dir, "--port", strconv.Itoa(m.port), "--replSet", replSet, "--bind_ip", "localhost", "--rest", "--logpath", m.log, "--logappend"}
		if err := os.MkdirAll(m.dir, 0o755); err != nil {
			return nil, err
		}
		s.members = append(s.members, m)
	}
	return s, o.save()
}

func without(list []string, n int) []string {
	var rest []string
	for i, s := range list {
		if i != n {
			rest = append(rest, s)
		}
	}
	return rest
}

// start starts all members, initiates the set if it is new, and waits for a primary. The client that it returns tells the set what happens.
func (s *localSet) start(ctx context.Context) (client *morton.Client, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for _, m := range s.members {
		if err := m.start(); err != nil {
			return nil, err
		}
	}
	for _, m := range s.members {
		if err := m.waitReady(ctx); err != nil {
			return nil, err
		}
	}
	if err := s.initiate(ctx); err != nil {
		return nil, err
	}
	if client, err = s.follow(); err != nil {
		return nil, err
	}
	return client, s.waitPrimary(ctx)
}

func (m *localMember) start() error {
	cmd := exec.Command(m.args[0], m.args[1:]...)
	cmd.Env = append(os.Environ(), stopWithStdin+"=1")
	ownGroup(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	// What the member says before it has a log comes to the log, too.
	log, err := os.OpenFile(m.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", m.host, err)
	}
	m.cmd, m.stdin = cmd, stdin
	go func() {
		_ = cmd.Wait()
		close(m.exited)
	}()
	return nil
}

// waitReady waits until the member takes connections.
func (m *localMember) waitReady(ctx context.Context) error {
	for {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", m.host)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-m.exited:
			return fmt.Errorf("%s ended with %v when it was started. The end of %s:\n%s", m.host, m.cmd.ProcessState, m.log, tail(m.log, 5))
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w. The end of %s:\n%s", m.host, err, m.log, tail(m.log, 5))
		case <-time.After(pollTime):
		}
	}
}

// config is that of a client of the set.
func (s *localSet) config() (*morton.Config, error) {
	var hosts []string
	for _, m := range s.members {
		hosts = append(hosts, m.host)
	}
	return parseSet(strings.Join(hosts, ","))
}

// initiate makes the set, unless one of the members knows that it is in one.
func (s *localSet) initiate(ctx context.Context) error {
	config, err := s.config()
	if err != nil {
		return err
	}
	members := bson.A{}
	for i, m := range s.members {
		hello, err := runOn(ctx, config, m.host, askHello)
		if err != nil {
			return fmt.Errorf("%s does not answer: %w. The end of %s:\n%s", m.host, err, m.log, tail(m.log, 5))
		}
		if stateOf(hello).name != "STARTUP" {
			return nil
		}
		members = append(members, bson.D{{Key: "_id", Value: i}, {Key: "host", Value: m.host}})
	}
	_, err = runOn(ctx, config, s.members[0].host, field("replSetInitiate", bson.D{{Key: "_id", Value: s.name}, {Key: "members", Value: members}}))
	if err != nil {
		return fmt.Errorf("replSetInitiate on %s: %w", s.members[0].host, err)
	}
	return nil
}

// waitPrimary waits until one of the members accepts writes, and then a little for the others to follow it.
func (s *localSet) waitPrimary(ctx context.Context) error {
	var late <-chan time.Time
	for {
		primary, settled := s.settled()
		switch {
		case primary && settled:
			return nil
		case primary && late == nil:
			late = time.After(settleTime)
		}
		select {
		case <-s.news:
		case <-late:
			return nil
		case <-ctx.Done():
			return errors.New("the set has no primary after " + startTime.String() + "; the members' logs are beside their data")
		}
	}
}

// settled reports whether there is a primary, and whether all others are secondaries.
func (s *localSet) settled() (primary, all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, m := range s.members {
		if m.state.name == "PRIMARY" || m.state.name == "SECONDARY" {
			n++
		}
	}
	return s.primary() != nil, n == len(s.members)
}

// primary returns the member that is primary. s.mu is held.
func (s *localSet) primary() *localMember {
	for _, m := range s.members {
		if m.state.name == "PRIMARY" {
			return m
		}
	}
	return nil
}

func (s *localSet) printBanner(o *upOptions) {
	var hosts []string
	for _, m := range s.members {
		hosts = append(hosts, m.host)
	}
	data := o.dbpath
	if o.ephemeral {
		data += ", removed at the end"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	printf(s.out, "The replica set %q is up: %d member%s on this machine.\n\n", s.name, len(s.members), plural(len(s.members)))
	printf(s.out, "  connect   mongodb://%s/?replicaSet=%s\n", strings.Join(hosts, ","), s.name)
	printf(s.out, "  console   http://localhost:%d/_replSet\n", s.members[0].port+options.ConsoleOffset)
	printf(s.out, "  data      %s\n", data)
	for _, m := range s.members {
		printf(s.out, "  member    %s  pid %d  %s\n", m.host, m.cmd.Process.Pid, m.state.name)
	}
	if p := s.primary(); p != nil && len(s.members) > 2 {
		printf(s.out, "\nTo see a failover, kill the primary in another terminal:\n\n    %s\n\n", killCommand(p))
		printf(s.out, "and watch the next lines here: another member becomes primary, usually within half a second,\nand a driver that is connected with the address above goes on by itself.\n")
	}
	printf(s.out, "\nCtrl-C stops the set.\n\n")
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// killCommand is what to type to kill a member the hard way.
func killCommand(m *localMember) string {
	if runtime.GOOS == "windows" {
		return fmt.Sprintf("taskkill /F /PID %d", m.cmd.Process.Pid)
	}
	return fmt.Sprintf("kill -9 %d", m.cmd.Process.Pid)
}

// stop stops the members, the primary last, so that it has nobody to hand over to and no election disturbs the end.
func (s *localSet) stop() {
	s.mu.Lock()
	last := s.primary()
	s.mu.Unlock()
	var wait sync.WaitGroup
	for _, m := range s.members {
		if m != last {
			wait.Go(m.stop)
		}
	}
	wait.Wait()
	if last != nil {
		last.stop()
	}
}

func (m *localMember) stop() {
	if m.cmd == nil {
		return
	}
	m.stdin.Close()
	select {
	case <-m.exited:
	case <-time.After(stopTime):
		_ = m.cmd.Process.Kill()
		<-m.exited
	}
}

// tail returns the last lines of a file.
func tail(path string, n int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-n):], "\n  ")
}
