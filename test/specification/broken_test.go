package specification

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/spectest"
)

// TestBrokenTestsDoNotPass shows that the runner can fail: each of the format's tests that a runner must not let pass is refused, fails, or is
// skipped for a reason that is printed.
func TestBrokenTestsDoNotPass(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := openFlags(ctx, t)
	failed, skipped := 0, map[string]int{}
	for _, f := range spectest.Files(t, mustNotPass) {
		var file testFile
		f.Decode(t, &file)
		for i := range file.Tests {
			err := runTest(t.Context(), s, &file, &file.Tests[i])
			var why skip
			switch {
			case err == nil:
				t.Errorf("%s: %s: passes", f.Path, file.Tests[i].Description)
			case errors.As(err, &why):
				skipped[string(why)]++
			default:
				failed++
			}
		}
	}
	t.Logf("%s: %d fail as they should", mustNotPass, failed)
	for _, why := range slices.Sorted(maps.Keys(skipped)) {
		t.Logf("    %d skipped: %s", skipped[why], why)
	}
}
