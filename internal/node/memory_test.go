package node

import "testing"

// TestMemoryFollowsFromTheCache shows the sizes of machines from the smallest to the largest.
func TestMemoryFollowsFromTheCache(t *testing.T) {
	for _, c := range []struct{ machine, cache, table, overlay int64 }{
		{64 << 20, 32 << 20, 4 << 20, 32 << 20},
		{256 << 20, 64 << 20, 8 << 20, 32 << 20},
		{512 << 20, 128 << 20, 16 << 20, 32 << 20},
		{64 << 30, 256 << 20, 16 << 20, 64 << 20},
		{0, 256 << 20, 16 << 20, 64 << 20},
	} {
		cache := CacheFor(c.machine)
		if cache != c.cache || int64(memTableBytes(cache)) != c.table || overlayBytes(cache) != c.overlay {
			t.Errorf("%d MB: cache %d, memory tables of %d, overlay %d", c.machine>>20, cache, memTableBytes(cache), overlayBytes(cache))
		}
		if live := cache + 8*c.table + c.overlay; MemoryBudget(cache) < live*9/8 {
			t.Errorf("%d MB: a budget of %d leaves no room over %d", c.machine>>20, MemoryBudget(cache), live)
		}
	}
}
