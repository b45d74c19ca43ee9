//go:build mutants

package invariant

// Mutated reports whether the deliberate bug of that name is switched on, by arming the point "mutant.NAME". The bugs exist in programs built with the
// tag mutants only: they show that the simulator finds what it is there for. Elsewhere the answer is a constant, and the compiler leaves them out.
func Mutated(name string) bool { return Point("mutant."+name) != nil }
