package morton

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
)

// SessionOptions say what a session promises.
type SessionOptions struct {
	// CausalConsistency has reads see what the session's earlier operations wrote and saw, on any member. nil: yes, unless Snapshot, with which it cannot be.
	CausalConsistency *bool
	// Snapshot has all reads of the session see one moment.
	Snapshot bool
	// Transaction has the defaults of the session's transactions.
	Transaction TransactionOptions
}

// Session is operations that belong together. It is used by one goroutine at a time, and travels in the context: see
// [Session.Context].
type Session struct {
	client  *Client
	options SessionOptions
	causal  bool

	server        *serverSession
	operationTime bson.Timestamp
	clusterTime   clusterTime
	snapshotTime  bson.Timestamp
	transaction   transaction
	closed        bool
}

// Session begins a session. Its caller closes it.
func (c *Client) Session(options ...SessionOptions) *Session {
	o := one(options)
	s := &Session{client: c, options: o, causal: !o.Snapshot}
	if o.CausalConsistency != nil {
		s.causal = *o.CausalConsistency
	}
	s.server = c.sessions.take()
	return s
}

type sessionKey struct{}

// Context returns a context with which operations belong to the session.
func (s *Session) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, sessionKey{}, s)
}

// sessionOf returns the session that a context carries.
func sessionOf(ctx context.Context) *Session {
	s, _ := ctx.Value(sessionKey{}).(*Session)
	return s
}

// Close ends the session; a transaction that runs is aborted.
func (s *Session) Close(ctx context.Context) {
	if s.closed {
		return
	}
	if s.transaction.running() {
		_ = s.Abort(ctx) // the server ends it in time, too
	}
	s.closed = true
	s.client.sessions.give(s.server)
}

// ID returns the session's id as commands carry it (lsid).
func (s *Session) ID() bson.Raw { return bson.Raw(s.server.id.Clone()) }

// ClusterTime returns the greatest cluster time that the session has seen; nil: none.
func (s *Session) ClusterTime() bson.Raw { return bson.Raw(s.clusterTime.copy()) }

// OperationTime returns the time of the session's last operation.
func (s *Session) OperationTime() bson.Timestamp { return s.operationTime }

// AdvanceClusterTime has the session know a cluster time of another session.
func (s *Session) AdvanceClusterTime(t bson.Raw) { s.clusterTime.advance(document.Doc(t)) }

// AdvanceOperationTime has the session's reads see what another session's operation at t wrote.
func (s *Session) AdvanceOperationTime(t bson.Timestamp) {
	if t.After(s.operationTime) {
		s.operationTime = t
	}
}

// serverSession is what a server knows of a session: its id, and the number of its last retryable write or transaction.
type serverSession struct {
	id      document.Doc // {id: UUID}
	number  int64
	lastUse time.Time
	dirty   bool // its connection broke during an operation: nobody knows whether the server still works for it
}

func newServerSession() *serverSession {
	var id [16]byte
	rand.Read(id[:])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // a random UUID (RFC 9562)
	b := document.NewBuilder(nil)
	b.AppendBinary("id", 4, id[:])
	return &serverSession{id: b.Finish()}
}

// sessionPool has the sessions that nobody uses, that used last at the end.
type sessionPool struct {
	timeout func() time.Duration // after which the servers forget a session; zero: unknown

	mu   sync.Mutex
	free []*serverSession
}

func (p *sessionPool) take() *serverSession {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		s := p.free[n-1]
		p.free[n-1] = nil
		p.free = p.free[:n-1]
		if !p.old(s) {
			return s
		}
		p.free = p.free[:0] // the others are older
	}
	return newServerSession()
}

// old reports whether the servers may forget s within a minute.
func (p *sessionPool) old(s *serverSession) bool {
	timeout := p.timeout()
	return timeout > 0 && !s.lastUse.IsZero() && time.Since(s.lastUse) > timeout-time.Minute
}

func (p *sessionPool) give(s *serverSession) {
	if s.dirty {
		return
	}
	p.mu.Lock()
	if !p.old(s) {
		p.free = append(p.free, s)
	}
	p.mu.Unlock()
}

// end returns the ids of all free sessions, which are not used again.
func (p *sessionPool) end() (ids []document.Doc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.free {
		if !s.lastUse.IsZero() {
			ids = append(ids, s.id)
		}
	}
	p.free = nil
	return ids
}

// clusterTime is the greatest $clusterTime seen: {clusterTime: Timestamp, signature: …}.
type clusterTime struct {
	mu   sync.Mutex
	time uint64
	doc  document.Doc
}

func (c *clusterTime) advance(d document.Doc) {
	t := d.Lookup("clusterTime")
	if t.Type != document.TypeTimestamp {
		return
	}
	c.mu.Lock()
	if t.Timestamp() > c.time {
		c.time, c.doc = t.Timestamp(), append(c.doc[:0], d...)
	}
	c.mu.Unlock()
}

// copy returns the document; nil if there is none.
func (c *clusterTime) copy() document.Doc {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.doc)
}

// appendTo appends the greater of c and o, which may be nil, as $clusterTime.
func (c *clusterTime) appendTo(b *document.Builder, o *clusterTime) {
	greater := c
	if o != nil && o.now() > c.now() {
		greater = o
	}
	greater.mu.Lock()
	if greater.doc != nil {
		b.AppendDoc("$clusterTime", greater.doc)
	}
	greater.mu.Unlock()
}

func (c *clusterTime) now() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

// check reports what forbids an operation of the client in the session.
func (s *Session) check(c *Client) error {
	switch {
	case s.client != c:
		return errors.New("morton: the session in the context belongs to another client")
	case s.causal && s.options.Snapshot:
		return errors.New("morton: a session is of CausalConsistency or of a Snapshot: reads cannot see one moment and what was written after it")
	case s.closed:
		return fmt.Errorf("morton: the session in the context was closed: %w", ErrClosed)
	}
	return nil
}

// one returns the options of a call.
func one[O any](options []O) (o O) {
	switch len(options) {
	case 0:
	case 1:
		o = options[0]
	default:
		panic(fmt.Sprintf("morton: %d structs of options; one is enough", len(options)))
	}
	return o
}
