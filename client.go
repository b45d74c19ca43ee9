package morton

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/auth"
	"github.com/mortondb/morton/internal/connpool"
	"github.com/mortondb/morton/internal/connstring"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/sdam"
	"github.com/mortondb/morton/internal/wire"
)

// Client knows a set of servers and keeps connections to them. A program makes one and uses it from all goroutines.
type Client struct {
	config      *Config
	concerns    concerns
	topology    *topology
	outbox      *outbox
	sessions    sessionPool
	clusterTime clusterTime
	api         *connpool.ServerAPI
	codec       codec
	listens     bool // somebody hears of commands
	closed      atomic.Bool
}

// Connect connects with any of the seeds, each "host", "host:port" or several of them with commas between, or one connection string
// (mongodb://, mongodb+srv://). It returns when it has found a server for the read preference, which is the primary unless the
// connection string says otherwise, and fails with a [SelectionError] when ctx or serverSelectionTimeoutMS ends.
func Connect(ctx context.Context, seeds ...string) (*Client, error) {
	config, err := ParseConfig(seeds...)
	if err != nil {
		return nil, err
	}
	if err := config.resolve(ctx); err != nil {
		return nil, err
	}
	c, err := New(config)
	if err != nil {
		return nil, err
	}
	if _, _, err := c.topology.choose(ctx, sdam.Request{Read: c.concerns.read}, "connect"); err != nil {
		_ = c.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return c, nil
}

// New returns a client that begins to look for the servers, and waits for nothing but the DNS records of mongodb+srv://.
func New(config *Config) (*Client, error) {
	c := &Client{config: config.clone(), concerns: defaultConcerns.with(config.Settings), codec: codec{registry: config.Registry}}
	if c.concerns.err != nil {
		return nil, c.concerns.err
	}
	if err := c.config.complete(); err != nil {
		return nil, err
	}
	options, err := c.config.pool()
	if err != nil {
		return nil, err
	}
	c.config.warn()
	c.api = options.ServerAPI
	c.listens = config.Monitor.Command != nil || config.Monitor.Trace != nil || config.Logger != nil
	c.sessions.timeout = func() time.Duration { return c.topology.view.Load().SessionTimeout }
	c.outbox = newOutbox(config.Monitor, config.Logger)
	c.topology = newTopology(c.config, options, c.outbox)
	if c.config.uri != nil && c.config.uri.SRVHost != "" {
		c.topology.pollSRV(c.config.uri)
	}
	return c, nil
}

// clone returns a copy that can be completed: the program may use its Config again.
func (c *Config) clone() *Config {
	copied := *c
	copied.Hosts = slices.Clone(c.Hosts)
	if c.Credential != nil {
		who := *c.Credential
		copied.Credential = &who
	}
	if c.uri != nil {
		uri := *c.uri
		copied.uri = &uri
	}
	return &copied
}

// warn tells of the warnings.
func (c *Config) warn() {
	logger := c.Logger
	if logger == nil {
		logger = slog.Default()
	}
	for _, sentence := range c.Warnings {
		logger.Warn("connection string: " + sentence)
	}
}

// complete fills in defaults and refuses what cannot be.
func (c *Config) complete() error {
	if c.uri == nil { // it was not made by ParseConfig
		defaults, err := ParseConfig("localhost")
		if err != nil {
			return err
		}
		c.uri = defaults.uri
		c.inherit(defaults)
	}
	if c.uri.NeedsResolution() && len(c.Hosts) == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), c.ServerSelectionTimeout)
		defer cancel()
		if err := c.resolve(ctx); err != nil {
			return err
		}
	}
	if len(c.Hosts) == 0 {
		return fmt.Errorf("morton: no seed: name one member of the set, such as \"localhost:27017\"")
	}
	for i, h := range c.Hosts {
		host, err := connstring.ParseHost(h)
		if err != nil {
			return fmt.Errorf("morton: %w", err)
		}
		c.Hosts[i] = host
	}
	switch {
	case c.ServerAPI != nil && c.ServerAPI.Version != "1":
		return fmt.Errorf("morton: ServerAPI.Version %q: the only version that there is is \"1\"", c.ServerAPI.Version)
	case c.DirectConnection && len(c.Hosts) > 1:
		return fmt.Errorf("morton: a direct connection is one to a single server, not to %d", len(c.Hosts))
	case c.MonitoringMode != "auto" && c.MonitoringMode != "stream" && c.MonitoringMode != "poll":
		return fmt.Errorf("morton: MonitoringMode %q: use auto, stream or poll", c.MonitoringMode)
	case min(c.MinPoolSize, c.MaxPoolSize, c.MaxConnecting) < 0:
		return fmt.Errorf("morton: MinPoolSize %d, MaxPoolSize %d, MaxConnecting %d: numbers of connections are not negative", c.MinPoolSize, c.MaxPoolSize, c.MaxConnecting)
	case min(c.MaxIdleTime, c.WaitQueueTimeout, c.ConnectTimeout, c.SocketTimeout, c.ServerSelectionTimeout, c.LocalThreshold, c.HeartbeatInterval) < 0:
		return errors.New("morton: MaxIdleTime, WaitQueueTimeout, ConnectTimeout, SocketTimeout, ServerSelectionTimeout, LocalThreshold and HeartbeatInterval are not negative")
	case c.MaxPoolSize > 0 && c.MinPoolSize > c.MaxPoolSize:
		return fmt.Errorf("morton: MinPoolSize %d is greater than MaxPoolSize %d", c.MinPoolSize, c.MaxPoolSize)
	}
	if c.MonitoringMode == "auto" && connpool.InFunction() { // specification "Server Monitoring"
		c.MonitoringMode = "poll"
	}
	return nil
}

