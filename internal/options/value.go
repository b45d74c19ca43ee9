package options

import (
	"strconv"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// kind is the type of a setting's value.
type kind int

const (
	textual kind = iota
	boolean
	integer
	number
)

// value is a value of one of the kinds. text is set for all of them.
type value struct {
	kind kind
	text string
	bool bool
	int  int64
	num  float64
}

// parse reads a value. label is how an error calls the option.
func (k kind) parse(label, s string) (value, error) {
	v := value{kind: k, text: s}
	var err error
	switch k {
	case boolean:
		v.bool = s == "true"
		if !v.bool && s != "false" {
			return v, errorf("Expected boolean switch but found string: %s for option: %s", s, label)
		}
	case integer:
		if v.int, err = strconv.ParseInt(s, 0, 32); err != nil || strings.Contains(s, "_") {
			return v, errorf("Error parsing option %q as int: Did not consume whole string.", label)
		}
	case number:
		if v.num, err = strconv.ParseFloat(s, 64); err != nil {
			return v, errorf("Error parsing option %q as double in: Did not consume any digits", label)
		}
	}
	return v, nil
}

func (v value) append(b *document.Builder, key string) {
	switch v.kind {
	case boolean:
		b.AppendBool(key, v.bool)
	case integer:
		b.AppendInt32(key, int32(v.int))
	case number:
		b.AppendDouble(key, v.num)
	default:
		b.AppendString(key, v.text)
	}
}
