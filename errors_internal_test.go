package morton

import (
	"errors"
	"strings"
	"testing"
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
