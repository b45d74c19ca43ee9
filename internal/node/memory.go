package node

// What a member takes of the machine's memory follows from the size of its cache.

const (
	cacheMax     = 256 << 20 // without --cacheSizeGB; more is for those who know that the machine is the member's alone
	cacheMin     = 32 << 20
	memTableMax  = 16 << 20
	memTableMin  = 4 << 20
	memTables    = 8 // four of each store at most, before writers wait
	overlayMax   = 64 << 20
	overlayMin   = 32 << 20
	besideBudget = 64 << 20 // the newest part of the log, connections, plans
)

// CacheFor returns the cache of a member on a machine with so much memory; 0: it is not known.
func CacheFor(machine int64) int64 {
	if machine == 0 {
		return cacheMax
	}
	return min(max(machine/4, cacheMin), cacheMax)
}

// MemoryBudget returns how much memory a member with a cache uses: what the runtime is to be told as its limit. It is more than what is live when everything is
// full, since a collector without room works all the time.
func MemoryBudget(cache int64) int64 {
	full := cache + memTables*int64(memTableBytes(cache)) + overlayBytes(cache) + besideBudget
	return full + full/8
}

func memTableBytes(cache int64) uint64 {
	return uint64(min(max(cache/8, memTableMin), memTableMax))
}

func overlayBytes(cache int64) int64 {
	return min(max(cache/4, overlayMin), overlayMax)
}
