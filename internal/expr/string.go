package expr

import (
	"strings"
	"unicode/utf8"

	"github.com/mortondb/morton/internal/document"
)

func init() {
	register(map[string]operator{
		"$concat":       {max: -1, eval: evalConcat},
		"$toLower":      {min: 1, max: 1, eval: one(changeCase('A', 'Z'))},
		"$toUpper":      {min: 1, max: 1, eval: one(changeCase('a', 'z'))},
		"$strcasecmp":   {min: 2, max: 2, eval: two(strcasecmp)},
		"$strLenBytes":  {min: 1, max: 1, eval: one(strLen(34473, func(s string) int { return len(s) }))},
		"$strLenCP":     {min: 1, max: 1, eval: one(strLen(34471, utf8.RuneCountInString))},
		"$substr":       {min: 3, max: 3, eval: all(substrBytes)},
		"$substrBytes":  {min: 3, max: 3, eval: all(substrBytes)},
		"$substrCP":     {min: 3, max: 3, eval: all(substrCP)},
		"$split":        {min: 2, max: 2, eval: two(split)},
		"$indexOfBytes": {min: 2, max: 4, eval: all(indexOfBytes)},
		"$indexOfCP":    {min: 2, max: 4, eval: all(indexOfCP)},
		"$trim":         {parse: parseTrim},
		"$ltrim":        {parse: parseTrim},
		"$rtrim":        {parse: parseTrim},
		"$replaceOne":   {parse: parseReplace},
		"$replaceAll":   {parse: parseReplace},
	})
}

func evalConcat(x *Evaluator, o *call) (document.Value, error) {
	var b strings.Builder
	for _, n := range o.args {
		v, err := n.eval(x)
		switch {
		case err != nil:
			return v, err
		case v.IsNullish():
			return document.Null, nil
		case v.Type != document.TypeString:
			return missing, fail(16702, "$concat only supports strings, not %s", v.Type)
		}
		b.WriteString(v.Str())
		if b.Len() > document.MaxSize {
			return missing, tooLarge("$concat")
		}
	}
	return x.string(b.String()), nil
}

// text returns what mongod's coerceToString makes of a value: some operators take numbers and dates for strings.
func text(v document.Value) (string, error) {
	switch v.Type {
	case document.TypeString, document.TypeSymbol, document.TypeCode:
		return v.Str(), nil
	case document.TypeMissing, document.TypeNull, document.TypeUndefined:
		return "", nil
	case document.TypeDouble, document.TypeInt32, document.TypeInt64, document.TypeDecimal128:
		return numberText(v), nil
	case document.TypeDate:
		return formatISO(v.Int64()), nil
	case document.TypeTimestamp:
		return timestampText(v.Timestamp()), nil
	}
	return "", fail(16007, "can't convert from BSON type %s to String", v.Type)
}

// changeCase turns the letters of ASCII between from and to into the other case.
func changeCase(from, to byte) func(*Evaluator, *call, document.Value) (document.Value, error) {
	return func(x *Evaluator, _ *call, v document.Value) (document.Value, error) {
		s, err := text(v)
		if err != nil {
			return missing, err
		}
		b := []byte(s)
		for i, c := range b {
			if from <= c && c <= to {
				b[i] = c ^ 0x20
			}
		}
		return x.string(string(b)), nil
	}
}

func strcasecmp(x *Evaluator, _ *call, a, b document.Value) (document.Value, error) {
	s, err := text(a)
	if err != nil {
		return missing, err
	}
	t, err := text(b)
	if err != nil {
		return missing, err
	}
	return x.int32(int32(strings.Compare(upperASCII(s), upperASCII(t)))), nil
}

func upperASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

func strLen(code codeNumber, length func(string) int) func(*Evaluator, *call, document.Value) (document.Value, error) {
	return func(x *Evaluator, o *call, v document.Value) (document.Value, error) {
		if v.Type != document.TypeString {
			return missing, fail(code, "%s requires a string argument, found: %s", o.name, v.Type)
		}
		return x.int32(int32(length(v.Str()))), nil
	}
}

// continuation reports whether b is a byte of UTF-8 that begins no character.
func continuation(b byte) bool { return b&0xC0 == 0x80 }

