package morton

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mortondb/morton/internal/connpool"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/sdam"
	"github.com/mortondb/morton/internal/wire"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// retryKind says whether a command may be sent again when its server was lost.
type retryKind uint8

const (
	retryNever retryKind = iota
	retryRead            // it changes nothing
	retryWrite           // it has a number, by which the server knows it again
)

// request is one command on its way to a server and back. Its body is built once, behind the place of the message's header; what
// depends on the server and the session is appended for each attempt and cut off again. Requests are used again: who made one
// frees it, and with it the reply.
type request struct {
	client   *Client
	db, name string
	concerns *concerns
	body     document.Builder
	buf      *wire.Buffer
	sequence string // identifier of the message's second section; "": there is none
	docs     []byte // its documents

	read       bool // the read preference says who may answer
	output     bool // a read that ends in $out or $merge
	write      bool // takes a write concern
	concern    bool // takes a read concern
	retry      retryKind
	ends       bool                 // it ends a transaction
	alone      bool                 // belongs to no session
	mute       bool                 // w: 0, there is no reply
	missing    bool                 // that there is no collection is an empty result
	silent     bool                 // the server is not told of the deadline: maxTimeMS means something else, or the command has none
	maxTime    time.Duration        // the caller's maxTimeMS
	pinned     *server              // the one server that can answer, as it has the cursor
	preference *sdam.ReadPreference // in place of the concerns'

	// What follows is the state of a run.
	session *Session       // nil: none of the caller's
	server  *serverSession // of the session, or one for this request alone
	owned   bool           // server is to be given back
	number  int64          // txnNumber of a retryable write; 0: none
	inTxn   bool
	commits bool           // commitTransaction, sent again
	keep    *serverSession // of a cursor: taken over from the first request, not given back

	target *server
	desc   *sdam.Server
	reply  connpool.Reply
	answer answer
}

// answer is what is looked for in every reply.
type answer struct {
	ok            bool
	concern       document.Value // writeConcernError
	labels        document.Value // errorLabels
	clusterTime   document.Doc
	operationTime uint64
}

var requests = sync.Pool{New: func() any { return new(request) }}

// requestIDs are the ids of messages, unique in the process.
var requestIDs atomic.Int32

// request begins a command: the caller appends its fields to body.
func (c *Client) request(db, name string, k *concerns) *request {
	r := requests.Get().(*request)
	r.client, r.db, r.name, r.concerns = c, db, name, k
	r.buf = wire.GetBuffer(0)
	r.body.Reset(append(r.buf.B, make([]byte, wire.MsgPrefixSize)...))
	return r
}

// free gives up the request and its reply.
func (r *request) free() {
	r.reply.Free()
	r.giveSession()
	r.buf.Free()
	docs := r.docs
	if cap(docs) > 1<<20 {
		docs = nil
	}
	*r = request{docs: docs[:0]}
	requests.Put(r)
}

// run sends the command and returns the reply, which is the request's: ok, but perhaps with errors of single writes or of the write
// concern.
func (r *request) run(ctx context.Context) (document.Doc, error) {
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := r.concerns.limit(ctx)
	defer cancel()
	size := r.body.Size()
	var first error
	var avoid []string
	var tried attempts
	for {
		r.body.Cut(size)
		err := r.attempt(ctx, avoid)
		if err == nil {
			if r.inTxn || r.session != nil {
				r.finished()
			}
			return r.reply.Body, nil
		}
		err = r.labelled(err)
		if first != nil && (HasLabel(err, mongoerr.LabelNoWritesPerformed) || isSelection(err)) {
			return nil, r.ended(ctx, first)
		}
		if tried.add(err, r.client.config.ServerSelectionTimeout, time.Now()); !r.again(ctx, err, &tried) {
			if r.worthRetrying(err) {
				err = r.ended(ctx, err)
			}
			return nil, err
		}
		first = err
		if r.target != nil {
			avoid = append(avoid, r.target.address)
		}
		r.commits = r.commits || r.name == "commitTransaction"
		r.reply.Free()
		r.reply = connpool.Reply{}
	}
}

