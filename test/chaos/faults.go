//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// A fault is one kind of trouble. Do makes it for a member and returns what ends it; hold is how long it lasts at least and at most.
type fault struct {
	name      string
	primary   bool // it happens to the primary, else to another member
	namespace bool // it needs namespaces
	alone     bool // with another one there would be no majority left, or no data
	hold      [2]time.Duration
	do        func(m *member) (undo func())
}

const second = time.Second

func ended(sig syscall.Signal) func(m *member) func() {
	return func(m *member) func() {
		m.end(sig)
		return m.again
	}
}

// again starts a member that does not run.
func (m *member) again() {
	if !m.running() {
		if err := m.start(); err != nil {
			m.set.note("%v does not start: %v", m, err)
		}
	}
}

func hang(m *member) func() {
	_ = m.cmd.Process.Signal(syscall.SIGSTOP)
	return func() { _ = m.cmd.Process.Signal(syscall.SIGCONT) }
}

func full(m *member) func() {
	room := m.fill()
	return func() {
		room()
		time.Sleep(100 * time.Millisecond) // if it is about to end because of it
		m.again()
	}
}

var faults = []fault{
	{name: "kill -9 of the primary", primary: true, hold: [2]time.Duration{second / 2, 3 * second}, do: ended(syscall.SIGKILL)},
	{name: "kill -9 of a secondary", hold: [2]time.Duration{second / 2, 3 * second}, do: ended(syscall.SIGKILL)},
	{name: "kill -9 of all members", primary: true, alone: true, hold: [2]time.Duration{0, second}, do: func(m *member) func() {
		for _, x := range m.set.members {
			x.end(syscall.SIGKILL)
		}
		return func() {
			for _, x := range m.set.members {
				x.again()
			}
		}
	}},
	{name: "clean shutdown of the primary", primary: true, hold: [2]time.Duration{second / 2, 3 * second}, do: ended(syscall.SIGTERM)},
	{name: "replSetStepDown", primary: true, hold: [2]time.Duration{second, 2 * second}, do: func(m *member) func() {
		_, _ = m.run("admin", bson.D{{Key: "replSetStepDown", Value: 5}})
		return func() {}
	}},
	{name: "priority takeover", primary: true, hold: [2]time.Duration{second, 2 * second}, do: func(m *member) func() {
		next := m.others()[0]
		if err := m.set.prefer(next); err != nil {
			m.set.note("%v could not be given priority: %v", next, err)
		}
		return func() {
			if err := m.set.prefer(nil); err != nil {
				m.set.note("priorities could not be taken back: %v", err)
			}
		}
	}},
	{name: "hang of the primary", primary: true, hold: [2]time.Duration{2 * second, 10 * second}, do: hang},
	{name: "hang of a secondary", hold: [2]time.Duration{2 * second, 10 * second}, do: hang},
	{name: "primary off the network", primary: true, namespace: true, hold: [2]time.Duration{2 * second, 10 * second}, do: (*member).unplug},
	{name: "secondary off the network", namespace: true, hold: [2]time.Duration{2 * second, 10 * second}, do: (*member).unplug},
	{name: "primary cut off from the members", primary: true, namespace: true, hold: [2]time.Duration{2 * second, 10 * second}, do: func(m *member) func() {
		undo := []func(){m.cutTo(m.others()...)}
		for _, o := range m.others() {
			undo = append(undo, o.cutTo(m))
		}
		return all(undo)
	}},
	{name: "primary is not heard by the members", primary: true, namespace: true, hold: [2]time.Duration{2 * second, 10 * second}, do: func(m *member) func() {
		return m.cutTo(m.others()...)
	}},
	{name: "bridge: a secondary and the primary do not reach each other", namespace: true, hold: [2]time.Duration{2 * second, 10 * second}, do: func(m *member) func() {
		p := m.set.pick(true, 0)
		if p == m {
			return func() {}
		}
		return all([]func(){m.cutTo(p), p.cutTo(m)})
	}},
	{name: "disk of the primary full", primary: true, namespace: true, hold: [2]time.Duration{second, 4 * second}, do: full},
	{name: "disk of a secondary full", namespace: true, hold: [2]time.Duration{second, 4 * second}, do: full},
	{name: "data of a secondary lost", alone: true, hold: [2]time.Duration{second / 2, second}, do: func(m *member) func() {
		m.end(syscall.SIGKILL)
		m.wipe()
		return m.again
	}},
}

func all(undo []func()) func() {
	return func() {
		for _, f := range undo {
			f()
		}
	}
}

