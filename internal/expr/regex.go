package expr

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/regex"
)

func init() {
	register(map[string]operator{
		"$regexMatch":   {parse: parseRegex},
		"$regexFind":    {parse: parseRegex},
		"$regexFindAll": {parse: parseRegex},
	})
}

// regexNode is $regexMatch, $regexFind and $regexFindAll.
type regexNode struct {
	name                  string
	input, regex, options node
	compiled              *regex.Regexp // of a constant pattern; nil if it is null
	constant              bool
}

func parseRegex(c *compiler, name string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(51103, "%s expects an object of named arguments but found: %s", name, v.Type)
	}
	n := &regexNode{name: name}
	err := c.named(v.Doc(), func(key string) *node {
		return map[string]*node{"input": &n.input, "regex": &n.regex, "options": &n.options}[key]
	}, func(key string) error { return fail(31024, "%s found an unknown argument: %s", name, key) })
	switch {
	case err != nil:
		return nil, err
	case n.input == nil:
		return nil, fail(31022, "%s requires 'input' parameter", name)
	case n.regex == nil:
		return nil, fail(31023, "%s requires 'regex' parameter", name)
	}
	if constants(n.regex, n.options) {
		if n.compiled, err = n.compile(&Evaluator{}); err != nil {
			return nil, c.failed(err)
		}
		n.constant = true
	}
	return c.folded(n, n.input, n.regex, n.options)
}

// compile compiles the pattern; it is nil if the pattern is null.
func (n *regexNode) compile(x *Evaluator) (*regex.Regexp, error) {
	pattern, err := n.regex.eval(x)
	if err != nil {
		return nil, err
	}
	options, given, err := optional(x, n.options)
	if err != nil {
		return nil, err
	}
	if given && !options.IsNullish() && options.Type != document.TypeString {
		return nil, fail(51106, "%s needs 'options' to be of type string", n.name)
	}
	flags := options.Str()
	var text string
	switch {
	case pattern.IsNullish():
		return nil, nil
	case pattern.Type == document.TypeString:
		text = pattern.Str()
	case pattern.Type == document.TypeRegex:
		var own string
		text, own = pattern.Regex()
		if own != "" && given && !options.IsNullish() && flags != "" {
			return nil, fail(51107, "%s: found regex option(s) specified in both 'regex' and 'option' fields", n.name)
		}
		if own != "" {
			flags = own
		}
	default:
		return nil, fail(51105, "%s needs 'regex' to be of type string or regex", n.name)
	}
	if strings.IndexByte(text, 0) >= 0 {
		return nil, fail(51109, "%s: regular expression cannot contain an embedded null byte", n.name)
	}
	if strings.IndexByte(flags, 0) >= 0 {
		return nil, fail(51110, "%s: regular expression options cannot contain an embedded null byte", n.name)
	}
	for _, flag := range flags {
		if !strings.ContainsRune("imsx", flag) {
			return nil, fail(51108, "%s invalid flag in regex options: %c", n.name, flag)
		}
	}
	re, err := regex.Compile(text, flags)
	var unsupported *regex.UnsupportedError
	switch {
	case errors.As(err, &unsupported):
		return nil, mongoerr.New(mongoerr.NotImplemented, "%v", err)
	case err != nil:
		return nil, fail(51111, "Invalid Regex in %s: %v", n.name, err)
	}
	return re, nil
}

func (n *regexNode) eval(x *Evaluator) (document.Value, error) {
	input, err := n.input.eval(x)
	if err != nil {
		return input, err
	}
	re := n.compiled
	if !n.constant {
		if re, err = n.compile(x); err != nil {
			return missing, err
		}
	}
	if !input.IsNullish() && input.Type != document.TypeString {
		return missing, fail(51104, "%s needs 'input' to be of type string", n.name)
	}
	if re == nil || input.IsNullish() {
		switch n.name {
		case "$regexMatch":
			return falseValue, nil
		case "$regexFind":
			return document.Null, nil
		}
		return emptyArray, nil
	}
	s := input.Str()
	switch n.name {
	case "$regexMatch":
		ok, err := re.Match(s)
		return boolean(ok), n.failed(err)
	case "$regexFind":
		at, err := re.Find(s, 0)
		if err != nil || at == nil {
			return document.Null, n.failed(err)
		}
		return found(s, at, 0, 0), nil
	}
	return n.findAll(re, s)
}

func (n *regexNode) failed(err error) error {
	if err == nil {
		return nil
	}
	return fail(51156, "Error occurred while executing the regular expression in %s: %v", n.name, err)
}

// findAll returns all matches, from left to right; one that is empty is followed by the next character.
func (n *regexNode) findAll(re *regex.Regexp, s string) (document.Value, error) {
	var list document.ArrayBuilder
	list.Grow(0)
	counted, runes := 0, 0 // how many characters the first counted bytes are
	for from := 0; from <= len(s); {
		at, err := re.Find(s, from)
		if err != nil {
			return missing, n.failed(err)
		}
		if at == nil {
			break
		}
		if from == len(s) && len(s) > 0 && at[0] == at[1] {
			break // mongod does not look behind the last character
		}
		runes += utf8.RuneCountInString(s[counted:at[0]])
		counted = at[0]
		list.Append(found(s, at, counted, runes))
		if list.Size() > maxRange {
			return missing, fail(51151, "%s: the size of buffer to store output exceeded the 64MB limit", n.name)
		}
		if from = at[1]; at[0] == at[1] {
			_, size := utf8.DecodeRuneInString(s[from:])
			from += max(size, 1)
		}
	}
	return list.FinishValue(), nil
}

// found is {match:, idx:, captures:}. The first counted bytes of s are runes characters.
func found(s string, at []int, counted, runes int) document.Value {
	var b document.Builder
	b.AppendString("match", s[at[0]:at[1]])
	b.AppendInt32("idx", int32(runes+utf8.RuneCountInString(s[counted:at[0]])))
	b.OpenArray("captures")
	for i := 2; i < len(at); i += 2 {
		name := document.Index(i/2 - 1)
		if at[i] < 0 {
			b.AppendNull(name)
		} else {
			b.AppendString(name, s[at[i]:at[i+1]])
		}
	}
	b.Close()
	return b.Finish().AsValue()
}
