package morton

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/connpool"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/sdam"
)

// Errors that stand for themselves.
var (
	// ErrNotFound: no document matches.
	ErrNotFound = errors.New("morton: no document matches")
	// ErrClosed: the client, the session or the cursor was closed.
	ErrClosed = errors.New("morton: the client is closed")
)

// CommandError is a server's answer that a command failed.
type CommandError struct {
	Code    int32
	Name    string // of the code, such as "NotWritablePrimary"
	Message string
	Labels  []string
	Address string
	Raw     bson.Raw // the whole answer
}

// Error gives the server's words.
func (e *CommandError) Error() string {
	name := e.Name
	if name == "" {
		name = "error"
	}
	return fmt.Sprintf("morton: %s: %s (%s %d)", e.Address, e.Message, name, e.Code)
}

// AutoReconnect says that an operation lost its server, and that sending it again was not allowed or did not help. It is
// raised once: the next operation finds the new primary.
type AutoReconnect struct {
	Op      string // the command's name
	Address string // of the server that was lost
	// Sent says that the server may have seen the operation: it may have taken effect.
	Sent bool
	// SafeToRetry says that the operation has not taken effect, or that it changes nothing, so that it can be repeated.
	SafeToRetry bool
	Labels      []string
	Err         error
}

// Error says what was lost and what that means.
func (e *AutoReconnect) Error() string {
	advice := "it may have taken effect"
	switch {
	case e.SafeToRetry:
		advice = "it can be repeated"
	case !e.Sent:
		advice = "it was not sent"
	}
	return fmt.Sprintf("morton: %s lost its server; %s; the next operation finds the new primary: %v", e.Op, advice, e.Err)
}

// Unwrap returns the reason.
func (e *AutoReconnect) Unwrap() error { return e.Err }

// SelectionError says that no server suited an operation for as long as it could wait.
type SelectionError struct {
	Op     string
	Reason string // what is known of each server, and what can be done
	Waited time.Duration
	Labels []string
	Err    error // context.DeadlineExceeded, context.Canceled
}

// Error says what was looked for and why it was not found.
func (e *SelectionError) Error() string {
	if e.Waited > 0 {
		return fmt.Sprintf("morton: %s waited %s for a server: %s", e.Op, e.Waited, e.Reason)
	}
	return fmt.Sprintf("morton: %s: %s", e.Op, e.Reason)
}

// Unwrap returns why the waiting ended.
func (e *SelectionError) Unwrap() error { return e.Err }

// WriteError says which writes of an operation failed, or that its write concern was not met. Result is what was done.
type WriteError struct {
	Failures []WriteFailure
	Concern  *ConcernFailure // nil: it was met, or not waited for
	Labels   []string
	Result   BulkResult
	Raw      bson.Raw // the last answer that told of a failure
	Err      error    // why the writes that came after those were not done, or may not have been; nil: they were
}

// WriteFailure is one write that failed.
type WriteFailure struct {
	Index   int // among those of the call
	Code    int32
	Message string
	Details bson.Raw // why a document did not validate
	Raw     bson.Raw
}

// ConcernFailure says that writes were done and fewer members have them than was asked for, or that this is not known.
type ConcernFailure struct {
	Code    int32
	Name    string
	Message string
	Details bson.Raw
	Raw     bson.Raw
}

// Error tells of the first failure.
func (e *WriteError) Error() string {
	var text strings.Builder
	text.WriteString("morton: ")
	if n := len(e.Failures); n > 0 {
		fmt.Fprintf(&text, "write %d: %s (%s)", e.Failures[0].Index, e.Failures[0].Message, mongoerr.Code(e.Failures[0].Code))
		if n > 1 {
			fmt.Fprintf(&text, " and %d more failures", n-1)
		}
	}
	if e.Concern != nil {
		if len(e.Failures) > 0 {
			text.WriteString("; ")
		}
		fmt.Fprintf(&text, "write concern: %s (%s)", e.Concern.Message, mongoerr.Code(e.Concern.Code))
	}
	if e.Err != nil {
		fmt.Fprintf(&text, "; then: %v", e.Err)
	}
	return text.String()
}

// Unwrap returns why the other writes were not done.
func (e *WriteError) Unwrap() error { return e.Err }

// HasLabel reports whether a server, or the client for it, gave the error that label, such as "TransientTransactionError".
func HasLabel(err error, label string) bool { return slices.Contains(labelsOf(err), label) }

// labelsOf returns the labels of all errors in a chain.
func labelsOf(err error) (labels []string) {
	for _, l := range labelLists(err) {
		labels = append(labels, *l...)
	}
	return labels
}

