package morton

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/connpool"
	"github.com/mortondb/morton/internal/mongoerr"
)

// TestErrorsOfSeveralCommands: where an operation is several commands, the failures of one are told beside the loss of the server by the next.
func TestErrorsOfSeveralCommands(t *testing.T) {
	lost := &AutoReconnect{Op: "insert", Sent: true, Err: errors.New("connection reset"), Labels: []string{"RetryableWriteError"}}
	failed := WriteError{Failures: []WriteFailure{{Index: 3, Code: 11000, Message: "E11000"}}}
	err := failed.or(lost, BulkResult{Inserted: 3})
	var found *AutoReconnect
	if !errors.As(err, &found) || found != lost || !IsDuplicateKey(err) || !HasLabel(err, "RetryableWriteError") {
		t.Errorf("%v", err)
	}
	for _, words := range []string{"write 3: E11000 (DuplicateKey)", "then: morton: insert lost its server; it may have taken effect"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q is not in %q", words, err)
		}
	}
}

// TestHowOftenAnOperationIsSent: twice at most; a connection that was lost before the operation was sent does not count, for as long as the selection of a
// server may take.
func TestHowOftenAnOperationIsSent(t *testing.T) {
	client, err := New(&Config{Hosts: []string{"localhost:1"}, RetryReads: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	sent, unsent := &AutoReconnect{Sent: true, Err: errors.New("reset")}, &AutoReconnect{Err: errors.New("reset")}
	other := &CommandError{Code: 2}
	const selection = 30 * time.Second
	for name, c := range map[string]struct {
		errs  []error
		every time.Duration
		want  int // of them that are followed by another attempt
	}{
		"lost once":                     {[]error{sent}, 0, 1},
		"lost twice":                    {[]error{sent, sent, sent}, 0, 1},
		"never sent":                    {[]error{unsent, unsent, unsent, unsent}, 0, 4},
		"never sent for a long time":    {[]error{unsent, unsent, unsent, unsent}, 11 * time.Second, 3},
		"lost, then not sent":           {[]error{sent, unsent, unsent, sent, unsent}, 0, 3},
		"not sent, then refused":        {[]error{unsent, other}, 0, 1},
		"sent, long after the first":    {[]error{sent, sent}, time.Hour, 1},
		"not sent, then lost late once": {[]error{unsent, sent}, time.Hour, 2},
	} {
		r := client.request("app", "find", &defaultConcerns)
		r.retry = retryRead
		var tried attempts
		now, followed := time.Now(), 0
		for _, err := range c.errs {
			if tried.add(err, selection, now); !r.again(t.Context(), err, &tried) {
				break
			}
			followed++
			now = now.Add(c.every)
		}
		if followed != c.want {
			t.Errorf("%s: %d attempts followed, want %d", name, followed, c.want)
		}
		r.free()
	}
}

// TestLabelsOfAllErrorsCount: those of the first failure of several commands and of what came after it.
func TestLabelsOfAllErrorsCount(t *testing.T) {
	failed := WriteError{Failures: []WriteFailure{{Code: 112}}, Labels: []string{"first"}}
	err := failed.or(&CommandError{Code: 251, Labels: []string{mongoerr.LabelTransientTransaction}}, BulkResult{})
	if !HasLabel(err, "first") || !HasLabel(err, mongoerr.LabelTransientTransaction) || HasLabel(err, "other") {
		t.Errorf("%v has the labels %q", err, labelsOf(err))
	}
}

// TestCommitWhoseTimeIsOverHasAnUnknownOutcome: the error of a context that ended gets the label, and stays what it was.
func TestCommitWhoseTimeIsOverHasAnUnknownOutcome(t *testing.T) {
	client, err := New(&Config{Hosts: []string{"localhost:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	r := client.request("admin", "commitTransaction", &defaultConcerns)
	defer r.free()
	r.ends, r.inTxn, r.session = true, true, &Session{client: client}
	over := &connpool.Error{Op: connpool.OpRead, Address: "localhost:1", Sent: true, Err: context.DeadlineExceeded}
	err = r.labelled(over)
	var found *connpool.Error
	if !HasLabel(err, mongoerr.LabelUnknownCommit) || !IsTimeout(err) || !errors.As(err, &found) || err.Error() != over.Error() {
		t.Errorf("%v has the labels %q", err, labelsOf(err))
	}
}

// TestAnswersToTheHandshakeAreCommandErrors: that a user may not come in has the code that the server gave.
func TestAnswersToTheHandshakeAreCommandErrors(t *testing.T) {
	r := &request{client: &Client{}}
	refused := &connpool.Error{Op: connpool.OpAuth, Address: "db1:27017", Err: &mongoerr.Error{Code: mongoerr.AuthenticationFailed, Message: "Authentication failed."}}
	var answer *CommandError
	if err := r.broken(refused, t.Context()); !errors.As(err, &answer) || answer.Code != 18 || answer.Address != "db1:27017" || answer.Message != "Authentication failed." {
		t.Errorf("%v", err)
	}
}

// TestTransactionLeavesTheMongosThatFailsIt: its end is sent to any, with the token that says where the transaction was.
func TestTransactionLeavesTheMongosThatFailsIt(t *testing.T) {
	lost := &AutoReconnect{Sent: true, Err: &connpool.Error{Op: connpool.OpRead, Err: errors.New("reset")}}
	for name, c := range map[string]struct {
		ends bool
		err  error
		left bool
	}{
		"insert":            {false, lost, true},
		"commitTransaction": {true, lost, true},
		"update":            {false, &CommandError{Code: 112, Labels: []string{mongoerr.LabelTransientTransaction}}, true},
		"delete":            {false, &CommandError{Code: 11000}, false},
	} {
		s := &Session{}
		s.transaction.pinned, s.transaction.state = &server{}, transactionInProgress
		r := &request{name: name, client: &Client{config: &Config{}}, session: s, inTxn: true, ends: c.ends, retry: retryWrite, pinned: s.transaction.pinned}
		if err := r.labelled(c.err); (s.transaction.pinned == nil) != c.left || (r.pinned == nil) != c.left {
			t.Errorf("%s: after %v it has left: %v, want %v", name, err, s.transaction.pinned == nil, c.left)
		}
		lost.Labels = nil
	}
}