// ended returns the error of a command that would have been sent again, had its context not ended: err, and that it has.
func (r *request) ended(ctx context.Context, err error) error {
	if why := ctx.Err(); why != nil && !errors.Is(err, why) {
		return fmt.Errorf("morton: %s: %w; the last failure was: %w", r.name, why, err)
	}
	return err
}

func isSelection(err error) bool {
	var e *SelectionError
	return errors.As(err, &e)
}

// begin finds the session and what follows from it.
func (r *request) begin(ctx context.Context) error {
	if r.client.closed.Load() && !r.alone {
		return ErrClosed
	}
	if r.concerns.err != nil {
		return r.concerns.err
	}
	if r.maxTime < 0 {
		return fmt.Errorf("morton: MaxTime %v: zero is as long as it takes", r.maxTime)
	}
	if r.alone {
		return nil
	}
	if s := sessionOf(ctx); s != nil {
		if err := s.check(r.client); err != nil {
			return err
		}
		r.session, r.server = s, s.server
		return r.beginInSession(s)
	}
	if r.keep != nil {
		r.server = r.keep
	}
	return nil
}

// beginInSession does what a transaction or a snapshot demands.
func (r *request) beginInSession(s *Session) error {
	t := &s.transaction
	r.inTxn = t.running() || r.ends
	if r.mute {
		return errors.New("morton: unacknowledged writes are not possible in a session that the program began")
	}
	if !r.inTxn {
		t.state, t.pinned = noTransaction, nil // the last one is over, and is neither committed nor aborted again
		return nil
	}
	if !r.ends {
		r.retry, r.number = retryNever, 0
		for _, p := range []*sdam.ReadPreference{r.preference, t.concerns.read} {
			if r.read && p != nil && p.Mode != sdam.Primary {
				return errReadPreference
			}
		}
		r.preference = nil
	}
	r.concerns = &t.concerns
	if t.pinned != nil {
		r.pinned = t.pinned
	}
	r.commits = r.name == "commitTransaction" && t.committed
	return nil
}

// limit gives an operation the time that the settings allow, unless its context has a deadline of its own.
func (c *concerns) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.timeout <= 0 {
		return ctx, func() {}
	}
	if _, has := ctx.Deadline(); has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.timeout)
}

// attempt sends the command once.
func (r *request) attempt(ctx context.Context, avoid []string) (err error) {
	if err := r.choose(ctx, avoid); err != nil {
		return err
	}
	s := r.target
	s.running.Add(1)
	defer s.running.Add(-1)
	conn, err := s.pool.Get(ctx)
	if err != nil {
		return r.broken(err.(*connpool.Error), ctx)
	}
	r.takeSession()
	msg, err := r.message(ctx)
	if err != nil {
		s.pool.Put(conn)
		return err
	}
	var finish func(err error)
	if r.client.listens {
		finish = r.client.commandStarted(ctx, r, conn, msg)
	}
	if r.mute {
		err := conn.Send(ctx, msg)
		s.pool.Put(conn)
		if finish != nil {
			finish(err)
		}
		if err != nil {
			return r.broken(err.(*connpool.Error), ctx)
		}
		return nil
	}
	limited, cancel := within(ctx, r.client.config.SocketTimeout)
	r.reply, err = conn.RoundTrip(limited, msg)
	cancel()
	wireVersion := conn.Hello().MaxWireVersion
	s.pool.Put(conn)
	if err != nil {
		if finish != nil {
			finish(err)
		}
		if r.server != nil {
			r.server.dirty = true
		}
		return r.broken(err.(*connpool.Error), ctx)
	}
	r.look()
	err = r.outcome(conn.Generation(), wireVersion)
	if finish != nil {
		finish(err)
	}
	return err
}

