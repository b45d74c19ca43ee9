package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/oplog"
)

// TestOneOfTwoSwapsSucceeds: clients compare and set a few documents, each by its newest view, in retryable writes that they sometimes send again, while what they
// write is committed and applied. Of those who swap a value for another one exactly one succeeds, it is shown the value, and a statement that comes again takes effect once.
//
// MORTON_SWAPS is how often each of them tries, if not so seldom as in a quick test. With the tag stress (make stress) all of them are interrupted
// between any two steps.
func TestOneOfTwoSwapsSucceeds(t *testing.T) {
	tries := 300
	if n, err := strconv.Atoi(os.Getenv("MORTON_SWAPS")); err == nil {
		tries = n
	}
	m := newPrimary(t)
	for i := range swapRegisters {
		m.insert("test.c", fmt.Sprintf(`{"_id": %d, "v": {"$numberLong": "0"}}`, i))
	}
	s := &swaps{member: m, swapped: map[[2]int64]int64{}}
	var clients sync.WaitGroup
	for i := range 10 {
		clients.Go(func() { s.client(i, tries) })
	}
	var over atomic.Bool
	var committer sync.WaitGroup
	committer.Go(func() {
		for !over.Load() {
			m.commit()
			m.forgetCommitted()
		}
	})
	clients.Wait()
	over.Store(true)
	committer.Wait()
	m.close()
	t.Logf("%d swaps", len(s.swapped))
}

const swapRegisters = 3

// swaps is what the clients have done.
type swaps struct {
	*member
	next atomic.Int64 // value to be written; none is written twice

	mu      sync.Mutex
	swapped map[[2]int64]int64 // by register and value: the value that came in its place
}

// client is one client in a session of its own.
func (s *swaps) client(number, tries int) {
	random := rand.New(rand.NewPCG(uint64(number), 1))
	session := &oplog.Session{LSID: doc(s.t, `{"id": {"$uuid": "00000000-0000-0000-0000-0000000000%02d"}, "uid": {"$binary": {"base64": "", "subType": "00"}}}`, number)}
	for range tries {
		session.TxnNumber++
		s.try(random, *session)
	}
}

// try swaps the value that a register has in the newest view.
func (s *swaps) try(random *rand.Rand, session oplog.Session) {
	register, next := int64(random.IntN(swapRegisters)), s.next.Add(1)
	old := s.read(register)
	first := s.swap(session, register, old, next)
	if first.Modified == 0 {
		return
	}
	if shown := first.Doc.Lookup("v").Int64(); shown != old {
		s.t.Errorf("register %d: swapped %d for %d and was shown %d", register, old, next, shown)
	}
	s.note(register, old, next)
	if random.IntN(4) > 0 {
		return
	}
	if again := s.swap(session, register, next, -next); !again.Retried || again.Doc.Lookup("v").Int64() != old {
		s.t.Errorf("register %d: a statement that swapped %d for %d comes again, with the result %+v", register, old, next, again)
	}
}

func (s *swaps) swap(session oplog.Session, register, old, next int64) UpdateResult {
	r, err := s.Update(context.Background(), &UpdateSpec{
		NS: "test.c", Filter: doc(s.t, `{"_id": %d, "v": {"$numberLong": "%d"}}`, register, old), Update: doc(s.t, `{"$set": {"v": {"$numberLong": "%d"}}}`, next).AsValue(), Return: ReturnOld,
	}, Statement{Session: &session})
	if err != nil {
		s.t.Error(err)
	}
	return r
}

func (s *swaps) read(register int64) int64 {
	v := s.Local()
	defer v.Close()
	_, found, ok, err := v.byID(nil, v.Catalog.Collection("test.c"), document.Int32(int32(register)))
	if !ok || err != nil {
		s.t.Errorf("register %d is not there: %v", register, err)
	}
	return found.Lookup("v").Int64()
}

func (s *swaps) note(register, old, next int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, twice := s.swapped[[2]int64{register, old}]; twice {
		s.t.Errorf("register %d: %d was swapped for %d and for %d", register, old, other, next)
	}
	s.swapped[[2]int64{register, old}] = next
}

// forgetCommitted lets go of what is applied, which nobody reads again.
func (m *member) forgetCommitted() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := m.applied - 1; i >= 0 && m.entries[i].Data != nil; i-- {
		m.entries[i].Data = nil
	}
}