func substrBytes(x *Evaluator, o *call, args []document.Value) (document.Value, error) {
	s, err := text(args[0])
	if err != nil {
		return missing, err
	}
	if !args[1].IsNumber() {
		return missing, fail(16034, "%s:  starting index must be a numeric type (is BSON type %s)", o.name, args[1].Type)
	}
	if !args[2].IsNumber() {
		return missing, fail(16035, "%s:  length must be a numeric type (is BSON type %s)", o.name, args[2].Type)
	}
	from, _ := args[1].ToInt64()
	length, _ := args[2].ToInt64()
	switch {
	case from < 0:
		return missing, fail(50752, "%s:  starting index must be non-negative (got: %d)", o.name, from)
	case from >= int64(len(s)):
		return x.string(""), nil
	case continuation(s[from]):
		return missing, fail(28656, "%s:  Invalid range, starting index is a UTF-8 continuation byte.", o.name)
	}
	s = s[from:]
	if length < 0 || length >= int64(len(s)) {
		return x.string(s), nil
	}
	if continuation(s[length]) {
		return missing, fail(28657, "%s:  Invalid range, ending index is in the middle of a UTF-8 character.", o.name)
	}
	return x.string(s[:length]), nil
}

func substrCP(x *Evaluator, o *call, args []document.Value) (document.Value, error) {
	s, err := text(args[0])
	if err != nil {
		return missing, err
	}
	var numbers [2]int64
	for i, v := range args[1:] {
		what := [2]string{"starting index", "length"}[i]
		if !v.IsNumber() {
			return missing, fail([2]codeNumber{34450, 34452}[i], "%s: %s must be a numeric type (is BSON type %s)", o.name, what, v.Type)
		}
		n, ok := integer(v)
		if !ok {
			return missing, fail([2]codeNumber{34451, 34453}[i], "%s: %s cannot be represented as a 32-bit integral value: %s", o.name, what, v)
		}
		if n < 0 {
			return missing, fail([2]codeNumber{34455, 34454}[i], "%s: %s must be a nonnegative integer.", o.name, what)
		}
		numbers[i] = n
	}
	begin := runeOffset(s, numbers[0])
	s = s[begin:]
	return x.string(s[:runeOffset(s, numbers[1])]), nil
}

// runeOffset returns where the n-th character of s begins; the end if there are not so many.
func runeOffset(s string, n int64) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

func split(_ *Evaluator, _ *call, s, separator document.Value) (document.Value, error) {
	switch {
	case nullish(s, separator):
		return document.Null, nil
	case s.Type != document.TypeString:
		return missing, fail(40085, "$split requires an expression that evaluates to a string as a first argument, found: %s", s.Type)
	case separator.Type != document.TypeString:
		return missing, fail(40086, "$split requires an expression that evaluates to a string as a second argument, found: %s", separator.Type)
	case separator.Str() == "":
		return missing, fail(40087, "$split requires a non-empty separator")
	}
	var out document.ArrayBuilder
	for part := range strings.SplitSeq(s.Str(), separator.Str()) {
		out.Append(document.String(part))
	}
	return out.FinishValue(), nil
}

func indexOfBytes(x *Evaluator, o *call, args []document.Value) (document.Value, error) {
	s, token := args[0], args[1]
	switch {
	case s.IsNullish():
		return document.Null, nil
	case s.Type != document.TypeString:
		return missing, fail(40091, "$indexOfBytes requires a string as the first argument, found: %s", s.Type)
	case token.Type != document.TypeString:
		return missing, fail(40092, "$indexOfBytes requires a string as the second argument, found: %s", token.Type)
	}
	text := s.Str()
	start, end, err := span(o.name, args[2:], len(text))
	if err != nil {
		return missing, err
	}
	if start > len(text) || end < start {
		return x.int32(-1), nil
	}
	if at := strings.Index(text[start:end], token.Str()); at >= 0 {
		return x.int32(int32(start + at)), nil
	}
	return x.int32(-1), nil
}

