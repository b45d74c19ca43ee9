//go:build stress

package invariant

import (
	"math/rand/v2"
	"runtime"
)

// Stressed says that this program was built with the tag stress: it is interrupted where that would be noticed, and overwrites memory that is given back.
const Stressed = true

// Yield stands between two steps that nothing may come between, or where anything may: what was read and is not used yet, what is half done. In programs
// built with the tag stress it lets others run now and then, and once in a while for long, as a machine with too much to do does. Elsewhere it is nothing.
func Yield() {
	r := rand.Uint32()
	if r%8 == 0 {
		runtime.Gosched()
	}
	if r%1024 == 0 {
		for range 200 {
			runtime.Gosched()
		}
	}
}
