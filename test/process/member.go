package process

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const startTimeout = 60 * time.Second

// Member is a set of one member in a process and a directory of its own.
type Member struct {
	Address   string
	command   *exec.Cmd
	directory string
}

// StartMember starts a binary, morton or mongod, as the one member of a set, and waits until it takes writes.
func StartMember(binary string) (m *Member, err error) {
	m = &Member{}
	defer func() {
		if err != nil {
			m.Close()
		}
	}()
	if m.directory, err = os.MkdirTemp("", "morton-member-"); err != nil {
		return m, err
	}
	var port int
	if m.Address, port, err = freeAddress(); err != nil {
		return m, err
	}
	if err = m.start(binary, port); err != nil {
		return m, err
	}
	return m, m.initiate()
}

func (m *Member) start(binary string, port int) error {
	dbpath := filepath.Join(m.directory, "data")
	if err := os.Mkdir(dbpath, 0o755); err != nil {
		return err
	}
	log, err := os.Create(m.LogPath())
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"--dbpath", dbpath, "--port", strconv.Itoa(port), "--replSet", "rs0", "--bind_ip", "127.0.0.1",
		"--wiredTigerCacheSizeGB", "0.25", "--setParameter", "enableTestCommands=1"}
	if filepath.Base(binary) != "mongod" {
		args = append([]string{"serve"}, args...)
	}
	m.command = exec.Command(binary, args...)
	m.command.Stdout, m.command.Stderr = log, log
	return m.command.Start()
}

// LogPath is the file with what the process printed; it is there until Close.
func (m *Member) LogPath() string { return filepath.Join(m.directory, "log") }

// initiate makes the set and waits for its primary.
func (m *Member) initiate() error {
	c := Conn{Address: m.Address}
	defer c.Close()
	if _, err := retry(func() (bson.Raw, error) { return c.Run("admin", bson.D{{Key: "ping", Value: 1}}) }); err != nil {
		return err
	}
	reply, err := c.Run("admin", bson.D{{Key: "replSetInitiate", Value: bson.D{{Key: "_id", Value: "rs0"},
		{Key: "members", Value: bson.A{bson.D{{Key: "_id", Value: 0}, {Key: "host", Value: m.Address}}}}}}})
	if err != nil || !Succeeded(reply) {
		return fmt.Errorf("replSetInitiate: %v %v", err, reply)
	}
	_, err = retry(func() (bson.Raw, error) {
		hello, err := c.Run("admin", bson.D{{Key: "hello", Value: 1}})
		if writable, _ := hello.Lookup("isWritablePrimary").BooleanOK(); err == nil && !writable {
			err = errors.New("the member does not become primary")
		}
		return hello, err
	})
	return err
}

// Running says whether the process is still there; a test that waits for its end reads why in the log.
func (m *Member) Running() bool {
	c := Conn{Address: m.Address}
	defer c.Close()
	_, err := c.Run("admin", bson.D{{Key: "ping", Value: 1}})
	return err == nil
}

// Close ends the process and removes its directory.
func (m *Member) Close() {
	if m.command != nil && m.command.Process != nil {
		_ = m.command.Process.Kill()
		_ = m.command.Wait()
	}
	if m.directory != "" {
		_ = os.RemoveAll(m.directory)
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
