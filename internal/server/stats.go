package server

import "sync/atomic"

// Stats is what serverStatus says of the server's sockets.
type Stats struct {
	Current      int64 // connections that are open
	Available    int64 // how many more there may be
	TotalCreated int64
	Rejected     int64 // closed at once because there were too many
	Active       int64 // of the current ones: those with an operation running
	Legacy       int64 // of the current ones: those of clients that know nothing newer than OP_QUERY
	Peers        int64 // of the current ones: those that have become something else than a client's

	BytesIn, BytesOut int64 // of messages, headers included, as they were on the wire
	Requests          int64
}

// traffic counts what goes over a connection. Only the connection's own goroutine adds.
type traffic struct {
	bytesIn, bytesOut, requests atomic.Int64
}

func (t *traffic) add(o *traffic) {
	t.bytesIn.Add(o.bytesIn.Load())
	t.bytesOut.Add(o.bytesOut.Load())
	t.requests.Add(o.requests.Load())
}

// Stats returns the counters of the moment.
func (s *Server) Stats() Stats {
	var sum traffic
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Current: int64(len(s.conns)), TotalCreated: s.created, Rejected: s.rejected}
	st.Available = max(0, int64(s.maxConns)-st.Current)
	sum.add(&s.gone)
	for c := range s.conns {
		sum.add(&c.traffic)
		switch {
		case c.phase.Load() == hijacked:
			st.Peers++
		case s.isLegacy(c.state):
			st.Legacy++
		}
		if c.operations.Load()%2 == 1 {
			st.Active++
		}
	}
	st.BytesIn, st.BytesOut, st.Requests = sum.bytesIn.Load(), sum.bytesOut.Load(), sum.requests.Load()
	return st
}
