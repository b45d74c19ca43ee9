package connstring

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"
)

// Resolver looks DNS records up. A *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, records []*net.SRV, err error)
	LookupTXT(ctx context.Context, name string) (records []string, err error)
}

// Shuffle brings n things into random order, by swapping them. rand.Shuffle is one.
type Shuffle func(n int, swap func(i, j int))

// Resolve finds the hosts of a mongodb+srv string and the options that its TXT record adds (Initial DNS Seedlist Discovery). Other
// options are left as they are, and so are these when there is an error.
func (o *Options) Resolve(ctx context.Context, r Resolver, shuffle Shuffle) error {
	if o.SRVHost == "" {
		return nil
	}
	hosts, refused, err := o.lookupHosts(ctx, r)
	switch {
	case err != nil:
		return err
	case refused != nil:
		return fmt.Errorf("the SRV records of %s name %s, which is not below %s; hosts of other domains are not connected to",
			o.SRVHost, strings.Join(refused, ", "), o.domain())
	}
	found := *o
	found.fromDNS = maps.Clone(o.fromDNS)
	found.Warnings = slices.Clone(o.Warnings)
	found.Hosts = hosts
	if err := found.addTXT(ctx, r); err != nil {
		return err
	}
	if err := found.check(); err != nil {
		return fmt.Errorf("%s, as its DNS records have it: %w", o.SRVHost, err)
	}
	found.Hosts = choose(nil, hosts, o.SRVMaxHosts, shuffle)
	*o = found
	return nil
}

// lookupHosts returns the hosts of the SRV records in canonical form, each once: those of the right domain, and the others.
func (o *Options) lookupHosts(ctx context.Context, r Resolver) (hosts, refused []string, err error) {
	_, records, err := r.LookupSRV(ctx, o.SRVServiceName, "tcp", o.SRVHost)
	if err != nil {
		return nil, nil, fmt.Errorf("no hosts for %s: the look-up of its SRV records failed: %w", o.SRVHost, err)
	}
	for _, record := range records {
		name := strings.ToLower(strings.TrimSuffix(record.Target, "."))
		host, err := ParseHost(fmt.Sprintf("%s:%d", name, record.Port))
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("an SRV record of %s is not valid: %w", o.SRVHost, err)
		case !strings.HasSuffix(name, "."+o.domain()):
			refused = append(refused, host)
		case !slices.Contains(hosts, host):
			hosts = append(hosts, host)
		}
	}
	if len(records) == 0 {
		return nil, nil, fmt.Errorf("no hosts for %s: it has no SRV record _%s._tcp.%s", o.SRVHost, o.SRVServiceName, o.SRVHost)
	}
	return hosts, refused, nil
}

// domain is what the hosts must be below: the name without its first part, or all of it if it has fewer than three parts.
func (o *Options) domain() string {
	if _, parent, _ := strings.Cut(o.SRVHost, "."); strings.Contains(parent, ".") {
		return parent
	}
	return o.SRVHost
}

// fromTXT are the options that a TXT record may have, and no others.
var fromTXT = []string{"authSource", "replicaSet", "loadBalanced"}

// addTXT takes options from the TXT record, if there is one. What the text says comes first.
func (o *Options) addTXT(ctx context.Context, r Resolver) error {
	records, err := r.LookupTXT(ctx, o.SRVHost)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return nil
	case err != nil:
		return fmt.Errorf("the look-up of the TXT record of %s failed: %w", o.SRVHost, err)
	case len(records) == 0:
		return nil
	case len(records) > 1:
		return fmt.Errorf("%s has %d TXT records; there may be one", o.SRVHost, len(records))
	}
	pairs, err := parsePairs(records[0], shown)
	if err != nil {
		return fmt.Errorf("the TXT record of %s: %w", o.SRVHost, err)
	}
	for _, p := range pairs {
		opt := lookup(p.name)
		if opt == nil || !slices.Contains(fromTXT, opt.name) {
			return fmt.Errorf("the TXT record of %s has the option %s; it may have %s", o.SRVHost, shown(p.name), strings.Join(fromTXT, ", "))
		}
		if o.given[opt.name] {
			continue
		}
		note, err := opt.set(o, p.value)
		if err != nil {
			o.warn(fmt.Sprintf("the option %s of the TXT record was ignored: %s %s", opt.name, shown(p.value), err))
			continue
		}
		if note != "" {
			o.warn(fmt.Sprintf("the option %s of the TXT record: %s", opt.name, note))
		}
		o.fromDNS[opt.name] = true
	}
	return nil
}

// choose returns limit of the hosts, or all if there are not more or the limit is 0. Those that are known stay; which of the others
// come is random.
func choose(known, hosts []string, limit int, shuffle Shuffle) []string {
	var kept, fresh []string
	for _, host := range known {
		if slices.Contains(hosts, host) {
			kept = append(kept, host)
		}
	}
	for _, host := range hosts {
		if !slices.Contains(kept, host) {
			fresh = append(fresh, host)
		}
	}
	room := max(limit-len(kept), 0)
	if limit > 0 && len(fresh) > room {
		shuffle(len(fresh), func(i, j int) { fresh[i], fresh[j] = fresh[j], fresh[i] })
		fresh = fresh[:room]
	}
	return append(kept, fresh...)
}

// pollMin is how long hosts are believed at least (Polling SRV Records for mongos Discovery).
const pollMin = time.Minute

// PollInterval is how long to wait after a successful look-up before Poll looks the hosts up again, when the records may be kept for
// ttl; zero if that is not known, as with the standard library. After a failure the wait is the heartbeat's.
func PollInterval(ttl time.Duration) time.Duration { return max(ttl, pollMin) }

// Poll looks the hosts up again and returns those that the client is to have instead of known. Sharded clusters alone are polled:
// members of a set tell of each other. Hosts of other domains are left out; the caller logs them. On an error known stays.
func (o *Options) Poll(ctx context.Context, r Resolver, shuffle Shuffle, known []string) (hosts, refused []string, err error) {
	hosts, refused, err = o.lookupHosts(ctx, r)
	if err == nil && len(hosts) == 0 {
		err = fmt.Errorf("the SRV records of %s name no host below %s", o.SRVHost, o.domain())
	}
	if err != nil {
		return nil, refused, err
	}
	return choose(known, hosts, o.SRVMaxHosts, shuffle), refused, nil
}
