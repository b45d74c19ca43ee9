package command

import (
	"sync/atomic"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// metrics counts what serverStatus tells. Counters per command are in the rows.
type metrics struct {
	byKind  [kindGetMore + 1]atomic.Int64
	unknown atomic.Int64 // commands that do not exist

	reads, writes, others latency

	inserted, updated, deleted, returned atomic.Int64 // documents

	regular, user, interrupted         atomic.Int64 // asserts: our own faults, the clients' mistakes, operations cut off
	timedOutWrites                     atomic.Int64
	retriedCommands, retriedStatements atomic.Int64
	awaiting                           atomic.Int64 // hellos that wait for a change
}

// latency is the time that operations took together.
type latency struct{ micros, ops atomic.Int64 }

func (l *latency) add(d time.Duration) {
	l.micros.Add(d.Microseconds())
	l.ops.Add(1)
}

func (l *latency) appendTo(b *document.Builder, key string) {
	b.OpenDoc(key)
	b.AppendInt64("latency", l.micros.Load())
	b.AppendInt64("ops", l.ops.Load())
	b.Close()
}

// count notes the end of an operation.
func (m *metrics) count(o *operation, took time.Duration, e *mongoerr.Error) {
	switch {
	case o.row.writes:
		m.writes.add(took)
	case o.row.reads:
		m.reads.add(took)
	default:
		m.others.add(took)
	}
	if e == nil {
		return
	}
	o.row.failures.Add(1)
	switch {
	case e.Code.Interrupted():
		m.interrupted.Add(1)
	case e.Code == mongoerr.InternalError:
		m.regular.Add(1)
	default:
		m.user.Add(1)
	}
}

// countKind counts the operation among the opcounters; n is the number of statements or documents of a write.
func (m *metrics) countKind(k kind, n int) { m.byKind[k].Add(int64(n)) }
