//go:build !stress

package invariant

// Stressed is false: this program is left in peace. See stress.go.
const Stressed = false

// Yield does nothing. See stress.go.
func Yield() {}
