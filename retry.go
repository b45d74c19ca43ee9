package morton

import (
	"context"
	"errors"
)

// Retry calls f again when it returned an [AutoReconnect]: once for each primary that it loses. It is for functions that are safe to
// repeat, such as those that write with upserts by _id, and does what the first article on replica sets told applications to do.
//
//	err := morton.Retry(ctx, func(ctx context.Context) error {
//		_, err := users.Save(ctx, ada)
//		return err
//	})
func Retry(ctx context.Context, f func(context.Context) error) error {
	for {
		err := f(ctx)
		var lost *AutoReconnect
		if !errors.As(err, &lost) || ctx.Err() != nil {
			return err
		}
	}
}
