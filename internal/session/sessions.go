package session

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Timeout is how long a session lives without being used. Clients are told so in hello and end theirs earlier.
const Timeout = 30 * time.Minute

// MaxSessions bounds the table (mongod's maxSessions).
const MaxSessions = 1_000_000

// ID identifies a logical session: what the client chose, and the digest of the user it is for.
type ID struct {
	UUID [16]byte
	User [32]byte
}

// NoUser is the digest of the empty user name, which stands for everybody as long as there is no authentication.
var NoUser = sha256.Sum256(nil)

// Document returns the id as the log and listings have it: {id, uid}.
func (id ID) Document() document.Doc {
	var b document.Builder
	b.AppendBinary("id", 4, id.UUID[:])
	b.AppendBinary("uid", 0, id.User[:])
	return b.Finish()
}

// String prints the id as mongod does in messages.
func (id ID) String() string {
	u := id.UUID
	return fmt.Sprintf("%x-%x-%x-%x-%x - %s -  - ", u[:4], u[4:6], u[6:8], u[8:10], u[10:], base64.StdEncoding.EncodeToString(id.User[:]))
}

// Sessions is the table of logical sessions that this member has heard of. A session comes into being when a command
// names it. Safe for use by any goroutine.
type Sessions struct {
	mu   sync.Mutex
	byID map[ID]*entry
	now  func() time.Time
}

type entry struct {
	lastUse time.Time
	busy    chan struct{} // non-nil while checked out; closed when given back
	txn     int64         // the greatest transaction number seen; -1: none
}

// NewSessions returns an empty table.
func NewSessions() *Sessions {
	return &Sessions{byID: map[ID]*entry{}, now: time.Now}
}

// Touch notes that a session is in use. It fails when the table is full.
func (s *Sessions) Touch(id ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.touchLocked(id)
	return err
}

func (s *Sessions) touchLocked(id ID) (*entry, error) {
	e := s.byID[id]
	if e == nil {
		if len(s.byID) >= MaxSessions {
			return nil, mongoerr.New(mongoerr.TooManyLogicalSessions, "Unable to add session ID %x into the cache because the number of active sessions is too high", id.UUID)
		}
		e = &entry{txn: -1}
		s.byID[id] = e
	}
	e.lastUse = s.now()
	return e, nil
}

// Checkout makes the caller the only one who runs a retryable write of the session until release is called, so that a
// write that is sent again waits for the end of its first run. It waits as long as ctx allows. A transaction number smaller
// than one that was seen before is refused: its client has gone on.
func (s *Sessions) Checkout(ctx context.Context, id ID, txn int64) (release func(), err error) {
	for {
		s.mu.Lock()
		e, err := s.touchLocked(id)
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		if txn < e.txn {
			newest := e.txn
			s.mu.Unlock()
			return nil, mongoerr.New(mongoerr.TransactionTooOld, "Retryable write with txnNumber %d is prohibited on session %s because "+
				"a newer retryable write with txnNumber %d has already started on this session.", txn, id, newest)
		}
		if e.busy == nil {
			e.txn = txn
			done := make(chan struct{})
			e.busy = done
			s.mu.Unlock()
			return func() { s.giveBack(e, done) }, nil
		}
		busy := e.busy
		s.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *Sessions) giveBack(e *entry, done chan struct{}) {
	s.mu.Lock()
	e.lastUse, e.busy = s.now(), nil
	s.mu.Unlock()
	close(done)
}

// End forgets a session. One that is checked out stays until it times out.
func (s *Sessions) End(id ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.byID[id]; e != nil && e.busy == nil {
		delete(s.byID, id)
	}
}

// Known reports whether the session is in the table.
func (s *Sessions) Known(id ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id] != nil
}

// Len returns the number of sessions.
func (s *Sessions) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byID)
}

// Expire forgets the sessions that were not used for [Timeout] and returns them.
func (s *Sessions) Expire() []ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gone []ID
	for id, e := range s.byID {
		if e.busy == nil && s.now().Sub(e.lastUse) >= Timeout {
			delete(s.byID, id)
			gone = append(gone, id)
		}
	}
	return gone
}

// EndIf forgets the sessions for which gone is true and that are not checked out.
func (s *Sessions) EndIf(gone func(ID) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, e := range s.byID {
		if e.busy == nil && gone(id) {
			delete(s.byID, id)
		}
	}
}
