package regex

import (
	"strings"
	"unicode/utf8"
)

// flags is how a part of a pattern is to be understood.
type flags struct {
	ignoreCase, multiline, dotAll, extended, ungreedy bool
}

// Limits of PCRE 8.
const (
	maxDepth    = 250
	maxRepeat   = 65535
	maxSize     = 30000 // of [node.codeSize], about where compiled code has PCRE's 64 kB
	maxNameSize = 32
)

// parser reads a pattern by recursive descent.
type parser struct {
	src      string
	pos      int
	flags    flags
	depth    int
	captures int
	groups   map[string]int // named captures
	byNumber []int          // captures that were referred to
	byName   []*node        // references by names that may come later, in the order of pending
	pending  []string
	open     bool // the end was met within a comment or a quotation
}

func newParser(src string, f flags) *parser {
	return &parser{src: src, flags: f, groups: map[string]int{}}
}

func fail(message string) error { return &SyntaxError{message} }

func (p *parser) parse() (*node, error) {
	n, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if !p.ended() {
		return nil, fail("unmatched parentheses")
	}
	if err := p.resolve(); err != nil {
		return nil, err
	}
	if n.codeSize() > maxSize {
		return nil, fail("regular expression is too large")
	}
	return n, nil
}

// resolve checks references, now that all groups are known.
func (p *parser) resolve() error {
	for i, n := range p.byName {
		group, ok := p.groups[p.pending[i]]
		if !ok {
			return fail("reference to non-existent subpattern")
		}
		n.group = group
	}
	for _, group := range p.byNumber {
		if group > p.captures {
			return fail("reference to non-existent subpattern")
		}
	}
	return nil
}

func (p *parser) ended() bool { return p.pos >= len(p.src) }

// peek returns the next byte, 0 at the end.
func (p *parser) peek() byte { return p.at(0) }

// at returns the byte n places ahead, 0 beyond the end.
func (p *parser) at(n int) byte {
	if p.pos+n >= len(p.src) {
		return 0
	}
	return p.src[p.pos+n]
}

// accept skips text if it comes next.
func (p *parser) accept(text string) bool {
	if strings.HasPrefix(p.src[p.pos:], text) {
		p.pos += len(text)
		return true
	}
	return false
}

func (p *parser) char() rune {
	c, n := utf8.DecodeRuneInString(p.src[p.pos:])
	p.pos += n
	return c
}

func (p *parser) alternatives() (*node, error) {
	branches, err := p.branches()
	if err != nil {
		return nil, err
	}
	return alternate(branches), nil
}

// branches reads alternatives up to the end or to a closing parenthesis. Flags that are set in one hold in the next ones.
func (p *parser) branches() ([]*node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fail("parentheses are too deeply nested")
	}
	defer func() { p.depth-- }()
	var branches []*node
	for {
		n, err := p.sequence()
		if err != nil {
			return nil, err
		}
		branches = append(branches, n)
		if !p.accept("|") {
			return branches, nil
		}
	}
}

// sequence reads one alternative.
func (p *parser) sequence() (*node, error) {
	var list []*node
	for {
		if err := p.skip(); err != nil {
			return nil, err
		}
		if p.ended() || p.peek() == '|' || p.peek() == ')' {
			return concat(list), nil
		}
		if p.accept(`\Q`) {
			quoted, err := p.quotation()
			if err != nil {
				return nil, err
			}
			list = append(list, quoted...)
			continue
		}
		n, repeatable, err := p.item()
		if err != nil {
			return nil, err
		}
		if repeatable {
			if n, err = p.repeated(n); err != nil {
				return nil, err
			}
		}
		if n != nil {
			list = append(list, n)
		}
	}
}

// skip skips what means nothing: comments, and with the extended flag white space.
func (p *parser) skip() error {
	for !p.ended() {
		switch {
		case p.flags.extended && strings.IndexByte("\t\n\v\f\r ", p.peek()) >= 0:
			p.pos++
		case p.flags.extended && p.peek() == '#':
			end := strings.IndexByte(p.src[p.pos:], '\n')
			if end < 0 {
				p.open, p.pos = true, len(p.src)
				return nil
			}
			p.pos += end + 1
		case strings.HasPrefix(p.src[p.pos:], "(?#"):
			end := strings.IndexByte(p.src[p.pos:], ')')
			if end < 0 {
				return fail("missing ) after comment")
			}
			p.pos += end + 1
		case strings.HasPrefix(p.src[p.pos:], `\E`):
			p.pos += 2
		default:
			return nil
		}
	}
	return nil
}

