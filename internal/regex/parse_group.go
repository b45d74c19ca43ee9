package regex

import "strings"

// parenthesis reads a group, a look, or flags.
func (p *parser) parenthesis() (n *node, repeatable bool, err error) {
	p.pos++
	before := p.flags
	if p.peek() == '*' && (p.at(1) >= 'A' && p.at(1) <= 'Z' || p.at(1) == ':') {
		return nil, false, &UnsupportedError{"(*VERB)"}
	}
	if !p.accept("?") {
		n, err = p.capture("")
	} else {
		var whole bool
		if n, whole, err = p.special(); whole || err != nil {
			return n, false, err
		}
	}
	p.flags = before
	return n, true, err
}

// inside reads alternatives and the closing parenthesis.
func (p *parser) inside() (*node, error) {
	n, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if !p.accept(")") {
		return nil, fail("missing )")
	}
	return n, nil
}

func (p *parser) capture(name string) (*node, error) {
	p.captures++
	group := p.captures
	if name != "" {
		if _, twice := p.groups[name]; twice {
			return nil, fail("two named subpatterns have the same name")
		}
		p.groups[name] = group
	}
	n, err := p.inside()
	if err != nil {
		return nil, err
	}
	return &node{op: opCapture, sub: []*node{n}, group: group}, nil
}

// special reads what follows "(?". whole: there was nothing to repeat.
func (p *parser) special() (n *node, whole bool, err error) {
	if p.ended() {
		return nil, false, fail("unrecognized character after (? or (?-")
	}
	for _, look := range looks {
		if p.accept(look.opener) {
			n, err = p.look(look.behind, look.negative)
			return n, false, err
		}
	}
	switch c := p.peek(); {
	case p.accept(":"):
		n, err = p.inside()
		return n, false, err
	case p.accept(">"):
		if n, err = p.inside(); err == nil {
			n = &node{op: opAtomic, sub: []*node{n}}
		}
		return n, false, err
	case p.accept("|"):
		return nil, false, &UnsupportedError{"(?|"}
	case p.accept("("):
		n, err = p.conditional()
		return n, false, err
	case c == '<' || c == '\'' || c == 'P':
		n, err = p.namedGroup()
		return n, false, err
	case c == 'R' || c == '&' || c >= '0' && c <= '9' || (c == '-' || c == '+') && p.at(1) >= '0' && p.at(1) <= '9':
		return nil, false, &UnsupportedError{"recursion"}
	case c == 'C':
		return nil, false, &UnsupportedError{"a callout"}
	case c == '+':
		return nil, false, fail("digit expected after (?+")
	}
	return p.flagGroup()
}

var looks = []struct {
	opener           string
	behind, negative bool
}{{"=", false, false}, {"!", false, true}, {"<=", true, false}, {"<!", true, true}}

func (p *parser) look(behind, negative bool) (*node, error) {
	before := p.flags
	list, err := p.branches()
	p.flags = before
	switch {
	case err != nil:
		return nil, err
	case !p.accept(")"):
		return nil, fail("missing )")
	}
	for _, n := range list {
		if behind && n.width() < 0 { // each alternative may have a width of its own
			return nil, fail("lookbehind assertion is not fixed length")
		}
	}
	return &node{op: opLook, sub: []*node{alternate(list)}, behind: behind, negative: negative}, nil
}

// namedGroup reads (?<name>...), (?'name'...), (?P<name>...) and the reference (?P=name).
func (p *parser) namedGroup() (*node, error) {
	if p.accept("P") {
		switch {
		case p.accept("="):
			name, err := p.name(')')
			if err != nil {
				return nil, err
			}
			return p.referByName(name), nil
		case p.accept(">"):
			return nil, &UnsupportedError{"recursion"}
		case p.peek() != '<':
			return nil, fail("unrecognized character after (?P")
		}
	}
	closer := byte('\'')
	if p.peek() == '<' {
		closer = '>'
		if !isNameByte(p.at(1)) {
			return nil, fail("unrecognized character after (?<")
		}
	}
	p.pos++
	name, err := p.name(closer)
	if err != nil {
		return nil, err
	}
	return p.capture(name)
}

// flagGroup reads (?i), which holds to the end of the group around it, and (?i:...).
func (p *parser) flagGroup() (n *node, whole bool, err error) {
	f, on := p.flags, true
	for {
		if p.ended() {
			return nil, false, fail("unrecognized character after (? or (?-")
		}
		c := p.peek()
		p.pos++
		switch c {
		case '-':
			on = false
		case 'i':
			f.ignoreCase = on
		case 'm':
			f.multiline = on
		case 's':
			f.dotAll = on
		case 'x':
			f.extended = on
		case 'U':
			f.ungreedy = on
		case 'J', 'X':
			return nil, false, &UnsupportedError{"(?" + string(c) + ")"}
		case ')':
			p.flags = f
			return nil, true, nil
		case ':':
			p.flags = f
			n, err = p.inside()
			return n, false, err
		default:
			return nil, false, fail("unrecognized character after (? or (?-")
		}
	}
}

// conditional reads (?(1)yes|no), with a name in the place of the number or a look in the place of the parentheses.
func (p *parser) conditional() (*node, error) {
	n := &node{op: opConditional}
	if p.accept("?") {
		if err := p.condition(n); err != nil {
			return nil, err
		}
	} else if err := p.conditionGroup(n); err != nil {
		return nil, err
	}
	list, err := p.branches()
	switch {
	case err != nil:
		return nil, err
	case !p.accept(")"):
		return nil, fail("missing )")
	case n.group > p.captures:
		return nil, fail("reference to non-existent subpattern")
	case len(list) > 2:
		return nil, fail("conditional group contains more than two branches")
	}
	n.sub = append(n.sub, list...)
	return n, nil
}

const noAssertion = "assertion expected after (?( or (?(?C)"

func (p *parser) condition(n *node) error {
	for _, look := range looks {
		if p.accept(look.opener) {
			s, err := p.look(look.behind, look.negative)
			n.sub = []*node{s}
			return err
		}
	}
	return fail(noAssertion)
}

func (p *parser) conditionGroup(n *node) error {
	end := strings.IndexByte(p.src[p.pos:], ')')
	if end < 0 {
		return fail("malformed number or name after (?(")
	}
	text := p.src[p.pos : p.pos+end]
	p.pos += end + 1
	if group, ok := number(text, 1<<20); ok && text != "" && allDigits(text) {
		if group == 0 {
			return fail("invalid condition (?(0)")
		}
		n.group = group
		p.byNumber = append(p.byNumber, group)
		return nil
	}
	if len(text) > 2 && (text[0] == '<' && text[len(text)-1] == '>' || text[0] == '\'' && text[len(text)-1] == '\'') {
		text = text[1 : len(text)-1]
	}
	for i := range len(text) {
		if !isNameByte(text[i]) {
			return fail("malformed number or name after (?(")
		}
	}
	if text == "" {
		return fail(noAssertion)
	}
	if text[0] == 'R' || text == "DEFINE" {
		return &UnsupportedError{"recursion"}
	}
	p.byName, p.pending = append(p.byName, n), append(p.pending, text)
	return nil
}