// inherit takes the defaults for limits that are zero in a Config that the program made itself: for those zero is no sensible value.
func (c *Config) inherit(d *Config) {
	if c.ServerSelectionTimeout == 0 {
		c.ServerSelectionTimeout = d.ServerSelectionTimeout
	}
	if c.HeartbeatInterval == 0 {
		c.HeartbeatInterval = d.HeartbeatInterval
	}
	if c.LocalThreshold == 0 {
		c.LocalThreshold = d.LocalThreshold
	}
	if c.MonitoringMode == "" {
		c.MonitoringMode = d.MonitoringMode
	}
}

// pool returns the options of each server's pool.
func (c *Config) pool() (o connpool.Options, err error) {
	metadata, err := connpool.Metadata{AppName: c.AppName, Driver: "morton-go", Version: version()}.Document()
	if err != nil {
		return o, fmt.Errorf("morton: %w", err)
	}
	o = connpool.Options{
		Dial: c.Dial, TLS: c.TLS, ConnectTimeout: c.ConnectTimeout, Client: metadata,
		MinSize: c.MinPoolSize, MaxSize: c.MaxPoolSize, MaxConnecting: c.MaxConnecting, MaxIdle: c.MaxIdleTime, WaitTimeout: c.WaitQueueTimeout,
	}
	if c.MaxPoolSize == 0 {
		o.MaxSize = -1
	}
	if c.uri.Has("zlibCompressionLevel") {
		level := c.uri.ZlibCompressionLevel
		o.ZlibLevel = &level
	}
	for _, name := range c.Compressors {
		compressor, ok := wire.ParseCompressor(name)
		if !ok {
			return o, fmt.Errorf("morton: %q is no compressor: use zstd, snappy or zlib", name)
		}
		o.Compressors = append(o.Compressors, compressor)
	}
	if a := c.ServerAPI; a != nil {
		o.ServerAPI = &connpool.ServerAPI{Version: a.Version, Strict: a.Strict, DeprecationErrors: a.DeprecationErrors}
	}
	if who := c.Credential; who != nil {
		o.Auth, err = auth.NewClient(auth.Credential{Username: who.Username, Password: who.Password, Source: who.Source, Mechanism: who.Mechanism}, rand.Text)
		if err != nil {
			return o, fmt.Errorf("morton: %w", err)
		}
	}
	return o, nil
}

