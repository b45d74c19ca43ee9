package connstring

import (
	"strings"
	"time"
)

// Options is what a connection string says. Fields of options that were not given hold their defaults, so that nobody has to know
// those twice; Has tells the difference where it matters.
type Options struct {
	// Hosts are the seeds in canonical form: "name:port" in lower case, "[address]:port", or the path of a socket. With mongodb+srv
	// there are none until Resolve.
	Hosts []string
	// SRVHost is the name to look up, with mongodb+srv; otherwise it is empty.
	SRVHost          string
	SRVServiceName   string
	SRVMaxHosts      int // 0 is all
	Database         string
	ReplicaSet       string
	DirectConnection bool
	LoadBalanced     bool

	// Who connects, as it was given. Credential adds what follows from the mechanism.
	Username                string
	Password                string
	HasPassword             bool
	AuthSource              string
	AuthMechanism           string
	AuthMechanismProperties map[string]string

	TLS                                  bool
	TLSInsecure                          bool
	TLSAllowInvalidCertificates          bool
	TLSAllowInvalidHostnames             bool
	TLSCAFile                            string
	TLSCertificateKeyFile                string
	TLSCertificateKeyFilePassword        string
	TLSDisableOCSPEndpointCheck          bool
	TLSDisableCertificateRevocationCheck bool

	AppName              string
	Compressors          []string // in order of preference
	ZlibCompressionLevel int      // -1 is the library's own
	UUIDRepresentation   string
	Proxy                Proxy

	ReadPreference   ReadPreference
	ReadConcernLevel string
	WriteConcern     WriteConcern
	RetryReads       bool
	RetryWrites      bool

	MinPoolSize      int
	MaxPoolSize      int // 0 is no limit
	MaxConnecting    int
	MaxIdleTime      time.Duration // 0 is no limit
	WaitQueueTimeout time.Duration // 0 is no limit

	ConnectTimeout         time.Duration // 0 is no limit
	SocketTimeout          time.Duration // 0 is no limit
	ServerSelectionTimeout time.Duration
	LocalThreshold         time.Duration
	HeartbeatFrequency     time.Duration
	ServerMonitoringMode   string
	// Timeout is timeoutMS. It is nil when it was not given; zero is no limit, but replaces the other timeouts as any value does.
	Timeout *time.Duration

	// Warnings are sentences about what was ignored, in the order of the text. They hold no password.
	Warnings []string

	given   map[string]bool // by canonical name: valid in the text
	fromDNS map[string]bool // by canonical name: taken from a TXT record
}

// ReadPreference is the options readPreference, readPreferenceTags and maxStalenessSeconds.
type ReadPreference struct {
	Mode         string // primary, primaryPreferred, secondary, secondaryPreferred or nearest
	Tags         []map[string]string
	MaxStaleness time.Duration // 0 is no limit
}

// WriteConcern is the options w, journal and wtimeoutMS. What is nil was not given and is left to the server.
type WriteConcern struct {
	W        *W
	Journal  *bool
	WTimeout time.Duration // 0 is no limit
}

// W is how many members have a write before it is acknowledged: a mode of the configuration (or "majority"), or a number.
type W struct {
	Mode  string
	Nodes int // without a mode
}

// Proxy is a SOCKS5 proxy. Morton does not use one: Unsupported says so.
type Proxy struct {
	Host     string
	Port     int
	Username string
	Password string
}

// defaults returns the options of a text that gives none.
func defaults() *Options {
	return &Options{
		SRVServiceName:         "mongodb",
		ZlibCompressionLevel:   -1,
		UUIDRepresentation:     "unspecified",
		Proxy:                  Proxy{Port: 1080},
		ReadPreference:         ReadPreference{Mode: "primary"},
		RetryReads:             true,
		RetryWrites:            true,
		MaxPoolSize:            100,
		MaxConnecting:          2,
		ConnectTimeout:         10 * time.Second,
		ServerSelectionTimeout: 30 * time.Second,
		LocalThreshold:         15 * time.Millisecond,
		HeartbeatFrequency:     10 * time.Second,
		ServerMonitoringMode:   "auto",
		given:                  map[string]bool{},
		fromDNS:                map[string]bool{},
	}
}

// Has reports whether the option was given, in the text or by a TXT record, with a value that is valid. Case does not matter.
func (o *Options) Has(name string) bool {
	opt := lookup(strings.ToLower(name))
	return opt != nil && (o.given[opt.name] || o.fromDNS[opt.name])
}

// NeedsResolution reports whether Resolve has to find the hosts first.
func (o *Options) NeedsResolution() bool { return o.SRVHost != "" && len(o.Hosts) == 0 }

func (o *Options) warn(sentence string) { o.Warnings = append(o.Warnings, sentence) }
