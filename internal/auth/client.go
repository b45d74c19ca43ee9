package auth

import "fmt"

// Credential is who a client is.
type Credential struct {
	Username  string
	Password  string
	Source    string // the database that knows the user; empty: the mechanism's default
	Mechanism string // empty: the best that the user has
}

// String leaves the password out.
func (c Credential) String() string {
	return fmt.Sprintf("user %q of %q (%s)", c.Username, c.Source, c.Mechanism)
}

// Client authenticates connections as one user. It keeps the keys that SCRAM derives from the password, so that all connections but the first
// are cheap. Any number of goroutines may use it.
type Client struct {
	who    Credential
	sha1   *scramKeys
	sha256 *scramKeys
}

// NewClient returns a client for the user. nonce returns a new random text each time it is called, of printable ASCII without commas and with at
// least 128 bits that nobody can guess; crypto/rand.Text does.
func NewClient(who Credential, nonce func() string) (*Client, error) {
	switch who.Mechanism {
	case "", SCRAMSHA1, SCRAMSHA256:
		who.Source = withDefault(who.Source, "admin")
	case Plain, X509:
		who.Source = withDefault(who.Source, external)
	default:
		return nil, fmt.Errorf("the authentication mechanism %q is not supported; there are %s, %s, %s and %s",
			who.Mechanism, SCRAMSHA256, SCRAMSHA1, X509, Plain)
	}
	if who.Username == "" && who.Mechanism != X509 {
		return nil, fmt.Errorf("authentication needs a user name")
	}
	c := &Client{who: who}
	if who.Mechanism == X509 || who.Mechanism == Plain {
		return c, nil
	}
	c.sha1 = newSHA1Keys(who, nonce)
	var err error
	if c.sha256, err = newSHA256Keys(who, nonce); err != nil && who.Mechanism == SCRAMSHA256 {
		return nil, err
	}
	return c, nil
}

func withDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
