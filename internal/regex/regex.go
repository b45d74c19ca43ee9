package regex

import (
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// SyntaxError says, in PCRE's words, what is wrong with a pattern.
type SyntaxError struct{ Message string }

func (e *SyntaxError) Error() string { return e.Message }

// UnsupportedError names what PCRE has in patterns and this package has not.
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string { return e.What + " in regular expressions is not supported" }

// ErrLimit is returned by matches that would take too long.
var ErrLimit = errors.New("the regular expression takes too long on this text")

const (
	// maxBacktracking bounds the time of one match by the backtracking engine.
	maxBacktracking = time.Second
	// maxBacktrackedText bounds the text that it is given, and so the memory that it needs.
	maxBacktrackedText = 1 << 20
	// maxSteps bounds the product of a text's length and a pattern's size, which Go's engine takes as many steps as.
	maxSteps = 1 << 32
)

// Regexp is a compiled pattern. Any number of goroutines may use it.
type Regexp struct {
	tree     *node
	size     int
	captures int

	test   *regexp.Regexp  // tells only whether there is a match; nil if Go's engine cannot
	find   *regexp.Regexp  // tells where, too
	second *regexp2.Regexp // for both, where the others are nil or would have to look behind where they start

	contextual bool // it matters what is before and behind a match
	prefix     string
	exact      bool
	open       bool
}

// Compile compiles a pattern with options, each a letter: i ignores case, m lets ^ and $ match at lines, s lets a dot match newlines, x allows
// white space and comments. Others are none of this function's business.
func Compile(pattern, options string) (*Regexp, error) {
	if !utf8.ValidString(pattern) {
		return nil, &SyntaxError{"invalid UTF-8 string"}
	}
	p := newParser(pattern, flagsOf(options))
	tree, err := p.parse()
	if err != nil {
		return nil, err
	}
	r := &Regexp{tree: tree, size: tree.size(), captures: p.captures, open: p.open}
	r.prefix, r.exact = prefixOf(tree)
	return r, r.choose()
}

func flagsOf(options string) flags {
	return flags{
		ignoreCase: strings.ContainsRune(options, 'i'), multiline: strings.ContainsRune(options, 'm'),
		dotAll: strings.ContainsRune(options, 's'), extended: strings.ContainsRune(options, 'x'),
	}
}

// choose compiles the tree for the engines that are needed.
func (r *Regexp) choose() error {
	r.test = compileGo(r.tree, false)
	r.find = compileGo(r.tree, true)
	r.contextual = r.tree.any(func(n *node) bool { return n.op.isAnchor() })
	if r.test != nil && r.find != nil && !r.contextual {
		return nil
	}
	second, err := regexp2.Compile(printed(r.tree, backtracking{}), regexp2.None)
	if err != nil {
		return &SyntaxError{"regular expression is too large"} // the tree is well-formed: only its size can be the matter
	}
	second.MatchTimeout = maxBacktracking
	r.second = second
	return nil
}

func compileGo(tree *node, find bool) *regexp.Regexp {
	if !tree.linear(find) {
		return nil
	}
	re, err := regexp.Compile(printed(tree, linear{}))
	if err != nil {
		return nil // too large for it
	}
	return re
}

// Captures returns how many capturing groups there are.
func (r *Regexp) Captures() int { return r.captures }

// Prefix returns what every text that matches begins with. exact: every text that begins so matches.
func (r *Regexp) Prefix() (prefix string, exact bool) { return r.prefix, r.exact }

// Open reports whether the pattern ends within a comment or a quotation that has no end, so that nothing can be put behind it.
func (r *Regexp) Open() bool { return r.open }

// tooLong reports whether s times the pattern is more than maxSteps.
func (r *Regexp) tooLong(s string) bool { return int64(len(s))*int64(r.size) > maxSteps }

// Match reports whether some part of s matches. No part of what is not UTF-8 does.
func (r *Regexp) Match(s string) (bool, error) {
	if !utf8.ValidString(s) {
		return false, nil
	}
	if r.test != nil {
		if r.tooLong(s) {
			return false, ErrLimit
		}
		return r.test.MatchString(s), nil
	}
	if len(s) > maxBacktrackedText {
		return false, ErrLimit
	}
	ok, err := r.second.MatchString(s)
	if err != nil {
		return false, ErrLimit
	}
	return ok, nil
}

// Find returns where the first match at or after byte from begins and ends, and then where each group does, as bytes of s, -1 for
// groups without a part in it. Nil if there is no match.
func (r *Regexp) Find(s string, from int) ([]int, error) {
	if !utf8.ValidString(s) || from > len(s) {
		return nil, nil
	}
	if r.find == nil || r.contextual && from > 0 {
		if len(s) > maxBacktrackedText {
			return nil, ErrLimit
		}
		return r.backtrack(s, from)
	}
	if r.tooLong(s) {
		return nil, ErrLimit
	}
	loc := r.find.FindStringSubmatchIndex(s[from:])
	for i := range loc {
		if loc[i] >= 0 {
			loc[i] += from
		}
	}
	return loc, nil
}

// backtrack finds with the engine that counts in characters.
func (r *Regexp) backtrack(s string, from int) ([]int, error) {
	text := []rune(s)
	m, err := r.second.FindRunesMatchStartingAt(text, utf8.RuneCountInString(s[:from]))
	switch {
	case err != nil:
		return nil, ErrLimit
	case m == nil:
		return nil, nil
	}
	bytesAt := offsets(s, len(text))
	loc := make([]int, 0, 2*(r.captures+1))
	for i := range r.captures + 1 {
		g := m.GroupByNumber(i)
		if g == nil || len(g.Captures) == 0 {
			loc = append(loc, -1, -1)
			continue
		}
		loc = append(loc, bytesAt[g.Index], bytesAt[g.Index+g.Length])
	}
	return loc, nil
}

// offsets returns at which byte of s each of its n characters begins, and where the last one ends.
func offsets(s string, n int) []int {
	list := make([]int, 0, n+1)
	for i := range s {
		list = append(list, i)
	}
	return append(list, len(s))
}
