package auth

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/test/identity"
	"github.com/mortondb/morton/test/process"
)

// mongod is a real one, with authentication and TLS, that ends with the test.
type mongod struct {
	address string
	tls     *tls.Config // with the certificate of cn
	cn      string
}

// startMongod starts the one that MORTON_MONGOD names.
func startMongod(t *testing.T) *mongod {
	t.Helper()
	process.NamedMongod(t)
	dir := t.TempDir()
	m := &mongod{cn: "CN=alice,OU=clients,O=Morton"}
	m.tls = writeCertificates(t, dir)
	m.address = process.StartMongod(t, "--auth", "--setParameter", "authenticationMechanisms=SCRAM-SHA-1,SCRAM-SHA-256,MONGODB-X509",
		"--tlsMode", "preferTLS", "--tlsCAFile", filepath.Join(dir, "ca.pem"), "--tlsCertificateKeyFile", filepath.Join(dir, "server.pem"),
		"--tlsAllowConnectionsWithoutCertificates")
	return m
}

// writeCertificates makes an authority, the server's certificate and key in dir, and returns what a client connects with.
func writeCertificates(t *testing.T, dir string) *tls.Config {
	t.Helper()
	authority := identity.New(t, nil, x509.Certificate{Subject: pkix.Name{CommonName: "authority"}})
	server := identity.New(t, authority, x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost", Organization: []string{"Servers"}}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	client := identity.New(t, authority, x509.Certificate{
		Subject: pkix.Name{CommonName: "alice", OrganizationalUnit: []string{"clients"}, Organization: []string{"Morton"}},
	})
	for name, text := range map[string][]byte{"ca.pem": authority.CertPEM(), "server.pem": append(server.CertPEM(), server.KeyPEM(t)...)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Cert)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{client.Pair()}}
}

// conn is a connection that sends one OP_MSG at a time.
type conn struct {
	t *testing.T
	net.Conn
	commands []string
}

