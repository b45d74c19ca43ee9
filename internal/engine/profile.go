package engine

import (
	"strings"
	"sync"

	"github.com/mortondb/morton/internal/document"
)

// The operations that a member has profiled are its own: they are not replicated, and kept in memory, the newest of each database in a ring
// that clients read as the capped collection system.profile. (A mongod keeps them on its disk; here a restart forgets them.)

const profileName = "system.profile"

// DefaultProfileBytes is the size of system.profile if a client does not make it another.
const DefaultProfileBytes = 1 << 20

// IsProfile reports whether ns is a database's system.profile.
func IsProfile(ns string) bool {
	return strings.HasSuffix(ns, "."+profileName) && len(Database(ns)) == len(ns)-len(profileName)-1
}

// profiles is the rings of a member, by database.
type profiles struct {
	mu    sync.Mutex
	rings map[string]*profileRing // nil until there is one
}

type profileRing struct {
	docs  []document.Doc
	bytes int64
	bound int64
}

// Profile adds an operation to a database's profile.
func (e *Engine) Profile(db string, doc document.Doc) {
	p := &e.profiles
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.ringLocked(db, DefaultProfileBytes)
	r.docs = append(r.docs, doc)
	r.bytes += int64(len(doc))
	n := 0
	for ; r.bytes > r.bound && n < len(r.docs)-1; n++ {
		r.bytes -= int64(len(r.docs[n]))
		r.docs[n] = nil
	}
	r.docs = r.docs[n:]
}

func (p *profiles) ringLocked(db string, bound int64) *profileRing {
	if p.rings == nil {
		p.rings = map[string]*profileRing{}
	}
	r := p.rings[db]
	if r == nil {
		r = &profileRing{bound: bound}
		p.rings[strings.Clone(db)] = r
	}
	return r
}

// CreateProfile makes a database's profile, of a size. It reports false if there is one.
func (e *Engine) CreateProfile(db string, bytes int64) bool {
	p := &e.profiles
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rings[db] != nil {
		return false
	}
	p.ringLocked(db, bytes)
	return true
}

// DropProfile forgets a database's profile. It reports whether there was one.
func (e *Engine) DropProfile(db string) bool {
	p := &e.profiles
	p.mu.Lock()
	defer p.mu.Unlock()
	_, had := p.rings[db]
	delete(p.rings, db)
	return had
}

// ProfileBytes returns the size of a database's profile; 0 if there is none.
func (e *Engine) ProfileBytes(db string) int64 {
	p := &e.profiles
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.rings[db]; r != nil {
		return r.bound
	}
	return 0
}

// profiled returns the documents of a database's profile, oldest first.
func (e *Engine) profiled(db string) []document.Doc {
	p := &e.profiles
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.rings[db]; r != nil {
		return append([]document.Doc(nil), r.docs...)
	}
	return nil
}
