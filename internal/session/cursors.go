package session

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// IdleCursorTimeout is how long a cursor lives without a getMore, unless it was opened with noCursorTimeout.
const IdleCursorTimeout = 10 * time.Minute

// MaxCursors bounds the open cursors of a member.
const MaxCursors = 100_000

// Results is where a cursor's documents come from. It is used by one goroutine at a time.
type Results interface {
	// Close lets go of what the cursor holds. It is called once.
	Close()
}

// Cursor is an open cursor. Everything but what [Cursors] keeps to itself is fixed when it is added.
type Cursor struct {
	ID        int64
	NS        string
	Session   *ID          // the session that opened it and alone may use it; nil for none
	NoTimeout bool         // of a client that asked so; a session's end still ends it
	Command   document.Doc // the command that opened it, for currentOp
	Results   Results
	Opened    time.Time

	lastUse   time.Time
	inUse     bool
	killed    bool        // it is to be closed when given back
	interrupt func(error) // ends what uses it
}

// Cursors is the table of a member's open cursors. Safe for use by any goroutine. A cursor in use is *taken*; killing it
// then only marks it, and whoever has it closes it by giving it back.
type Cursors struct {
	mu       sync.Mutex
	byID     map[int64]*Cursor
	timedOut int64
	opened   int64
	idle     time.Duration
	now      func() time.Time
}

// NewCursors returns an empty table.
func NewCursors() *Cursors {
	return &Cursors{byID: map[int64]*Cursor{}, idle: IdleCursorTimeout, now: time.Now}
}

// SetIdleTimeout changes how long unused cursors live.
func (t *Cursors) SetIdleTimeout(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle = d
}

// IdleTimeout returns how long unused cursors live.
func (t *Cursors) IdleTimeout() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.idle
}

// Add gives a cursor an id and keeps it. On error it is closed.
func (t *Cursors) Add(c *Cursor) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.byID) >= MaxCursors {
		c.Results.Close()
		return mongoerr.New(mongoerr.ExceededMemoryLimit, "too many open cursors: %d", len(t.byID))
	}
	for c.ID == 0 || t.byID[c.ID] != nil {
		c.ID = rand.Int64()
	}
	c.Opened = t.now()
	c.lastUse = c.Opened
	t.byID[c.ID] = c
	t.opened++
	return nil
}

// Take returns the cursor for a getMore. The caller must end with [Cursors.Return] or [Cursors.Remove]. Interrupt is called
// (with the table locked) if the cursor is killed before that.
func (t *Cursors) Take(id int64, interrupt func(error)) (*Cursor, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.byID[id]
	switch {
	case c == nil:
		return nil, mongoerr.New(mongoerr.CursorNotFound, "cursor id %d not found", id)
	case c.inUse:
		return nil, mongoerr.New(mongoerr.CursorInUse, "cursor id %d is already in use", id)
	}
	c.inUse, c.interrupt = true, interrupt
	return c, nil
}

// Return gives a taken cursor back. If it was killed in the meantime it is closed, and the caller told.
func (t *Cursors) Return(c *Cursor) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.inUse, c.interrupt, c.lastUse = false, nil, t.now()
	if !c.killed {
		return nil
	}
	delete(t.byID, c.ID)
	c.Results.Close()
	return errKilled
}

// Remove ends a taken cursor.
func (t *Cursors) Remove(c *Cursor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byID, c.ID)
	c.Results.Close()
}

// Kill ends a cursor and reports whether there was one.
func (t *Cursors) Kill(id int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.byID[id]
	if c == nil {
		return false
	}
	t.killLocked(c)
	return true
}

var errKilled = mongoerr.New(mongoerr.CursorKilled, "cursor killed")

// killLocked ends c now, or when it is given back.
func (t *Cursors) killLocked(c *Cursor) {
	switch {
	case !c.inUse:
		delete(t.byID, c.ID)
		c.Results.Close()
	case !c.killed:
		c.killed = true
		c.interrupt(errKilled)
	}
}

// KillSessions ends the cursors of sessions for which gone is true.
func (t *Cursors) KillSessions(gone func(ID) bool) {
	t.killIf(func(c *Cursor) bool { return c.Session != nil && gone(*c.Session) })
}

func (t *Cursors) killIf(match func(*Cursor) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.byID {
		if match(c) {
			t.killLocked(c)
		}
	}
}

// Expire ends the cursors that were not used for the idle timeout. A cursor with noCursorTimeout is only ended with its session.
func (t *Cursors) Expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.byID {
		if !c.inUse && !c.NoTimeout && t.now().Sub(c.lastUse) >= t.idle {
			t.killLocked(c)
			t.timedOut++
		}
	}
}

// CloseAll ends every cursor, for a shutdown.
func (t *Cursors) CloseAll() { t.killIf(func(*Cursor) bool { return true }) }

// Stats is the counters of serverStatus.metrics.cursor.
type Stats struct {
	Open, NoTimeout, Pinned, TimedOut, Opened int64
}

// Stats returns the counters.
func (t *Cursors) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Stats{Open: int64(len(t.byID)), TimedOut: t.timedOut, Opened: t.opened}
	for _, c := range t.byID {
		if c.NoTimeout {
			s.NoTimeout++
		}
		if c.inUse {
			s.Pinned++
		}
	}
	return s
}
