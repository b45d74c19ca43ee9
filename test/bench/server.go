//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	startTimeout = 60 * time.Second
	clockTick    = 100 // USER_HZ, which is 100 on every Linux that Go runs on
)

// server is a set that is measured: one that was running, or processes that are ours.
type server struct {
	addresses  []string
	primary    string
	primaryPID int
	processes  []*exec.Cmd
	directory  string
}

// openServer starts the binary as a set, or finds the running set of a URI.
func openServer(what string, s settings) (srv *server, err error) {
	srv = &server{}
	defer func() {
		if err != nil {
			srv.close()
		}
	}()
	if hosts, ok := strings.CutPrefix(what, "mongodb://"); ok {
		hosts, _, _ = strings.Cut(hosts, "/")
		srv.addresses = strings.Split(hosts, ",")
	} else if err := srv.start(what, s); err != nil {
		return srv, err
	}
	return srv, srv.findPrimary()
}

// start runs the binary once for each member, in a directory of its own, and initiates the set.
func (srv *server) start(binary string, s settings) (err error) {
	if srv.directory, err = os.MkdirTemp("", "morton-bench-"); err != nil {
		return err
	}
	var members bson.A
	for i := range s.members {
		address, port, err := freeAddress()
		if err != nil {
			return err
		}
		srv.addresses = append(srv.addresses, address)
		members = append(members, bson.D{{Key: "_id", Value: i}, {Key: "host", Value: address}})
		if err := srv.startMember(binary, i, port, s.cacheGB); err != nil {
			return err
		}
	}
	for _, address := range srv.addresses {
		if _, err := retry(func() (bson.Raw, error) { return once(address, "admin", bson.D{{Key: "ping", Value: 1}}) }); err != nil {
			return err
		}
	}
	_, err = once(srv.addresses[0], "admin", bson.D{{Key: "replSetInitiate",
		Value: bson.D{{Key: "_id", Value: "bench"}, {Key: "members", Value: members}}}})
	return err
}

func (srv *server) startMember(binary string, number, port int, cacheGB string) error {
	cmd, err := srv.command(binary, number, port, cacheGB)
	if err != nil {
		return err
	}
	srv.processes = append(srv.processes, cmd)
	return nil
}

// restartMember starts a member again that was stopped, with the data that its directory has.
func (srv *server) restartMember(binary string, number int, cacheGB string) error {
	_, port, err := net.SplitHostPort(srv.addresses[number])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	srv.processes[number], err = srv.command(binary, number, n, cacheGB)
	return err
}

func (srv *server) dbpath(number int) string {
	return filepath.Join(srv.directory, fmt.Sprint("data", number))
}

// command starts the process of a member.
func (srv *server) command(binary string, number, port int, cacheGB string) (*exec.Cmd, error) {
	dbpath := srv.dbpath(number)
	if err := os.MkdirAll(dbpath, 0o755); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(dbpath+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	args := []string{"--dbpath", dbpath, "--port", strconv.Itoa(port), "--replSet", "bench",
		"--bind_ip", "127.0.0.1", "--wiredTigerCacheSizeGB", cacheGB}
	if filepath.Base(binary) != "mongod" {
		args = append([]string{"serve"}, args...)
	}
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd, cmd.Start()
}

// findPrimary waits until a member is primary and the others follow it, and learns the primary's process id.
func (srv *server) findPrimary() error {
	_, err := retry(func() (bson.Raw, error) {
		ready := 0
		for _, address := range srv.addresses {
			hello, err := once(address, "admin", bson.D{{Key: "hello", Value: 1}})
			if err != nil {
				return nil, err
			}
			if writable, _ := hello.Lookup("isWritablePrimary").BooleanOK(); writable {
				srv.primary = address
				ready++
			} else if secondary, _ := hello.Lookup("secondary").BooleanOK(); secondary {
				ready++
			}
		}
		if srv.primary == "" || ready < len(srv.addresses) {
			return nil, fmt.Errorf("%d of %d members are ready", ready, len(srv.addresses))
		}
		return nil, nil
	})
	if err != nil {
		return err
	}
	status, err := once(srv.primary, "admin", bson.D{{Key: "serverStatus", Value: 1}})
	if err != nil {
		return err
	}
	pid, ok := status.Lookup("pid").AsInt64OK()
	if !ok {
		return errors.New("serverStatus has no pid")
	}
	srv.primaryPID = int(pid)
	return nil
}

func (srv *server) dropInserted() error {
	c, err := dial(srv.primary)
	if err != nil {
		return err
	}
	defer c.close()
	return c.dropIfThere("inserted")
}

// close ends the processes that were started here, and removes their data.
func (srv *server) close() {
	for _, cmd := range srv.processes {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if srv.directory != "" {
		_ = os.RemoveAll(srv.directory)
	}
}

func freeAddress() (address string, port int, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", 0, err
	}
	defer l.Close()
	return l.Addr().String(), l.Addr().(*net.TCPAddr).Port, nil
}

// once runs a command on a connection of its own.
func once(address, db string, command bson.D) (bson.Raw, error) {
	c, err := dial(address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.command(db, command)
}

// retry repeats f until it succeeds or startTimeout is over.
func retry(f func() (bson.Raw, error)) (bson.Raw, error) {
	deadline := time.Now().Add(startTimeout)
	for {
		reply, err := f()
		if err == nil || time.Now().After(deadline) {
			return reply, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// cpuTime is the user and system time of a process so far.
func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat is short", pid)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / clockTick, errors.Join(err1, err2)
}
