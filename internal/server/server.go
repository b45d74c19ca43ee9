package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/wire"
)

// Runner runs commands; [command.Dispatcher] is the one.
type Runner interface {
	Run(ctx context.Context, req *command.Request) command.Reply
}

// Options of a server.
type Options struct {
	Runner Runner
	Logger *slog.Logger // nil: nothing is logged

	// MaxConns is how many connections there may be at a time; what comes beyond is closed at once. 0 means
	// DefaultMaxConns.
	MaxConns int
	// Compressors are those that clients may use, as in command.Options. A message in another one ends its connection.
	Compressors []string
	// Quiet leaves out the lines about each connection that begins and ends.
	Quiet bool
}

// DefaultMaxConns is mongod's default of --maxConns.
const DefaultMaxConns = 1_000_000

// Server takes connections from any number of listeners and serves them.
type Server struct {
	runner      Runner
	log         *slog.Logger
	quiet       bool
	maxConns    int
	compressors [4]bool // by wire.Compressor: may clients use it?
	cursors     legacyCursors
	isLegacy    func(*command.Conn) bool // Conn.Legacy, but for tests without a dispatcher

	ctx    context.Context // ends every operation when the server stops
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // of all goroutines
	lastID atomic.Int64

	mu        sync.Mutex
	listeners map[net.Listener]struct{} // guarded by mu, as all that follows
	conns     map[*conn]struct{}
	closing   bool
	created   int64
	rejected  int64
	gone      traffic // of the connections that have ended
}

// ErrClosed is what Serve returns after Shutdown or Close.
var ErrClosed = errors.New("server closed")

// errShutdown is what ends the operations that are running when the server stops.
var errShutdown = mongoerr.New(mongoerr.InterruptedAtShutdown, "interrupted at shutdown")

// New returns a server that has no listener yet.
func New(o Options) (*Server, error) {
	s := &Server{
		runner: o.Runner, log: o.Logger, quiet: o.Quiet, maxConns: o.MaxConns, isLegacy: (*command.Conn).Legacy,
		listeners: map[net.Listener]struct{}{}, conns: map[*conn]struct{}{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.maxConns == 0 {
		s.maxConns = DefaultMaxConns
	}
	for _, name := range o.Compressors {
		c, ok := wire.ParseCompressor(name)
		if !ok {
			return nil, errors.New("unknown message compressor: " + name)
		}
		s.compressors[c] = true
	}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.wg.Go(s.watchConns)
	return s, nil
}

// Serve takes connections from l until l fails or the server stops; it then returns ErrClosed. It closes l.
func (s *Server) Serve(l net.Listener) error {
	if !s.addListener(l) {
		l.Close()
		return ErrClosed
	}
	defer s.removeListener(l)
	var backOff time.Duration
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			backOff = 0
			s.accept(nc)
		case s.ctx.Err() != nil || s.stopping():
			return ErrClosed
		case !temporary(err):
			return err
		default:
			// Out of file descriptors, or the client has left already. Others will follow; taking them has to wait.
			backOff = min(max(2*backOff, 5*time.Millisecond), time.Second)
			s.log.Error("Error accepting new connection", slog.Any("error", err), slog.Duration("retryIn", backOff))
			select {
			case <-time.After(backOff):
			case <-s.ctx.Done():
			}
		}
	}
}

// temporary reports whether a listener that failed so may work again. The method is deprecated because nobody knows what
// a temporary error of a read or a write is; for Accept, which net/http uses it for too, there is nothing else.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

func (s *Server) addListener(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.listeners[l] = struct{}{}
	s.wg.Add(1)
	return true
}

func (s *Server) removeListener(l net.Listener) {
	l.Close()
	s.mu.Lock()
	delete(s.listeners, l)
	s.mu.Unlock()
	s.wg.Done()
}

func (s *Server) stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// accept starts to serve a connection, or closes it if there are too many.
func (s *Server) accept(nc net.Conn) {
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetNoDelay(true) // it fails only on a connection that is closed
	}
	c := newConn(s, nc)
	s.mu.Lock()
	count := len(s.conns)
	full := count >= s.maxConns
	switch {
	case s.closing:
	case full:
		s.rejected++
	default:
		s.conns[c] = struct{}{}
		s.created++
		s.wg.Go(c.serve)
	}
	refused := s.closing || full
	s.mu.Unlock()

	switch {
	case !refused:
		s.logConn("Connection accepted", c, count+1)
	default:
		c.close()
		if full {
			s.log.Info("Connection refused because there are too many open connections", slog.Int("connectionCount", count), slog.String("remote", c.state.Remote))
		}
	}
}

// forget is called when a connection's goroutine ends.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.gone.add(&c.traffic)
	count := len(s.conns)
	s.mu.Unlock()
	s.logConn("Connection ended", c, count)
}

func (s *Server) logConn(what string, c *conn, count int) {
	if s.quiet {
		return
	}
	s.log.Info(what, slog.String("remote", c.state.Remote), slog.Int64("connectionId", c.state.ID), slog.Int("connectionCount", count))
}
