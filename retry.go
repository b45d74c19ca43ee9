package morton

import (
	"context"
	"errors"
	"time"
)

// Of Retry: the pause before the third call, and the longest.
const (
	retryPause    = 50 * time.Millisecond
	retryPauseMax = time.Second
)

// Retry calls f again whenever it returned an [AutoReconnect], until ctx ends: at once the first time, as the next operation finds the new
// primary, and with growing pauses, up to a second, while f goes on losing its servers. It is for functions that are safe to repeat, such as
// those that write with upserts by _id, and does what the first article on replica sets told applications to do.
//
//	err := morton.Retry(ctx, func(ctx context.Context) error {
//		_, err := users.Save(ctx, ada)
//		return err
//	})
func Retry(ctx context.Context, f func(context.Context) error) error {
	for pause := time.Duration(0); ; pause = min(max(2*pause, retryPause), retryPauseMax) {
		err := f(ctx)
		var lost *AutoReconnect
		if !errors.As(err, &lost) || ctx.Err() != nil {
			return err
		}
		if pause > 0 {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return err
			}
		}
	}
}
