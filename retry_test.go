package morton_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton"
)

// TestRetry shows when Retry calls again, and how long it waits.
func TestRetry(t *testing.T) {
	lost := &morton.AutoReconnect{Op: "insert", Err: errors.New("connection reset")}
	other := errors.New("no such thing")
	for name, c := range map[string]struct {
		results []error
		want    error
		calls   int
		took    time.Duration
	}{
		"success":              {[]error{nil}, nil, 1, 0},
		"another error":        {[]error{other}, other, 1, 0},
		"a new primary":        {[]error{lost, nil}, nil, 2, 0},
		"then another error":   {[]error{lost, other}, other, 2, 0},
		"several lost":         {[]error{lost, lost, lost, lost, nil}, nil, 5, 350 * time.Millisecond},
		"until the time is up": {[]error{lost}, lost, 15, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				begin, calls := time.Now(), 0
				err := morton.Retry(ctx, func(context.Context) error {
					calls++
					return c.results[min(calls, len(c.results))-1]
				})
				if took := time.Since(begin); !errors.Is(err, c.want) || calls != c.calls || took != c.took {
					t.Errorf("%v after %d calls and %v; want %v, %d, %v", err, calls, took, c.want, c.calls, c.took)
				}
			})
		})
	}
}
