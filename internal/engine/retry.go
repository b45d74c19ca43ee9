package engine

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/invariant"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
)

// Statement says to which session and retryable write a write belongs. The zero value belongs to none.
type Statement struct {
	Session *oplog.Session // nil: not retryable
	ID      int32          // statement id; of the first document of an insert, which count on from it
	Bypass  bool           // documents need not be what the collection's validator wants
	Urgent  bool           // the caller is going to wait for the write to be durable or committed
}

// A session's record is replicated state like any other and travels in the group of the write that it tells of, so
// that a write and its record are never apart. It is {_id: lsid, txnNum, lastWriteDate, chunks, stmts: [{s, n, r}]}: statements s to
// s+n-1 have taken effect, with the result r. When stmts grows beyond recordBytes it continues under the keys of chunks
// 1, 2, ... A new txnNum replaces it all.

const recordBytes = 1024

// sessionID returns what a session's keys are made of: its UUID and, when there is one, its user's digest.
func sessionID(lsid document.Doc) []byte {
	_, id := lsid.Lookup("id").Binary()
	_, uid := lsid.Lookup("uid").Binary()
	return append(bytes.Clone(id), uid...)
}

func sessionKey(lsid document.Doc) []byte { return keys.AppendSession(nil, sessionID(lsid)) }

func sessionChunkKey(lsid document.Doc, chunk int32) []byte {
	return fmt.Appendf(sessionKey(lsid), "/%08d", chunk)
}

// sessionRecord returns the record of s's session; nil if it has none. It fails if the session is at a newer transaction number.
func (v *View) sessionRecord(s *oplog.Session) (document.Doc, error) {
	b, found, err := v.get(nil, sessionKey(s.LSID))
	if err != nil || !found {
		return nil, err
	}
	rec := document.Doc(b)
	if newest := rec.Lookup("txnNum").Int64(); newest > s.TxnNumber {
		return nil, mongoerr.New(mongoerr.TransactionTooOld,
			"Retryable write with txnNumber %d is prohibited on session %s because a newer retryable write with txnNumber %d has already started on this session.",
			s.TxnNumber, s.LSID.Lookup("id").Shell(), newest)
	}
	return rec, nil
}

// Retried returns what statement id of a retryable write answered when it took effect; found is false if it never did. The
// document is a statement's r, which may be empty.
func (v *View) Retried(s *oplog.Session, id int32) (result document.Doc, found bool, err error) {
	if s == nil {
		return nil, false, nil
	}
	rec, err := v.sessionRecord(s)
	if err != nil || rec == nil || rec.Lookup("txnNum").Int64() != s.TxnNumber {
		return nil, false, err
	}
	for chunk := rec.Lookup("chunks").Int32(); ; chunk-- {
		if result, found = findStatement(rec, id); found || chunk < 1 {
			return result, found, nil
		}
		b, ok, err := v.get(nil, sessionChunkKey(s.LSID, chunk))
		if err != nil || !ok {
			return nil, false, errors.Join(err, fmt.Errorf("engine: chunk %d of session %v is missing", chunk, s.LSID))
		}
		rec = document.Doc(b)
	}
}

func findStatement(rec document.Doc, id int32) (result document.Doc, found bool) {
	for it := rec.Lookup("stmts").Doc().Iter(); it.Next(); {
		st := it.Value().Doc()
		first := st.Lookup("s").Int32()
		if id >= first && id < first+st.Lookup("n").Int32() {
			if r := st.Lookup("r").Doc(); r != nil {
				return r, true
			}
			return document.Empty, true
		}
	}
	return nil, false
}

// statement is what is recorded of statements first to first+n-1: they took effect, with result (nil: the usual one).
type statement struct {
	first, n int32
	result   document.Doc
}

// record adds to w's current operation what statements of the retryable write took effect. It returns the key that must not
// change until the group is entered; nil if s is none.
func (v *View) record(w *oplog.Writer, s *oplog.Session, done []statement) (guard []byte, err error) {
	if s == nil {
		return nil, nil
	}
	rec, err := v.sessionRecord(s)
	if err != nil {
		return nil, err
	}
	chunks, old := int32(0), document.Empty
	if rec != nil {
		chunks = rec.Lookup("chunks").Int32()
		if rec.Lookup("txnNum").Int64() == s.TxnNumber {
			old = rec.Lookup("stmts").Doc()
		} else {
			for ; chunks > 0; chunks-- {
				w.Remove(sessionChunkKey(s.LSID, chunks))
			}
		}
	}
	if len(old) > recordBytes {
		chunks++
		var b document.Builder
		b.AppendArray("stmts", old)
		w.Put(sessionChunkKey(s.LSID, chunks), b.Finish())
		old = document.Empty
	}
	guard = sessionKey(s.LSID)
	if invariant.Mutated("forgetRetry") {
		return guard, nil
	}
	w.Put(guard, encodeRecord(s, chunks, appendStatements(old, done)))
	return guard, nil
}

func encodeRecord(s *oplog.Session, chunks int32, statements document.Doc) document.Doc {
	b := document.NewBuilder(make([]byte, 0, 160+len(statements)))
	b.AppendDoc("_id", s.LSID)
	b.AppendInt64("txnNum", s.TxnNumber)
	b.AppendDate("lastWriteDate", time.Now().UnixMilli())
	b.AppendInt32("chunks", chunks)
	b.AppendArray("stmts", statements)
	return b.Finish()
}

func appendStatements(old document.Doc, done []statement) document.Doc {
	var a document.ArrayBuilder
	for it := old.Iter(); it.Next(); {
		a.Append(it.Value())
	}
	for _, d := range done {
		var st document.Builder
		st.AppendInt32("s", d.first)
		st.AppendInt32("n", d.n)
		if d.result != nil {
			st.AppendDoc("r", d.result)
		}
		a.Append(st.Finish().AsValue())
	}
	return a.Finish()
}
