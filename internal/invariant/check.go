package invariant

import "fmt"

// Violation is what [Check] panics with: a bug of ours. It must stop the member, because going on could corrupt what
// is stored. It is a type of its own, so that a handler that survives other panics (one connection's, say) can tell it
// from them and let it through.
type Violation struct{ Message string }

func (v *Violation) Error() string { return "invariant violated: " + v.Message }

// Check panics with a [*Violation] unless cond holds. The arguments are evaluated in any case, so keep them cheap; on a hot
// path write `if !cond { invariant.Fail(...) }`.
func Check(cond bool, format string, args ...any) {
	if !cond {
		Fail(format, args...)
	}
}

// Fail panics with a [*Violation].
func Fail(format string, args ...any) {
	panic(&Violation{Message: fmt.Sprintf(format, args...)})
}
