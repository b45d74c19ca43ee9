package command

import (
	"sync"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// Conn is what the commands know and remember about one client connection. Package server makes one per accepted
// socket and runs its requests one after the other; its methods may be called from any goroutine.
type Conn struct {
	ID     int64  // unique during the life of the process, from 1
	Remote string // the client's address, host:port
	Local  string // the address that it connected to
	Opened time.Time

	mu          sync.Mutex
	client      document.Doc // the client document of the first hello; nil before, or if it had none
	greeted     bool         // a hello or isMaster was answered
	helloOK     bool         // the client said that it understands hello
	compressors []string     // negotiated, in the order of the client's preference
	legacy      bool         // it has used an opcode older than OP_MSG and never sent a client document
}

// NewConn returns the state of a connection that was accepted now.
func NewConn(id int64, remote, local string) *Conn {
	return &Conn{ID: id, Remote: remote, Local: local, Opened: time.Now()}
}

// Compressors returns the names of the compressors that both sides have agreed on, the client's favourite first; nil
// if there was no agreement (yet).
func (c *Conn) Compressors() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.compressors
}

// Legacy reports whether the client is one of those that know nothing newer than OP_QUERY. They learn of a step-down
// only from a closed connection.
func (c *Conn) Legacy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.legacy
}

// Client returns the client document of the connection's first hello; nil if there was none.
func (c *Conn) Client() document.Doc {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.client
}

// AppName returns the name that the application gave itself in the client document.
func (c *Conn) AppName() string {
	return c.Client().LookupPath("application.name").Str()
}
