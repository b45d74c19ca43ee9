package connstring

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

const defaultPort = "27017"

// ParseHost returns the canonical form of "host", "host:port", "[address]:port" or the path of a socket. Two texts with the same
// form mean the same place; names are in lower case, and a missing port is 27017.
func ParseHost(text string) (string, error) { return parseHost(text, shown) }

// Network says how to dial a host in canonical form: "unix" or "tcp".
func Network(host string) string {
	if strings.Contains(host, "/") {
		return "unix"
	}
	return "tcp"
}

func parseHost(text string, quote func(string) string) (string, error) {
	if strings.Contains(text, "/") {
		return text, checkSocket(text, quote)
	}
	name, port, hasPort := strings.Cut(text, ":")
	if strings.HasPrefix(text, "[") {
		return parseLiteral(text, quote)
	}
	if strings.Contains(port, ":") {
		return "", fmt.Errorf("the host %s has more than one colon; an IPv6 address is written in brackets: [::1]:27017", quote(text))
	}
	if !hasPort {
		port = defaultPort
	}
	name = strings.ToLower(name)
	if err := checkName(name, quote); err != nil {
		return "", err
	}
	if err := checkPort(port, quote); err != nil {
		return "", err
	}
	return net.JoinHostPort(name, trimZeros(port)), nil
}

// parseLiteral reads an IPv6 address in brackets.
func parseLiteral(text string, quote func(string) string) (string, error) {
	address, rest, closed := strings.Cut(text[1:], "]")
	port, hasPort := strings.CutPrefix(rest, ":")
	ip, err := netip.ParseAddr(address)
	if !closed || err != nil || !ip.Is6() || rest != "" && !hasPort {
		return "", fmt.Errorf("the host %s is no IPv6 address in brackets, like [::1] or [::1]:27017", quote(text))
	}
	if !hasPort {
		port = defaultPort
	}
	if err := checkPort(port, quote); err != nil {
		return "", err
	}
	return net.JoinHostPort(ip.String(), trimZeros(port)), nil
}

func checkPort(port string, quote func(string) string) error {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("the port %s is no number from 1 to 65535", quote(port))
	}
	return nil
}

func trimZeros(port string) string { return strings.TrimLeft(port, "0") }

// checkName refuses what cannot be the name or the IPv4 address of a host. It is lenient: the resolver has the last word.
func checkName(name string, quote func(string) string) error {
	if name == "" {
		return errors.New("a host is missing; write for example localhost or localhost:27017")
	}
	for _, r := range name {
		if r <= ' ' || r == 0x7f || strings.ContainsRune(`/\?#[]@<>"%,:`, r) {
			return fmt.Errorf("the host name %s contains %q", quote(name), r)
		}
	}
	return nil
}

func checkSocket(path string, quote func(string) string) error {
	switch {
	case strings.ContainsAny(path, "\x00,"):
		return fmt.Errorf("the path %s contains a zero byte or a comma", quote(path))
	case !strings.HasSuffix(path, ".sock"):
		return fmt.Errorf("the path %s does not end in .sock, as a Unix socket's does", quote(path))
	}
	return nil
}

// decodeHost undoes the percent-encoding of a host. What is not encoded right stays as it is, and is refused for its percent sign.
func decodeHost(text string) string {
	if decoded, err := url.PathUnescape(text); err == nil {
		return decoded
	}
	return text
}
