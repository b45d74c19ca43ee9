package specification

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/test/identity"
	"github.com/mortondb/morton/test/process"
)

// TestTLS connects to a mongod whose certificate is for localhost, in all the ways that connection strings have.
func TestTLS(t *testing.T) {
	if filepath.Base(*binary) != "mongod" {
		t.Skip("-binary names no mongod, and only that speaks TLS: see make specification")
	}
	dir := t.TempDir()
	ours, others := newAuthority(t, dir, "ours"), newAuthority(t, dir, "others")
	server := ours.issue(t, "server", "localhost")
	client := ours.issue(t, "client")
	m, err := process.StartAlone(*binary, "--tlsMode", "requireTLS", "--tlsCertificateKeyFile", server, "--tlsCAFile", ours.file,
		"--tlsAllowConnectionsWithoutCertificates", "--setParameter", "authenticationMechanisms=MONGODB-X509,SCRAM-SHA-256")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	named := "localhost" + m.Address[strings.LastIndex(m.Address, ":"):]
	ca, wrongCA := "&tlsCAFile="+url.QueryEscape(ours.file), "&tlsCAFile="+url.QueryEscape(others.file)
	certificate, stranger := "&tlsCertificateKeyFile="+url.QueryEscape(client), "&tlsCertificateKeyFile="+url.QueryEscape(others.issue(t, "stranger"))

	first, err := dialTLS(t, named, ca, 60*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	const subject = "CN=client,OU=clients,O=Morton"
	if _, err := first.Database("$external").Run(t.Context(), bson.D{{Key: "createUser", Value: subject}, {Key: "roles", Value: bson.A{bson.D{{Key: "role", Value: "root"}, {Key: "db", Value: "admin"}}}}}); err != nil {
		t.Fatal(err)
	}
	const x509Auth = "&authMechanism=MONGODB-X509"
	const untrusted = "its certificate is signed by nobody whom this machine trusts"
	for name, c := range map[string]struct {
		address, options string
		user             string // who the server says it is
		fails            string // what the error says; empty: there is none
	}{
		"the authority is known":              {named, ca, "", ""},
		"by a certificate":                    {named, ca + certificate + x509Auth, subject, ""},
		"a certificate of another authority":  {named, ca + stranger + x509Auth, "", "No verified subject name"},
		"X.509 without a certificate":         {named, ca + x509Auth, "", "No verified subject name"},
		"another authority":                   {named, wrongCA, "", untrusted},
		"the system's authorities":            {named, "", "", untrusted},
		"another name":                        {m.Address, ca, "", "its certificate is for other names"},
		"another name, allowed":               {m.Address, ca + "&tlsAllowInvalidHostnames=true", "", ""},
		"another authority, a name allowed":   {m.Address, wrongCA + "&tlsAllowInvalidHostnames=true", "", untrusted},
		"another authority, allowed":          {m.Address, wrongCA + "&tlsAllowInvalidCertificates=true", "", ""},
		"insecure":                            {m.Address, wrongCA + "&tlsInsecure=true", "", ""},
		"a server that wants TLS, without it": {named, "&tls=false", "", "only one side speaks TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := dialTLS(t, c.address, c.options, 2*time.Second)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Fatalf("expected an error with %q, got %v", c.fails, err)
				}
				t.Log(err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			reply, err := client.Database("admin").Run(t.Context(), bson.D{{Key: "connectionStatus", Value: 1}})
			if err != nil {
				t.Fatal(err)
			}
			var status struct {
				AuthInfo struct {
					AuthenticatedUsers []struct{ User, DB string } `bson:"authenticatedUsers"`
				} `bson:"authInfo"`
			}
			if err := bson.Unmarshal(reply, &status); err != nil {
				t.Fatal(err)
			}
			who := ""
			for _, u := range status.AuthInfo.AuthenticatedUsers {
				who += u.User
			}
			if who != c.user {
				t.Errorf("the server knows the client as %q, not %q", who, c.user)
			}
		})
	}
}

// dialTLS connects with a connection string's options and has the server answer once.
func dialTLS(t *testing.T, address, options string, patience time.Duration) (*morton.Client, error) {
	t.Helper()
	if !strings.Contains(options, "tls=") {
		options = "&tls=true" + options
	}
	config, err := morton.ParseConfig("mongodb://" + address + "/?directConnection=true" + options)
	if err != nil {
		return nil, err
	}
	config.ServerSelectionTimeout = patience
	c, err := morton.New(config)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = c.Close(t.Context()) })
	return c, c.Ping(t.Context())
}

// authority issues certificates, in files in a directory.
type authority struct {
	directory, file string
	*identity.Identity
}

func newAuthority(t *testing.T, directory, name string) *authority {
	t.Helper()
	a := &authority{directory: directory, Identity: identity.New(t, nil, x509.Certificate{Subject: pkix.Name{CommonName: name}})}
	a.file = a.write(t, name, a.Identity)
	return a
}

// issue returns the file of a certificate and its key. It is valid for a host if one is given.
func (a *authority) issue(t *testing.T, name string, hosts ...string) string {
	t.Helper()
	return a.write(t, name, identity.New(t, a.Identity, x509.Certificate{
		Subject: pkix.Name{CommonName: name, OrganizationalUnit: []string{name + "s"}, Organization: []string{"Morton"}}, DNSNames: hosts,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}))
}

func (a *authority) write(t *testing.T, name string, i *identity.Identity) (file string) {
	t.Helper()
	file = filepath.Join(a.directory, name+".pem")
	if err := os.WriteFile(file, append(i.CertPEM(), i.KeyPEM(t)...), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
