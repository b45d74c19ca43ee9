package morton

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/connpool"
	"github.com/mortondb/morton/internal/connstring"
)

// Config says which servers a client connects to, and how. [ParseConfig] makes one with the defaults of connection strings, whose options its fields are;
// change it, then call [New]. In one that a program writes from nothing zero means what is said here, so that nothing is retried, but where zero makes no sense
// (ServerSelectionTimeout, HeartbeatInterval, LocalThreshold, MonitoringMode, MaxConnecting) it is the default.
type Config struct {
	// Hosts are the seeds: "host:port", or the path of a unix socket. One member of the set is enough.
	Hosts []string
	// Database is the connection string's, for client.Database(config.Database).
	Database string
	// ReplicaSet is the name that members must have; empty: any.
	ReplicaSet string
	// DirectConnection makes the one seed the server, whatever it is.
	DirectConnection bool
	// AppName is what the server's logs call the program.
	AppName string
	// Credential says who connects; nil: nobody in particular.
	Credential *Credential
	// TLS encrypts connections; nil: they are not.
	TLS *tls.Config
	// Compressors are those that may be used, the best first: "zstd", "snappy", "zlib".
	Compressors []string
	ServerAPI   *ServerAPI

	Settings         // what databases and collections inherit
	RetryReads  bool // a read that loses its server is sent again, once
	RetryWrites bool // so is a write, with the number by which servers know that they have done it, where that is possible

	MinPoolSize      int           // connections that are kept to each server. ParseConfig's default is 1: a secondary that becomes primary gets its first write without dialling
	MaxPoolSize      int           // of connections to each server, 100 by default; 0: no limit
	MaxConnecting    int           // that are being made at a time, for each server
	MaxIdleTime      time.Duration // a connection that was not used for longer is closed; 0: no limit
	WaitQueueTimeout time.Duration // how long an operation waits for a connection; 0: no limit
	ConnectTimeout   time.Duration // 10 s by default; 0: no limit
	SocketTimeout    time.Duration // of one send or receive; 0: no limit. Timeout is the better one: it is that of the whole operation

	ServerSelectionTimeout time.Duration // how long an operation looks for a server that suits it; 30 s by default
	LocalThreshold         time.Duration // servers that are farther away than the nearest by no more than this are as good; 15 ms by default
	HeartbeatInterval      time.Duration // how often servers are asked that do not tell news by themselves; 10 s by default
	// MonitoringMode is "stream": servers tell what changes at the moment it does; "poll": they are asked; "auto": stream, but poll in
	// functions as a service.
	MonitoringMode string

	// Registry encodes and decodes values; nil: the bson package's own.
	Registry *bson.Registry
	// Logger hears of servers, of operations that wait for one, of connections and commands, but not what is in these; nil: nobody does.
	Logger *slog.Logger
	// Warnings are sentences about what was passed over in the connection string, such as unknown options. New gives them to Logger,
	// and without one to slog.Default.
	Warnings []string
	// Monitor hears of everything that the client does.
	Monitor Monitor
	// Dial makes connections; nil: a net.Dialer does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	uri *connstring.Options // what was parsed: SRV, compression level
}

// Credential is a user and how it proves itself.
type Credential struct {
	Username  string
	Password  string
	Source    string // the database that knows the user; empty: the mechanism's default
	Mechanism string // SCRAM-SHA-256, SCRAM-SHA-1, MONGODB-X509 or PLAIN; empty: what the server prefers
}

// ServerAPI is the version of the server's commands that the program was written for.
type ServerAPI struct {
	Version           string // "1", the only one that there is
	Strict            *bool
	DeprecationErrors *bool
}