// choose selects the server.
func (r *request) choose(ctx context.Context, avoid []string) error {
	t := r.client.topology
	if r.pinned != nil {
		r.target, r.desc = r.pinned, t.view.Load().Server(r.pinned.address)
		if r.desc == nil {
			r.desc = &sdam.Server{Address: r.pinned.address}
		}
		return nil
	}
	q := sdam.Request{Write: !r.read, Output: r.output, Avoid: avoid}
	if r.read {
		q.Read = r.readPreference()
	}
	var err error
	r.target, r.desc, err = t.choose(ctx, q, r.name)
	return err
}

func (r *request) readPreference() *sdam.ReadPreference {
	if r.preference != nil {
		return r.preference
	}
	return r.concerns.read
}

// takeSession takes a server's session for a request that has none of the caller's, where the servers have sessions, and a number for
// a write that is to be known again.
func (r *request) takeSession() {
	v := r.client.topology.view.Load()
	if r.alone || v.SessionTimeout == 0 && r.desc.SessionTimeout == 0 {
		return
	}
	if r.server == nil && !r.mute {
		r.server, r.owned = r.client.sessions.take(), true
	}
	if r.retry == retryWrite && !r.ends && r.number == 0 && r.client.config.RetryWrites && !r.mute && (v.Kind.ReplicaSet() || r.desc.SetName != "" || r.desc.Kind == sdam.Mongos) {
		r.server.number++
		r.number = r.server.number
	}
}

func (r *request) giveSession() {
	if r.owned {
		r.client.sessions.give(r.server)
	}
	r.server, r.owned = nil, false
}

// message completes the message for this attempt.
func (r *request) message(ctx context.Context) ([]byte, error) {
	b := &r.body
	if r.server != nil {
		r.server.lastUse = r.client.now()
		b.AppendDoc("lsid", r.server.id)
		if r.number != 0 {
			b.AppendInt64("txnNumber", r.number)
		}
	}
	if r.inTxn {
		r.appendTransaction(b)
	}
	r.appendReadConcern(b)
	if w := r.writeConcern(); w != nil {
		b.AppendDoc("writeConcern", w)
	}
	if err := r.appendMaxTime(ctx, b); err != nil {
		return nil, err
	}
	if r.server != nil {
		var own *clusterTime
		if r.session != nil {
			own = &r.session.clusterTime
		}
		r.client.clusterTime.appendTo(b, own)
	}
	view := r.client.topology.view.Load()
	if p := view.Preference(r.desc, sdam.Request{Write: !r.read, Read: r.readPreference(), Output: r.output}); p != nil && !(r.inTxn && !view.Kind.ReplicaSet() && view.Kind != sdam.Single) {
		p.Append(b)
	}
	r.client.api.AppendTo(b)
	b.AppendString("$db", r.db)
	msg := b.FinishBuffer()
	if r.sequence != "" {
		msg = append(msg, 1)
		msg = binary.LittleEndian.AppendUint32(msg, uint32(4+len(r.sequence)+1+len(r.docs)))
		msg = append(append(append(msg, r.sequence...), 0), r.docs...)
	}
	r.buf.B = msg
	var flags wire.MsgFlags
	if r.mute {
		flags = wire.MoreToCome
	}
	_ = wire.AppendMsgPrefix(msg[:0], requestIDs.Add(1), 0, flags, len(msg)-wire.MsgPrefixSize) // in the place that was left for it
	return msg, nil
}

func (r *request) appendTransaction(b *document.Builder) {
	b.AppendInt64("txnNumber", r.server.number)
	if r.session.transaction.state == transactionStarting {
		b.AppendBool("startTransaction", true)
	}
	b.AppendBool("autocommit", false)
}

