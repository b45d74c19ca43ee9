package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/storage"
)

// Members hold identical state at the same place in the log. To see that they do while writes go on, the primary writes a
// mark into the log; every member keeps the snapshot of the state at the mark for a while, and digests of it can be compared.

const (
	checkNS   = "admin.$check"
	checkKept = time.Minute
)

// check is a snapshot kept at a mark.
type check struct {
	snap  *storage.Snapshot
	until time.Time
}

// MarkCheck writes a mark into the log. Its name is the caller's and used once.
func (e *Engine) MarkCheck(name string) (oplog.OpTime, error) {
	var o document.Builder
	o.AppendString("check", name)
	w := oplog.NewWriter(&oplog.Header{Wall: time.Now().UnixMilli(), Namespace: checkNS}, 64)
	w.Begin(oplog.Internal, -1, o.Finish(), nil)
	return e.propose(&proposal{group: w.Finish(), urgent: true})
}

// isCheck reports whether an entry has a mark in it. A mark may share its entry with other groups: the state is that after the entry.
func isCheck(data []byte) bool {
	_, found := checkName(data)
	return found
}

func checkName(data []byte) (name string, found bool) {
	for len(data) > 0 {
		group, rest, err := oplog.NextGroup(data)
		if err != nil {
			return "", false
		}
		data = rest
		if !isCheckGroup(group) {
			continue
		}
		r, err := oplog.NewReader(group)
		if err != nil {
			return "", false
		}
		var op oplog.Op
		if ok, err := r.Next(&op); ok && err == nil {
			return op.O.Lookup("check").Str(), true
		}
	}
	return "", false
}

func isCheckGroup(group []byte) bool {
	h, err := oplog.Namespace(group)
	return err == nil && string(h) == checkNS
}

// pinCheck keeps the snapshot that was just published.
func (e *Engine) pinCheck(data []byte) {
	name, _ := checkName(data)
	e.unpinChecks(time.Now())
	st := e.acquire()
	e.checksMu.Lock()
	defer e.checksMu.Unlock()
	if e.checks == nil {
		e.checks = map[string]*check{}
	}
	e.checks[name] = &check{snap: st.storage, until: time.Now().Add(checkKept)}
}

// unpinChecks lets the snapshots go that were kept until now; all of them if now is zero.
func (e *Engine) unpinChecks(now time.Time) {
	e.checksMu.Lock()
	defer e.checksMu.Unlock()
	for name, c := range e.checks {
		if now.IsZero() || now.After(c.until) {
			c.snap.Release()
			delete(e.checks, name)
		}
	}
}

// Digest describes the state at a mark: {index, collections: [{ns, uuid, documents, records, indexes: [{name, entries}]}], sessions}. Hashes
// are hexadecimal. It waits until the mark has been applied.
func (e *Engine) Digest(ctx context.Context, name string) (document.Doc, error) {
	var snap *storage.Snapshot
	for snap == nil {
		changed := e.AppliedChanged()
		e.checksMu.Lock()
		if c := e.checks[name]; c != nil && c.snap.TryRef() {
			snap = c.snap
		}
		e.checksMu.Unlock()
		if snap == nil {
			select {
			case <-ctx.Done():
				return nil, mongoerr.New(mongoerr.ExceededTimeLimit, "the mark %q has not reached this member", name)
			case <-changed:
			}
		}
	}
	defer snap.Release()
	return e.digest(ctx, snap)
}

func (e *Engine) digest(ctx context.Context, snap *storage.Snapshot) (document.Doc, error) {
	catalog, err := e.readCatalog(snap)
	if err != nil {
		return nil, err
	}
	var b document.Builder
	b.AppendInt64("index", int64(snap.Position.Index))
	b.OpenArray("collections")
	n := 0
	for _, db := range catalog.Databases() {
		for _, coll := range catalog.Collections(db) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			b.OpenDoc(document.Index(n))
			if err := digestCollection(&b, snap, coll); err != nil {
				return nil, err
			}
			b.Close()
			n++
		}
	}
	b.Close()
	lo, hi := keys.SpaceRange(keys.SpaceSession)
	sum, _, err := digestRange(snap, lo, hi)
	b.AppendString("sessions", sum)
	return b.Finish(), err
}

func digestCollection(b *document.Builder, snap *storage.Snapshot, coll *Collection) error {
	lo, hi := keys.RecordRange(coll.Number)
	sum, n, err := digestRange(snap, lo, hi)
	if err != nil {
		return err
	}
	b.AppendString("ns", coll.NS)
	b.AppendBinary("uuid", 4, coll.UUID[:])
	b.AppendInt64("documents", n)
	b.AppendString("records", sum)
	b.OpenArray("indexes")
	for i, ix := range coll.Indexes {
		lo, hi := keys.IndexRange(ix.Number)
		sum, n, err := digestRange(snap, lo, hi)
		if err != nil {
			return err
		}
		b.OpenDoc(document.Index(i))
		b.AppendString("name", ix.Name)
		b.AppendInt64("entries", n)
		b.AppendString("hash", sum)
		b.Close()
	}
	b.Close()
	return nil
}

func digestRange(snap *storage.Snapshot, lo, hi []byte) (sum string, n int64, err error) {
	h := sha256.New()
	err = eachKey(snap, lo, hi, func(key, value []byte) error {
		n++
		hashPart(h, key)
		hashPart(h, value)
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), n, err
}

func hashPart(h hash.Hash, b []byte) {
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(b)))
	h.Write(length[:])
	h.Write(b)
}
