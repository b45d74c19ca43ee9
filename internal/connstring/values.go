package connstring

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

var errEmpty = errors.New("is empty")

func secret(row option) option {
	row.secret = true
	return row
}

// str is an option whose value is any text but the empty one.
func str(name string, field func(*Options) *string) option {
	return option{name: name,
		set: func(o *Options, value string) (string, error) {
			if value == "" {
				return "", errEmpty
			}
			*field(o) = value
			return "", nil
		},
		text: func(o *Options) []string { return []string{*field(o)} },
	}
}

func boolean(name string, field func(*Options) *bool) option {
	return option{name: name,
		set: func(o *Options, value string) (string, error) {
			b, note, err := parseBool(value)
			if err == nil {
				*field(o) = b
			}
			return note, err
		},
		text: func(o *Options) []string { return []string{strconv.FormatBool(*field(o))} },
	}
}

// parseBool reads true and false, and the old spellings of them, of which a note warns.
func parseBool(value string) (b bool, note string, err error) {
	switch value {
	case "true", "false":
		return value == "true", "", nil
	case "1", "yes", "y", "t":
		b = true
	case "0", "-1", "no", "n", "f":
	default:
		return false, "", errors.New("is neither true nor false")
	}
	return b, fmt.Sprintf("%s is an old spelling; write %t", value, b), nil
}

// integer is an option with a number of 32 bits that is not less than least.
func integer(name string, least int, field func(*Options) *int) option {
	return between(name, least, math.MaxInt32, field)
}

func between(name string, least, most int, field func(*Options) *int) option {
	return option{name: name,
		set: func(o *Options, value string) (string, error) {
			n, err := parseInt(value, least, most)
			if err == nil {
				*field(o) = n
			}
			return "", err
		},
		text: func(o *Options) []string { return []string{strconv.Itoa(*field(o))} },
	}
}

func parseInt(value string, least, most int) (int, error) {
	n, err := strconv.Atoi(value)
	switch {
	case err == nil && least <= n && n <= most:
		return n, nil
	case most == math.MaxInt32:
		return 0, fmt.Errorf("is no whole number of at least %d", least)
	}
	return 0, fmt.Errorf("is no whole number from %d to %d", least, most)
}

// millis is an option with a number of milliseconds that is not less than least.
func millis(name string, least int, field func(*Options) *time.Duration) option {
	return option{name: name,
		set: func(o *Options, value string) (string, error) {
			n, err := parseInt(value, least, math.MaxInt32)
			if err == nil {
				*field(o) = time.Duration(n) * time.Millisecond
			}
			return "", err
		},
		text: func(o *Options) []string { return []string{textOfMillis(*field(o))} },
	}
}

func textOfMillis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// oneOf is an option with one of some words. Case does not matter; the field gets the word as it is written here.
func oneOf(name string, field func(*Options) *string, words ...string) option {
	return option{name: name,
		set: func(o *Options, value string) (string, error) {
			for _, word := range words {
				if strings.EqualFold(word, value) {
					*field(o) = word
					return "", nil
				}
			}
			return "", fmt.Errorf("is none of %s", strings.Join(words, ", "))
		},
		text: func(o *Options) []string { return []string{*field(o)} },
	}
}

// parseMap reads "key:value,key:value". A value may contain colons.
func parseMap(text string) (map[string]string, error) {
	m := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(part, ":")
		if !ok || key == "" {
			return nil, errors.New("is no list of name:value, separated by commas")
		}
		if _, twice := m[key]; twice {
			return nil, errors.New("has a name twice")
		}
		m[key] = value
	}
	return m, nil
}
