//go:build linux

package main

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// history is what the clients saw.
type history struct {
	started time.Time

	done, failed, unknown atomic.Int64

	acked    series // majority writes that clients were told of which do one thing after the other
	requests series // those that the service was told of
	served   series // these, and majority writes that whoever is primary took from a client that had just come

	mu         sync.Mutex
	failures   []failure
	registers  map[string][]registerOp
	swapped    map[string]registerOp // by register and value: who swapped it for another one
	violations []string
	oplog      []string // of the register in evidence
	evidence   string   // the register that the first violation is about, if it is about one
}

// failure is an operation that reported an error to the application.
type failure struct {
	At   time.Duration
	What string
	Err  string
}

// registerOp is a read, a write or a compare-and-set of a register. One whose outcome is not known has no end.
type registerOp struct {
	Client   int
	Call     time.Duration
	End      time.Duration // forever, if nobody knows whether it took effect
	Kind     string        // read, write, cas
	Old, New int64
	Swapped  bool // what a cas answered; means nothing without an end
}

const forever = time.Duration(1<<63 - 1)

func newHistory(started time.Time) *history {
	return &history{started: started, registers: map[string][]registerOp{}, swapped: map[string]registerOp{}}
}

func (h *history) now() time.Duration { return time.Since(h.started) }

// acknowledge notes a majority write that succeeded, in the series of those who asked for it.
func (h *history) acknowledge(s *series) {
	h.done.Add(1)
	s.add(h.now())
	h.served.add(h.now())
}

// fail notes an error that the application got. unknown: the operation may have taken effect.
func (h *history) fail(what string, err error, unknown bool) {
	h.failed.Add(1)
	if unknown {
		h.unknown.Add(1)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures = append(h.failures, failure{h.now(), what, err.Error()})
}

func (h *history) violation(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.violations = append(h.violations, fmt.Sprintf(format, args...))
}

func (h *history) register(key string, op registerOp) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.registers[key] = append(h.registers[key], op)
	if op.Kind != "cas" || !op.Swapped || op.End == forever {
		return
	}
	from := fmt.Sprint(key, " ", op.Old)
	if other, twice := h.swapped[from]; twice { // no value is written twice
		h.violations = append(h.violations, fmt.Sprintf("register %s: %d was swapped for %d and for %d", key, op.Old, other.New, op.New))
		h.evidence = key
	}
	h.swapped[from] = op
}

// violated reports whether there is a violation already.
func (h *history) violated() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.violations) > 0
}

func (h *history) summary() string {
	return fmt.Sprintf("%d operations, %d errors", h.done.Load()+h.failed.Load(), h.failed.Load())
}

// series is moments at which something went well, in order.
type series struct {
	mu sync.Mutex
	at []time.Duration
}

func (s *series) add(at time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.at); n > 0 {
		at = max(at, s.at[n-1])
	}
	s.at = append(s.at, at)
}

func (s *series) last() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.at) == 0 {
		return 0
	}
	return s.at[len(s.at)-1]
}

// longestGap is the longest time without any within a window.
func (s *series) longestGap(from, to time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, _ := slices.BinarySearch(s.at, from)
	longest, last := time.Duration(0), from
	if i > 0 {
		last = s.at[i-1]
	}
	for ; i < len(s.at) && last < to; i++ {
		longest = max(longest, min(s.at[i], to)-last) // what is behind the window is the next one's
		last = s.at[i]
	}
	return longest
}
