package session

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/mongoerr"
)

func id(n byte) ID { return ID{UUID: [16]byte{15: n}, User: NoUser} }

// TestSessionsExpireWhenUnused shows that a session lives for Timeout after its last use, and not while it is checked out.
func TestSessionsExpireWhenUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSessions()
		for _, n := range []byte{1, 2, 3} {
			if err := s.Touch(id(n)); err != nil {
				t.Fatal(err)
			}
		}
		release, err := s.Checkout(t.Context(), id(3), 1)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(Timeout - time.Minute)
		if err := s.Touch(id(2)); err != nil {
			t.Fatal(err)
		}
		if gone := s.Expire(); len(gone) != 0 {
			t.Errorf("a minute early these were gone: %v", gone)
		}
		time.Sleep(time.Minute)
		if gone := s.Expire(); len(gone) != 1 || gone[0] != id(1) {
			t.Errorf("gone: %v, not the first one alone", gone)
		}
		release()
		if !s.Known(id(2)) || !s.Known(id(3)) || s.Known(id(1)) || s.Len() != 2 {
			t.Error("the wrong sessions are left")
		}
		time.Sleep(Timeout)
		if s.Expire(); s.Len() != 0 {
			t.Errorf("%d sessions outlived their timeout", s.Len())
		}
	})
}

// TestCheckoutIsForOneAtATime shows that the second send of a write waits for the end of the first, and gives up with its context.
func TestCheckoutIsForOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSessions()
		release, err := s.Checkout(t.Context(), id(1), 7)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Checkout(ctx, id(1), 7); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("checked out twice: %v", err)
		}
		got := make(chan error)
		go func() {
			again, err := s.Checkout(t.Context(), id(1), 7)
			if err == nil {
				again()
			}
			got <- err
		}()
		synctest.Wait()
		select {
		case <-got:
			t.Error("checked out while it was")
		default:
		}
		release()
		if err := <-got; err != nil {
			t.Error(err)
		}
		if other, err := s.Checkout(t.Context(), id(2), 1); err != nil {
			t.Error(err)
		} else {
			other()
		}
	})
}

// TestOldTransactionNumbersAreRefused shows that a write whose client has gone on does not run any more, even if the newer
// one wrote nothing.
func TestOldTransactionNumbersAreRefused(t *testing.T) {
	s := NewSessions()
	for _, c := range []struct {
		txn  int64
		code mongoerr.Code
	}{{5, 0}, {5, 0}, {6, 0}, {5, mongoerr.TransactionTooOld}, {6, 0}} {
		release, err := s.Checkout(t.Context(), id(1), c.txn)
		if mongoerr.CodeOf(err) != c.code {
			t.Fatalf("transaction number %d: %v", c.txn, err)
		}
		if err == nil {
			release()
		}
	}
	if err := func() error { _, err := s.Checkout(t.Context(), id(1), 0); return err }(); err == nil ||
		err.Error() != "Retryable write with txnNumber 0 is prohibited on session 00000000-0000-0000-0000-000000000001 - "+
			"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= -  -  because a newer retryable write with txnNumber 6 has already started on this session." {
		t.Error(err)
	}
}

// TestEndForgets shows that ended sessions are gone, and that one that is checked out stays until it is given back.
func TestEndForgets(t *testing.T) {
	s := NewSessions()
	release, err := s.Checkout(t.Context(), id(1), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Touch(id(2)); err != nil {
		t.Fatal(err)
	}
	s.End(id(1))
	s.End(id(2))
	s.End(id(3))
	if !s.Known(id(1)) || s.Known(id(2)) {
		t.Error("the wrong session was forgotten")
	}
	release()
	s.EndIf(func(ID) bool { return true })
	if s.Len() != 0 {
		t.Error("a session is left")
	}
}