// ParseConfig reads seeds: "host", "host:port" (net.JoinHostPort makes one of two values), any number of them, one text with commas between
// them, or a connection string, mongodb:// or mongodb+srv://.
func ParseConfig(seeds ...string) (*Config, error) {
	o, err := connstring.Parse(strings.Join(seeds, ","))
	if err != nil {
		return nil, fmt.Errorf("morton: %w", err)
	}
	if err := o.Unsupported(); err != nil {
		return nil, fmt.Errorf("morton: %w", err)
	}
	c := &Config{
		Hosts: o.Hosts, Database: o.Database, ReplicaSet: o.ReplicaSet, DirectConnection: o.DirectConnection, AppName: o.AppName,
		Compressors: o.Compressors, RetryReads: o.RetryReads, RetryWrites: o.RetryWrites,
		MinPoolSize: o.MinPoolSize, MaxPoolSize: o.MaxPoolSize, MaxConnecting: o.MaxConnecting, MaxIdleTime: o.MaxIdleTime,
		WaitQueueTimeout: o.WaitQueueTimeout, ConnectTimeout: o.ConnectTimeout, SocketTimeout: o.SocketTimeout, ServerSelectionTimeout: o.ServerSelectionTimeout,
		LocalThreshold: o.LocalThreshold, HeartbeatInterval: o.HeartbeatFrequency, MonitoringMode: o.ServerMonitoringMode,
		Warnings: o.Warnings, uri: o,
	}
	if !o.Has("minPoolSize") {
		c.MinPoolSize = 1
	}
	c.Settings = settingsOf(o)
	if who := o.Credential(); who != nil {
		c.Credential = &Credential{Username: who.Username, Password: who.Password, Source: who.Source, Mechanism: who.Mechanism}
	}
	if o.TLS {
		c.TLS, err = connpool.TLSOptions{
			CAFile: o.TLSCAFile, CertificateKeyFile: o.TLSCertificateKeyFile, CertificateKeyFilePassword: o.TLSCertificateKeyFilePassword,
			Insecure: o.TLSInsecure, AllowInvalidCertificates: o.TLSAllowInvalidCertificates, AllowInvalidHostnames: o.TLSAllowInvalidHostnames,
		}.Config()
		if err != nil {
			return nil, fmt.Errorf("morton: %w", err)
		}
	}
	return c, nil
}

// settingsOf returns what a connection string says about concerns.
func settingsOf(o *connstring.Options) (s Settings) {
	if p := o.ReadPreference; p.Mode != "" {
		s.ReadPreference = &ReadPreference{Mode: p.Mode, Tags: p.Tags, MaxStaleness: p.MaxStaleness}
	}
	s.ReadConcern = o.ReadConcernLevel
	if w := o.WriteConcern; w.W != nil || w.Journal != nil || w.WTimeout != 0 {
		s.WriteConcern = &WriteConcern{Journal: w.Journal, Timeout: w.WTimeout}
		switch {
		case w.W == nil:
		case w.W.Mode != "":
			s.WriteConcern.W = w.W.Mode
		default:
			s.WriteConcern.W = w.W.Nodes
		}
	}
	s.Timeout = o.Timeout
	return s
}

// resolve finds the hosts of a mongodb+srv string.
func (c *Config) resolve(ctx context.Context) error {
	if c.uri == nil || !c.uri.NeedsResolution() {
		return nil
	}
	known := len(c.uri.Warnings)
	if err := c.uri.Resolve(ctx, net.DefaultResolver, rand.Shuffle); err != nil {
		return fmt.Errorf("morton: %w", err)
	}
	c.Warnings = append(c.Warnings, c.uri.Warnings[known:]...)
	c.Hosts = c.uri.Hosts
	if c.ReplicaSet == "" {
		c.ReplicaSet = c.uri.ReplicaSet
	}
	if c.Credential != nil && c.uri.Has("authSource") && c.Credential.Source == "" {
		c.Credential.Source = c.uri.AuthSource
	}
	if err := c.uri.Unsupported(); err != nil {
		return fmt.Errorf("morton: %w", err)
	}
	return nil
}
