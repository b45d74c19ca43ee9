package command

import (
	"errors"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/replset"
)

// The commands that write documents, and what they have in common.

func writeCommands() []*row {
	return []*row{
		{name: "insert", help: "adds documents", kind: kindInsert, runs: onPrimary, writes: true, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, retryable: true, prepare: typed(insertFields, runInsert)},
		{name: "update", help: "changes documents", kind: kindUpdate, runs: onPrimary, writes: true, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, retryable: true, prepare: typed(updateFields, runUpdate)},
		{name: "delete", help: "removes documents", kind: kindDelete, runs: onPrimary, writes: true, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, retryable: true, prepare: typed(deleteFields, runDelete)},
		{name: "findAndModify", aliases: []string{"findandmodify"}, help: "changes or removes one document and returns it", runs: onPrimary, writes: true, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, retryable: true, ownConcernTypes: true, prepare: typed(findAndModifyFields, runFindAndModify)},
	}
}

// batchArgs is what insert, update and delete have in common.
type batchArgs struct {
	ordered    bool
	bypass     bool // the collection's validator need not agree
	let        document.Doc
	stmtID     int64
	stmtIDs    []int32
	hasStmtIDs bool
	hasStmtID  bool

	expressions expr.Options // what expressions of the statements mean
}

// batchFields returns the rows of what A has in common with the other batches.
func batchFields[A any](at func(*A) *batchArgs) []field[A] {
	return []field[A]{
		boolean("ordered", func(a *A) *bool { return &at(a).ordered }),
		safeBool("bypassDocumentValidation", func(a *A) *bool { return &at(a).bypass }),
		safeLong("stmtId", func(a *A) *int64 {
			at(a).hasStmtID = true
			return &at(a).stmtID
		}),
		{name: "stmtIds", array: true, set: func(a *A, v document.Value) error {
			at(a).hasStmtIDs = true
			return eachElement(v, func(e document.Value) error {
				n, ok := e.ToInt64()
				if !ok || e.Type == document.TypeDecimal128 {
					return wrongType(e.Type, "int", "long", "double")
				}
				at(a).stmtIDs = append(at(a).stmtIDs, clampInt32(n))
				return nil
			})
		}},
	}
}

// letField takes variables for expressions.
func letField[A any](at func(*A) *batchArgs) field[A] {
	return object("let", func(a *A) *document.Doc { return &at(a).let })
}

// checkBatch checks the number of statements and their ids.
func (o *operation) checkBatch(a *batchArgs, n int) error {
	if n < 1 || n > replset.MaxWriteBatch {
		return mongoerr.New(mongoerr.InvalidLength, "Write batch sizes must be between 1 and %d. Got %d operations.", replset.MaxWriteBatch, n)
	}
	if !a.hasStmtIDs {
		return nil
	}
	switch {
	case a.hasStmtID:
		return mongoerr.New(mongoerr.InvalidOptions, "Cannot specify both stmtId and stmtIds fields for the same write command")
	case len(a.stmtIDs) != n:
		return mongoerr.New(mongoerr.InvalidLength, "Number of statement ids must match the number of batch entries. Got %d statement ids but %d operations.", len(a.stmtIDs), n)
	}
	return nil
}

// statement returns which statement of a retryable write the i-th of the batch is.
func (o *operation) statement(a *batchArgs, i int) engine.Statement {
	s := engine.Statement{Urgent: o.waits(), Bypass: a.bypass}
	if !o.generic.retryable {
		return s
	}
	s.Session = o.retryableSession()
	s.ID = clampInt32(a.stmtID) + int32(i)
	if a.hasStmtIDs {
		s.ID = a.stmtIDs[i]
	}
	return s
}

func (o *operation) retryableSession() *oplog.Session {
	return &oplog.Session{LSID: o.generic.session.Document(), TxnNumber: o.generic.txn}
}

// batchResult gathers what a batch of writes came to.
type batchResult struct {
	n        int64
	modified int64
	isUpdate bool
	upserted []upsert
	errors   []engine.WriteError
	retried  []int32
}

