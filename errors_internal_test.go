package morton

import (
	"errors"
	"strings"
	"testing"
	"time"
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
