package morton

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// TransactionOptions are a transaction's. What is nil or empty is the session's, or the client's.
type TransactionOptions struct {
	ReadPreference *ReadPreference
	ReadConcern    string
	WriteConcern   *WriteConcern
	MaxCommitTime  time.Duration
}

func (o TransactionOptions) or(d TransactionOptions) TransactionOptions {
	if o.ReadPreference == nil {
		o.ReadPreference = d.ReadPreference
	}
	if o.ReadConcern == "" {
		o.ReadConcern = d.ReadConcern
	}
	if o.WriteConcern == nil {
		o.WriteConcern = d.WriteConcern
	}
	if o.MaxCommitTime == 0 {
		o.MaxCommitTime = d.MaxCommitTime
	}
	return o
}

type transactionState uint8

const (
	noTransaction       transactionState = iota
	transactionStarting                  // no command was sent yet
	transactionInProgress
	transactionCommitted
	transactionAborted
)

// transaction is the state of a session's current or last one (specification "Transactions").
type transaction struct {
	state       transactionState
	options     TransactionOptions
	concerns    concerns
	emptyCommit bool // committed without a command
	committed   bool // commit was tried
	pinned      *server
	recovery    document.Doc // recoveryToken of a mongos
}

func (t *transaction) running() bool {
	return t.state == transactionStarting || t.state == transactionInProgress
}

// Errors of transactions, with the words that the specification demands.
var (
	errNoTransaction   = errors.New("morton: no transaction started in the session")
	errTransactionRuns = errors.New("morton: transaction already in progress in the session")
	errSnapshot        = errors.New("morton: transactions are not supported in snapshot sessions")
	errUnacknowledged  = errors.New("morton: transactions do not support unacknowledged write concern, w: 0")
	errReadPreference  = errors.New("morton: read preference in a transaction must be primary")
	errAbortCommitted  = errors.New("morton: cannot call abortTransaction after calling commitTransaction")
	errCommitAborted   = errors.New("morton: cannot call commitTransaction after calling abortTransaction")
	errAbortTwice      = errors.New("morton: cannot call abortTransaction twice")
)

// Start begins a transaction. The session's next operation is its first.
func (s *Session) Start(options ...TransactionOptions) error {
	if err := s.check(s.client); err != nil {
		return err
	}
	switch {
	case s.options.Snapshot:
		return errSnapshot
	case s.transaction.running():
		return errTransactionRuns
	}
	o := one(options).or(s.options.Transaction)
	c := s.client.concerns
	c = c.with(Settings{ReadPreference: o.ReadPreference, ReadConcern: o.ReadConcern, WriteConcern: o.WriteConcern})
	if c.err != nil {
		return c.err
	}
	if o.MaxCommitTime < 0 {
		return fmt.Errorf("morton: MaxCommitTime %v: zero is as long as it takes", o.MaxCommitTime)
	}
	if !c.acknowledged {
		return errUnacknowledged
	}
	s.server.number++
	s.transaction = transaction{state: transactionStarting, options: o, concerns: c}
	return nil
}

// Commit commits the transaction. After an error that has the label UnknownTransactionCommitResult it may be called again.
func (s *Session) Commit(ctx context.Context) error {
	t := &s.transaction
	switch t.state {
	case noTransaction:
		return errNoTransaction
	case transactionAborted:
		return errCommitAborted
	case transactionStarting:
		t.state, t.emptyCommit = transactionCommitted, true
		return nil
	case transactionCommitted:
		if t.emptyCommit {
			return nil
		}
	}
	t.state = transactionCommitted
	err := s.finish(ctx, "commitTransaction")
	t.committed = true
	return err
}

// Abort undoes what the transaction did. The server may not hear of it: then it ends the transaction in time.
func (s *Session) Abort(ctx context.Context) error {
	t := &s.transaction
	switch t.state {
	case noTransaction:
		return errNoTransaction
	case transactionCommitted:
		return errAbortCommitted
	case transactionAborted:
		return errAbortTwice
	case transactionStarting:
		t.state = transactionAborted
		return nil
	}
	t.state = transactionAborted
	_ = s.finish(ctx, "abortTransaction")
	t.pinned = nil
	return nil
}

// finish sends the command that ends a transaction.
func (s *Session) finish(ctx context.Context, name string) error {
	r := s.client.request("admin", name, &s.transaction.concerns)
	defer r.free()
	r.body.AppendInt32(name, 1)
	if s.transaction.recovery != nil {
		r.body.AppendDoc("recoveryToken", s.transaction.recovery)
	}
	r.ends, r.retry = true, retryWrite
	err := r.runWrite(s.Context(ctx))
	var write *WriteError
	if name == "commitTransaction" && errors.As(err, &write) && write.Concern != nil && write.Concern.Code != 79 && write.Concern.Code != 100 {
		err = addLabel(err, mongoerr.LabelUnknownCommit) // those two say that it can never be met
	}
	return err
}

// transactionPatience is how long a transaction is repeated (specification "Convenient API for Transactions").
const transactionPatience = 120 * time.Second

// Transaction runs f in a transaction of a session of its own, and again while the server says that it is worth it, for up to
// two minutes. Operations belong to the transaction if they use f's context. If f returns an error the transaction is
// aborted and the error returned.
func (c *Client) Transaction(ctx context.Context, f func(context.Context) error, options ...TransactionOptions) error {
	s := c.Session()
	defer s.Close(context.WithoutCancel(ctx))
	return s.Transaction(ctx, f, options...)
}

// Transaction is [Client.Transaction] in this session.
func (s *Session) Transaction(ctx context.Context, f func(context.Context) error, options ...TransactionOptions) error {
	began := s.client.now()
	patient := func() bool { return ctx.Err() == nil && s.client.now().Sub(began) < transactionPatience }
	for {
		if err := s.Start(options...); err != nil {
			return err
		}
		if err := f(s.Context(ctx)); err != nil {
			if s.transaction.running() {
				_ = s.Abort(context.WithoutCancel(ctx))
			}
			if HasLabel(err, "TransientTransactionError") && patient() {
				continue
			}
			return err
		}
		if !s.transaction.running() {
			return nil // f ended it
		}
		if again, err := s.commitPatiently(ctx, patient); !again {
			return err
		}
	}
}

// commitPatiently commits, and again while the outcome is unknown. again says that the whole transaction is to be run again.
func (s *Session) commitPatiently(ctx context.Context, patient func() bool) (again bool, err error) {
	for {
		err = s.Commit(ctx)
		switch {
		case err == nil || !patient():
			return false, err
		case HasLabel(err, "UnknownTransactionCommitResult") && !isMaxTime(err):
		case HasLabel(err, "TransientTransactionError"):
			return true, err
		default:
			return false, err
		}
	}
}

// isMaxTime reports whether the server gave up because of maxTimeMS: its outcome is unknown, and trying again would exceed the
// time that the caller allowed.
func isMaxTime(err error) bool {
	var answer *CommandError
	var write *WriteError
	return errors.As(err, &answer) && answer.Code == 50 || errors.As(err, &write) && write.Concern != nil && write.Concern.Code == 50
}