type upsert struct {
	index int
	id    document.Value
}

// noteTime keeps the place of the last operation that was written.
func (o *operation) noteTime(t oplog.OpTime) {
	if t.TS > o.wrote.TS {
		o.wrote, o.when = t, t.TS
	}
}

// statementError sorts out the error of one statement of a batch: what concerns only the statement becomes a write error,
// and what ends the whole command (the member is no longer primary, time is over) is returned.
func (r *batchResult) statementError(index int, err error) error {
	var mistake *mongoerr.Error
	if !errors.As(err, &mistake) || mistake.Code.Is(mongoerr.NotPrimaryError|mongoerr.ShutdownError|mongoerr.Interruption|mongoerr.RetriableError) ||
		mistake.Code == mongoerr.TransactionTooOld {
		return err
	}
	r.errors = append(r.errors, engine.WriteError{Index: index, Err: mistake})
	return nil
}

// maxReportedErrorBytes bounds the messages in writeErrors: once they are longer together the further ones are left empty,
// as by mongod, so that the reply fits into a document.
const maxReportedErrorBytes = 1 << 20

// appendBatch writes the reply of a batch.
func (o *operation) appendBatch(r *batchResult) {
	b := &o.out
	o.detail.matched, o.detail.modified = r.n, r.modified
	o.noteBatch(r)
	if o.generic.write.Unacknowledged() {
		b.AppendInt32("n", 0)
		if r.isUpdate {
			b.AppendInt32("nModified", 0)
		}
		return
	}
	b.AppendInt32("n", clampInt32(r.n))
	o.appendElection()
	if r.isUpdate {
		if len(r.upserted) > 0 {
			b.OpenArray("upserted")
			for i, u := range r.upserted {
				b.OpenDoc(document.Index(i))
				b.AppendInt32("index", int32(u.index))
				b.AppendValue("_id", u.id)
				b.Close()
			}
			b.Close()
		}
		b.AppendInt32("nModified", clampInt32(r.modified))
	}
	if len(r.errors) > 0 {
		b.OpenArray("writeErrors")
		size := 0
		for i, e := range r.errors {
			shown := e.Err
			if size += len(shown.Message); size > maxReportedErrorBytes {
				shown = mongoerr.New(shown.Code, "")
			}
			b.OpenDoc(document.Index(i))
			shown.AppendWriteError(b, e.Index)
			b.Close()
		}
		b.Close()
	}
	o.appendRetried(r.retried)
}

// appendElection appends the fields by which routers follow what was written: who was primary, and the place in the log.
func (o *operation) appendElection() {
	if o.view.Standalone() || o.dialect() == replset.DialectLegacy {
		return
	}
	t := o.wrote
	if t.IsZero() {
		t = o.d.log.Last()
	}
	o.out.AppendObjectID("electionId", replset.ElectionID(o.view.Term))
	o.out.OpenDoc("opTime")
	appendOpTime(&o.out, t)
	o.out.Close()
}

// appendRetried tells which statements had taken effect before.
func (o *operation) appendRetried(ids []int32) {
	if len(ids) == 0 {
		return
	}
	o.d.metrics.retriedCommands.Add(1)
	o.d.metrics.retriedStatements.Add(int64(len(ids)))
	slices.Sort(ids)
	o.out.OpenArray("retriedStmtIds")
	for i, id := range ids {
		o.out.AppendInt32(document.Index(i), id)
	}
	o.out.Close()
}

// noteBatch remembers the batch for getLastError.
func (o *operation) noteBatch(r *batchResult) {
	l := &o.legacy
	l.n, l.update = r.n, r.isUpdate
	l.updatedExisting = r.n > 0 && len(r.upserted) == 0
	if len(r.upserted) > 0 {
		l.upserted = r.upserted[len(r.upserted)-1].id
	}
	if o.row.kind == kindInsert {
		l.n = 0
	}
	if len(r.errors) > 0 {
		l.err = r.errors[len(r.errors)-1].Err
		l.n = 0
	}
}