// trouble makes faults and notes what they cost.
type trouble struct {
	settings
	set     *set
	random  *rand.Rand
	started time.Time
	windows []window
}

// window is the time from a fault until the set is whole again.
type window struct {
	Names          []string
	From, Over, To time.Duration // when the fault came, when it was ended, when the set was whole again
}

var errNoRecovery = errors.New("the set is not whole again a minute after the last fault ended")

// possible are the faults that can be made here and are wanted.
func (t *trouble) possible() []fault {
	return slices.DeleteFunc(slices.Clone(faults), func(f fault) bool {
		wanted := len(t.only) == 0 || slices.ContainsFunc(t.only, func(word string) bool { return strings.Contains(f.name, word) })
		return f.namespace && t.set.namespace == "" || !wanted
	})
}

// epochs is how many epochs of registers the run may need.
func (t *trouble) epochs() int {
	length := t.length
	if t.figures > 0 {
		length = time.Duration(t.figures*len(faults)) * 15 * second
	}
	return int(length/epochLength) + 30
}

// make makes faults, one or two at a time, until the time is over.
func (t *trouble) make(ctx context.Context, h *history) error {
	list := t.possible()
	if len(list) == 0 {
		return errors.New("no such fault")
	}
	fmt.Printf("seed %d: %d members, %d kinds of faults, %v\n", t.seed, len(t.set.members), len(list), t.length)
	for n := 1; time.Since(t.started) < t.length && ctx.Err() == nil && !h.violated(); n++ { // what is wrong is found sooner in what there is now
		chosen := []fault{list[t.random.IntN(len(list))]}
		if other := list[t.random.IntN(len(list))]; t.random.IntN(3) == 0 && !chosen[0].alone && !other.alone && other.name != chosen[0].name {
			chosen = append(chosen, other)
		}
		if err := t.run(ctx, chosen, h); err != nil {
			return err
		}
		if n%20 == 0 {
			fmt.Printf("%6.0f s: %d faults, %s\n", time.Since(t.started).Seconds(), n, h.summary())
		}
	}
	return ctx.Err()
}

// measure makes each fault that concerns the primary, one at a time.
func (t *trouble) measure(ctx context.Context, h *history) error {
	for _, f := range t.possible() {
		if !f.primary || f.alone || strings.Contains(f.name, "disk") {
			continue
		}
		for range t.figures {
			if err := t.run(ctx, []fault{f}, h); err != nil {
				return err
			}
		}
		fmt.Printf("%6.0f s: %s, %s\n", time.Since(t.started).Seconds(), f.name, h.summary())
	}
	return nil
}

// run makes some faults at once and waits until the set is whole again.
func (t *trouble) run(ctx context.Context, chosen []fault, h *history) error {
	w := window{From: time.Since(t.started)}
	var undo []func()
	hold, hit := time.Duration(0), map[*member]bool{}
	for _, f := range chosen {
		m := t.set.pick(f.primary, t.random.IntN(1<<20))
		hold = max(hold, f.hold[0]+time.Duration(t.random.Int64N(int64(f.hold[1]-f.hold[0])+1)))
		if hit[m] {
			continue
		}
		hit[m] = true
		w.Names = append(w.Names, f.name)
		t.set.note("%s: %v (pid %s)", f.name, m, m.pid())
		undo = append(undo, f.do(m))
	}
	for end := time.Now().Add(hold); time.Now().Before(end) && ctx.Err() == nil && !h.violated(); {
		wait(ctx, min(time.Until(end), second/10))
	}
	all(undo)()
	t.set.note("over")
	w.Over = time.Since(t.started)
	err := t.set.eventually(ctx, func() bool {
		for m := range hit {
			m.again()
		}
		return t.set.healthy()
	})
	if err == nil {
		whole := h.now() // a client whose packets were lost may need a while to notice that they get through again
		err = t.set.eventually(ctx, func() bool { return h.acked.last() > whole })
	}
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %v", errNoRecovery, w.Names)
	}
	wait(ctx, second/2+time.Duration(t.random.Int64N(int64(second))))
	w.To = time.Since(t.started)
	t.windows = append(t.windows, w)
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// command is what makes the same faults again.
func (t *trouble) command() string {
	args := []string{"go run ./test/chaos -binary ./morton", fmt.Sprintf("-seed %d -time %v -members %d", t.seed, t.length, len(t.set.members))}
	if t.figures > 0 {
		args = append(args, fmt.Sprint("-figures ", t.figures))
	}
	if len(t.only) > 0 {
		args = append(args, fmt.Sprintf("-only %q", strings.Join(t.only, ",")))
	}
	return strings.Join(args, " ")
}
