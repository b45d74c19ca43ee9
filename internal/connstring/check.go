package connstring

import (
	"errors"
	"fmt"
	"strings"
)

// appNameMax is the handshake's limit, in bytes.
const appNameMax = 128

// check finds what is an error in options as a whole. It runs again when a TXT record has added some.
func (o *Options) check() error {
	for _, rule := range []func(*Options) error{
		(*Options).checkTopology, (*Options).checkSRV, (*Options).checkReads, (*Options).checkWrites,
		(*Options).checkPool, (*Options).checkProxy, (*Options).checkCredential,
	} {
		if err := rule(o); err != nil {
			return err
		}
	}
	if len(o.AppName) > appNameMax {
		return fmt.Errorf("appName has %d bytes; the limit is %d", len(o.AppName), appNameMax)
	}
	return nil
}

func (o *Options) checkTopology() error {
	switch {
	case o.DirectConnection && o.SRVHost != "":
		return errors.New("directConnection=true connects to one host, and mongodb+srv can find several; write mongodb:// and the host")
	case o.DirectConnection && len(o.Hosts) > 1:
		return errors.New("directConnection=true connects to one host, and several are given; leave one host or the option out")
	case !o.LoadBalanced:
		return nil
	case o.DirectConnection:
		return errors.New("loadBalanced=true and directConnection=true exclude each other; leave one out")
	case o.ReplicaSet != "":
		return errors.New("loadBalanced=true and replicaSet exclude each other; leave one out")
	case len(o.Hosts) > 1:
		return errors.New("loadBalanced=true takes one host, and there are several")
	}
	return nil
}

func (o *Options) checkSRV() error {
	switch {
	case o.SRVHost == "" && o.Has("srvServiceName"):
		return errors.New("srvServiceName is for mongodb+srv:// only; leave it out")
	case o.SRVHost == "" && o.Has("srvMaxHosts"):
		return errors.New("srvMaxHosts is for mongodb+srv:// only; leave it out")
	case o.SRVMaxHosts > 0 && o.ReplicaSet != "":
		return errors.New("srvMaxHosts and replicaSet exclude each other: all members of a set are discovered; leave one out")
	case o.SRVMaxHosts > 0 && o.LoadBalanced:
		return errors.New("srvMaxHosts and loadBalanced=true exclude each other; leave one out")
	}
	return nil
}

func (o *Options) checkReads() error {
	r := o.ReadPreference
	if r.Mode != "primary" {
		return nil
	}
	if r.MaxStaleness > 0 {
		return errors.New("maxStalenessSeconds is for members other than the primary; set readPreference too, for example to nearest")
	}
	for _, tags := range r.Tags {
		if len(tags) > 0 {
			return errors.New("readPreferenceTags are for members other than the primary; set readPreference too, for example to nearest")
		}
	}
	return nil
}

func (o *Options) checkWrites() error {
	c := o.WriteConcern
	if c.W != nil && c.W.Mode == "" && c.W.Nodes == 0 && c.Journal != nil && *c.Journal {
		return errors.New("w=0 waits for nothing and journal=true for the journal; leave one out")
	}
	return nil
}

func (o *Options) checkPool() error {
	if o.MaxPoolSize > 0 && o.MinPoolSize > o.MaxPoolSize {
		return fmt.Errorf("minPoolSize (%d) is greater than maxPoolSize (%d)", o.MinPoolSize, o.MaxPoolSize)
	}
	return nil
}

func (o *Options) checkProxy() error {
	p := o.Proxy
	switch {
	case p.Host == "" && (o.Has("proxyPort") || p.Username != "" || p.Password != ""):
		return errors.New("proxyPort, proxyUsername and proxyPassword need proxyHost")
	case (p.Username == "") != (p.Password == ""):
		return errors.New("proxyUsername and proxyPassword are given together or not at all")
	}
	return nil
}

// tlsExclusive are pairs of options which the URI options specification forbids to appear together, whatever their values, since one would
// silently weaken the other.
var tlsExclusive = [][2]string{
	{"tlsInsecure", "tlsAllowInvalidCertificates"},
	{"tlsInsecure", "tlsAllowInvalidHostnames"},
	{"tlsInsecure", "tlsDisableOCSPEndpointCheck"},
	{"tlsInsecure", "tlsDisableCertificateRevocationCheck"},
	{"tlsAllowInvalidCertificates", "tlsDisableOCSPEndpointCheck"},
	{"tlsAllowInvalidCertificates", "tlsDisableCertificateRevocationCheck"},
	{"tlsDisableOCSPEndpointCheck", "tlsDisableCertificateRevocationCheck"},
}

// checkTLSPairs looks at the options as they were written: presence counts, and all of tls and ssl must agree. An invalid value of those is an
// error and not ignored, as the specification has it for all options, since that would send what is to be hidden in the clear.
func checkTLSPairs(pairs []pair) error {
	for _, two := range tlsExclusive {
		if hasPair(pairs, strings.ToLower(two[0])) && hasPair(pairs, strings.ToLower(two[1])) {
			return fmt.Errorf("%s and %s exclude each other; leave one out", two[0], two[1])
		}
	}
	var yes, no bool
	for _, p := range pairs {
		if p.name != "tls" && p.name != "ssl" {
			continue
		}
		b, _, err := parseBool(p.value)
		if err != nil {
			return fmt.Errorf("%s must be true or false", p.name)
		}
		yes, no = yes || b, no || !b
	}
	if yes && no {
		return errors.New("tls (or its other name ssl) is given as true and as false")
	}
	return nil
}

// implyTLS turns TLS on where the text leaves it open and something in it makes sense with TLS alone: mongodb+srv, as the
// specification demands, any other option whose name begins with tls, or X.509 certificates as credentials.
func (o *Options) implyTLS() {
	if o.given["tls"] {
		return
	}
	o.TLS = o.SRVHost != "" || o.AuthMechanism == X509
	for name := range o.given {
		if strings.HasPrefix(name, "tls") {
			o.TLS = true
		}
	}
}
