package replset

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// DefaultPort is the port of a host that is named without one.
const DefaultPort = 27017

// ParseHost parses host[:port], with an IPv6 address in brackets, and returns it in full. The errors are in mongod's
// words.
func ParseHost(s string) (host string, port int, err error) {
	host, portText, hasPort, err := splitHost(s)
	switch {
	case err != nil:
		return "", 0, err
	case host == "":
		return "", 0, fmt.Errorf("Empty host component parsing HostAndPort from %q", s)
	case !hasPort:
		return host, DefaultPort, nil
	}
	switch digits := strings.TrimLeft(portText, "+-"); {
	case digits == "":
		return "", 0, errors.New("No digits")
	case strings.Trim(digits, "0123456789") != "" || len(portText)-len(digits) > 1:
		return "", 0, errors.New("Did not consume whole string.")
	}
	port, err = strconv.Atoi(portText)
	if err != nil || port <= 0 || port > 65535 {
		return "", 0, fmt.Errorf("Port number %s out of range parsing HostAndPort from %q", strings.TrimPrefix(portText, "+"), s)
	}
	return host, port, nil
}

func splitHost(s string) (host, port string, hasPort bool, err error) {
	open, end := strings.IndexByte(s, '['), strings.LastIndexByte(s, ']')
	switch {
	case open == 0 && end < 0:
		return "", "", false, fmt.Errorf("ipv6 address is missing closing ']' in hostname in %s", s)
	case open != 0 && end >= 0:
		return "", "", false, fmt.Errorf("']' present without '[' in %s", s)
	case open == 0:
		rest := s[end+1:]
		if rest != "" && rest[0] != ':' {
			return "", "", false, fmt.Errorf("missing colon after ']' before the port in %s", s)
		}
		return s[1:end], strings.TrimPrefix(rest, ":"), rest != "", nil
	case strings.Count(s, ":") > 1:
		return "", "", false, fmt.Errorf("More than one ':' detected. If this is an ipv6 address, it needs to be surrounded by '[' and ']'; %s", s)
	}
	host, port, hasPort = strings.Cut(s, ":")
	return host, port, hasPort, nil
}

// JoinHost returns host:port, with brackets around an IPv6 address.
func JoinHost(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// hostName returns the part of host:port before the port.
func hostName(hostPort string) string {
	host, _, err := ParseHost(hostPort)
	if err != nil {
		return hostPort
	}
	return host
}

// isLocalhost reports whether a name means the same machine wherever it is looked up; mongod's rule.
func isLocalhost(host string) bool {
	return host == "localhost" || strings.HasPrefix(host, "127.") || host == "::1" || strings.HasPrefix(host, "/")
}
