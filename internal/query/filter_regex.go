package query

import (
	"errors"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/regex"
)

// $regex, and regular expressions in the place of values.

// pattern matches strings with a regular expression, and equal regular expressions.
type pattern struct {
	re            *regex.Regexp
	text, options string
}

func (p *pattern) fallible() bool { return true }

func (p *pattern) matchValue(v document.Value, run *matching) bool {
	switch v.Type {
	case document.TypeString, document.TypeSymbol:
		ok, err := p.re.Match(v.Str())
		if err != nil {
			run.fail(mongoerr.New(51156, "Regular expression /%s/ failed: %v", p.text, err))
		}
		return ok
	case document.TypeRegex:
		text, options := v.Regex()
		return text == p.text && options == p.options
	}
	return false
}

// regexFlags are the options that a regular expression may have.
const regexFlags = "imsx"

func compilePattern(text, options string) (*pattern, error) {
	for _, flag := range options {
		if !strings.ContainsRune(regexFlags, flag) && flag != 'u' {
			return nil, mongoerr.New(51108, " invalid flag in regex options: %c", flag)
		}
	}
	re, err := regex.Compile(text, options)
	if err == nil && re.Open() {
		err = &regex.SyntaxError{Message: "missing )"} // mongod puts the pattern between parentheses
	}
	var unsupported *regex.UnsupportedError
	switch {
	case errors.As(err, &unsupported):
		return nil, mongoerr.New(mongoerr.NotImplemented, "%v", err)
	case err != nil:
		return nil, mongoerr.New(51091, "Regular expression is invalid: %v", err)
	}
	return &pattern{re, text, options}, nil
}

// regexNode is the condition that a path's value matches a regular expression.
func regexNode(path string, v document.Value, p *pattern) *Node {
	return &Node{Op: OpRegex, Path: path, Value: v, pred: p, spread: true}
}

// parseRegexValue compiles a regular expression that stands where a value may.
func parseRegexValue(path string, v document.Value) (*Node, error) {
	text, options := v.Regex()
	p, err := compilePattern(text, options)
	if err != nil {
		return nil, err
	}
	return regexNode(path, v, p), nil
}

// parseRegex compiles {$regex: ..., $options: ...}, whose parts are fields of one document.
func parseRegex(path string, operators document.Doc) (*Node, error) {
	operand, flags := operators.Lookup("$regex"), operators.Lookup("$options")
	var text, options string
	switch operand.Type {
	case document.TypeString:
		text = operand.Str()
		if strings.IndexByte(text, 0) >= 0 {
			return nil, badValue("Regular expression cannot contain an embedded null byte")
		}
	case document.TypeRegex:
		text, options = operand.Regex()
	default:
		return nil, badValue("$regex has to be a string")
	}
	if !flags.IsMissing() {
		switch {
		case flags.Type != document.TypeString:
			return nil, badValue("$options has to be a string")
		case options != "":
			return nil, mongoerr.New(51075, "options set in both $regex and $options")
		case strings.IndexByte(flags.Str(), 0) >= 0:
			return nil, badValue("Regular expression options string cannot contain an embedded null byte")
		}
		options = flags.Str()
	}
	p, err := compilePattern(text, options)
	if err != nil {
		return nil, err
	}
	return regexNode(path, document.Regex(text, options), p), nil
}

// RegexPrefix returns what every string begins with that a $regex condition matches; exact: every string that does so matches.
func (n *Node) RegexPrefix() (prefix string, exact bool) {
	if p, ok := n.pred.(*pattern); ok {
		return p.re.Prefix()
	}
	return "", false
}

// inPatterns is $in with regular expressions among the values.
type inPatterns struct {
	in       predicate // nil: there are no other values
	patterns []*pattern
}

func (p *inPatterns) fallible() bool { return true }

func (p *inPatterns) matchValue(v document.Value, run *matching) bool {
	if p.in != nil && p.in.matchValue(v, run) {
		return true
	}
	for _, re := range p.patterns {
		if re.matchValue(v, run) {
			return true
		}
	}
	return false
}

// inWith makes the condition of an $in that has regular expressions.
func (c *filterCompiler) inWith(path string, operand document.Value, values []document.Value, patterns []*pattern) *Node {
	p := &inPatterns{patterns: patterns}
	if len(values) > 0 {
		p.in = c.in(path, values).pred
	}
	return &Node{Op: OpInPatterns, Path: path, Value: operand, pred: p, spread: true}
}
