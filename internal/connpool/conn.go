package connpool

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/mortondb/morton/internal/wire"
)

// Conn is a connection. It is used by one goroutine at a time.
type Conn struct {
	opts       *Options
	pool       *Pool // nil: it belongs to none
	id         int64
	generation uint64
	hello      Hello

	nc     net.Conn     // what is written to and read from
	under  net.Conn     // nc without TLS
	sock   exchanger    // nc, if it can do what that can
	carry  *wire.Buffer // what came behind the last reply
	last   int          // size of the last reply
	expect int32        // what the next reply answers
	more   bool         // another reply follows by itself
	dead   bool         // something failed; it cannot be used any more

	// Guarded by pool.mu:
	lent    bool
	index   int    // in pool.all
	gone    bool   // not in pool.all any more
	failing bool   // could not be made, and is going to be out
	stop    func() // ends the dialling and greeting; nil when that is over

	idleSince time.Duration // on the pool's clock

	unhook func() bool // where there is no pool: ends the context's call back

	mu          sync.Mutex      // guards, between the operation and those who end it:
	ctx         context.Context // of the operation, if it can end
	interrupted bool            // by ctx
	closed      bool
	cause       error // why it was closed, if the pool did
}

// Dial makes a connection that belongs to no pool and does not authenticate, as those do who watch the server.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	c := &Conn{opts: o.complete()}
	if err := c.establish(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Hello returns what the server said when the connection was made. It must not be changed.
func (c *Conn) Hello() *Hello { return &c.hello }

// ID returns the connection's number in its pool.
func (c *Conn) ID() int64 { return c.id }

// Generation returns the pool's generation that the connection was made in.
func (c *Conn) Generation() uint64 { return c.generation }

// Address returns the server's address.
func (c *Conn) Address() string { return c.opts.Address }

// Close closes the connection. Anybody may call it, any number of times; an operation that runs fails. A connection of
// a pool is put back even so.
func (c *Conn) Close() { c.closeBecause(nil) }

func (c *Conn) closeBecause(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed, c.cause = true, cause
	if c.under != nil {
		// TLS would want to say good-bye, and wait for a server that may not listen any more.
		c.under.Close()
	}
}

// establish dials and does the handshakes. ctx bounds them together with ConnectTimeout.
func (c *Conn) establish(ctx context.Context) *Error {
	if c.opts.ConnectTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.opts.ConnectTimeout)
		defer cancel()
	}
	if err := c.dial(ctx); err != nil {
		return err
	}
	return c.greet(ctx)
}

func (c *Conn) dial(ctx context.Context) *Error {
	nc, err := c.opts.Dial(ctx, c.opts.network(), c.opts.Address)
	if err != nil {
		return c.failed(ctx, OpDial, false, err)
	}
	if !c.adopt(nc) {
		nc.Close()
		return c.failed(ctx, OpDial, false, net.ErrClosed)
	}
	if c.opts.TLS == nil {
		c.sock = newSocket(nc)
		return nil
	}
	secure := tls.Client(nc, c.opts.TLS)
	if err := secure.HandshakeContext(ctx); err != nil {
		return c.failed(ctx, OpTLS, false, err)
	}
	c.mu.Lock()
	c.nc = secure
	c.mu.Unlock()
	return nil
}

// adopt makes nc the connection's, unless it has been closed meanwhile.
func (c *Conn) adopt(nc net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.nc, c.under = nc, nc
	return true
}

// failed closes the connection and returns why: who interrupted it, if somebody did, knows better than the socket.
func (c *Conn) failed(ctx context.Context, op Op, sent bool, err error) *Error {
	c.mu.Lock()
	switch {
	case c.cause != nil:
		err = c.cause
	case c.interrupted, op <= OpTLS:
		if ctx.Err() != nil {
			err = ctx.Err()
		}
	}
	c.mu.Unlock()
	c.dead = true
	c.Close()
	return c.fault(op, sent, err)
}

func (c *Conn) fault(op Op, sent bool, err error) *Error {
	return &Error{Op: op, Address: c.opts.Address, Sent: sent, Generation: c.generation, Err: err}
}
