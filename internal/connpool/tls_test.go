package connpool

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/youmark/pkcs8"

	"github.com/mortondb/morton/test/identity"
)

// encryptedKey returns an identity's key as files have it that are encrypted in the old or the new way.
func encryptedKey(t testing.TB, i *identity.Identity, form, password string) []byte {
	t.Helper()
	var der []byte
	var err error
	var block *pem.Block
	switch form {
	case "old":
		if der, err = x509.MarshalECPrivateKey(i.Key); err == nil {
			//lint:ignore SA1019 files have it
			block, err = x509.EncryptPEMBlock(rand.Reader, "EC PRIVATE KEY", der, []byte(password), x509.PEMCipherAES256)
		}
	case "new":
		der, err = pkcs8.MarshalPrivateKey(i.Key, []byte(password), nil)
		block = &pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der}
	}
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

func writeFile(t testing.TB, name string, parts ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, bytes.Join(parts, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serveTLS has the server listen with TLS, and returns where.
func (s *fakeServer) serveTLS(t testing.TB, c *tls.Config) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s.work.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			s.work.Go(func() { s.serve(nc) })
		}
	})
	return l.Addr().String()
}

// TestWhoIsTrusted connects with each option to servers that are what they say, another server of the same authority,
// and nobody's.
func TestWhoIsTrusted(t *testing.T) {
	authority := identity.New(t, nil, x509.Certificate{Subject: pkix.Name{CommonName: "authority"}})
	here := identity.New(t, authority, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	elsewhere := identity.New(t, authority, x509.Certificate{DNSNames: []string{"elsewhere"}})
	nobodys := identity.New(t, nil, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	caFile := writeFile(t, "ca.pem", authority.CertPEM())
	tests := []struct {
		name                     string
		options                  TLSOptions
		here, elsewhere, nobodys bool
	}{
		{"nothing", TLSOptions{}, false, false, false},
		{"tlsCAFile", TLSOptions{CAFile: caFile}, true, false, false},
		{"tlsAllowInvalidHostnames", TLSOptions{CAFile: caFile, AllowInvalidHostnames: true}, true, true, false},
		{"tlsAllowInvalidCertificates", TLSOptions{CAFile: caFile, AllowInvalidCertificates: true}, true, true, true},
		{"tlsInsecure", TLSOptions{Insecure: true}, true, true, true},
	}
	for _, tt := range tests {
		config, err := tt.options.Config()
		if err != nil {
			t.Fatal(err)
		}
		for server, want := range map[*identity.Identity]bool{here: tt.here, elsewhere: tt.elsewhere, nobodys: tt.nobodys} {
			s := newFakeServer(t)
			address := s.serveTLS(t, &tls.Config{Certificates: []tls.Certificate{server.Pair()}})
			for range 2 { // the second time with the session of the first
				c, err := Dial(context.Background(), Options{Address: address, TLS: config})
				var e *Error
				switch {
				case err == nil:
					ping(t, c)
					c.Close()
				case !errors.As(err, &e) || e.Op != OpTLS || e.Sent || !e.Network():
					t.Errorf("%s: %v", tt.name, err)
				}
				if (err == nil) != want {
					t.Errorf("%s: a server with %v: %v", tt.name, server.Cert.Subject, err)
				}
			}
		}
	}
}

// TestClientCertificates shows that the server sees the certificate, in each form that its key may have, and which
// files are refused.
func TestClientCertificates(t *testing.T) {
	authority := identity.New(t, nil, x509.Certificate{Subject: pkix.Name{CommonName: "authority"}})
	server := identity.New(t, authority, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	client := identity.New(t, authority, x509.Certificate{Subject: pkix.Name{CommonName: "client"}})
	other := identity.New(t, authority, x509.Certificate{})
	roots := x509.NewCertPool()
	roots.AddCert(authority.Cert)
	address := newFakeServer(t).serveTLS(t, &tls.Config{Certificates: []tls.Certificate{server.Pair()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots})
	cert, plain := client.CertPEM(), client.KeyPEM(t)
	tests := []struct {
		name, file, password, wantError string
	}{
		{"plain", writeFile(t, "f", cert, plain), "", ""},
		{"key first, and a password that is not needed", writeFile(t, "f", plain, cert, authority.CertPEM()), "open", ""},
		{"encrypted the old way", writeFile(t, "f", cert, encryptedKey(t, client, "old", "open")), "open", ""},
		{"encrypted", writeFile(t, "f", cert, encryptedKey(t, client, "new", "open")), "open", ""},
		{"old, wrong password", writeFile(t, "f", cert, encryptedKey(t, client, "old", "open")), "sesame", "cannot be decrypted"},
		{"wrong password", writeFile(t, "f", cert, encryptedKey(t, client, "new", "open")), "sesame", "cannot be decrypted"},
		{"no password", writeFile(t, "f", cert, encryptedKey(t, client, "new", "open")), "", "tlsCertificateKeyFilePassword is wanted"},
		{"no key", writeFile(t, "f", cert), "", "there is no key in it"},
		{"no certificate", writeFile(t, "f", plain), "", "there is no certificate in it"},
		{"another's key", writeFile(t, "f", cert, other.KeyPEM(t)), "", "does not match"},
		{"no file", filepath.Join(t.TempDir(), "none"), "", "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config, err := TLSOptions{CAFile: writeFile(t, "ca", authority.CertPEM()), CertificateKeyFile: tt.file, CertificateKeyFilePassword: tt.password}.Config()
			if tt.wantError != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantError) {
					t.Errorf("got %v, want %s", err, tt.wantError)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c, err := Dial(context.Background(), Options{Address: address, TLS: config})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			ping(t, c)
		})
	}
	for file, want := range map[string]string{filepath.Join(t.TempDir(), "none"): "no such file", writeFile(t, "key", plain): "has no certificate"} {
		if _, err := (TLSOptions{CAFile: file}).Config(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("tlsCAFile: %v", err)
		}
	}
}
