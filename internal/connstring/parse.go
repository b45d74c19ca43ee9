package connstring

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	plainScheme = "mongodb://"
	srvScheme   = "mongodb+srv://"
)

// Parse reads a connection string (mongodb:// or mongodb+srv://) or bare seeds: "host", "host:port", "a,b:27018,/tmp/c.sock".
// What the specifications call an error is one; what they say is ignored is in Warnings.
func Parse(text string) (*Options, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("the connection string is not valid UTF-8")
	}
	o := defaults()
	var err error
	switch {
	case text == "":
		err = errors.New(`the connection string is empty; write for example "mongodb://localhost:27017"`)
	case strings.HasPrefix(text, plainScheme):
		err = o.parseURI(strings.TrimPrefix(text, plainScheme), false)
	case strings.HasPrefix(text, srvScheme):
		err = o.parseURI(strings.TrimPrefix(text, srvScheme), true)
	case strings.Contains(text, "://"):
		err = errors.New(`the connection string has another scheme; it begins with "mongodb://" or "mongodb+srv://"`)
	default:
		err = o.parseSeeds(text)
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// parseSeeds reads hosts without a scheme. There is no user and there are no options, so slashes belong to sockets.
func (o *Options) parseSeeds(text string) error {
	if strings.ContainsAny(text, "@?%") {
		return errors.New(`seeds without a scheme are hosts and ports only; write "mongodb://" before them to give a user or options`)
	}
	return o.parseHosts(text, strings.TrimSpace, shown)
}

// parseURI reads what follows the scheme: [user[:password]@]hosts[/[database][?options]].
func (o *Options) parseURI(text string, srv bool) error {
	authority, rest, _ := strings.Cut(text, "/")
	// An at sign after the first slash can mean that the slash belongs to a password. Nothing of such a text is repeated in errors.
	quote := shown
	if strings.Contains(rest, "@") {
		quote = hidden
	}
	hosts := authority
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		hosts = authority[i+1:]
		if err := o.parseUser(authority[:i]); err != nil {
			return err
		}
	}
	if strings.Contains(hosts, "?") {
		return errors.New(`there must be a slash between the hosts and the options: "mongodb://host/?option=value"; a question mark in a user name or password is written %3F`)
	}
	database, query, _ := strings.Cut(rest, "?")
	if strings.ContainsAny(database, "/@") {
		return errors.New("a slash or an at sign stands where it cannot: in user names, passwords, socket paths and database names a slash is written %2F, an at sign %40")
	}
	var err error
	if srv {
		err = o.parseSRVHost(hosts, quote)
	} else {
		err = o.parseHosts(hosts, decodeHost, quote)
	}
	if err != nil {
		return err
	}
	if err := o.parseDatabase(database, quote); err != nil {
		return err
	}
	if err := o.parseOptions(query, quote); err != nil {
		return err
	}
	o.implyTLS()
	return o.check()
}

// shown and hidden put text into messages: hidden when it could be a piece of a password.
func shown(text string) string { return fmt.Sprintf("%q", text) }
func hidden(string) string     { return "(not shown: it may be part of a password)" }

// parseUser reads "user" or "user:password". Its errors repeat nothing of it.
func (o *Options) parseUser(text string) error {
	user, password, has := strings.Cut(text, ":")
	bad := errors.New(`the user name and the password must be percent-encoded: "@" is %40, ":" is %3A, "/" is %2F, "%" is %25`)
	if strings.Contains(text, "@") || strings.Contains(password, ":") {
		return bad
	}
	var err error
	if o.Username, err = url.PathUnescape(user); err != nil {
		return bad
	}
	if o.Password, err = url.PathUnescape(password); err != nil {
		return bad
	}
	o.HasPassword = has
	if o.Username == "" {
		return errors.New("the user name is empty; leave the at sign out to connect without authentication")
	}
	if !utf8.ValidString(o.Username) || !utf8.ValidString(o.Password) {
		return bad
	}
	return nil
}

