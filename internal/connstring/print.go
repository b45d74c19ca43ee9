package connstring

import (
	"maps"
	"net/url"
	"strings"
)

// redacted stands for a secret in String.
const redacted = "xxxxx"

// String returns the connection string without its secrets, so that options can be logged.
func (o *Options) String() string { return o.print(false) }

// URI returns a connection string, with its passwords, that parses to the same options. It has the options that were given, in one
// order and spelling.
func (o *Options) URI() string { return o.print(true) }

func (o *Options) print(secrets bool) string {
	var b strings.Builder
	hosts := o.Hosts
	if o.SRVHost != "" {
		b.WriteString(srvScheme)
		hosts = []string{o.SRVHost}
	} else {
		b.WriteString(plainScheme)
	}
	if o.Username != "" {
		b.WriteString(encode(o.Username))
		switch {
		case o.HasPassword && secrets:
			b.WriteString(":" + encode(o.Password))
		case o.HasPassword:
			b.WriteString(":" + redacted)
		}
		b.WriteByte('@')
	}
	for i, host := range hosts {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(encodeHost(host))
	}
	b.WriteString("/" + encode(o.Database))
	sep := "?"
	for i := range table {
		opt := &table[i]
		if !o.given[opt.name] {
			continue
		}
		for _, text := range opt.text(o) {
			if opt.secret && !secrets {
				text = withoutSecret(opt, o)
			}
			b.WriteString(sep + opt.name + "=" + encodeValue(text))
			sep = "&"
		}
	}
	return b.String()
}

// encode percent-encodes everything that could delimit something.
func encode(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// encodeValue leaves readable what delimits nothing inside the value of an option.
func encodeValue(text string) string { return readable.Replace(encode(text)) }

var readable = strings.NewReplacer("%3A", ":", "%2C", ",", "%2F", "/", "%24", "$")

func encodeHost(host string) string {
	if Network(host) == "unix" {
		return encode(host)
	}
	return strings.ReplaceAll(host, "%", "%25") // the zone of an IPv6 address
}

// withoutSecret is the value of an option with a secret, for people. The names of mechanism properties are none.
func withoutSecret(opt *option, o *Options) string {
	if opt.name != "authMechanismProperties" {
		return redacted
	}
	m := maps.Clone(o.AuthMechanismProperties)
	if _, ok := m["AWS_SESSION_TOKEN"]; ok {
		m["AWS_SESSION_TOKEN"] = redacted
	}
	return textOfMap(m)
}
