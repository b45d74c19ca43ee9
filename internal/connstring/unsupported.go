package connstring

import (
	"errors"
	"strings"
)

// Unsupported is an error that lists what the options validly ask for and Morton's client does not have; nil if there is
// nothing. Parse accepts such options, since the specifications do: connecting is what must fail. It is asked again after Resolve, which can
// find loadBalanced.
func (o *Options) Unsupported() error {
	var list []string
	for _, c := range []struct {
		asked bool
		say   string
	}{
		{o.AuthMechanism == AWS || o.AuthMechanism == OIDC || o.AuthMechanism == GSSAPI,
			"authMechanism=" + o.AuthMechanism + " is not supported; there are SCRAM-SHA-256, SCRAM-SHA-1, MONGODB-X509 and PLAIN"},
		{o.AuthMechanism == CR, "authMechanism=MONGODB-CR was removed from MongoDB 4.0; leave the option out"},
		{o.LoadBalanced, "loadBalanced=true is not supported; give the members of the set, or one of them, as hosts"},
		{strings.HasSuffix(o.UUIDRepresentation, "Legacy"),
			"uuidRepresentation=" + o.UUIDRepresentation + " is not supported; UUIDs are stored as they are given, which is standard"},
		{o.Proxy.Host != "", "proxyHost is not supported; connect without a SOCKS5 proxy"},
		{o.Has("tlsDisableOCSPEndpointCheck") && !o.TLSDisableOCSPEndpointCheck,
			"tlsDisableOCSPEndpointCheck=false is not supported: OCSP endpoints are never asked; leave the option out"},
		{o.Has("tlsDisableCertificateRevocationCheck") && !o.TLSDisableCertificateRevocationCheck,
			"tlsDisableCertificateRevocationCheck=false is not supported: revocation is never checked; leave the option out"},
	} {
		if c.asked {
			list = append(list, c.say)
		}
	}
	if list == nil {
		return nil
	}
	return errors.New(strings.Join(list, "; "))
}
