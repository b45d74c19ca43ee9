package regex

import "math"

// op is what a node of the tree is.
type op uint8

const (
	opEmpty     op = iota
	opLiteral      // one character
	opClass        // one character of a set
	opBegin        // the text's beginning: \A, and ^ unless at lines
	opLineBegin    // ^ at lines: the beginning, and behind newlines that are not the text's end
	opEnd          // the text's end: \z
	opLastEnd      // the end, and before a newline there: \Z, and $ unless at lines
	opLineEnd      // $ at lines: the end, and before newlines
	opWord         // \b
	opNotWord      // \B
	opNewline      // \R
	opConcat
	opAlternate
	opRepeat
	opCapture
	opAtomic
	opLook        // (?=a) (?!a) (?<=a) (?<!a)
	opBackref     // \1
	opConditional // (?(1)a|b), or with a look for the 1 as its first child
)

// isAnchor reports whether what is around a match matters to the node.
func (o op) isAnchor() bool { return o >= opBegin && o <= opNotWord || o == opLook }

type node struct {
	op       op
	char     rune
	set      runeSet
	sub      []*node
	min, max int // of opRepeat; max is unlimited for none
	greed    greed
	group    int // of opCapture, opBackref, opConditional (0: it has a look)
	fold     bool
	negative bool // of opLook
	behind   bool
}

const unlimited = math.MaxInt

type greed uint8

const (
	greedy greed = iota
	lazy
	possessive
)

func concat(list []*node) *node {
	switch len(list) {
	case 0:
		return &node{op: opEmpty}
	case 1:
		return list[0]
	}
	return &node{op: opConcat, sub: list}
}

func alternate(list []*node) *node {
	if len(list) == 1 {
		return list[0]
	}
	return &node{op: opAlternate, sub: list}
}

// any reports whether is holds for a node or for one within it.
func (n *node) any(is func(*node) bool) bool {
	if is(n) {
		return true
	}
	for _, s := range n.sub {
		if s.any(is) {
			return true
		}
	}
	return false
}

// size guesses how large n is with its repetitions written out.
func (n *node) size() int { return n.sizeWith(func(*node) bool { return false }) }

// codeSize guesses how large n is to PCRE, which has a short form for repetitions of single characters.
func (n *node) codeSize() int {
	return n.sizeWith(func(n *node) bool { return n.sub[0].op == opLiteral || n.sub[0].op == opClass })
}

func (n *node) sizeWith(short func(repeat *node) bool) int {
	total := 1
	for _, s := range n.sub {
		total = min(total+s.sizeWith(short), math.MaxInt32)
	}
	if n.op != opRepeat || short(n) {
		return total
	}
	times := n.min
	if n.max != unlimited {
		times = n.max
	}
	return min(total*max(times, 1), math.MaxInt32)
}

// width returns how many characters n matches, -1 if that is not a fixed number.
func (n *node) width() int {
	switch n.op {
	case opLiteral, opClass:
		return 1
	case opNewline, opBackref:
		return -1
	case opConcat, opCapture, opAtomic:
		total := 0
		for _, s := range n.sub {
			w := s.width()
			if w < 0 {
				return -1
			}
			total += w
		}
		return total
	case opAlternate, opConditional:
		return n.branchWidth()
	case opRepeat:
		w := n.sub[0].width()
		if w < 0 || n.min != n.max {
			return -1
		}
		return min(w*n.min, math.MaxInt32)
	}
	return 0
}

func (n *node) branchWidth() int {
	branches := n.sub
	if n.op == opConditional && n.group == 0 {
		branches = branches[1:]
	}
	w := branches[0].width()
	for _, s := range branches[1:] {
		if s.width() != w {
			return -1
		}
	}
	return w
}

// consumes reports whether n matches at least one character for certain.
func (n *node) consumes() bool {
	switch n.op {
	case opLiteral, opClass, opNewline:
		return true
	case opConcat:
		for _, s := range n.sub {
			if s.consumes() {
				return true
			}
		}
		return false
	case opCapture, opAtomic:
		return n.sub[0].consumes()
	case opAlternate:
		for _, s := range n.sub {
			if !s.consumes() {
				return false
			}
		}
		return true
	case opRepeat:
		return n.min > 0 && n.sub[0].consumes()
	}
	return false
}

// linear reports whether Go's engine can match n with the same result. find: where, too, not only whether.
func (n *node) linear(find bool) bool { return n.linearHere(true, find) }

// linearHere is linear for a node behind which something comes unless last is true.
func (n *node) linearHere(last, find bool) bool {
	switch n.op {
	case opNewline, opAtomic, opLook, opBackref, opConditional, opLineBegin:
		return false // opLineBegin in a concatenation is looked at there
	case opLastEnd:
		return last && !find // it is printed as something that takes the newline
	case opRepeat:
		if find && !n.sub[0].consumes() && n.any(func(n *node) bool { return n.op == opCapture }) {
			return false // the engines differ in what is captured last
		}
		small := n.min <= maxGoRepeat && (n.max <= maxGoRepeat || n.max == unlimited)
		return small && n.greed != possessive && n.sub[0].linearHere(false, find)
	case opConcat:
		for i, s := range n.sub {
			if s.op == opLineBegin && i+1 < len(n.sub) && concat(n.sub[i+1:]).consumes() {
				continue // so that it cannot be the text's end
			}
			if !s.linearHere(last && i == len(n.sub)-1, find) {
				return false
			}
		}
		return true
	}
	for _, s := range n.sub {
		if !s.linearHere(last, find) {
			return false
		}
	}
	return true
}

// maxGoRepeat is the largest number of repetitions that Go's engine takes.
const maxGoRepeat = 1000
