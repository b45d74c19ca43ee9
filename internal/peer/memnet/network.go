package memnet

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"time"
)

// Link is how one direction between two hosts behaves. The zero Link is perfect.
type Link struct {
	// Cut holds everything back, as if packets were lost: data and the news that a connection was closed arrive
	// after the cut ends, and dialling takes until then.
	Cut bool
	// Delay and Jitter are how long data travels: Delay and up to Jitter more. It never overtakes other data.
	Delay, Jitter time.Duration
	// Break is the probability that a write breaks its connection.
	Break float64
}

// Network connects hosts, which are known by their address.
type Network struct {
	mu        sync.Mutex
	rng       *rand.Rand
	listeners map[string]*listener
	links     map[[2]string]Link
	conns     map[*conn]struct{}
	changed   chan struct{} // closed when a link or a listener changes
	port      int
}

// New returns a network whose chances follow from seed.
func New(seed uint64) *Network {
	return &Network{rng: rand.New(rand.NewPCG(seed, 0)), listeners: map[string]*listener{}, links: map[[2]string]Link{},
		conns: map[*conn]struct{}{}, changed: make(chan struct{})}
}

// Set makes the direction from one host to another behave as l.
func (n *Network) Set(from, to string, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links[[2]string{from, to}] = l
	n.changedLocked()
}

// Change applies f to both directions between all the hosts given.
func (n *Network) Change(hosts []string, f func(from, to string, l *Link)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, from := range hosts {
		for _, to := range hosts {
			if from != to {
				l := n.links[[2]string{from, to}]
				f(from, to, &l)
				n.links[[2]string{from, to}] = l
			}
		}
	}
	n.changedLocked()
}

func (n *Network) changedLocked() {
	close(n.changed)
	n.changed = make(chan struct{})
	for c := range n.conns {
		c.in.setCut(c.in.link().Cut)
	}
}

// Kill does what the end of a host's process does: its listener and connections close.
func (n *Network) Kill(host string) {
	n.mu.Lock()
	l := n.listeners[host]
	var conns []*conn
	for c := range n.conns {
		if c.local == host {
			conns = append(conns, c)
		}
	}
	n.mu.Unlock()
	if l != nil {
		_ = l.Close()
	}
	for _, c := range conns {
		_ = c.Close()
	}
}

// Listen takes connections for host.
func (n *Network) Listen(host string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[host] != nil {
		return nil, opError("listen", host, syscall.EADDRINUSE)
	}
	l := &listener{net: n, host: host, backlog: make(chan *conn, 128), closed: make(chan struct{})}
	n.listeners[host] = l
	n.changedLocked()
	return l, nil
}

// Dial connects from one host to another. While the way there or back is cut it waits; where nobody listens it is
// refused.
func (n *Network) Dial(ctx context.Context, from, to string) (net.Conn, error) {
	for {
		n.mu.Lock()
		out, back := n.links[[2]string{from, to}], n.links[[2]string{to, from}]
		changed := n.changed
		if !out.Cut && !back.Cut {
			c, err := n.connectLocked(from, to)
			n.mu.Unlock()
			if err == nil {
				err = pause(ctx, out.Delay+back.Delay)
			}
			if err != nil {
				if c != nil {
					_ = c.Close()
				}
				return nil, opError("dial", to, err)
			}
			return c, nil
		}
		n.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, opError("dial", to, ctx.Err())
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *Network) connectLocked(from, to string) (*conn, error) {
	l := n.listeners[to]
	if l == nil {
		return nil, syscall.ECONNREFUSED
	}
	n.port++
	there, back := newPipe(), newPipe()
	client := &conn{net: n, local: from, remote: to, port: n.port, in: back, out: there}
	server := &conn{net: n, local: to, remote: from, port: n.port, in: there, out: back}
	there.link = func() Link { return n.links[[2]string{from, to}] }
	back.link = func() Link { return n.links[[2]string{to, from}] }
	select {
	case l.backlog <- server:
	default:
		return nil, syscall.ECONNREFUSED
	}
	n.conns[client], n.conns[server] = struct{}{}, struct{}{}
	return client, nil
}

func opError(op, host string, err error) error {
	return &net.OpError{Op: op, Net: "mem", Addr: addr(host), Err: err}
}

type addr string

func (addr) Network() string  { return "mem" }
func (a addr) String() string { return string(a) }

type listener struct {
	net     *Network
	host    string
	backlog chan *conn
	closed  chan struct{}
	once    sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.backlog:
		return c, nil
	case <-l.closed:
		return nil, opError("accept", l.host, net.ErrClosed)
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		if l.net.listeners[l.host] == l {
			delete(l.net.listeners, l.host)
		}
		l.net.changedLocked()
	})
	for {
		select {
		case c := <-l.backlog:
			_ = c.Close()
		default:
			return nil
		}
	}
}

func (l *listener) Addr() net.Addr { return addr(l.host) }

// conn is one end of a connection.
type conn struct {
	net           *Network
	local, remote string
	port          int
	in, out       *pipe
}

func (c *conn) LocalAddr() net.Addr  { return addr(c.local) }
func (c *conn) RemoteAddr() net.Addr { return addr(fmt.Sprintf("%s#%d", c.remote, c.port)) }

func (c *conn) Read(p []byte) (int, error) {
	k, err := c.in.read(p)
	if err != nil && err != io.EOF {
		err = opError("read", c.remote, err)
	}
	return k, err
}

func (c *conn) Write(p []byte) (int, error) {
	c.net.mu.Lock()
	l := c.out.link()
	broken := l.Break > 0 && c.net.rng.Float64() < l.Break
	delay := l.Delay
	if l.Jitter > 0 {
		delay += time.Duration(c.net.rng.Int64N(int64(l.Jitter)))
	}
	c.net.mu.Unlock()
	if broken {
		c.out.breakOff()
		c.in.breakOff()
		return 0, opError("write", c.remote, syscall.ECONNRESET)
	}
	k, err := c.out.write(p, delay)
	if err != nil {
		err = opError("write", c.remote, err)
	}
	return k, err
}

func (c *conn) Close() error {
	c.net.mu.Lock()
	delete(c.net.conns, c)
	l := c.out.link()
	c.net.mu.Unlock()
	c.out.closeWrite(l.Delay)
	c.in.closeRead()
	return nil
}

func (c *conn) SetDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.readDeadline, t)
	c.out.setDeadline(&c.out.writeDeadline, t)
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.readDeadline, t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(&c.out.writeDeadline, t)
	return nil
}

var _ net.Conn = (*conn)(nil)
