package connpool

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/auth"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// Options say how connections are made, and how many a pool may have.
type Options struct {
	// Address is host:port, or the path of a unix socket, which ends in ".sock".
	Address string
	// Dial makes a connection. nil: a net.Dialer does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is how to encrypt; nil: not. The server's name is Address's host unless TLS has one.
	TLS *tls.Config
	// ConnectTimeout is how long it may take until a connection can be used. 0: as long as it takes.
	ConnectTimeout time.Duration

	// Client is what the server is told about the program, see [Metadata.Document]; nil: nothing.
	Client document.Doc
	// Compressors are those that may be used, the best first.
	Compressors []wire.Compressor
	// ZlibLevel is how much zlib tries, from -1, its default, to 9. nil: its default.
	ZlibLevel *int
	// Auth authenticates the connections of a pool; nil: they are not. Those from Dial never are.
	Auth *auth.Client
	// ServerAPI is the version of commands that the program was written for; nil: the server's own.
	ServerAPI *ServerAPI

	MinSize       int           // this many connections are kept ready
	MaxSize       int           // there are never more. 0: DefaultMaxSize; negative: no limit
	MaxConnecting int           // this many are made at a time. 0: DefaultMaxConnecting
	MaxIdle       time.Duration // a connection that nobody used for so long is closed. 0: never
	WaitTimeout   time.Duration // Get waits no longer for somebody else's connection. 0: as long as its context

	// Events hears of everything that happens in the pool, in the order in which it happens to each connection. It is
	// called by whoever made it happen, and must not wait for the pool.
	Events func(Event)
	// Failed hears of each connection that could not be made, before those that wait for it do. It may call the pool, but
	// not Close, which waits for it.
	Failed func(*Error)
}

// Defaults of [Options].
const (
	DefaultMaxSize       = 100
	DefaultMaxConnecting = 2
)

// ServerAPI is what the specification "Versioned API" wants every command to say.
type ServerAPI struct {
	Version           string
	Strict            *bool
	DeprecationErrors *bool
}

// AppendTo appends the fields to a command.
func (a *ServerAPI) AppendTo(b *document.Builder) {
	if a == nil {
		return
	}
	b.AppendString("apiVersion", a.Version)
	if a.Strict != nil {
		b.AppendBool("apiStrict", *a.Strict)
	}
	if a.DeprecationErrors != nil {
		b.AppendBool("apiDeprecationErrors", *a.DeprecationErrors)
	}
}

// complete returns o with defaults in place of what was left out.
func (o Options) complete() *Options {
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.TLS != nil && o.TLS.ServerName == "" {
		o.TLS = o.TLS.Clone()
		o.TLS.ServerName = o.Address
		if host, _, err := net.SplitHostPort(o.Address); err == nil {
			o.TLS.ServerName = host
		}
	}
	if o.MaxSize == 0 {
		o.MaxSize = DefaultMaxSize
	}
	if o.MaxConnecting == 0 {
		o.MaxConnecting = DefaultMaxConnecting
	}
	return &o
}

func (o *Options) network() string {
	if strings.HasSuffix(o.Address, ".sock") {
		return "unix"
	}
	return "tcp"
}
