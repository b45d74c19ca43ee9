package connstring

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The options whose values are more than a word or a number.

func setAuthSource(o *Options, value string) (string, error) {
	o.AuthSource = value // an empty one is an error, which check reports
	return "", nil
}

// setMechanism takes any name, in any case. An unknown one is an error, which check reports: without it the client would send the password by
// another mechanism than it was told.
func setMechanism(o *Options, value string) (string, error) {
	if value == "" {
		return "", errEmpty
	}
	o.AuthMechanism = strings.ToUpper(value)
	return "", nil
}

func setProperties(o *Options, value string) (string, error) {
	m, err := parseMap(value)
	if err == nil {
		o.AuthMechanismProperties = m
	}
	return "", err
}

func textOfProperties(o *Options) []string { return []string{textOfMap(o.AuthMechanismProperties)} }

// textOfMap is the reverse of parseMap, in the order of the keys.
func textOfMap(m map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, key+":"+m[key])
	}
	return strings.Join(parts, ",")
}

// setCompressors takes the compressors that Morton has, in the order given.
func setCompressors(o *Options, value string) (note string, err error) {
	var known, unknown []string
	for name := range strings.SplitSeq(value, ",") {
		switch {
		case slices.Contains([]string{"snappy", "zlib", "zstd"}, name):
			if !slices.Contains(known, name) {
				known = append(known, name)
			}
		default:
			unknown = append(unknown, strconv.Quote(name))
		}
	}
	if known == nil {
		return "", errors.New("names none of snappy, zlib, zstd")
	}
	o.Compressors = known
	if unknown != nil {
		note = fmt.Sprintf("%s was left out; there are snappy, zlib and zstd", strings.Join(unknown, ", "))
	}
	return note, nil
}

// addTags reads one tag set. An empty one matches any member.
func addTags(o *Options, value string) (string, error) {
	tags := map[string]string{}
	if value != "" {
		var err error
		if tags, err = parseMap(value); err != nil {
			return "", err
		}
	}
	o.ReadPreference.Tags = append(o.ReadPreference.Tags, tags)
	return "", nil
}

func textOfTags(o *Options) (texts []string) {
	for _, tags := range o.ReadPreference.Tags {
		texts = append(texts, textOfMap(tags))
	}
	return texts
}

// setMaxStaleness takes -1, which is no limit, and positive numbers. What is too small for the heartbeats of the set is an error of server
// selection, which alone knows them.
func setMaxStaleness(o *Options, value string) (string, error) {
	n, err := parseInt(value, -1, math.MaxInt32)
	if err != nil || n == 0 {
		return "", errors.New("is neither -1 nor a positive whole number")
	}
	o.ReadPreference.MaxStaleness = time.Duration(max(n, 0)) * time.Second
	return "", nil
}

func textOfMaxStaleness(o *Options) []string {
	if o.ReadPreference.MaxStaleness == 0 {
		return []string{"-1"}
	}
	return []string{strconv.FormatInt(int64(o.ReadPreference.MaxStaleness/time.Second), 10)}
}

// setW takes a number of members or the name of a mode.
func setW(o *Options, value string) (string, error) {
	if value == "" {
		return "", errEmpty
	}
	if _, err := strconv.ParseInt(value, 10, 64); err != nil && !errors.Is(err, strconv.ErrRange) {
		o.WriteConcern.W = &W{Mode: value}
		return "", nil
	}
	n, err := parseInt(value, 0, math.MaxInt32)
	if err == nil {
		o.WriteConcern.W = &W{Nodes: n}
	}
	return "", err
}

// String is the value of the option w.
func (w W) String() string {
	if w.Mode != "" {
		return w.Mode
	}
	return strconv.Itoa(w.Nodes)
}

func textOfW(o *Options) []string { return []string{o.WriteConcern.W.String()} }

func setJournal(o *Options, value string) (string, error) {
	b, note, err := parseBool(value)
	if err == nil {
		o.WriteConcern.Journal = &b
	}
	return note, err
}

func textOfJournal(o *Options) []string { return []string{strconv.FormatBool(*o.WriteConcern.Journal)} }

func setTimeout(o *Options, value string) (string, error) {
	n, err := parseInt(value, 0, math.MaxInt32)
	if err == nil {
		d := time.Duration(n) * time.Millisecond
		o.Timeout = &d
	}
	return "", err
}

func textOfTimeout(o *Options) []string { return []string{textOfMillis(*o.Timeout)} }

// setTryOnce takes false alone, which is what a client with monitors of its own does: it tries until the time is up.
func setTryOnce(_ *Options, value string) (string, error) {
	once, note, err := parseBool(value)
	if err == nil && once {
		err = errors.New("is for clients with one thread: this one selects servers until serverSelectionTimeoutMS is over")
	}
	return note, err
}

// setServiceName takes a service name of RFC 6335, which for MongoDB may have up to 62 characters.
func setServiceName(o *Options, value string) (string, error) {
	letter := false
	for i, r := range value {
		letter = letter || 'a' <= r|0x20 && r|0x20 <= 'z'
		hyphen := r == '-' && i > 0 && i < len(value)-1 && value[i-1] != '-'
		if !hyphen && !('a' <= r|0x20 && r|0x20 <= 'z') && !('0' <= r && r <= '9') {
			return "", errServiceName
		}
	}
	if !letter || len(value) > 62 {
		return "", errServiceName
	}
	o.SRVServiceName = value
	return "", nil
}

var errServiceName = errors.New("is no service name: up to 62 letters, digits and single hyphens, among them a letter")