// appendReadConcern appends the level, and for a causal session the time that the server must have reached.
func (r *request) appendReadConcern(b *document.Builder) {
	s := r.session
	first := r.inTxn && s.transaction.state == transactionStarting
	snapshot := s != nil && s.options.Snapshot && r.pinned == nil // also with what cannot be read so: the server says no
	if r.inTxn && !first || !r.inTxn && !r.concern && !snapshot {
		return
	}
	level := r.concerns.readConcern
	after := s != nil && s.causal && !s.operationTime.IsZero()
	if snapshot {
		level, after = "snapshot", false
	}
	if level == "" && !after {
		return
	}
	b.OpenDoc("readConcern")
	if level != "" {
		b.AppendString("level", level)
	}
	if after {
		b.AppendTimestamp("afterClusterTime", uint64(s.operationTime.T)<<32|uint64(s.operationTime.I))
	}
	if snapshot && !s.snapshotTime.IsZero() {
		b.AppendTimestamp("atClusterTime", uint64(s.snapshotTime.T)<<32|uint64(s.snapshotTime.I))
	}
	b.Close()
}

// retriedCommit is the write concern of a commit that is sent again: it may have been done by a primary that is gone.
func retriedCommit(w document.Doc) document.Doc {
	b := document.NewBuilder(nil)
	b.AppendString("w", "majority")
	timed := false
	for it := w.Iter(); it.Next(); {
		if it.Key() != "w" {
			b.AppendValue(it.Key(), it.Value())
		}
		timed = timed || it.Key() == "wtimeout"
	}
	if !timed {
		b.AppendInt32("wtimeout", 10000)
	}
	return b.Finish()
}

func (r *request) writeConcern() document.Doc {
	switch {
	case r.commits:
		return retriedCommit(r.concerns.writeConcern)
	case r.ends, r.write && !r.inTxn:
		return r.concerns.writeConcern
	}
	return nil
}

// appendMaxTime tells the server how long it may take: what the caller says, or what the deadline leaves.
func (r *request) appendMaxTime(ctx context.Context, b *document.Builder) error {
	if r.ends && r.name == "commitTransaction" && r.session.transaction.options.MaxCommitTime > 0 && r.concerns.timeout <= 0 {
		b.AppendInt64("maxTimeMS", milliseconds(r.session.transaction.options.MaxCommitTime))
		return nil
	}
	deadline, has := ctx.Deadline()
	switch {
	case r.maxTime > 0 && r.concerns.timeout < 0:
		b.AppendInt64("maxTimeMS", milliseconds(r.maxTime))
		return nil
	case !has || r.silent:
		return nil
	}
	left := time.Until(deadline) - r.target.monitor.currentRTT().Min()
	if left <= 0 {
		return &connpool.Error{Op: connpool.OpWrite, Address: r.target.address, Err: context.DeadlineExceeded}
	}
	b.AppendInt64("maxTimeMS", milliseconds(left))
	return nil
}

// look looks into the reply once.
func (r *request) look() {
	a := &r.answer
	*a = answer{}
	for it := r.reply.Body.Iter(); it.Next(); {
		switch it.Key() {
		case "ok":
			a.ok = it.Value().Truthy()
		case "writeConcernError":
			a.concern = it.Value()
		case "errorLabels":
			a.labels = it.Value()
		case "$clusterTime":
			a.clusterTime = it.Value().Doc()
		case "operationTime":
			if v := it.Value(); v.Type == document.TypeTimestamp {
				a.operationTime = v.Timestamp()
			}
		case "recoveryToken":
			if r.inTxn {
				r.session.transaction.recovery = it.Value().Doc().Clone()
			}
		}
	}
	if a.clusterTime != nil {
		r.client.clusterTime.advance(a.clusterTime)
	}
	if s := r.session; s != nil {
		if a.clusterTime != nil {
			s.clusterTime.advance(a.clusterTime)
		}
		if t := a.operationTime; t != 0 {
			s.AdvanceOperationTime(bson.Timestamp{T: uint32(t >> 32), I: uint32(t)})
		}
		if s.options.Snapshot && s.snapshotTime.IsZero() {
			s.noteSnapshot(r.reply.Body)
		}
	}
}

