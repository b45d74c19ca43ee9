package mongoerr

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mortondb/morton/internal/document"
)

// Labels that tell drivers what they may do after an error.
const (
	LabelRetryableWrite       = "RetryableWriteError"       // the same write may be sent again, under the same transaction number
	LabelTransientTransaction = "TransientTransactionError" // the whole transaction may be run again
	LabelUnknownCommit        = "UnknownTransactionCommitResult"
	LabelNoWritesPerformed    = "NoWritesPerformed" // nothing of the command has taken effect
	LabelResumableStream      = "ResumableChangeStreamError"
)

// Error is a failure as a client sees it. An Error does not change once it is made: the With methods return copies.
type Error struct {
	Code    Code
	Message string
	Labels  []string
	Extra   document.Doc // further fields of the reply, such as keyPattern and keyValue, or errInfo; may be nil
}

// New returns an error with the message that fmt.Sprintf makes of format and args.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// WithLabels returns e with the labels added that it does not have yet.
func (e *Error) WithLabels(labels ...string) *Error {
	c := *e
	c.Labels = slices.Clone(e.Labels)
	for _, l := range labels {
		if !slices.Contains(c.Labels, l) {
			c.Labels = append(c.Labels, l)
		}
	}
	return &c
}

// WithExtra returns e with d in place of its further reply fields.
func (e *Error) WithExtra(d document.Doc) *Error {
	c := *e
	c.Extra = d
	return &c
}

// WithContext returns e with MongoDB's form of a longer message: "context :: caused by :: message".
func (e *Error) WithContext(format string, args ...any) *Error {
	c := *e
	c.Message = fmt.Sprintf(format, args...) + " :: caused by :: " + e.Message
	return &c
}

// Is makes errors.Is(err, target) true for an error of the same code, so that callers need not care for the message.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// HasLabel reports whether e has the label.
func (e *Error) HasLabel(label string) bool { return slices.Contains(e.Labels, label) }

// From returns err as a client is to see it: the *Error in err's chain, with what wraps it in the message; for the end
// of a context MaxTimeMSExpired or Interrupted; InternalError for everything else. It returns nil for nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		if text := err.Error(); text != e.Message {
			c := *e
			c.Message = text
			return &c
		}
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return New(MaxTimeMSExpired, "operation exceeded time limit")
	case errors.Is(err, context.Canceled):
		return New(Interrupted, "operation was interrupted")
	}
	return &Error{Code: InternalError, Message: err.Error()}
}

// CodeOf returns the code that a client sees for err; 0 for nil.
func CodeOf(err error) Code {
	if e := From(err); e != nil {
		return e.Code
	}
	return 0
}
