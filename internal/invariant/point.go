package invariant

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// ErrInjected is what a fail point returns that was armed with "error".
var ErrInjected = errors.New("injected failure")

// points has the armed fail points. It is nil in production, so that a point costs one atomic load there. It is global because a fail point is
// about the process, and the code that has one should not look different for it.
var (
	pointsMu sync.Mutex // held to change points
	points   atomic.Pointer[map[string]func() error]
)

// Point is a fail point: a named place where a test may do something, such as die, wait, or fail. Where failing makes no sense, the caller drops the error.
// Names begin with the package: "logfile.beforeSync".
func Point(name string) error {
	armed := points.Load()
	if armed == nil {
		return nil
	}
	if f := (*armed)[name]; f != nil {
		return f()
	}
	return nil
}

// Arm makes f run at the point called name, until disarm is called.
func Arm(name string, f func() error) (disarm func()) {
	set(name, f)
	return func() { set(name, nil) }
}

func set(name string, f func() error) {
	pointsMu.Lock()
	defer pointsMu.Unlock()
	next := map[string]func() error{}
	if armed := points.Load(); armed != nil {
		next = maps.Clone(*armed)
	}
	next[name] = f
	if f == nil {
		delete(next, name)
	}
	if len(next) == 0 {
		points.Store(nil)
		return
	}
	points.Store(&next)
}

// ArmSpec arms points as text says, for processes that are started by a test: "name=action", or several separated by commas. The action is "crash", which kills
// the process as kill -9 does, or "error", which makes the point return [ErrInjected]; "@n" after it means from the nth time on.
func ArmSpec(spec string) error {
	for part := range strings.SplitSeq(spec, ",") {
		name, action, ok := strings.Cut(strings.TrimSpace(part), "=")
		action, count, counted := strings.Cut(action, "@")
		n := 1
		if counted {
			var err error
			if n, err = strconv.Atoi(count); err != nil || n < 1 {
				return fmt.Errorf("fail point %q: %q is not a count", part, count)
			}
		}
		f, known := actions[action]
		if !ok || name == "" || !known {
			return fmt.Errorf("fail point %q is not name=crash or name=error", part)
		}
		Arm(name, after(n, f))
	}
	return nil
}

var actions = map[string]func() error{
	"crash": crash,
	"error": func() error { return ErrInjected },
}

// after returns a function that does f from its nth call on.
func after(n int, f func() error) func() error {
	var calls atomic.Int64
	return func() error {
		if calls.Add(1) < int64(n) {
			return nil
		}
		return f()
	}
}

// crash ends the process without letting it clean up.
func crash() error {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err == nil {
		select {} // until the signal arrives
	}
	os.Exit(137)
	return nil
}