func (o *Options) parseHosts(text string, decode func(string) string, quote func(string) string) error {
	for part := range strings.SplitSeq(text, ",") {
		host, err := parseHost(decode(part), quote)
		if err != nil {
			return err
		}
		if !slices.Contains(o.Hosts, host) {
			o.Hosts = append(o.Hosts, host)
		}
	}
	return nil
}

func (o *Options) parseSRVHost(text string, quote func(string) string) error {
	switch {
	case strings.Contains(text, ","):
		return errors.New(`mongodb+srv takes one host name: the name of its SRV record; list several hosts with "mongodb://"`)
	case strings.Contains(text, ":"):
		return errors.New(`mongodb+srv takes no port, which comes from the SRV record; give hosts with ports with "mongodb://"`)
	}
	host := strings.TrimSuffix(strings.ToLower(decodeHost(text)), ".")
	if err := checkName(host, quote); err != nil {
		return err
	}
	o.SRVHost = host
	return nil
}

func (o *Options) parseDatabase(text string, quote func(string) string) error {
	name, err := url.PathUnescape(text)
	if err != nil || !utf8.ValidString(name) {
		return fmt.Errorf("the database name %s is not percent-encoded: a percent sign is written %%25", quote(text))
	}
	if i := strings.IndexAny(name, "/\\ \"$\x00"); i >= 0 {
		return fmt.Errorf("the database name %s contains %q, which no name may", quote(name), name[i])
	}
	o.Database = name
	return nil
}

// pair is one option of the text, its name in lower case.
type pair struct{ name, value string }

// parsePairs splits "a=b&c=d". Semicolons are an old form of the ampersand.
func parsePairs(text string, quote func(string) string) (pairs []pair, err error) {
	sep := "&"
	if !strings.Contains(text, sep) && strings.Contains(text, ";") {
		sep = ";"
	}
	for part := range strings.SplitSeq(text, sep) {
		if part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("the option %s is incomplete; options are written name=value", quote(part))
		}
		decoded, err := url.PathUnescape(value)
		if err != nil || !utf8.ValidString(decoded) {
			return nil, fmt.Errorf("the value of the option %s is not percent-encoded: a percent sign is written %%25", quote(name))
		}
		pairs = append(pairs, pair{lowerASCII(name), decoded})
	}
	return pairs, nil
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func (o *Options) parseOptions(text string, quote func(string) string) error {
	pairs, err := parsePairs(text, quote)
	if err != nil {
		return err
	}
	if err := checkTLSPairs(pairs); err != nil {
		return err
	}
	for _, p := range pairs {
		o.apply(p, pairs, quote)
	}
	return nil
}

// apply sets one option, or warns that it does not. pairs are all options of the text: a new name wins over its old one.
func (o *Options) apply(p pair, pairs []pair, quote func(string) string) {
	opt := lookup(p.name)
	if opt == nil {
		o.warn(fmt.Sprintf("the option %s is unknown and was ignored", quote(p.name)))
		return
	}
	if replaced := opt.name; isOldName(p.name) {
		if hasPair(pairs, strings.ToLower(replaced)) {
			o.warn(fmt.Sprintf("the option %s is an old name of %s, which is given too, and was ignored", p.name, replaced))
			return
		}
		o.warn(fmt.Sprintf("the option %s is an old name; write %s", p.name, replaced))
	}
	if o.given[opt.name] && !opt.list && opt.name != "tls" {
		o.warn(fmt.Sprintf("the option %s is given more than once; the last one holds", opt.name))
	}
	note, err := opt.set(o, p.value)
	if err != nil {
		value := quote(p.value)
		if opt.secret {
			value = "(not shown)"
		}
		o.warn(fmt.Sprintf("the option %s was ignored: %s %s", opt.name, value, err))
		return
	}
	if note != "" {
		o.warn(fmt.Sprintf("the option %s: %s", opt.name, note))
	}
	o.given[opt.name] = true
}

func hasPair(pairs []pair, name string) bool {
	for _, p := range pairs {
		if p.name == name {
			return true
		}
	}
	return false
}