// labelLists returns where the errors in a chain keep their labels, the place for new ones first.
func labelLists(err error) (lists []*[]string) {
	var lost *AutoReconnect
	var answer *CommandError
	var write *WriteError
	var selection *SelectionError
	var other *labelledError
	if errors.As(err, &lost) {
		lists = append(lists, &lost.Labels)
	}
	if errors.As(err, &write) {
		lists = append(lists, &write.Labels)
	}
	if errors.As(err, &answer) {
		lists = append(lists, &answer.Labels)
	}
	if errors.As(err, &selection) {
		lists = append(lists, &selection.Labels)
	}
	if errors.As(err, &other) {
		lists = append(lists, &other.labels)
	}
	return lists
}

// labelledError is an error with labels whose type has no place for them, such as that of a context that ended.
type labelledError struct {
	error
	labels []string
}

func (e *labelledError) Unwrap() error { return e.error }

// addLabel returns err with the label.
func addLabel(err error, label string) error {
	lists := labelLists(err)
	if len(lists) == 0 {
		return &labelledError{err, []string{label}}
	}
	if l := lists[0]; !slices.Contains(*l, label) {
		*l = append(slices.Clone(*l), label)
	}
	return err
}

func removeLabel(err error, label string) {
	for _, l := range labelLists(err) {
		*l = without(*l, label)
	}
}

func without(labels []string, label string) []string {
	return slices.DeleteFunc(slices.Clone(labels), func(l string) bool { return l == label })
}

// IsDuplicateKey reports whether a write failed because a unique index has its key already.
func IsDuplicateKey(err error) bool {
	duplicate := func(code int32) bool { return code == 11000 || code == 11001 || code == 12582 }
	var write *WriteError
	var answer *CommandError
	if errors.As(err, &write) {
		for _, f := range write.Failures {
			if duplicate(f.Code) {
				return true
			}
		}
	}
	return errors.As(err, &answer) && duplicate(answer.Code)
}

// IsTimeout reports whether an operation failed because its time was over, here or at the server.
func IsTimeout(err error) bool {
	var lost *connpool.Error
	var answer *CommandError
	var write *WriteError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.As(err, &lost):
		return lost.Timeout()
	case errors.As(err, &answer):
		return answer.Code == int32(mongoerr.MaxTimeMSExpired)
	case errors.As(err, &write):
		return write.Concern != nil && write.Concern.Code == int32(mongoerr.MaxTimeMSExpired)
	}
	return false
}

// failureOf returns what an error on the way to a server, or from it, says about the server; false if nothing.
func failureOf(err *connpool.Error) (sdam.Failure, bool) {
	var answer *mongoerr.Error
	if !err.Network() && !errors.As(err.Err, &answer) {
		return sdam.Failure{}, false
	}
	return sdam.Failure{Err: err, Established: !err.Handshake(), Generation: err.Generation}, true
}

// commandError returns the error that an answer is.
func commandError(e *mongoerr.Error, address string, reply document.Doc) *CommandError {
	c := &CommandError{Code: int32(e.Code), Message: e.Message, Labels: slices.Clone(e.Labels), Address: address, Raw: bson.Raw(reply.Clone())}
	c.Name = text(reply.Lookup("codeName"))
	return c
}

func concernFailure(v document.Value) *ConcernFailure {
	d := v.Doc()
	code, _ := d.Lookup("code").AsInt64()
	w := &ConcernFailure{Code: int32(code), Raw: bson.Raw(d.Clone())}
	w.Name = text(d.Lookup("codeName"))
	w.Message = text(d.Lookup("errmsg"))
	if info := d.Lookup("errInfo"); info.Type == document.TypeDocument {
		w.Details = bson.Raw(info.Doc().Clone())
	}
	return w
}

func writeFailures(v document.Value, offset int) (failures []WriteFailure) {
	for it := v.Doc().Iter(); it.Next(); {
		d := it.Value().Doc()
		index, _ := d.Lookup("index").AsInt64()
		code, _ := d.Lookup("code").AsInt64()
		f := WriteFailure{Index: offset + int(index), Code: int32(code), Raw: bson.Raw(d.Clone())}
		f.Message = text(d.Lookup("errmsg"))
		if info := d.Lookup("errInfo"); info.Type == document.TypeDocument {
			f.Details = bson.Raw(info.Doc().Clone())
		}
		failures = append(failures, f)
	}
	return failures
}

// text returns a copy of the string that v is; "" if it is none.
func text(v document.Value) string {
	if v.Type != document.TypeString {
		return ""
	}
	return strings.Clone(v.Str())
}
