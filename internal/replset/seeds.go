package replset

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// SetOption is the value of --replSet: the set's name and, as in the first releases of replica sets, a list of members
// to begin with.
type SetOption struct {
	Name  string
	Seeds []string // host:port, without duplicates
}

// ParseSetOption parses name[/host[:port],host[:port],...].
func ParseSetOption(s string) (SetOption, error) {
	name, list, _ := strings.Cut(s, "/")
	if name == "" || strings.Contains(list, "/") {
		return SetOption{}, fmt.Errorf("bad --replSet config string format is: <setname>[/<seedhost1>,<seedhost2>,...], not %q", s)
	}
	o := SetOption{Name: name}
	if list == "" {
		return o, nil
	}
	for _, seed := range strings.Split(list, ",") {
		host, port, err := ParseHost(seed)
		if err != nil {
			return SetOption{}, fmt.Errorf("bad --replSet seed %q: %w", seed, err)
		}
		seed = JoinHost(host, port)
		if slices.Contains(o.Seeds, seed) {
			return SetOption{}, errors.New("bad --replSet command line config string - dups? " + seed)
		}
		o.Seeds = append(o.Seeds, seed)
	}
	return o, nil
}

// String returns the option as it would be written.
func (o SetOption) String() string {
	if len(o.Seeds) == 0 {
		return o.Name
	}
	return o.Name + "/" + strings.Join(o.Seeds, ",")
}

// Naming is all that a member could be called.
type Naming struct {
	Hostname string       // of the machine, short or with its domain
	Addrs    []netip.Addr // of the machine's interfaces
	Bind     []string     // names and addresses that it listens on; empty: all
	Port     int
}

// OwnHost returns the host:port for this member in a configuration that it makes for itself. Clients and the other
// members must all be able to use it, so it is of the same kind as the seeds: a set of localhost:27018 and
// localhost:27019 is joined by localhost:27017, never by 127.0.0.1 or the host's name (a configuration that mixes the
// two is invalid). Without seeds the address that it listens on decides, as in mongod.
func (n Naming) OwnHost(seeds []string) string {
	host := n.listenName()
	if len(seeds) > 0 {
		host = n.nameLike(hostName(seeds[0]))
	}
	return JoinHost(host, n.Port)
}

// listenName returns the first name that others could reach, or the first one, or the host's if it listens on all.
func (n Naming) listenName() string {
	for _, b := range n.Bind {
		switch {
		case b == "0.0.0.0" || b == "::" || b == "*":
			return n.Hostname
		case !isLocalhost(b):
			return b
		}
	}
	if len(n.Bind) > 0 {
		return n.Bind[0]
	}
	return n.Hostname
}

func (n Naming) nameLike(seed string) string {
	addr, err := netip.ParseAddr(seed)
	switch {
	case isLocalhost(seed):
		return seed
	case err == nil:
		return n.addrLike(addr)
	case sameHost(seed, n.Hostname):
		return seed
	}
	return n.Hostname
}

// addrLike returns the machine's address that has the most leading bits in common with the seed's: in the same network,
// if it is in that network.
func (n Naming) addrLike(seed netip.Addr) string {
	best, bits := n.Hostname, -1
	for _, a := range n.Addrs {
		a = a.Unmap().WithZone("")
		if a.IsLoopback() || a.Is4() != seed.Is4() {
			continue
		}
		if c := commonBits(a.AsSlice(), seed.AsSlice()); c > bits {
			best, bits = a.String(), c
		}
	}
	return best
}

func commonBits(a, b []byte) int {
	for i := range a {
		for bit := 0; bit < 8; bit++ {
			if mask := byte(0x80) >> bit; a[i]&mask != b[i]&mask {
				return i*8 + bit
			}
		}
	}
	return len(a) * 8
}

// sameHost reports whether two names are one, or one is the other's without the domain.
func sameHost(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return a == b || strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+".")
}