// noteSnapshot keeps the moment that a snapshot session's first read saw.
func (s *Session) noteSnapshot(reply document.Doc) {
	at := reply.Lookup("atClusterTime")
	if c := reply.Lookup("cursor"); c.Type == document.TypeDocument {
		at = c.Doc().Lookup("atClusterTime")
	}
	if at.Type == document.TypeTimestamp {
		s.snapshotTime = bson.Timestamp{T: uint32(at.Timestamp() >> 32), I: uint32(at.Timestamp())}
	}
}

// outcome returns the error that the reply is, having told the topology of it.
func (r *request) outcome(generation uint64, wireVersion int32) error {
	a := &r.answer
	if a.ok && a.concern.Type == document.TypeMissing {
		return nil
	}
	if f, failed := sdam.ParseFailure(r.reply.Body); failed {
		f.Established, f.Generation, f.MaxWire = true, generation, wireVersion
		r.client.topology.failed(r.target, f)
	}
	if a.ok {
		concern := concernFailure(a.concern)
		labels := r.labels(wireVersion, mongoerr.Code(concern.Code))
		for _, l := range labels {
			if l == mongoerr.LabelRetryableWrite && r.mayRetry() {
				return &WriteError{Concern: concern, Labels: labels, Raw: bson.Raw(r.reply.Body.Clone())}
			}
		}
		return nil
	}
	e := mongoerr.FromReply(r.reply.Body)
	err := commandError(e, r.target.address, r.reply.Body)
	err.Labels = r.labels(wireVersion, e.Code)
	if e.Code.StateChange() {
		return &AutoReconnect{Op: r.name, Address: r.target.address, Sent: true, SafeToRetry: r.retry == retryRead || e.Code == 10107 || e.Code == 13435 || e.Code == 10058, Labels: err.Labels, Err: err}
	}
	return err
}

// labels returns the answer's, and for servers before 4.4 what they would have said.
func (r *request) labels(wireVersion int32, code mongoerr.Code) (labels []string) {
	for it := r.answer.labels.Doc().Iter(); it.Next(); {
		labels = append(labels, text(it.Value()))
	}
	if wireVersion < 9 && r.retry == retryWrite && code.Retryable() {
		labels = append(labels, mongoerr.LabelRetryableWrite)
	}
	return labels
}

// broken returns the error for a connection that failed, having told the topology of it.
func (r *request) broken(err *connpool.Error, ctx context.Context) error {
	if errors.Is(err, connpool.ErrPoolClosed) && r.client.closed.Load() {
		return ErrClosed
	}
	if f, ok := failureOf(err); ok && !err.Handshake() {
		f.MaxWire = r.desc.MaxWire
		r.client.topology.failed(r.target, f)
	}
	var answer *mongoerr.Error
	switch {
	case lostServer(err, ctx):
	case errors.As(err.Err, &answer): // to the handshake
		return commandError(answer, err.Address, answer.Extra)
	default:
		return err
	}
	return &AutoReconnect{Op: r.name, Address: err.Address, Sent: err.Sent, SafeToRetry: !err.Sent || r.retry == retryRead, Err: err}
}

// lostServer reports whether an error means that the server cannot be reached now, and not that the caller's time was over or the server
// refused to know the user. A deadline that is not the caller's is that of the socket.
func lostServer(err *connpool.Error, ctx context.Context) bool {
	return err.Network() && (!errors.Is(err, context.DeadlineExceeded) || ctx.Err() == nil) || errors.Is(err, connpool.ErrPoolCleared) || errors.Is(err, connpool.ErrPoolClosed)
}

