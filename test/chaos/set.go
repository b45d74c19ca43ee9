//go:build linux

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
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/test/process"
)

const (
	setName      = "chaos"
	inNamespace  = "MORTON_CHAOS_NAMESPACE" // in the environment: the name of the namespace that this process is in
	diskSize     = "1g"
	oplogMB      = "64"
	startTimeout = 30 * time.Second
	watchEvery   = 50 * time.Millisecond
	probeEvery   = 5 * time.Millisecond
	probeTimeout = 300 * time.Millisecond
)

// set is the members, and what happened to them.
type set struct {
	binary    string
	directory string
	namespace string // the start of the namespaces' names; empty: members are not in any
	started   time.Time
	members   []*member

	mu      sync.Mutex
	events  []event
	roles   []roleChange
	primary int // the last one known, as an index
	terms   map[int64]bool
}

// event is something that was done to a member, or that it did.
type event struct {
	At   time.Duration
	What string
}

// roleChange says what a member is from then on.
type roleChange struct {
	At     time.Duration
	Member int
	Role   string
}

// member is one process.
type member struct {
	set      *set
	number   int // from 0
	address  string
	port     string
	dbpath   string
	expected bool // guarded by set.mu: that it ends is our doing
	cmd      *exec.Cmd
	ended    chan struct{}
}

