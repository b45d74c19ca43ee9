package sdam

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/mortondb/morton/internal/mongoerr"
)

// cause says what an error means to a person who can change something. The error's type decides, not its text.
func cause(err error) string {
	var (
		name      *net.DNSError
		notTLS    tls.RecordHeaderError
		signer    x509.UnknownAuthorityError
		otherHost x509.HostnameError
		invalid   x509.CertificateInvalidError
		reply     *mongoerr.Error
	)
	switch {
	case errors.As(err, &reply):
		return refused(reply)
	case errors.As(err, &name):
		return unnamed(name)
	case errors.As(err, &notTLS):
		return "it does not speak TLS, which the connection string asks for"
	case errors.As(err, &signer):
		return "its certificate is signed by nobody whom this machine trusts: see tlsCAFile"
	case errors.As(err, &otherHost):
		return "its certificate is for other names: " + otherHost.Error()
	case errors.As(err, &invalid):
		return "its certificate is not valid: " + invalid.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens there"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "this machine has no route to it"
	case faultOf(err) == timeout:
		return "no answer in time: it hangs, or something on the way drops what is sent"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "it closed the connection: it stopped, or only one side speaks TLS" // as a mongod without TLS does to a client with it, too
	}
	return err.Error()
}

func unnamed(err *net.DNSError) string {
	if err.IsNotFound {
		return "no such host"
	}
	return "its name cannot be looked up: " + err.Error()
}

func refused(err *mongoerr.Error) string {
	switch err.Code {
	case mongoerr.AuthenticationFailed:
		return "authentication failed: see user, password, authSource and authMechanism"
	case mongoerr.Unauthorized:
		return "it demands authentication: " + err.Message
	}
	return err.Message
}