// labelled gives an error the labels that the specifications want the client to give.
func (r *request) labelled(err error) error {
	var lost *AutoReconnect
	var failed *connpool.Error
	network := errors.As(err, &lost) && errors.As(lost.Err, &failed)
	if network && r.mayRetry() && r.retry == retryWrite {
		err = addLabel(err, mongoerr.LabelRetryableWrite)
	}
	switch {
	case !r.inTxn:
	case r.name == "commitTransaction":
		err = r.labelCommit(err, network)
	case !r.ends && (network || isSelection(err)):
		err = addLabel(err, mongoerr.LabelTransientTransaction)
	}
	if r.inTxn && (HasLabel(err, mongoerr.LabelTransientTransaction) || r.ends && HasLabel(err, mongoerr.LabelUnknownCommit)) {
		r.session.transaction.pinned, r.pinned = nil, nil // another mongos may know what this one does not tell
	}
	if r.inTxn && r.session.transaction.state == transactionStarting && !r.ends && r.target != nil {
		r.finished() // the server may know of the transaction
	}
	return err
}

func (r *request) labelCommit(err error, network bool) error {
	var answer *CommandError
	unknown := network || isSelection(err) || HasLabel(err, mongoerr.LabelRetryableWrite) || IsTimeout(err)
	if errors.As(err, &answer) {
		unknown = unknown || mongoerr.Code(answer.Code).Retryable() || answer.Code == int32(mongoerr.MaxTimeMSExpired)
	}
	if unknown {
		removeLabel(err, mongoerr.LabelTransientTransaction)
		err = addLabel(err, mongoerr.LabelUnknownCommit)
	}
	return err
}

// mayRetry reports whether a lost server is a reason to send the command again, as far as the command goes.
func (r *request) mayRetry() bool {
	switch {
	case r.ends:
		return true
	case r.inTxn:
		return false
	case r.retry == retryRead:
		return r.client.config.RetryReads
	case r.retry == retryWrite:
		return r.client.config.RetryWrites && (r.number != 0 || r.target == nil || r.desc != nil && r.desc.SessionTimeout > 0 && r.desc.Kind != sdam.Standalone)
	}
	return false
}

// attempts are those that a request made and that failed.
type attempts struct {
	sent    int       // that its server may have seen
	waiting bool      // the last one was not sent: the request still waits for a server that takes it
	until   time.Time // so long it may
	late    bool
}

// add adds an attempt that failed. A request whose connection was lost before it was sent may go on looking for a server for as long as the
// selection of one may take.
func (a *attempts) add(err error, selection time.Duration, now time.Time) {
	if a.until.IsZero() {
		a.until = now.Add(selection)
	}
	var lost *AutoReconnect
	a.waiting = errors.As(err, &lost) && !lost.Sent
	if !a.waiting {
		a.sent++
	}
	a.late = !now.Before(a.until)
}

// again reports whether the command is sent once more after err: it is sent twice at most, or as often as timeoutMS allows.
func (r *request) again(ctx context.Context, err error, tried *attempts) bool {
	return r.worthRetrying(err) && ctx.Err() == nil && (r.concerns.timeout >= 0 || tried.sent < 2 && !(tried.waiting && tried.late))
}

// worthRetrying reports whether the command may be sent again, and the error is one that another server, or the same one later, might not give.
func (r *request) worthRetrying(err error) bool {
	if !r.mayRetry() || isSelection(err) {
		return false
	}
	if r.retry == retryRead {
		var answer *CommandError
		var lost *AutoReconnect
		if errors.As(err, &answer) {
			return readRetryable(mongoerr.Code(answer.Code))
		}
		return errors.As(err, &lost)
	}
	return HasLabel(err, mongoerr.LabelRetryableWrite)
}

// readRetryable reports whether a read that failed with the code is worth another try (specification "Retryable Reads").
func readRetryable(code mongoerr.Code) bool {
	return code.Retryable() || code == mongoerr.ExceededTimeLimit || code == mongoerr.ReadConcernMajorityNotAvailableYet
}

// finished notes that a transaction's first command was sent.
func (r *request) finished() {
	s := r.session
	if s == nil || !r.inTxn || s.transaction.state != transactionStarting {
		return
	}
	s.transaction.state = transactionInProgress
	if r.desc != nil && r.desc.Kind == sdam.Mongos {
		s.transaction.pinned = r.target
	}
}
