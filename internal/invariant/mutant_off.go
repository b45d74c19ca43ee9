//go:build !mutants

package invariant

// Mutated is false: this program has no deliberate bugs. See mutant.go.
func Mutated(string) bool { return false }
