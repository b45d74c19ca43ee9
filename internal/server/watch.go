package server

import "time"

// watchInterval is how often the server looks for operations that take long. One that it has seen twice is watched: if
// its client goes away, it is interrupted. (mongod looks once a second.) Looking costs the operations nothing but two
// additions each, and those that are quick are never watched.
const watchInterval = 100 * time.Millisecond

// watchConns runs until the server stops.
func (s *Server) watchConns() {
	seen := map[*conn]uint64{} // the operation that was running at the last look
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		for c := range s.conns {
			op := c.operations.Load()
			switch {
			case op%2 == 0 || c.phase.Load() != busy:
				delete(seen, c)
			case seen[c] != op:
				seen[c] = op
			default:
				s.watch(c, op)
			}
		}
		for c := range seen {
			if _, ok := s.conns[c]; !ok {
				delete(seen, c)
			}
		}
		s.mu.Unlock()
	}
}

// watch reads ahead on the connection of an operation that takes long. s.mu is held.
func (s *Server) watch(c *conn, op uint64) {
	c.src.watch(func() bool { return c.operations.Load() == op }, s.wg.Go, func() { c.cancel(errDisconnect) })
}
