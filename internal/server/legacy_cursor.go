package server

import (
	"container/list"
	"math/rand/v2"
	"sync"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/wire"
)

// Limits of what is remembered of old clients' cursors. Whatever is forgotten, the cursor least recently used comes
// first.
const (
	legacyCursorsMax     = 10_000
	legacyCursorBytesMax = 64 << 20 // of documents that wait to be fetched
)

// legacyCursors remembers, of each cursor that a client of the old opcodes may ask for, what OP_GET_MORE and
// OP_KILL_CURSORS take for granted and the commands do not know. A client may use a cursor on any connection.
type legacyCursors struct {
	mu    sync.Mutex
	byID  map[int64]*list.Element // of *legacyCursor; guarded by mu, as all that follows
	order list.List               // the most recently used first
	bytes int                     // in rest of all
}

type legacyCursor struct {
	id       int64
	ns       string
	returned int32          // documents so far: OP_REPLY's startingFrom. PyMongo before 2.x stops if it is wrong
	rest     []document.Doc // of a cursor that is answered from here: what is to come
	size     int            // bytes of rest
}

// open remembers a cursor; id 0 is none.
func (t *legacyCursors) open(id int64, ns string) { t.put(&legacyCursor{id: id, ns: ns}) }

// openRest makes a cursor of the documents that are left over after a first batch of some, and returns its id.
func (t *legacyCursors) openRest(ns string, rest []document.Doc) (id int64) {
	cur := &legacyCursor{id: 1 + rand.Int64N(1<<62), ns: ns, rest: rest}
	for _, d := range rest {
		cur.size += len(d)
	}
	t.put(cur)
	return cur.id
}

func (t *legacyCursors) put(cur *legacyCursor) {
	if cur.id == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID = map[int64]*list.Element{}
	}
	t.removeLocked(cur.id)
	t.byID[cur.id] = t.order.PushFront(cur)
	t.bytes += cur.size
	for len(t.byID) > legacyCursorsMax || t.bytes > legacyCursorBytesMax {
		t.removeLocked(t.order.Back().Value.(*legacyCursor).id)
	}
}

// get returns what is known of a cursor; nothing but its id if it is not known.
func (t *legacyCursors) get(id int64) legacyCursor {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.byID[id]
	if !ok {
		return legacyCursor{id: id}
	}
	t.order.MoveToFront(e)
	return *e.Value.(*legacyCursor)
}

// returned counts documents that are sent to the client.
func (t *legacyCursors) returned(id int64, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, ok := t.byID[id]; ok {
		e.Value.(*legacyCursor).returned += int32(n)
	}
}

// remove forgets a cursor.
func (t *legacyCursors) remove(id int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removeLocked(id)
}

func (t *legacyCursors) removeLocked(id int64) {
	if e, ok := t.byID[id]; ok {
		t.bytes -= e.Value.(*legacyCursor).size
		t.order.Remove(e)
		delete(t.byID, id)
	}
}

// noteCursor remembers the cursor in a command's reply: drivers that run commands by OP_QUERY fetch its documents by
// OP_GET_MORE.
func (c *conn) noteCursor(reply document.Doc) {
	cursor := reply.Lookup("cursor").Doc()
	if cursor == nil {
		return
	}
	id := cursor.Lookup("id").Int64()
	c.s.cursors.open(id, cursor.Lookup("ns").Str())
	c.s.cursors.returned(id, cursor.Lookup("firstBatch").Doc().Len())
}

// handleGetMore answers an OP_GET_MORE.
func (c *conn) handleGetMore(b []byte, to *respondent) error {
	var m wire.GetMore
	if err := m.Parse(b); err != nil {
		return err
	}
	_, err := c.getMore(to, m)
	return err
}

// exhaustCursor sends the rest of a cursor unasked. Each reply answers the one before it.
func (c *conn) exhaustCursor(to *respondent, m wire.GetMore) error {
	for open := m.CursorID != 0; open; {
		if c.endSoon.Load() {
			return errEnd
		}
		to.to = c.lastID
		c.operations.Add(2) // another operation
		var err error
		if open, err = c.getMore(to, m); err != nil {
			return err
		}
	}
	return nil
}

