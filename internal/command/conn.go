package command

import (
	"sync"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Conn is what the commands know and remember about one client connection. Package server makes one per accepted
// socket, runs its requests one after the other and ends it with Close; its methods may be called from any goroutine.
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
	oldOpcodes  bool         // it has used an opcode older than OP_MSG
	last        lastError    // what getLastError says
	member      bool         // it was given to another member
	current     *operation   // what runs now; what currentOp shows of it does not change any more
	forget      func()       // takes it off the dispatcher's list; nil before the first request
	closed      bool
}

// NewConn returns the state of a connection that was accepted now.
func NewConn(id int64, remote, local string) *Conn {
	return &Conn{ID: id, Remote: remote, Local: local, Opened: time.Now()}
}

// Close ends the connection's state: the dispatcher forgets it. No request may follow.
func (c *Conn) Close() {
	c.mu.Lock()
	forget := c.forget
	c.forget, c.closed = nil, true
	c.mu.Unlock()
	if forget != nil {
		forget()
	}
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
	return c.oldOpcodes && c.client == nil
}

// NoteError makes err what getLastError says; nil: nothing. Package server calls it for what came by an old opcode and
// never became a command, and after reads by old opcodes, which have no error of that kind.
func (c *Conn) NoteError(err *mongoerr.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = lastError{err: err}
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

// saysHello reports whether the client has said that it knows the words of today.
func (c *Conn) saysHello() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.helloOK
}

// noteRequest notes that a request has come. At the first one it keeps forget, for Close, and reports true.
func (c *Conn) noteRequest(oldOpcode bool, forget func()) (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.oldOpcodes = c.oldOpcodes || oldOpcode
	if c.forget != nil || c.closed {
		return false
	}
	c.forget = forget
	return true
}

// noteMember notes that the connection is one between members from now on.
func (c *Conn) noteMember() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.member = true
}

func (c *Conn) isMember() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.member
}

// setCurrent makes o what currentOp shows; nil ends that. From then on o's request is not looked at by others.
func (c *Conn) setCurrent(o *operation) {
	c.mu.Lock()
	c.current = o
	c.mu.Unlock()
}

// withCurrent calls use with what is running, if anything is, and keeps its request alive meanwhile.
func (c *Conn) withCurrent(use func(*operation)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		use(c.current)
	}
}
