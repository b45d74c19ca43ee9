package regex

import "strings"

// class reads a set of characters in brackets.
func (p *parser) class() (*node, error) {
	if kind, _, ok := p.posix(); ok {
		if kind != ':' {
			return nil, fail("POSIX collating elements are not supported")
		}
		return nil, fail("POSIX named classes are supported only within a class")
	}
	p.pos++
	negative := p.accept("^")
	c := classParser{parser: p}
	for first := true; ; first = false {
		switch {
		case p.ended():
			return nil, fail("missing terminating ] for character class")
		case p.peek() == ']' && !first:
			p.pos++
			return c.node(negative), nil
		}
		if err := c.member(); err != nil {
			return nil, err
		}
	}
}

// classParser gathers the members of one class.
type classParser struct {
	*parser
	chars  runeSet // which case is ignored of, if it is
	sets   runeSet // which it is not
	quoted bool    // within \Q and \E
}

func (c *classParser) node(negative bool) *node {
	set := c.chars.normal()
	if c.flags.ignoreCase {
		set = set.folded()
	}
	set = append(set, c.sets...).normal()
	if negative {
		set = set.complement()
	}
	return &node{op: opClass, set: set}
}

// member reads one character, range or set.
func (c *classParser) member() error {
	if c.skipQuotes() {
		return nil
	}
	if kind, name, ok := c.posix(); ok && !c.quoted {
		return c.named(kind, name)
	}
	lo, isChar, err := c.one()
	if err != nil || !isChar {
		return err
	}
	for c.skipQuotes() {
	}
	if c.quoted || c.peek() != '-' || c.at(1) == ']' || c.at(1) == 0 && c.pos+1 >= len(c.src) {
		c.chars = append(c.chars, runeRange{lo, lo})
		return nil
	}
	return c.rangeFrom(lo)
}

// rangeFrom reads the rest of a range.
func (c *classParser) rangeFrom(lo rune) error {
	c.pos++
	if _, _, ok := c.posix(); ok {
		return fail("invalid range in character class")
	}
	for c.skipQuotes() {
	}
	hi, isChar, err := c.one()
	switch {
	case err != nil:
		return err
	case !isChar:
		return fail("invalid range in character class")
	case hi < lo:
		return fail("range out of order in character class")
	}
	c.chars = append(c.chars, runeRange{lo, hi})
	return nil
}

func (c *classParser) skipQuotes() bool {
	if c.accept(`\E`) {
		c.quoted = false
		return true
	}
	if !c.quoted && c.accept(`\Q`) {
		c.quoted = true
		return true
	}
	return false
}

// one reads a character; of a set, which it adds, it says that it is none.
func (c *classParser) one() (char rune, isChar bool, err error) {
	if c.ended() {
		return 0, false, fail("missing terminating ] for character class")
	}
	if c.quoted || c.peek() != '\\' {
		return c.char(), true, nil
	}
	c.pos++
	switch c.peek() {
	case 'b':
		c.pos++
		return '\b', true, nil
	case 'N':
		if c.at(1) != '{' {
			return 0, false, fail(`\N is not supported in a class`)
		}
	}
	if set, ok, err := c.setEscape(); ok || err != nil {
		c.sets = append(c.sets, set...)
		return 0, false, err
	}
	char, err = c.charEscape(true)
	return char, true, err
}

// posix recognizes [:name:], [.name.] and [=name=], without reading it.
func (p *parser) posix() (kind byte, name string, ok bool) {
	kind = p.at(1)
	if p.peek() != '[' || kind != ':' && kind != '.' && kind != '=' {
		return 0, "", false
	}
	rest := p.src[p.pos+2:]
	for i := 0; i+1 < len(rest); i++ {
		switch {
		case rest[i] == '\\' && (rest[i+1] == ']' || rest[i+1] == '\\'):
			i++
		case rest[i] == '[' && rest[i+1] == kind, rest[i] == ']':
			return 0, "", false
		case rest[i] == kind && rest[i+1] == ']':
			return kind, rest[:i], true
		}
	}
	return 0, "", false
}

// named adds a POSIX class.
func (c *classParser) named(kind byte, name string) error {
	if kind != ':' {
		return fail("POSIX collating elements are not supported")
	}
	c.pos += len(name) + 4
	name, negative := strings.CutPrefix(name, "^")
	set, ok := posixSets[name]
	if !ok {
		return fail("unknown POSIX class name")
	}
	if c.flags.ignoreCase && (name == "lower" || name == "upper") {
		set = posixSets["alpha"]
	}
	if negative {
		set = set.complement()
	}
	c.sets = append(c.sets, set...)
	return nil
}
