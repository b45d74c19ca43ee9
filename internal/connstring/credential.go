package connstring

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The mechanisms that a connection string can name. Unsupported tells which of them the client does not have.
const (
	SCRAMSHA1   = "SCRAM-SHA-1"
	SCRAMSHA256 = "SCRAM-SHA-256"
	X509        = "MONGODB-X509"
	Plain       = "PLAIN"
	GSSAPI      = "GSSAPI"
	AWS         = "MONGODB-AWS"
	OIDC        = "MONGODB-OIDC"
	CR          = "MONGODB-CR"
)

// external is the database of users that the server does not keep itself.
const external = "$external"

// Credential is who connects, with the defaults of the mechanism filled in.
type Credential struct {
	Username    string
	Password    string
	HasPassword bool
	Source      string // the database that knows the user
	Mechanism   string // empty: to be negotiated
	Properties  map[string]string
}

// mechanism is what the authentication specification says of one mechanism. The source is the authSource if there is one, else the
// database if databaseIsSource, else source.
type mechanism struct {
	source           string
	sourceFixed      bool // no other source than that
	databaseIsSource bool
	userOptional     bool
	passwordRefused  bool
	passwordNeeded   bool // if there is a user
	properties       []string
}

var mechanisms = map[string]mechanism{
	"":          {source: "admin", databaseIsSource: true},
	SCRAMSHA1:   {source: "admin", databaseIsSource: true, passwordNeeded: true},
	SCRAMSHA256: {source: "admin", databaseIsSource: true, passwordNeeded: true},
	CR:          {source: "admin", databaseIsSource: true, passwordNeeded: true},
	Plain:       {source: external, databaseIsSource: true, passwordNeeded: true},
	X509:        {source: external, sourceFixed: true, userOptional: true, passwordRefused: true},
	GSSAPI:      {source: external, sourceFixed: true, properties: []string{"SERVICE_NAME", "CANONICALIZE_HOST_NAME", "SERVICE_REALM", "SERVICE_HOST"}},
	AWS:         {source: external, sourceFixed: true, userOptional: true, passwordNeeded: true, properties: []string{"AWS_SESSION_TOKEN"}},
	OIDC:        {source: external, sourceFixed: true, userOptional: true, passwordRefused: true, properties: []string{"ENVIRONMENT", "TOKEN_RESOURCE"}},
}

// Credential returns who connects, or nil if the options ask for no authentication.
func (o *Options) Credential() *Credential {
	m, known := mechanisms[o.AuthMechanism]
	if !known || o.Username == "" && (o.AuthMechanism == "" || !m.userOptional) {
		return nil
	}
	c := &Credential{
		Username: o.Username, Password: o.Password, HasPassword: o.HasPassword,
		Source: m.source, Mechanism: o.AuthMechanism, Properties: maps.Clone(o.AuthMechanismProperties),
	}
	switch {
	case o.AuthSource != "":
		c.Source = o.AuthSource
	case m.databaseIsSource && o.Database != "":
		c.Source = o.Database
	}
	if o.AuthMechanism == GSSAPI && c.Properties["SERVICE_NAME"] == "" {
		if c.Properties == nil {
			c.Properties = map[string]string{}
		}
		c.Properties["SERVICE_NAME"] = "mongodb"
	}
	return c
}

func (o *Options) checkCredential() error {
	name := o.AuthMechanism
	m, known := mechanisms[name]
	switch {
	case !known:
		return fmt.Errorf("the authMechanism %q is unknown; there are %s", name, strings.Join(slices.Sorted(maps.Keys(mechanisms))[1:], ", "))
	case o.Has("authSource") && o.AuthSource == "":
		return errors.New("authSource is empty; give the database that has the user, or leave the option out")
	case m.sourceFixed && o.AuthSource != "" && o.AuthSource != m.source:
		return fmt.Errorf("authSource must be %s with %s; leave it out", m.source, name)
	case name != "" && !m.userOptional && o.Username == "":
		return fmt.Errorf(`%s needs a user name: "mongodb://user:password@host/"`, name)
	case m.passwordRefused && o.HasPassword:
		return fmt.Errorf("%s takes no password; leave it and its colon out", name)
	case m.passwordNeeded && o.Username != "" && !o.HasPassword:
		return fmt.Errorf(`%s needs a password: "mongodb://user:password@host/"`, name)
	}
	for key := range o.AuthMechanismProperties {
		if !slices.Contains(m.properties, key) {
			return fmt.Errorf("the authMechanismProperties do not fit: %s", propertiesOf(name, m))
		}
	}
	return nil
}

func propertiesOf(name string, m mechanism) string {
	if name == "" {
		return "they need authMechanism"
	}
	if m.properties == nil {
		return name + " has none"
	}
	return name + " has " + strings.Join(m.properties, ", ")
}
