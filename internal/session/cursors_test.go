package session

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/mongoerr"
)

// results counts how often it is closed.
type results struct{ closed int }

func (r *results) Close() { r.closed++ }

func add(t *testing.T, table *Cursors, c Cursor) (*Cursor, *results) {
	t.Helper()
	r := &results{}
	c.Results = r
	if err := table.Add(&c); err != nil {
		t.Fatal(err)
	}
	return &c, r
}

func take(t *testing.T, table *Cursors, id int64) (*Cursor, *error) {
	t.Helper()
	var killed error
	c, err := table.Take(id, func(err error) { killed = err })
	if err != nil {
		t.Fatal(err)
	}
	return c, &killed
}

// TestCursorIsForOneAtATime shows that a cursor in use cannot be taken, and can again when it was given back.
func TestCursorIsForOneAtATime(t *testing.T) {
	table := NewCursors()
	c, r := add(t, table, Cursor{NS: "a.b"})
	if c.ID == 0 {
		t.Fatal("a cursor has id 0")
	}
	take(t, table, c.ID)
	if _, err := table.Take(c.ID, nil); mongoerr.CodeOf(err) != mongoerr.CursorInUse {
		t.Error(err)
	}
	if s := table.Stats(); s.Open != 1 || s.Pinned != 1 || s.Opened != 1 {
		t.Errorf("%+v", s)
	}
	if err := table.Return(c); err != nil {
		t.Fatal(err)
	}
	take(t, table, c.ID)
	table.Remove(c)
	if _, err := table.Take(c.ID, nil); mongoerr.CodeOf(err) != mongoerr.CursorNotFound || r.closed != 1 {
		t.Error(err, r.closed)
	}
}

// TestKilledCursorIsClosedOnce shows that killing closes a cursor at once, or when who uses it gives it back, who is told.
func TestKilledCursorIsClosedOnce(t *testing.T) {
	table := NewCursors()
	c, r := add(t, table, Cursor{})
	if !table.Kill(c.ID) || r.closed != 1 || table.Kill(c.ID) || table.Kill(12345) {
		t.Error("an idle cursor was not killed once")
	}
	c, r = add(t, table, Cursor{})
	_, killed := take(t, table, c.ID)
	if !table.Kill(c.ID) || r.closed != 0 || mongoerr.CodeOf(*killed) != mongoerr.CursorKilled {
		t.Error("who uses the cursor was not told", *killed)
	}
	table.Kill(c.ID)
	table.CloseAll()
	if r.closed != 0 {
		t.Error("closed while in use")
	}
	if err := table.Return(c); mongoerr.CodeOf(err) != mongoerr.CursorKilled || r.closed != 1 || table.Stats().Open != 0 {
		t.Error(err, r.closed)
	}
}

// TestIdleCursorsTimeOut shows that a cursor lives for the idle timeout after its last use, unless its client asked for more.
func TestIdleCursorsTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := NewCursors()
		idle, idleR := add(t, table, Cursor{})
		_, foreverR := add(t, table, Cursor{NoTimeout: true})
		used, usedR := add(t, table, Cursor{})
		busy, busyR := add(t, table, Cursor{})
		take(t, table, busy.ID)
		time.Sleep(IdleCursorTimeout - time.Second)
		take(t, table, used.ID)
		if err := table.Return(used); err != nil {
			t.Fatal(err)
		}
		table.Expire()
		time.Sleep(time.Second)
		if idleR.closed != 0 {
			t.Error("closed early")
		}
		table.Expire()
		if idleR.closed != 1 || foreverR.closed != 0 || usedR.closed != 0 || busyR.closed != 0 {
			t.Error(idleR, foreverR, usedR, busyR)
		}
		if _, err := table.Take(idle.ID, nil); mongoerr.CodeOf(err) != mongoerr.CursorNotFound {
			t.Error(err)
		}
		if s := table.Stats(); s.TimedOut != 1 || s.NoTimeout != 1 || s.Open != 3 {
			t.Errorf("%+v", s)
		}
		table.SetIdleTimeout(time.Millisecond)
		time.Sleep(time.Millisecond)
		table.Expire()
		if usedR.closed != 1 || table.IdleTimeout() != time.Millisecond {
			t.Error("the new timeout does not hold")
		}
	})
}

// TestSessionsEndTheirCursors shows that a session's end closes its cursors and nobody else's, also those without a timeout.
func TestSessionsEndTheirCursors(t *testing.T) {
	table := NewCursors()
	one, two := id(1), id(2)
	_, first := add(t, table, Cursor{Session: &one, NoTimeout: true})
	_, second := add(t, table, Cursor{Session: &two})
	_, nobodys := add(t, table, Cursor{})
	table.KillSessions(func(s ID) bool { return s == one })
	if first.closed != 1 || second.closed != 0 || nobodys.closed != 0 {
		t.Error(first, second, nobodys)
	}
}

// TestCursorsAreBounded shows that one cursor more than MaxCursors is refused and closed.
func TestCursorsAreBounded(t *testing.T) {
	table := NewCursors()
	for range MaxCursors {
		if err := table.Add(&Cursor{Results: &results{}}); err != nil {
			t.Fatal(err)
		}
	}
	r := &results{}
	if err := table.Add(&Cursor{Results: r}); err == nil || r.closed != 1 {
		t.Error(err, r.closed)
	}
}
