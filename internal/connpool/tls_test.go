package connpool

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/youmark/pkcs8"
)

// identity is a certificate with its key.
type identity struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newIdentity makes one that parent signs; nil: it is its own authority.
func newIdentity(t testing.TB, parent *identity, template x509.Certificate) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
		parent = &identity{&template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent.cert, &key.PublicKey, parent.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{cert, key}
}

func (i *identity) certPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw})
}

func (i *identity) pair() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{i.cert.Raw}, PrivateKey: i.key}
}

// keyPEM returns the key as a file has it: plain, or encrypted in the old or the new way.
func (i *identity) keyPEM(t testing.TB, form, password string) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	block := &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	switch form {
	case "old":
		if der, err = x509.MarshalECPrivateKey(i.key); err == nil {
			//lint:ignore SA1019 files have it
			block, err = x509.EncryptPEMBlock(rand.Reader, "EC PRIVATE KEY", der, []byte(password), x509.PEMCipherAES256)
		}
	case "new":
		der, err = pkcs8.MarshalPrivateKey(i.key, []byte(password), nil)
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
	authority := newIdentity(t, nil, x509.Certificate{Subject: pkix.Name{CommonName: "authority"}})
	here := newIdentity(t, authority, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	elsewhere := newIdentity(t, authority, x509.Certificate{DNSNames: []string{"elsewhere"}})
	nobodys := newIdentity(t, nil, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	caFile := writeFile(t, "ca.pem", authority.certPEM())
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
		for server, want := range map[*identity]bool{here: tt.here, elsewhere: tt.elsewhere, nobodys: tt.nobodys} {
			s := newFakeServer(t)
			address := s.serveTLS(t, &tls.Config{Certificates: []tls.Certificate{server.pair()}})
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
					t.Errorf("%s: a server with %v: %v", tt.name, server.cert.Subject, err)
				}
			}
		}
	}
}

// TestClientCertificates shows that the server sees the certificate, in each form that its key may have, and which
// files are refused.
func TestClientCertificates(t *testing.T) {
	authority := newIdentity(t, nil, x509.Certificate{Subject: pkix.Name{CommonName: "authority"}})
	server := newIdentity(t, authority, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	client := newIdentity(t, authority, x509.Certificate{Subject: pkix.Name{CommonName: "client"}})
	other := newIdentity(t, authority, x509.Certificate{})
	roots := x509.NewCertPool()
	roots.AddCert(authority.cert)
	address := newFakeServer(t).serveTLS(t, &tls.Config{Certificates: []tls.Certificate{server.pair()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots})
	cert, plain := client.certPEM(), client.keyPEM(t, "plain", "")
	tests := []struct {
		name, file, password, wantError string
	}{
		{"plain", writeFile(t, "f", cert, plain), "", ""},
		{"key first, and a password that is not needed", writeFile(t, "f", plain, cert, authority.certPEM()), "open", ""},
		{"encrypted the old way", writeFile(t, "f", cert, client.keyPEM(t, "old", "open")), "open", ""},
		{"encrypted", writeFile(t, "f", cert, client.keyPEM(t, "new", "open")), "open", ""},
		{"old, wrong password", writeFile(t, "f", cert, client.keyPEM(t, "old", "open")), "sesame", "cannot be decrypted"},
		{"wrong password", writeFile(t, "f", cert, client.keyPEM(t, "new", "open")), "sesame", "cannot be decrypted"},
		{"no password", writeFile(t, "f", cert, client.keyPEM(t, "new", "open")), "", "tlsCertificateKeyFilePassword is wanted"},
		{"no key", writeFile(t, "f", cert), "", "there is no key in it"},
		{"no certificate", writeFile(t, "f", plain), "", "there is no certificate in it"},
		{"another's key", writeFile(t, "f", cert, other.keyPEM(t, "plain", "")), "", "does not match"},
		{"no file", filepath.Join(t.TempDir(), "none"), "", "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config, err := TLSOptions{CAFile: writeFile(t, "ca", authority.certPEM()), CertificateKeyFile: tt.file, CertificateKeyFilePassword: tt.password}.Config()
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