func indexOfCP(x *Evaluator, o *call, args []document.Value) (document.Value, error) {
	s, token := args[0], args[1]
	switch {
	case s.IsNullish():
		return document.Null, nil
	case s.Type != document.TypeString:
		return missing, fail(40093, "$indexOfCP requires a string as the first argument, found: %s", s.Type)
	case token.Type != document.TypeString:
		return missing, fail(40094, "$indexOfCP requires a string as the second argument, found: %s", token.Type)
	}
	text := s.Str()
	length := utf8.RuneCountInString(text)
	start, end, err := span(o.name, args[2:], length)
	if err != nil {
		return missing, err
	}
	if start > length || end < start {
		return x.int32(-1), nil
	}
	window := text[runeOffset(text, int64(start)):runeOffset(text, int64(end))]
	if at := strings.Index(window, token.Str()); at >= 0 {
		return x.int32(int32(start + utf8.RuneCountInString(window[:at]))), nil
	}
	return x.int32(-1), nil
}

// trim is $trim, $ltrim and $rtrim.
type trim struct {
	name         string
	input, chars node
}

func parseTrim(c *compiler, name string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(50696, "%s only supports an object as an argument, found %s", name, v.Type)
	}
	n := &trim{name: name}
	err := c.named(v.Doc(), func(key string) *node {
		return map[string]*node{"input": &n.input, "chars": &n.chars}[key]
	}, func(key string) error { return fail(50694, "%s found an unknown argument: %s", name, key) })
	switch {
	case err != nil:
		return nil, err
	case n.input == nil:
		return nil, fail(50695, "%s requires an 'input' argument", name)
	}
	return c.folded(n, n.input, n.chars)
}

// whitespace is what is trimmed if nothing is said.
const whitespace = "\x00 \t\n\v\f\r\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A"

func (n *trim) eval(x *Evaluator) (document.Value, error) {
	v, err := n.input.eval(x)
	switch {
	case err != nil:
		return v, err
	case v.IsNullish():
		return document.Null, nil
	case v.Type != document.TypeString:
		return missing, fail(50699, "%s requires its input to be a string, got %s (of type %s) instead.", n.name, v, v.Type)
	}
	cut := whitespace
	if chars, given, err := optional(x, n.chars); err != nil {
		return chars, err
	} else if given {
		switch {
		case chars.IsNullish():
			return document.Null, nil
		case chars.Type != document.TypeString:
			return missing, fail(50700, "%s requires 'chars' to be a string, got %s (of type %s) instead.", n.name, chars, chars.Type)
		}
		cut = chars.Str()
	}
	s := v.Str()
	if n.name != "$rtrim" {
		s = strings.TrimLeft(s, cut)
	}
	if n.name != "$ltrim" {
		s = strings.TrimRight(s, cut)
	}
	return x.string(s), nil
}

// replace is $replaceOne and $replaceAll.
type replace struct {
	name                     string
	input, find, replacement node
	times                    int
}

func parseReplace(c *compiler, name string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(51751, "%s requires an object as an argument, found: %s", name, v.Type)
	}
	n := &replace{name: name, times: -1}
	if name == "$replaceOne" {
		n.times = 1
	}
	err := c.named(v.Doc(), func(key string) *node {
		return map[string]*node{"input": &n.input, "find": &n.find, "replacement": &n.replacement}[key]
	}, func(key string) error { return fail(51750, "%s found an unknown argument: %s", name, key) })
	switch {
	case err != nil:
		return nil, err
	case n.input == nil:
		return nil, fail(51749, "%s requires 'input' to be specified", name)
	case n.find == nil:
		return nil, fail(51748, "%s requires 'find' to be specified", name)
	case n.replacement == nil:
		return nil, fail(51747, "%s requires 'replacement' to be specified", name)
	}
	return c.folded(n, n.input, n.find, n.replacement)
}

func (n *replace) eval(x *Evaluator) (document.Value, error) {
	var texts [3]document.Value
	for i, part := range []node{n.input, n.find, n.replacement} {
		v, err := part.eval(x)
		if err != nil {
			return v, err
		}
		if v.Type != document.TypeString && !v.IsNullish() {
			return missing, fail([3]codeNumber{51746, 51745, 51744}[i], "%s requires that '%s' be a string, found: %s", n.name, [3]string{"input", "find", "replacement"}[i], v)
		}
		texts[i] = v
	}
	if nullish(texts[0], texts[1], texts[2]) {
		return document.Null, nil
	}
	input, find, by := texts[0].Str(), texts[1].Str(), texts[2].Str()
	if n.times < 0 && len(input)+strings.Count(input, find)*max(len(by)-len(find), 0) > maxRange {
		return missing, tooLarge(n.name)
	}
	return x.string(strings.Replace(input, find, by, n.times)), nil
}
