package regex

import (
	"strconv"
	"strings"
	"unicode"
)

// dialect is what the two engines want written differently.
type dialect interface {
	// special appends a node that not both of them write alike.
	special(b *strings.Builder, n *node)
	// char appends a character, inside or outside brackets.
	char(b *strings.Builder, c rune)
}

// printed returns the tree in the syntax of an engine.
func printed(n *node, d dialect) string {
	var b strings.Builder
	printTo(&b, n, d)
	return b.String()
}

func printTo(b *strings.Builder, n *node, d dialect) {
	switch n.op {
	case opEmpty:
		b.WriteString("(?:)")
	case opLiteral:
		printLiteral(b, n, d)
	case opClass:
		printSet(b, n.set, d)
	case opConcat:
		for _, s := range n.sub {
			printTo(b, s, d)
		}
	case opAlternate:
		b.WriteString("(?:")
		for i, s := range n.sub {
			if i > 0 {
				b.WriteByte('|')
			}
			printTo(b, s, d)
		}
		b.WriteByte(')')
	case opCapture:
		b.WriteByte('(')
		printTo(b, n.sub[0], d)
		b.WriteByte(')')
	case opRepeat:
		printRepeat(b, n, d)
	case opBegin:
		b.WriteString(`\A`)
	case opEnd:
		b.WriteString(`\z`)
	default:
		d.special(b, n)
	}
}

func printLiteral(b *strings.Builder, n *node, d dialect) {
	if n.fold && unicode.SimpleFold(n.char) != n.char {
		printSet(b, runeSet{{n.char, n.char}}.folded(), d)
		return
	}
	d.char(b, n.char)
}

func printSet(b *strings.Builder, s runeSet, d dialect) {
	if len(s) == 0 {
		s = allRunes
		b.WriteString("[^")
	} else {
		b.WriteByte('[')
	}
	for _, r := range s {
		d.char(b, r.lo)
		if r.hi > r.lo {
			b.WriteByte('-')
			d.char(b, r.hi)
		}
	}
	b.WriteByte(']')
}

func printRepeat(b *strings.Builder, n *node, d dialect) {
	if n.greed == possessive {
		b.WriteString("(?>")
	}
	b.WriteString("(?:")
	printTo(b, n.sub[0], d)
	b.WriteByte(')')
	switch {
	case n.max != unlimited:
		b.WriteString("{" + strconv.Itoa(n.min) + "," + strconv.Itoa(n.max) + "}")
	case n.min == 0:
		b.WriteByte('*')
	default:
		b.WriteString("{" + strconv.Itoa(n.min) + ",}")
	}
	switch n.greed {
	case lazy:
		b.WriteByte('?')
	case possessive:
		b.WriteByte(')')
	}
}

// linear is the syntax of Go's regexp.
type linear struct{}

func (linear) char(b *strings.Builder, c rune) {
	switch {
	case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
		b.WriteRune(c)
	default:
		b.WriteString(`\x{` + strconv.FormatInt(int64(c), 16) + "}")
	}
}

func (linear) special(b *strings.Builder, n *node) {
	b.WriteString(map[op]string{
		opLineBegin: `(?m:^)`,
		opLastEnd:   `(?:\n?\z)`, // only where nothing comes behind it
		opLineEnd:   `(?m:$)`,
		opWord:      `\b`,
		opNotWord:   `\B`,
	}[n.op])
}

// backtracking is the syntax of regexp2, that of .NET.
type backtracking struct{}

func (backtracking) char(b *strings.Builder, c rune) {
	if c < 0x80 && !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
		hex := strconv.FormatInt(int64(c), 16)
		b.WriteString(`\x` + strings.Repeat("0", 2-len(hex)) + hex)
		return
	}
	b.WriteRune(c)
}

const word = `[0-9A-Z_a-z]`

func (d backtracking) special(b *strings.Builder, n *node) {
	switch n.op {
	case opLineBegin:
		b.WriteString(`(?:\A|(?<=\n)(?!\z))`)
	case opLastEnd:
		b.WriteString(`(?=\n?\z)`)
	case opLineEnd:
		b.WriteString(`(?=\n|\z)`)
	case opWord:
		b.WriteString(`(?:(?<=` + word + `)(?!` + word + `)|(?<!` + word + `)(?=` + word + `))`)
	case opNotWord:
		b.WriteString(`(?:(?<=` + word + `)(?=` + word + `)|(?<!` + word + `)(?!` + word + `))`)
	case opNewline:
		b.WriteString(`(?>\r\n|[\n-\r\u0085\u2028\u2029])`)
	case opAtomic:
		d.group(b, "(?>", n.sub[0])
	case opLook:
		d.group(b, lookOpener(n), n.sub[0])
	case opBackref:
		d.backref(b, n)
	case opConditional:
		d.conditional(b, n)
	}
}

func (d backtracking) group(b *strings.Builder, opener string, n *node) {
	b.WriteString(opener)
	printTo(b, n, d)
	b.WriteByte(')')
}

func lookOpener(n *node) string {
	opener := "(?"
	if n.behind {
		opener += "<"
	}
	if n.negative {
		return opener + "!"
	}
	return opener + "="
}

func (backtracking) backref(b *strings.Builder, n *node) {
	if n.fold {
		b.WriteString(`(?i:\k<` + strconv.Itoa(n.group) + `>)`)
		return
	}
	b.WriteString(`\k<` + strconv.Itoa(n.group) + `>`)
}

func (d backtracking) conditional(b *strings.Builder, n *node) {
	branches := n.sub
	b.WriteString("(?")
	if n.group > 0 {
		b.WriteString("(" + strconv.Itoa(n.group) + ")")
	} else {
		printTo(b, branches[0], d)
		branches = branches[1:]
	}
	for i, s := range branches {
		if i > 0 {
			b.WriteByte('|')
		}
		printTo(b, s, d)
	}
	b.WriteByte(')')
}
