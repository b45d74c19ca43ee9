package regex

import "strings"

// prefixOf returns what every text that matches begins with, and whether every text that begins so matches.
func prefixOf(n *node) (prefix string, exact bool) {
	list := []*node{n}
	if n.op == opConcat {
		list = n.sub
	}
	if list[0].op != opBegin {
		return "", false
	}
	var b strings.Builder
	for _, n := range list[1:] {
		if n.op != opLiteral || n.fold && len(runeSet{{n.char, n.char}}.folded()) > 1 {
			return b.String(), false
		}
		b.WriteRune(n.char)
	}
	return b.String(), true
}
