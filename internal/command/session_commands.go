package command

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/session"
)

// The commands about logical sessions.

func sessionCommands() []*row {
	return []*row{
		{name: "startSession", help: "makes a session", prepare: plain(runStartSession)},
		{name: "refreshSessions", help: "keeps sessions alive", stableAPI: true, prepare: typed(refreshSessionsFields, runRefreshSessions)},
		{name: "endSessions", help: "ends sessions", stableAPI: true, prepare: typed(endSessionsFields, runEndSessions)},
		{name: "killSessions", help: "ends sessions with what runs in them", stableAPI: true, args: "KillSessionsCmd", prepare: typed(killSessionsFields, runKillSessions)},
		{name: "killAllSessions", help: "ends all sessions with what runs in them", args: "KillAllSessionsCmd", prepare: typed(killAllSessionsFields, runKillAllSessions)},
		{name: "killAllSessionsByPattern", help: "ends the sessions that match with what runs in them", args: "KillAllSessionsByPatternCmd", prepare: typed(killByPatternFields, runKillByPattern)},
	}
}

// runStartSession makes up a session id. Drivers make their own.
func runStartSession(_ context.Context, o *operation) error {
	id := session.ID{User: session.NoUser}
	if _, err := rand.Read(id.UUID[:]); err != nil {
		return err
	}
	id.UUID[6] = id.UUID[6]&0x0f | 0x40
	id.UUID[8] = id.UUID[8]&0x3f | 0x80
	if err := o.d.sessions.Touch(id); err != nil {
		return err
	}
	o.out.OpenDoc("id")
	o.out.AppendBinary("id", 4, id.UUID[:])
	o.out.Close()
	o.out.AppendInt32("timeoutMinutes", int32(session.Timeout.Minutes()))
	return nil
}

type sessionList struct{ ids []session.ID }

// clientSessions is the row of a list of sessions whose elements' errors are named after mongod's own field.
func clientSessions(name, inside string) field[sessionList] {
	f := structures(name, sessionFields, func(a *sessionList) *[]session.ID { return &a.ids }).require()
	set := f.set
	f.set = func(a *sessionList, v document.Value) error {
		if v.Type != document.TypeArray {
			return set(a, v)
		}
		err := within(inside, set(a, v))
		var fe *fieldError
		if errors.As(err, &fe) {
			fe.named = true
		}
		return err
	}
	return f
}

var (
	refreshSessionsFields = newSchema("refreshSessions", clientSessions("refreshSessions", "refreshSessionsFromClient"))
	endSessionsFields     = newSchema("endSessions", clientSessions("endSessions", "endSessionsFromClient"))
	killSessionsFields    = newSchema("KillSessionsCmd", clientSessions("killSessions", "killSessions"))
)

func runRefreshSessions(_ context.Context, o *operation, a *sessionList) error {
	for _, id := range a.ids {
		if err := o.d.sessions.Touch(id); err != nil {
			return err
		}
	}
	return nil
}

// runEndSessions ends sessions and their cursors. What runs in them comes to its end.
func runEndSessions(_ context.Context, o *operation, a *sessionList) error {
	for _, id := range a.ids {
		o.d.sessions.End(id)
	}
	o.d.endCursorsOf(a.ids)
	return nil
}

// runKillSessions ends sessions, their cursors, and what runs in them. An empty list means all.
func runKillSessions(_ context.Context, o *operation, a *sessionList) error {
	if len(a.ids) == 0 {
		o.d.killSessions(o, func(session.ID) bool { return true })
		return nil
	}
	kill := sessionSet(a.ids)
	o.d.killSessions(o, func(id session.ID) bool { return kill[id] })
	return nil
}

func sessionSet(ids []session.ID) map[session.ID]bool {
	set := make(map[session.ID]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// endCursorsOf ends the cursors of sessions.
func (d *Dispatcher) endCursorsOf(ids []session.ID) {
	if len(ids) == 0 {
		return
	}
	ended := sessionSet(ids)
	d.cursors.KillSessions(func(id session.ID) bool { return ended[id] })
}

// killSessions interrupts what runs in sessions, except for the operation that asks for it, and ends their cursors.
func (d *Dispatcher) killSessions(by *operation, which func(session.ID) bool) {
	for _, c := range d.connections() {
		c.withCurrent(func(o *operation) {
			if id := o.generic.session; o != by && id != nil && which(*id) {
				o.cancel(errKilled)
			}
		})
	}
	d.cursors.KillSessions(which)
	d.sessions.EndIf(which)
}

type userName struct{ user, db string }

var userNameFields = newSchema("",
	text("user", func(u *userName) *string { return &u.user }).require(),
	text("db", func(u *userName) *string { return &u.db }).require(),
)

type userList struct{ users []userName }

var killAllSessionsFields = newSchema("KillAllSessionsCmd",
	structures("killAllSessions", userNameFields, func(a *userList) *[]userName { return &a.users }).require(),
)

func runKillAllSessions(_ context.Context, o *operation, a *userList) error {
	if len(a.users) > 0 {
		return mongoerr.New(mongoerr.UserNotFound, "Could not find user \"%s\" for db \"%s\"", a.users[0].user, a.users[0].db)
	}
	o.d.killSessions(o, func(session.ID) bool { return true })
	return nil
}

type sessionPattern struct {
	lsid         *session.ID
	users, roles document.Value
	uid          document.Value
}

var patternFields = newSchema("",
	structure("lsid", sessionFields, func(p *sessionPattern) *session.ID {
		p.lsid = &session.ID{User: session.NoUser}
		return p.lsid
	}),
	array("users", func(p *sessionPattern) *document.Value { return &p.users }),
	array("roles", func(p *sessionPattern) *document.Value { return &p.roles }),
	anything("uid", func(p *sessionPattern) *document.Value { return &p.uid }),
)

type patternList struct{ patterns []sessionPattern }

var killByPatternFields = newSchema("KillAllSessionsByPatternCmd",
	structures("killAllSessionsByPattern", patternFields, func(a *patternList) *[]sessionPattern { return &a.patterns }).require(),
)

// runKillByPattern ends the sessions that match a pattern: by id or by the digest of their user. All sessions belong to
// nobody, so patterns with users or roles match none.
func runKillByPattern(_ context.Context, o *operation, a *patternList) error {
	o.d.killSessions(o, func(id session.ID) bool {
		for _, p := range a.patterns {
			_, uid := p.uid.Binary()
			switch {
			case p.lsid != nil && *p.lsid != id:
			case !p.users.IsMissing() && !p.users.Doc().IsEmpty(), !p.roles.IsMissing() && !p.roles.Doc().IsEmpty():
			case !p.uid.IsMissing() && string(uid) != string(id.User[:]):
			default:
				return true
			}
		}
		return len(a.patterns) == 0
	})
	return nil
}
