package node

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// history is what clients did to registers and saw in them. Time is the order of the calls and replies.
type history struct {
	mu  sync.Mutex
	now int64
	ops []*registerOp
}

type registerOp struct {
	client, key int
	in          registerInput
	call, ended int64 // ended is 0 as long as nobody knows
	got         int64
	forgotten   bool
}

type registerInput struct {
	write bool
	value int64
}

// unknown is the result of a write that was given up.
const unknown = -1

func (h *history) begin(client, key int, in registerInput) *registerOp {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	op := &registerOp{client: client, key: key, in: in, call: h.now, got: unknown}
	h.ops = append(h.ops, op)
	return op
}

func (h *history) end(op *registerOp, got int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	op.ended, op.got = h.now, got
}

// forget takes back a read that failed.
func (h *history) forget(op *registerOp) { op.forgotten = true }

func (h *history) len() int { return len(h.ops) }

// of returns what happened to one register.
func (h *history) of(key int) (list []porcupine.Operation) {
	for _, op := range h.ops {
		if op.key != key || op.forgotten || !op.in.write && op.ended == 0 {
			continue
		}
		ended := op.ended
		if ended == 0 {
			ended = math.MaxInt64
		}
		list = append(list, porcupine.Operation{ClientId: op.client, Input: op.in, Call: op.call, Output: op.got, Return: ended})
	}
	return list
}

// register is what one register may do: a write answers with the value before.
var register = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		in, got := input.(registerInput), output.(int64)
		switch {
		case !in.write:
			return got == state.(int64), state
		case got == unknown:
			return true, in.value
		}
		return got == state.(int64), in.value
	},
	DescribeOperation: func(input, output any) string {
		if in := input.(registerInput); in.write {
			return fmt.Sprintf("swap(%d) = %v", in.value, output)
		}
		return fmt.Sprintf("read() = %v", output)
	},
}

// checkRegisters looks for an order of all operations that explains what each client saw.
func (s *simulation) checkRegisters() {
	for key := range registers {
		ops := s.history.of(key)
		result, info := porcupine.CheckOperationsVerbose(register, ops, time.Minute)
		switch result {
		case porcupine.Unknown:
			s.violations = append(s.violations, fmt.Sprintf("register %d: not decided within a minute", key))
		case porcupine.Illegal:
			s.violations = append(s.violations, fmt.Sprintf("register %d is not linearizable:\n%s", key, offending(ops, info)))
		}
	}
}

// offending shows where the longest explanation ends, and what it cannot go on with.
func offending(ops []porcupine.Operation, info porcupine.LinearizationInfo) string {
	var longest []porcupine.Operation
	for _, list := range info.PartialLinearizationsOperations() {
		for _, l := range list {
			if len(l) > len(longest) {
				longest = l
			}
		}
	}
	explained := map[int64]bool{}
	for _, op := range longest {
		explained[op.Call] = true
	}
	rest := slices.DeleteFunc(slices.Clone(ops), func(op porcupine.Operation) bool { return explained[op.Call] })
	slices.SortFunc(rest, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var b strings.Builder
	show := func(op porcupine.Operation) {
		ended := fmt.Sprint(op.Return)
		if op.Return == math.MaxInt64 {
			ended = "never"
		}
		fmt.Fprintf(&b, "    client %d: %s, called at %d, answered at %s\n", op.ClientId, register.DescribeOperation(op.Input, op.Output), op.Call, ended)
	}
	fmt.Fprintf(&b, "  %d of %d operations can be put in an order, which ends:\n", len(longest), len(ops))
	for _, op := range longest[max(0, len(longest)-6):] {
		show(op)
	}
	b.WriteString("  what comes next cannot be explained:\n")
	for _, op := range rest[:min(6, len(rest))] {
		show(op)
	}
	return b.String()
}

// checkEnd looks at the set when nothing is wrong any more.
func (s *simulation) checkEnd() {
	if _, ok := s.awaitPrimary(); !ok {
		return
	}
	for key := range registers {
		s.eventually("a linearizable read", func() error {
			p, ok := s.awaitPrimary()
			if !ok || !s.clients[0].readFrom(p, key) {
				return errNoPrimary
			}
			return nil
		})
	}
	s.eventually("reading what clients wrote", s.checkDocuments)
	s.eventually("comparing the members", s.compareMembers)
}

// eventually tries f until it can look. What f finds it reports itself.
func (s *simulation) eventually(what string, f func() error) {
	var err error
	for range 300 {
		if err = f(); err == nil {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	s.violate("%s: not possible within a minute: %v", what, err)
}

// checkDocuments looks for every acknowledged insert and increase.
func (s *simulation) checkDocuments() error {
	p, ok := s.awaitPrimary()
	if !ok {
		return errNoPrimary
	}
	const find = `{"find": %q, "batchSize": 1000000, "readConcern": {"level": "majority"}, "$db": "test"}`
	d, err := s.command(p, find, "documents")
	if err != nil {
		return err
	}
	counters, err := s.command(p, find, "counters")
	if err != nil {
		return err
	}
	have := map[int64]bool{}
	for _, doc := range documents(d) {
		id, _ := doc.Lookup("_id").AsInt64()
		have[id] = true
	}
	for _, c := range s.clients {
		for _, id := range c.inserted {
			if !have[id] {
				s.violate("client %d: document %d was acknowledged and is lost", c.n, id)
			}
		}
	}
	for _, doc := range documents(counters) {
		i, _ := doc.Lookup("_id").AsInt64()
		n, _ := doc.Lookup("n").AsInt64()
		c := s.clients[i]
		if n < c.increases || n > c.increases+c.maybe {
			s.violate("client %d: its counter is %d, where %d increases were acknowledged and the fate of %d is not known", i, n, c.increases, c.maybe)
		}
	}
	return nil
}

// compareMembers compares the state of all members at one place of the log.
func (s *simulation) compareMembers() error {
	p, members, _, err := s.config()
	if err != nil {
		return err
	}
	d, err := s.command(p, `{"_mortonMark": 1, "$db": "admin"}`)
	if err != nil {
		return err
	}
	mark := d.Lookup("mark").Str()
	var first, want string
	for _, m := range members {
		if m.Arbiter {
			continue
		}
		d, err := s.command(m.Host, `{"_mortonDigest": "%s", "maxTimeMS": 3000, "$db": "admin"}`, mark)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Host, err)
		}
		switch got := digestText(d); {
		case want == "":
			first, want = m.Host, got
		case got != want:
			s.violate("at one place of the log %s holds\n%s\nand %s\n%s", first, want, m.Host, got)
		}
	}
	return nil
}
