package regex

import (
	"strconv"
	"strings"
)

// escape reads what follows a backslash outside of classes.
func (p *parser) escape() (n *node, repeatable bool, err error) {
	if p.ended() {
		return nil, false, fail(`\ at end of pattern`)
	}
	c := p.peek()
	if o, ok := anchors[c]; ok {
		p.pos++
		return &node{op: o}, false, nil
	}
	switch {
	case c >= '1' && c <= '9':
		if n, ok := p.backref(); ok {
			return n, true, nil
		}
	case c == 'k':
		p.pos++
		n, err = p.nameAfterK()
		return n, true, err
	case c == 'g':
		p.pos++
		n, err = p.groupAfterG()
		return n, true, err
	case c == 'R':
		p.pos++
		return &node{op: opNewline}, true, nil
	case c == 'N' && p.at(1) != '{':
		p.pos++
		return &node{op: opClass, set: newline.complement()}, true, nil
	case c == 'X' || c == 'C' || c == 'K' || c == 'G':
		return nil, false, &UnsupportedError{`\` + string(c)}
	}
	if set, ok, err := p.setEscape(); ok || err != nil {
		return &node{op: opClass, set: set}, true, err
	}
	char, err := p.charEscape(false)
	return p.literal(char), true, err
}

var anchors = map[byte]op{'A': opBegin, 'Z': opLastEnd, 'z': opEnd, 'b': opWord, 'B': opNotWord}

// backref reads a reference by number. From 8 on it is one only if so many groups have begun; else it is a character.
func (p *parser) backref() (*node, bool) {
	end := p.pos
	for end < len(p.src) && p.src[end] >= '0' && p.src[end] <= '9' {
		end++
	}
	group, ok := number(p.src[p.pos:end], 1<<20)
	if !ok || group >= 8 && group > p.captures {
		return nil, false
	}
	p.pos = end
	return p.refer(group), true
}

func (p *parser) refer(group int) *node {
	p.byNumber = append(p.byNumber, group)
	return &node{op: opBackref, group: group, fold: p.flags.ignoreCase}
}

func (p *parser) referByName(name string) *node {
	n := &node{op: opBackref, fold: p.flags.ignoreCase}
	p.byName = append(p.byName, n)
	p.pending = append(p.pending, name)
	return n
}

// nameAfterK reads \k<name>, \k'name' and \k{name}.
func (p *parser) nameAfterK() (*node, error) {
	closer, ok := map[byte]byte{'<': '>', '\'': '\'', '{': '}'}[p.peek()]
	if !ok {
		return nil, fail(`\k is not followed by a braced, angle-bracketed, or quoted name`)
	}
	p.pos++
	name, err := p.name(closer)
	if err != nil {
		return nil, err
	}
	return p.referByName(name), nil
}

// groupAfterG reads \g1, \g{1}, \g{-1} and \g{name}.
func (p *parser) groupAfterG() (*node, error) {
	const wrong = `a numbered reference must not be zero`
	if c := p.peek(); c == '<' || c == '\'' {
		return nil, &UnsupportedError{"recursion"}
	}
	braced := p.accept("{")
	if c := p.peek(); braced && !p.ended() && c != '-' && c != '+' && (c < '0' || c > '9') {
		name, err := p.name('}')
		if err != nil {
			return nil, err
		}
		return p.referByName(name), nil
	}
	negative := p.accept("-")
	end := p.pos
	for end < len(p.src) && p.src[end] >= '0' && p.src[end] <= '9' {
		end++
	}
	group, ok := number(p.src[p.pos:end], 1<<20)
	if braced && (end == p.pos || end == len(p.src) || p.src[end] != '}') {
		return nil, fail(`\g is not followed by a braced, angle-bracketed, or quoted name/number or by a plain number`)
	}
	p.pos = end
	if braced {
		p.pos++
	}
	switch {
	case !ok:
		return nil, fail("number is too big")
	case group == 0:
		return nil, fail(wrong)
	case negative:
		if group = p.captures - group + 1; group < 1 {
			return nil, fail("reference to non-existent subpattern")
		}
	}
	return p.refer(group), nil
}

// name reads a group's name up to its closer.
func (p *parser) name(closer byte) (string, error) {
	start := p.pos
	for isNameByte(p.peek()) {
		p.pos++
	}
	name := p.src[start:p.pos]
	switch {
	case name == "":
		return "", fail("subpattern name expected")
	case name[0] >= '0' && name[0] <= '9':
		return "", fail("group name must start with a non-digit")
	case len(name) > maxNameSize:
		return "", fail("subpattern name is too long (maximum 32 characters)")
	case p.peek() != closer:
		return "", fail("syntax error in subpattern name (missing terminator)")
	}
	p.pos++
	return name, nil
}

func isNameByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_'
}

// setEscape reads an escape that stands for a set of characters, if that is what comes.
func (p *parser) setEscape() (set runeSet, ok bool, err error) {
	c := p.peek()
	switch c | 0x20 {
	case 'd':
		set = digits
	case 'w':
		set = wordChars
	case 's':
		set = spaces
	case 'h':
		set = horizontal
	case 'v':
		set = vertical
	case 'p':
		p.pos++
		set, err = p.property(c == 'P')
		return set, true, err
	default:
		return nil, false, nil
	}
	p.pos++
	if c < 'a' {
		set = set.complement()
	}
	return set, true, nil
}

// property reads what follows \p.
func (p *parser) property(negative bool) (runeSet, error) {
	const malformed = `malformed \P or \p sequence`
	var name string
	switch {
	case p.ended():
		return nil, fail(malformed)
	case p.peek() == '{':
		end := strings.IndexByte(p.src[p.pos:], '}')
		if end < 0 {
			return nil, fail(malformed)
		}
		name = p.src[p.pos+1 : p.pos+end]
		p.pos += end + 1
		if rest, ok := strings.CutPrefix(name, "^"); ok {
			name, negative = rest, !negative
		}
	default:
		name = string(p.char())
	}
	set, ok := property(name)
	if !ok {
		return nil, fail(`unknown property name after \P or \p`)
	}
	if negative {
		set = set.complement()
	}
	return set, nil
}

var controls = map[byte]rune{'a': '\a', 'e': 0x1b, 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// charEscape reads an escape that stands for one character. Letters that mean nothing stand for themselves.
func (p *parser) charEscape(inClass bool) (rune, error) {
	if p.ended() {
		return 0, fail(`\ at end of pattern`)
	}
	c := p.peek()
	if char, ok := controls[c]; ok {
		p.pos++
		return char, nil
	}
	switch c {
	case 'L', 'l', 'N', 'U', 'u':
		return 0, fail(`PCRE does not support \L, \l, \N{name}, \U, or \u`)
	case 'x':
		p.pos++
		return p.hex()
	case 'o':
		p.pos++
		return p.bracedOctal()
	case 'c':
		p.pos++
		return p.control()
	case '0', '1', '2', '3', '4', '5', '6', '7':
		return p.octal(), nil
	}
	return p.char(), nil
}

func (p *parser) control() (rune, error) {
	switch c := p.peek(); {
	case p.ended():
		return 0, fail(`\c at end of pattern`)
	case c >= 0x80:
		return 0, fail(`\c must be followed by an ASCII character`)
	case c >= 'a' && c <= 'z':
		p.pos++
		return rune(c-32) ^ 0x40, nil
	default:
		p.pos++
		return rune(c) ^ 0x40, nil
	}
}

// octal reads at most three digits.
func (p *parser) octal() rune {
	var n rune
	for i := 0; i < 3 && p.peek() >= '0' && p.peek() <= '7'; i++ {
		n = n*8 + rune(p.peek()-'0')
		p.pos++
	}
	return n
}

func (p *parser) hex() (rune, error) {
	if p.peek() == '{' {
		end := strings.IndexByte(p.src[p.pos:], '}')
		if end > 1 && strings.IndexFunc(p.src[p.pos+1:p.pos+end], func(c rune) bool { return c > 'f' || !isHex(byte(c)) }) < 0 {
			text := p.src[p.pos+1 : p.pos+end]
			p.pos += end + 1
			return codePoint(text, 16)
		}
		return 0, fail(`non-hex character in \x{} (closing brace missing?)`)
	}
	var n rune
	for i := 0; i < 2 && !p.ended() && isHex(p.peek()); i++ {
		d, _ := strconv.ParseInt(p.src[p.pos:p.pos+1], 16, 32)
		n = n*16 + rune(d)
		p.pos++
	}
	return n, nil
}

func (p *parser) bracedOctal() (rune, error) {
	if p.peek() != '{' {
		return 0, fail(`missing opening brace after \o`)
	}
	end := strings.IndexByte(p.src[p.pos:], '}')
	if end < 2 || strings.Trim(p.src[p.pos+1:p.pos+end], "01234567") != "" {
		return 0, fail(`non-octal character in \o{} (closing brace missing?)`)
	}
	text := p.src[p.pos+1 : p.pos+end]
	p.pos += end + 1
	return codePoint(text, 8)
}

func codePoint(text string, base int) (rune, error) {
	n, err := strconv.ParseUint(text, base, 32)
	switch {
	case err != nil || n > maxRune:
		return 0, fail(`character value in \x{} or \o{} is too large`)
	case n >= 0xd800 && n <= 0xdfff:
		return 0, fail(`disallowed Unicode code point (>= 0xd800 && <= 0xdfff)`)
	}
	return rune(n), nil
}