// runInNamespace runs this program again in a network namespace in which it can make others.
func runInNamespace(ctx context.Context) (int, error) {
	name := fmt.Sprintf("morton-chaos-%d", os.Getpid())
	if err := command("ip", "netns", "add", name); err != nil {
		fmt.Fprintln(os.Stderr, "chaos: no network namespaces, so nobody is cut off:", err)
		name = "-"
	} else {
		defer command("ip", "netns", "del", name)
	}
	args := append([]string{"netns", "exec", name}, os.Args...)
	cmd := exec.CommandContext(ctx, "ip", args...)
	if name == "-" {
		cmd = exec.CommandContext(ctx, os.Args[0], os.Args[1:]...)
	}
	cmd.Env = append(os.Environ(), inNamespace+"="+name)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

func command(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// newSet makes the members' places and starts them.
func newSet(s settings) (c *set, err error) {
	c = &set{binary: s.binary, started: time.Now(), primary: -1, terms: map[int64]bool{}}
	if name := os.Getenv(inNamespace); name != "" && name != "-" {
		c.namespace = name
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if c.directory, err = os.MkdirTemp("", "morton-chaos-"); err != nil {
		return c, err
	}
	if c.namespace != "" {
		err = errors.Join(command("ip", "link", "set", "lo", "up"), command("ip", "link", "add", "br0", "type", "bridge"),
			command("ip", "addr", "add", "10.77.0.254/24", "dev", "br0"), command("ip", "link", "set", "br0", "up"))
		if err != nil {
			return c, err
		}
	}
	for i := range s.members {
		m := &member{set: c, number: i, dbpath: filepath.Join(c.directory, fmt.Sprint("data", i))}
		c.members = append(c.members, m)
		if err := m.place(); err != nil {
			return c, err
		}
		if err := m.start(); err != nil {
			return c, err
		}
	}
	return c, nil
}

// place makes the member's namespace, address and disk.
func (m *member) place() error {
	if err := os.MkdirAll(m.dbpath, 0o755); err != nil {
		return err
	}
	if m.set.namespace == "" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		m.address = l.Addr().String()
		_, m.port, err = net.SplitHostPort(m.address)
		return err
	}
	m.port = "27017"
	m.address = net.JoinHostPort(m.ip(), m.port)
	ns, link := m.namespace(), fmt.Sprint("v", m.number)
	return errors.Join(
		command("mount", "-t", "tmpfs", "-o", "size="+diskSize, "tmpfs", m.dbpath),
		command("ip", "netns", "add", ns),
		command("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", ns),
		command("ip", "link", "set", link, "master", "br0"),
		command("ip", "link", "set", link, "up"),
		command("ip", "-n", ns, "link", "set", "lo", "up"),
		command("ip", "-n", ns, "addr", "add", m.ip()+"/24", "dev", "eth0"),
		command("ip", "-n", ns, "link", "set", "eth0", "up"))
}

func (m *member) ip() string        { return fmt.Sprintf("10.77.0.%d", m.number+1) }
func (m *member) namespace() string { return fmt.Sprintf("%s-%d", m.set.namespace, m.number) }
func (m *member) String() string    { return fmt.Sprintf("member %d", m.number) }

// start starts the process on the data that there is.
func (m *member) start() error {
	log, err := os.OpenFile(filepath.Join(m.set.directory, fmt.Sprintf("member%d.log", m.number)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{m.set.binary, "serve", "--dbpath", m.dbpath, "--port", m.port, "--replSet", setName, "--bind_ip_all", "--nounixsocket", "--oplogSize", oplogMB,
		"--wiredTigerCacheSizeGB", "0.25"}
	if m.set.namespace != "" {
		args = append([]string{"ip", "netns", "exec", m.namespace()}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	m.set.mu.Lock()
	m.cmd, m.ended, m.expected = cmd, ended, false
	m.set.mu.Unlock()
	go func() {
		err := cmd.Wait()
		m.set.mu.Lock()
		expected := m.expected
		m.set.mu.Unlock()
		if !expected {
			m.set.note("%v ended by itself: %v", m, err)
		}
		close(ended)
	}()
	return nil
}

// running reports whether the process is there.
func (m *member) running() bool {
	select {
	case <-m.ended:
		return false
	default:
		return true
	}
}

// end sends a signal that ends the process, and waits for the end; one that takes too long is killed.
func (m *member) end(sig syscall.Signal) {
	m.set.mu.Lock()
	m.expected = true
	m.set.mu.Unlock()
	_ = m.cmd.Process.Signal(sig)
	select {
	case <-m.ended:
	case <-time.After(startTimeout):
		m.set.note("%v does not end on %v: killed", m, sig)
		_ = m.cmd.Process.Kill()
		<-m.ended
	}
}

// initiate makes a set of the members and waits for its primary.
func (c *set) initiate(ctx context.Context) error {
	var members bson.A
	for _, m := range c.members {
		members = append(members, bson.D{{Key: "_id", Value: m.number}, {Key: "host", Value: m.address}})
		if err := c.eventually(ctx, func() bool { _, err := m.run("admin", bson.D{{Key: "ping", Value: 1}}); return err == nil }); err != nil {
			return fmt.Errorf("%v does not answer: %w", m, err)
		}
	}
	reply, err := c.members[0].run("admin", bson.D{{Key: "replSetInitiate", Value: bson.D{{Key: "_id", Value: setName}, {Key: "members", Value: members}}}})
	if err != nil || !process.Succeeded(reply) {
		return fmt.Errorf("replSetInitiate: %w %s", err, reply)
	}
	return c.eventually(ctx, c.healthy)
}

// run runs a command on a connection of its own.
func (m *member) run(db string, cmd bson.D) (bson.Raw, error) {
	c := process.Conn{Address: m.address, Timeout: time.Second}
	defer c.Close()
	return c.Run(db, cmd)
}

func (c *set) eventually(ctx context.Context, cond func() bool) error {
	for deadline := time.Now().Add(2 * startTimeout); !cond(); {
		if time.Now().After(deadline) {
			return errors.New("not in a minute")
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// healthy reports whether there is one primary and all others follow it.
func (c *set) healthy() bool {
	primaries, secondaries := 0, 0
	for _, m := range c.members {
		switch role, _ := m.role(); role {
		case "primary":
			primaries++
		case "secondary":
			secondaries++
		}
	}
	return primaries == 1 && secondaries == len(c.members)-1
}

// role asks a member what it is.
func (m *member) role() (role string, term int64) {
	hello, err := m.run("admin", bson.D{{Key: "hello", Value: 1}})
	if err != nil {
		return "down", 0
	}
	if id, ok := hello.Lookup("electionId").ObjectIDOK(); ok {
		term = int64(id[11]) | int64(id[10])<<8 | int64(id[9])<<16 // electionId ends with the term
	}
	if yes, _ := hello.Lookup("isWritablePrimary").BooleanOK(); yes {
		return "primary", term
	}
	if yes, _ := hello.Lookup("secondary").BooleanOK(); yes {
		return "secondary", 0
	}
	return "other", 0
}

// watch notes who is what, and when somebody takes a write, until ctx ends.
func (c *set) watch(ctx context.Context, h *history) {
	var wg sync.WaitGroup
	for _, m := range c.members {
		wg.Go(func() { m.probe(ctx, h) })
		wg.Go(func() {
			for last := ""; ctx.Err() == nil; time.Sleep(watchEvery) {
				role, term := m.role()
				c.mu.Lock()
				if role == "primary" {
					c.primary = m.number
					c.terms[term] = true
				}
				if role != last {
					c.roles = append(c.roles, roleChange{time.Since(c.started), m.number, role})
				}
				c.mu.Unlock()
				last = role
			}
		})
	}
	wg.Wait()
}

// probe asks the member to take a write, again and again, as a client that has just come would.
func (m *member) probe(ctx context.Context, h *history) {
	id := bson.D{{Key: "_id", Value: m.number}}
	write := bson.D{{Key: "update", Value: "probe"}, {Key: "updates", Value: bson.A{bson.D{{Key: "q", Value: id},
		{Key: "u", Value: bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}}, {Key: "upsert", Value: true}}}},
		{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}, {Key: "wtimeout", Value: probeTimeout.Milliseconds()}}}}
	c := process.Conn{Address: m.address, Timeout: probeTimeout}
	defer c.Close()
	for ; ctx.Err() == nil; time.Sleep(probeEvery) {
		reply, err := c.Run(database, write)
		if _, late := reply.LookupErr("writeConcernError"); err == nil && process.Succeeded(reply) && late != nil {
			h.served.add(h.now())
		}
	}
}

// pick returns the primary, or one of the others.
func (c *set) pick(primary bool, n int) *member {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := max(c.primary, 0)
	if primary {
		return c.members[p]
	}
	return c.members[(p+1+n%(len(c.members)-1))%len(c.members)]
}

func (c *set) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, event{time.Since(c.started), fmt.Sprintf(format, args...)})
}

// uri is the connection string of all members.
func (c *set) uri() string {
	var hosts []string
	for _, m := range c.members {
		hosts = append(hosts, m.address)
	}
	return "mongodb://" + strings.Join(hosts, ",") + "/?replicaSet=" + setName
}

// compare has morton check compare the members.
func (c *set) compare(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, c.binary, "check", c.uri()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("morton check: %w\n%s", err, out)
	}
	return nil
}

// close ends the members and takes their places away.
func (c *set) close() (err error) {
	for _, m := range c.members {
		if m.cmd != nil && m.running() {
			m.set.mu.Lock()
			m.expected = true
			m.set.mu.Unlock()
			_ = m.cmd.Process.Kill()
			<-m.ended
		}
		if c.namespace != "" {
			err = errors.Join(err, command("umount", m.dbpath), command("ip", "netns", "del", m.namespace()))
		}
	}
	return errors.Join(err, os.RemoveAll(c.directory))
}

// keepLogs copies the members' logs into a directory.
func (c *set) keepLogs(to string) error {
	var errs error
	for _, m := range c.members {
		name := fmt.Sprintf("member%d.log", m.number)
		in, err := os.Open(filepath.Join(c.directory, name))
		if err != nil {
			errs = errors.Join(errs, err)
			continue
		}
		out, err := os.Create(filepath.Join(to, name))
		if err == nil {
			_, err = io.Copy(out, in)
			err = errors.Join(err, out.Close())
		}
		errs = errors.Join(errs, err, in.Close())
	}
	return errs
}

// prefer gives a member a higher priority than the others; nil: all have the same.
func (c *set) prefer(m *member) error {
	primary := c.pick(true, 0)
	reply, err := primary.run("admin", bson.D{{Key: "replSetGetConfig", Value: 1}})
	if err != nil || !process.Succeeded(reply) {
		return fmt.Errorf("replSetGetConfig: %w %s", err, reply)
	}
	var config struct {
		ID              string `bson:"_id"`
		Version         int32
		Term            int64
		ProtocolVersion int64 `bson:"protocolVersion"`
		Members         []bson.M
		Settings        bson.M
	}
	if err := bson.Unmarshal(reply.Lookup("config").Value, &config); err != nil {
		return err
	}
	config.Version++
	for _, x := range config.Members {
		x["priority"] = 1
		if m != nil && x["host"] == m.address {
			x["priority"] = 2
		}
	}
	reply, err = primary.run("admin", bson.D{{Key: "replSetReconfig", Value: config}})
	if err != nil || !process.Succeeded(reply) {
		return fmt.Errorf("replSetReconfig: %w %s", err, reply)
	}
	return nil
}

// fill leaves no room on the member's disk; the function that it returns makes room again.
func (m *member) fill() (undo func()) {
	path := filepath.Join(m.dbpath, "ballast")
	f, err := os.Create(path)
	if err != nil {
		return func() {}
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for size := len(block); size > 0; {
		if n, err := f.Write(block[:size]); err != nil || n < size {
			size /= 2 // to the last byte
		}
	}
	return func() { _ = os.Remove(path) }
}

// wipe empties the member's disk.
func (m *member) wipe() {
	entries, _ := os.ReadDir(m.dbpath)
	for _, e := range entries {
		_ = os.RemoveAll(filepath.Join(m.dbpath, e.Name()))
	}
}

// cutTo drops everything that the member sends to others; the function that it returns ends that.
func (m *member) cutTo(others ...*member) (undo func()) {
	for _, o := range others {
		_ = command("ip", "-n", m.namespace(), "route", "add", "blackhole", o.ip()+"/32")
	}
	return func() {
		for _, o := range others {
			_ = command("ip", "-n", m.namespace(), "route", "del", "blackhole", o.ip()+"/32")
		}
	}
}

// others are all members but this one.
func (m *member) others() []*member {
	return slices.DeleteFunc(slices.Clone(m.set.members), func(o *member) bool { return o == m })
}

// unplug takes the member off the network.
func (m *member) unplug() (undo func()) {
	link := fmt.Sprint("v", m.number)
	_ = command("ip", "link", "set", link, "down")
	return func() { _ = command("ip", "link", "set", link, "up") }
}

// pid is the process id, for messages.
func (m *member) pid() string { return strconv.Itoa(m.cmd.Process.Pid) }
