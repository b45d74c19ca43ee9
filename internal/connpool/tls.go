package connpool

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/youmark/pkcs8"
)

// TLSOptions are what connection strings say about TLS, by their names there.
type TLSOptions struct {
	CAFile                     string // PEM; the certificates that servers' may be signed by, in place of the system's
	CertificateKeyFile         string // PEM; the client's certificate, with what leads to the authority, and its key
	CertificateKeyFilePassword string // of the key, if that is encrypted
	Insecure                   bool   // nothing is verified
	AllowInvalidCertificates   bool   // the same: a name that anybody can put into a certificate proves nothing
	AllowInvalidHostnames      bool   // the certificate may be another server's of the same authority
}

// sessionsKept is how many servers' TLS sessions are remembered, which makes the next connections to them cheaper.
const sessionsKept = 64

// Config returns the configuration for [Options.TLS]. It can be used for any number of servers.
//
// Whether a certificate has been revoked is not asked: neither is a responder (OCSP), nor is a stapled answer read.
func (o TLSOptions) Config() (*tls.Config, error) {
	c := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(sessionsKept)}
	if o.CAFile != "" {
		text, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("tlsCAFile: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("tlsCAFile: %s has no certificate", o.CAFile)
		}
	}
	if o.CertificateKeyFile != "" {
		pair, err := readKeyPair(o.CertificateKeyFile, o.CertificateKeyFilePassword)
		if err != nil {
			return nil, fmt.Errorf("tlsCertificateKeyFile: %s: %w", o.CertificateKeyFile, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	switch {
	case o.Insecure, o.AllowInvalidCertificates:
		c.InsecureSkipVerify = true
	case o.AllowInvalidHostnames:
		c.InsecureSkipVerify = true // crypto/tls does both or neither
		roots := c.RootCAs
		c.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, roots) }
	}
	return c, nil
}

// verifyChain verifies all of the server's certificate but its name.
func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	if _, err := s.PeerCertificates[0].Verify(o); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
	}
	return nil
}

// readKeyPair reads a file that has certificates and one key, in any order.
func readKeyPair(file, password string) (tls.Certificate, error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return tls.Certificate{}, err
	}
	var certificates, key bytes.Buffer
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type == "CERTIFICATE":
			err = pem.Encode(&certificates, block)
		case strings.HasSuffix(block.Type, "PRIVATE KEY") && key.Len() == 0:
			if block, err = decrypt(block, password); err == nil {
				err = pem.Encode(&key, block)
			}
		}
		if err != nil {
			return tls.Certificate{}, err
		}
	}
	switch {
	case certificates.Len() == 0:
		return tls.Certificate{}, errors.New("there is no certificate in it")
	case key.Len() == 0:
		return tls.Certificate{}, errors.New("there is no key in it")
	}
	return tls.X509KeyPair(certificates.Bytes(), key.Bytes())
}

// decrypt returns the block of a key that is not encrypted.
func decrypt(block *pem.Block, password string) (*pem.Block, error) {
	//lint:ignore SA1019 the form is weak, but it is what the file has; nothing is encrypted with it here
	old := x509.IsEncryptedPEMBlock(block)
	switch {
	case !old && block.Type != "ENCRYPTED PRIVATE KEY":
		return block, nil
	case password == "":
		return nil, errors.New("its key is encrypted; tlsCertificateKeyFilePassword is wanted")
	case old:
		//lint:ignore SA1019 as above
		der, err := x509.DecryptPEMBlock(block, []byte(password))
		if err != nil {
			return nil, errors.New("its key cannot be decrypted with tlsCertificateKeyFilePassword")
		}
		return &pem.Block{Type: block.Type, Bytes: der}, nil
	}
	key, err := pkcs8.ParsePKCS8PrivateKey(block.Bytes, []byte(password))
	if err != nil {
		return nil, fmt.Errorf("its key cannot be decrypted with tlsCertificateKeyFilePassword: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &pem.Block{Type: "PRIVATE KEY", Bytes: der}, nil
}