// version returns the module's version, for the server's logs.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == "github.com/mortondb/morton" && m.Version != "" && m.Version != "(devel)" {
				return m.Version
			}
		}
	}
	return "devel"
}

func (c *Client) now() time.Time { return time.Now() }

// Database returns a database. Nothing is sent: databases come into being with their first document.
func (c *Client) Database(name string) *Database {
	return &Database{client: c, name: name, concerns: c.concerns}
}

// Ping asks the server that reads go to whether it is there.
func (c *Client) Ping(ctx context.Context) error {
	r := c.request("admin", "ping", &c.concerns)
	defer r.free()
	r.read, r.retry = true, retryRead
	r.body.AppendInt32("ping", 1)
	_, err := r.run(ctx)
	return err
}

// Close ends the client: sessions at the server, connections, goroutines. Operations that run fail.
func (c *Client) Close(ctx context.Context) error {
	if c.closed.Swap(true) {
		return ErrClosed
	}
	c.endSessions(ctx)
	c.topology.close()
	c.outbox.close()
	return nil
}

// endSessionsMax is how many sessions one endSessions ends (specification "Driver Sessions").
const endSessionsMax = 10000

// endSessions tells a server, if there is one at hand, that the client's sessions are not needed any more. It does not matter if it
// does not hear it.
func (c *Client) endSessions(ctx context.Context) {
	ids := c.sessions.end()
	v := c.topology.view.Load()
	if len(ids) == 0 || !v.HasReadable(&sdam.ReadPreference{Mode: sdam.PrimaryPreferred}) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for len(ids) > 0 {
		n := min(len(ids), endSessionsMax)
		r := c.request("admin", "endSessions", &defaultConcerns)
		r.read, r.alone, r.silent, r.preference = true, true, true, &sdam.ReadPreference{Mode: sdam.PrimaryPreferred}
		r.body.OpenArray("endSessions")
		for i, id := range ids[:n] {
			r.body.AppendDoc(document.Index(i), id)
		}
		r.body.Close()
		_, _ = r.run(ctx)
		r.free()
		ids = ids[n:]
	}
}

// Host returns the name of the host that is primary now, or of the server of a direct connection; "" if there is none.
func (c *Client) Host() string {
	host, _ := c.primary()
	return host
}

// Port returns the port of the server that is primary now, as Host does its name; 0 if there is none.
func (c *Client) Port() int {
	_, port := c.primary()
	return port
}

func (c *Client) primary() (string, int) {
	v := c.topology.view.Load()
	s := v.Primary()
	if s == nil && len(v.Servers) == 1 && v.Servers[0].Kind.Known() {
		s = v.Servers[0]
	}
	if s == nil {
		return "", 0
	}
	host, text, err := net.SplitHostPort(s.Address)
	if err != nil {
		return s.Address, 0 // a socket
	}
	port, _ := strconv.Atoi(text)
	return host, port
}

// Members returns what is known of each server now.
func (c *Client) Members() []Member { return membersOf(c.topology.view.Load().Topology) }

// Databases returns what the server tells of each database that matches filter (listDatabases).
func (c *Client) Databases(ctx context.Context, filter any) ([]bson.Raw, error) {
	r := c.request("admin", "listDatabases", &c.concerns)
	defer r.free()
	r.read, r.retry = true, retryRead
	r.body.AppendInt32("listDatabases", 1)
	if filter != nil {
		if err := c.codec.appendDocument(&r.body, "filter", filter); err != nil {
			return nil, err
		}
	}
	reply, err := r.run(ctx)
	if err != nil {
		return nil, err
	}
	list := reply.Lookup("databases")
	if list.Type != document.TypeArray {
		return nil, errors.New("morton: the answer has no databases")
	}
	var all []bson.Raw
	for it := list.Doc().Iter(); it.Next(); {
		all = append(all, bson.Raw(it.Value().Doc().Clone()))
	}
	return all, nil
}

// DatabaseNames returns the names of the databases that match filter.
func (c *Client) DatabaseNames(ctx context.Context, filter any) ([]string, error) {
	all, err := c.Databases(ctx, filter)
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = text(document.Doc(d).Lookup("name"))
	}
	return names, err
}