// getMore sends a cursor's next batch. more is false if that was the last.
func (c *conn) getMore(to *respondent, m wire.GetMore) (more bool, err error) {
	db, coll, ok := splitNamespace(m.Namespace)
	switch {
	case !ok:
		return false, c.sendFailure(to, mongoerr.New(mongoerr.InvalidNamespace, "Invalid ns [%s]", m.Namespace))
	case m.Return < 0:
		return false, c.sendFailure(to, mongoerr.New(mongoerr.BadValue, "bad ntoreturn value in getMore: %d", m.Return))
	}
	cur := c.s.cursors.get(m.CursorID)
	if cur.rest != nil {
		return c.getMoreRest(to, m, cur)
	}
	reply := c.runLegacy(command.Request{DB: db, Body: getMoreBody(m.CursorID, coll, m.Return), SlaveOK: true})
	if reply.Doc == nil {
		return false, errEnd
	}
	return more, c.finish(&reply, func() error {
		switch err := failureOf(reply.Doc); {
		case err == nil:
		case err.Code == mongoerr.CursorNotFound:
			c.s.cursors.remove(m.CursorID)
			c.state.NoteError(nil)
			return c.sendReply(to, &wire.Reply{Flags: wire.CursorNotFound}, 0, nil)
		default:
			return c.sendFailure(to, err)
		}
		cursor := reply.Doc.Lookup("cursor").Doc()
		id := cursor.Lookup("id").Int64()
		if more = id != 0; !more {
			c.s.cursors.remove(m.CursorID)
		}
		return c.sendBatch(to, cursor.Lookup("nextBatch").Doc(), wire.Reply{CursorID: id, StartingFrom: cur.returned})
	})
}

func getMoreBody(id int64, coll string, batch int32) document.Doc {
	var b document.Builder
	b.AppendInt64("getMore", id)
	b.AppendString("collection", coll)
	if batch > 0 {
		b.AppendInt32("batchSize", batch)
	}
	return b.Finish()
}

// getMoreRest sends the next documents of a cursor that is answered from what is remembered.
func (c *conn) getMoreRest(to *respondent, m wire.GetMore, cur legacyCursor) (more bool, err error) {
	if cur.ns != m.Namespace {
		return false, c.sendFailure(to, mongoerr.New(mongoerr.Unauthorized,
			"Requested getMore on namespace %s, but cursor %d belongs to namespace %s", m.Namespace, cur.id, cur.ns))
	}
	c.s.cursors.remove(cur.id)
	return c.sendSome(to, cur, int(m.Return))
}

// sendSome sends the next n documents of rest (0: all), and remembers the cursor if there are more.
func (c *conn) sendSome(to *respondent, cur legacyCursor, n int) (more bool, err error) {
	if n == 0 || n > len(cur.rest) {
		n = len(cur.rest)
	}
	r := wire.Reply{Flags: wire.AwaitCapable, StartingFrom: cur.returned}
	if more = n < len(cur.rest); more {
		r.CursorID = c.s.cursors.openRest(cur.ns, cur.rest[n:])
		c.s.cursors.returned(r.CursorID, int(cur.returned)+n)
	}
	var docs []byte
	for _, d := range cur.rest[:n] {
		docs = append(docs, d...)
	}
	return more, c.sendReply(to, &r, n, docs)
}

// handleKillCursors runs an OP_KILL_CURSORS. It has no reply, ids that nobody knows do not matter, and the connection's
// last error stays what it was.
func (c *conn) handleKillCursors(b []byte) error {
	var m wire.KillCursors
	if err := m.Parse(b); err != nil {
		c.logEnd(err) // mongod notes it as well, and goes on
		return nil
	}
	for _, id := range m.CursorIDs {
		cur := c.s.cursors.get(id)
		c.s.cursors.remove(id)
		db, coll, ok := splitNamespace(cur.ns)
		if !ok || cur.rest != nil {
			continue
		}
		var body document.Builder
		body.AppendString("killCursors", coll)
		body.OpenArray("cursors")
		body.AppendInt64("0", id)
		body.Close()
		c.request = command.Request{Conn: c.state, DB: db, Body: body.Finish(), MoreToCome: true}
		if reply := c.s.runner.Run(c.ctx, &c.request); reply.CloseConn {
			return errEnd
		}
	}
	return nil
}
