package process

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const startTimeout = 60 * time.Second

// Member is a member of a set: a process and a directory of its own. A set of one member is one, too.
type Member struct {
	Address   string
	binary    string
	arguments []string
	port      int
	command   *exec.Cmd
	directory string
}

// StartMember starts a binary, morton or mongod, as the one member of a set, and waits until it takes writes.
func StartMember(binary string) (*Member, error) {
	s, err := StartSet(binary, 1)
	return s.Members[0], err
}

// StartAlone starts a binary, morton or mongod, as a server that belongs to no set, with more arguments of its own. Whoever connects waits until
// it listens.
func StartAlone(binary string, arguments ...string) (*Member, error) {
	m, err := newMember(binary, arguments...)
	if err != nil {
		m.Close()
	}
	return m, err
}

func newMember(binary string, arguments ...string) (m *Member, err error) {
	m = &Member{binary: binary, arguments: arguments}
	if m.directory, err = os.MkdirTemp("", "morton-member-"); err != nil {
		return m, err
	}
	if m.Address, m.port, err = freeAddress(); err != nil {
		return m, err
	}
	return m, m.Start()
}

// Start starts the process, for the first time or again.
func (m *Member) Start() error {
	dbpath := filepath.Join(m.directory, "data")
	if err := os.MkdirAll(dbpath, 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(m.LogPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"--dbpath", dbpath, "--port", strconv.Itoa(m.port), "--bind_ip", "127.0.0.1",
		"--wiredTigerCacheSizeGB", "0.25", "--setParameter", "enableTestCommands=1"}
	args = append(args, m.arguments...)
	if filepath.Base(m.binary) != "mongod" {
		args = append([]string{"serve"}, args...)
	}
	m.command = exec.Command(m.binary, args...)
	m.command.Stdout, m.command.Stderr = log, log
	return m.command.Start()
}

// Signal sends the process a signal.
func (m *Member) Signal(s os.Signal) { _ = m.command.Process.Signal(s) }

// Wait waits until the process has ended.
func (m *Member) Wait() { _ = m.command.Wait() }

// Kill ends the process at once, as if the machine had lost its power.
func (m *Member) Kill() {
	if m.command != nil && m.command.Process != nil {
		_ = m.command.Process.Kill()
		m.Wait()
	}
}

// LogPath is the file with what the process printed; it is there until Close.
func (m *Member) LogPath() string { return filepath.Join(m.directory, "log") }

// Running says whether the process is still there; a test that waits for its end reads why in the log.
func (m *Member) Running() bool {
	c := Conn{Address: m.Address}
	defer c.Close()
	_, err := c.Run("admin", bson.D{{Key: "ping", Value: 1}})
	return err == nil
}

// Close ends the process and removes its directory.
func (m *Member) Close() {
	m.Kill()
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