func (m *mongod) dial(t *testing.T, config *tls.Config) *conn {
	t.Helper()
	var c net.Conn
	var err error
	if config != nil {
		c, err = (&tls.Dialer{Config: config}).DialContext(context.Background(), "tcp", m.address)
	} else {
		c, err = net.Dial("tcp", m.address)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &conn{t: t, Conn: c}
}

func (c *conn) run(command document.Doc) document.Doc {
	c.t.Helper()
	c.commands = append(c.commands, command.First().Key)
	m := make([]byte, 21, 21+len(command)) // header, flags, kind 0
	binary.LittleEndian.PutUint32(m, uint32(cap(m)))
	binary.LittleEndian.PutUint32(m[12:], 2013)
	if _, err := c.Write(append(m, command...)); err != nil {
		c.t.Fatal(err)
	}
	header := make([]byte, 21)
	if _, err := io.ReadFull(c, header); err != nil {
		c.t.Fatal(err)
	}
	reply := make([]byte, binary.LittleEndian.Uint32(header)-21)
	if _, err := io.ReadFull(c, reply); err != nil {
		c.t.Fatal(err)
	}
	return reply
}

func (c *conn) runJSON(text string) document.Doc {
	c.t.Helper()
	return c.run(mustJSON(c.t, text))
}

// authenticate runs the dialog, with the hello before it.
func (c *conn) authenticate(client *Client) error {
	c.t.Helper()
	d := client.NewDialog()
	var hello document.Builder
	hello.AppendInt32("hello", 1)
	d.AppendHello(&hello)
	hello.AppendString("$db", "admin")
	next, err := d.Begin(c.run(hello.Finish()))
	for err == nil && next != nil {
		next, err = d.Next(c.run(next))
	}
	return err
}

// TestRealServer authenticates with a real mongod in every way that it has: both kinds of SCRAM, asked for or negotiated, speculatively
// or not, and X.509; with wrong passwords, unknown users and wrong databases; with passwords that SASLprep changes.
func TestRealServer(t *testing.T) {
	m := startMongod(t)
	admin := m.dial(t, nil)
	must := func(reply document.Doc) {
		t.Helper()
		if !reply.Lookup("ok").Truthy() {
			t.Fatal(reply)
		}
	}
	must(admin.runJSON(`{"createUser":"root","pwd":"rootpw","roles":["root"],"$db":"admin"}`))
	if err := admin.authenticate(mustClientOf(t, Credential{Username: "root", Password: "rootpw"})); err != nil {
		t.Fatal(err)
	}
	must(admin.runJSON(`{"createUser":"both","pwd":"p@:/%","roles":["read"],"$db":"test"}`))
	must(admin.runJSON(`{"createUser":"old","pwd":"pencil","roles":["read"],"mechanisms":["SCRAM-SHA-1"],"$db":"test"}`))
	must(admin.runJSON(`{"createUser":"new","pwd":"pencil","roles":["read"],"mechanisms":["SCRAM-SHA-256"],"$db":"test"}`))
	must(admin.runJSON(`{"createUser":"a,b=c","pwd":"pencil","roles":["read"],"$db":"test"}`))
	must(admin.runJSON(`{"createUser":"prepared","pwd":"I\u00adX","roles":["read"],"mechanisms":["SCRAM-SHA-256"],"$db":"test"}`))
	must(admin.runJSON(`{"createUser":"\u2168","pwd":"\u2163","roles":["read"],"mechanisms":["SCRAM-SHA-256"],"$db":"test"}`))
	must(admin.runJSON(fmt.Sprintf(`{"createUser":"%s","roles":[{"role":"read","db":"test"}],"$db":"$external"}`, m.cn)))

	const two = "hello saslContinue"
	for _, c := range []struct {
		name     string
		who      Credential
		commands string
		code     mongoerr.Code
	}{
		{"negotiated", Credential{Username: "both", Password: "p@:/%"}, two, 0},
		{"negotiated down", Credential{Username: "old", Password: "pencil"}, "hello saslStart saslContinue", 0},
		{"negotiated up", Credential{Username: "new", Password: "pencil"}, two, 0},
		{"SHA-1 asked for", Credential{Username: "both", Password: "p@:/%", Mechanism: SCRAMSHA1}, two, 0},
		{"SHA-256 asked for", Credential{Username: "both", Password: "p@:/%", Mechanism: SCRAMSHA256}, two, 0},
		{"comma and equals sign", Credential{Username: "a,b=c", Password: "pencil"}, two, 0},
		{"prepared password", Credential{Username: "prepared", Password: "IX"}, two, 0},
		{"name that is not prepared", Credential{Username: "\u2168", Password: "IV"}, two, 0},
		{"other name", Credential{Username: "IX", Password: "IV"}, "hello saslStart", mongoerr.AuthenticationFailed},
		{"wrong password", Credential{Username: "both", Password: "sesame"}, two, mongoerr.AuthenticationFailed},
		{"wrong password, down", Credential{Username: "old", Password: "sesame"}, "hello saslStart saslContinue", mongoerr.AuthenticationFailed},
		{"SHA-1 not to be had", Credential{Username: "new", Password: "pencil", Mechanism: SCRAMSHA1}, "hello saslStart", mongoerr.AuthenticationFailed},
		{"unknown user", Credential{Username: "nobody", Password: "sesame"}, "hello saslStart", mongoerr.AuthenticationFailed},
		{"wrong database", Credential{Username: "both", Password: "p@:/%", Source: "other"}, "hello saslStart", mongoerr.AuthenticationFailed},
		{"no PLAIN", Credential{Username: "both", Password: "sesame", Mechanism: Plain}, "hello saslStart", mongoerr.MechanismUnavailable},
		{"X.509", Credential{Mechanism: X509}, "hello", 0},
		{"X.509 with the name", Credential{Username: m.cn, Mechanism: X509}, "hello", 0},
		{"X.509 with another name", Credential{Username: "CN=bob", Mechanism: X509}, "hello authenticate", mongoerr.AuthenticationFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.who.Source == "" && c.who.Mechanism != X509 {
				c.who.Source = "test"
			}
			config := m.tls
			if c.who.Mechanism != X509 {
				config = nil
			}
			client := mustClientOf(t, c.who)
			for range 2 { // the second time with keys that are there
				conn := m.dial(t, config)
				err := conn.authenticate(client)
				if got := mongoerr.CodeOf(err); got != c.code {
					t.Errorf("code is %d, want %d: %v", got, c.code, err)
				}
				if err != nil && strings.Contains(err.Error(), "sesame") {
					t.Error(err)
				}
				if got := strings.Join(conn.commands, " "); got != c.commands {
					t.Errorf("commands are %s, want %s", got, c.commands)
				}
				reply := conn.runJSON(`{"find":"c","$db":"test"}`)
				if reply.Lookup("ok").Truthy() != (c.code == 0) {
					t.Errorf("find answers %s", reply)
				}
			}
		})
	}
}

func mustClientOf(t *testing.T, who Credential) *Client {
	t.Helper()
	c, err := NewClient(who, rand.Text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