// quotation reads what is between \Q and \E; what follows may repeat its last character.
func (p *parser) quotation() ([]*node, error) {
	text, rest, closed := strings.Cut(p.src[p.pos:], `\E`)
	p.pos = len(p.src) - len(rest)
	p.open = p.open || !closed
	var list []*node
	for _, c := range text {
		list = append(list, p.literal(c))
	}
	if n := len(list); n > 0 {
		last, err := p.repeated(list[n-1])
		list[n-1] = last
		return list, err
	}
	return list, nil
}

func (p *parser) literal(c rune) *node {
	return &node{op: opLiteral, char: c, fold: p.flags.ignoreCase}
}

// item reads one character, class, assertion or group. No node means that it has no more to say.
func (p *parser) item() (n *node, repeatable bool, err error) {
	switch c := p.peek(); c {
	case '^':
		p.pos++
		if p.flags.multiline {
			return &node{op: opLineBegin}, false, nil
		}
		return &node{op: opBegin}, false, nil
	case '$':
		p.pos++
		if p.flags.multiline {
			return &node{op: opLineEnd}, false, nil
		}
		return &node{op: opLastEnd}, false, nil
	case '.':
		p.pos++
		if p.flags.dotAll {
			return &node{op: opClass, set: allRunes}, true, nil
		}
		return &node{op: opClass, set: newline.complement()}, true, nil
	case '[':
		n, err = p.class()
		return n, true, err
	case '(':
		return p.parenthesis()
	case '\\':
		p.pos++
		return p.escape()
	case '*', '+', '?':
		return nil, false, fail("nothing to repeat")
	case '{':
		if _, _, ok, _ := p.counts(); ok {
			return nil, false, fail("nothing to repeat")
		}
	}
	return p.literal(p.char()), true, nil
}

// repeated reads what may follow n and repeat it.
func (p *parser) repeated(n *node) (*node, error) {
	if err := p.skip(); err != nil {
		return nil, err
	}
	var least, most int
	switch p.peek() {
	case '*':
		least, most = 0, unlimited
		p.pos++
	case '+':
		least, most = 1, unlimited
		p.pos++
	case '?':
		least, most = 0, 1
		p.pos++
	case '{':
		var ok bool
		var err error
		at := p.pos
		if least, most, ok, err = p.counts(); err != nil {
			return nil, err
		} else if !ok {
			p.pos = at
			return n, nil
		}
	default:
		return n, nil
	}
	r := &node{op: opRepeat, sub: []*node{n}, min: least, max: most}
	switch {
	case p.accept("+"):
		r.greed = possessive
	case p.accept("?") != p.flags.ungreedy:
		r.greed = lazy
	}
	if r.codeSize() > maxSize {
		return nil, fail("regular expression is too large")
	}
	return r, nil
}

// counts reads {n}, {n,} or {n,m}. ok is false if it is none of them but plain text.
func (p *parser) counts() (least, most int, ok bool, err error) {
	end := strings.IndexByte(p.src[p.pos:], '}')
	if end < 0 {
		return 0, 0, false, nil
	}
	first, second, comma := strings.Cut(p.src[p.pos+1:p.pos+end], ",")
	if first == "" || !allDigits(first) || !allDigits(second) {
		return 0, 0, false, nil
	}
	p.pos += end + 1
	least, okLeast := number(first, maxRepeat)
	most, okMost := least, true
	switch {
	case second != "":
		most, okMost = number(second, maxRepeat)
	case comma:
		most = unlimited
	}
	switch {
	case !okLeast || !okMost:
		return 0, 0, true, fail("number too big in {} quantifier")
	case most < least:
		return 0, 0, true, fail("numbers out of order in {} quantifier")
	}
	return least, most, true, nil
}

func allDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// number returns what digits say; ok is false if it is more than limit.
func number(text string, limit int) (n int, ok bool) {
	for i := range len(text) {
		if n = n*10 + int(text[i]-'0'); n > limit {
			return 0, false
		}
	}
	return n, true
}
