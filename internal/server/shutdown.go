package server

import "context"

// Shutdown stops the server: no connection is taken any more, idle ones are closed, running operations are interrupted and
// may still send their replies. When ctx ends first, what is left is closed as it is. Shutdown returns when nothing of
// the server runs any more.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	s.closing = true
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.closeWhenIdle()
	}
	s.mu.Unlock()
	s.cancel(errShutdown)

	stop := context.AfterFunc(ctx, func() { s.closeConns(func(*conn) bool { return true }, (*conn).close) })
	defer stop()
	s.wg.Wait()
}

// Close stops the server at once, without waiting for replies to be sent.
func (s *Server) Close() {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	s.Shutdown(now)
}

// CloseLegacy closes the connections of clients that know nothing newer than OP_QUERY, each after the operation that it
// may be running. They learn of a step-down in no other way.
func (s *Server) CloseLegacy() {
	s.closeConns(func(c *conn) bool { return s.isLegacy(c.state) }, (*conn).closeWhenIdle)
}

// CloseClients closes all connections but those of other members, each after the operation that it may be running.
func (s *Server) CloseClients() {
	s.closeConns(func(c *conn) bool { return c.phase.Load() != hijacked }, (*conn).closeWhenIdle)
}

// CloseConns closes all connections at once. The server goes on taking new ones.
func (s *Server) CloseConns() {
	s.closeConns(func(*conn) bool { return true }, (*conn).close)
}

func (s *Server) closeConns(which func(*conn) bool, how func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if which(c) {
			how(c)
		}
	}
}
