package connstring

import (
	"strings"
	"time"
)

// option is one row of the table of options.
type option struct {
	name   string
	list   bool // may be repeated
	secret bool // its value appears in no message, and not in String
	// set reads a value into the options. An error is the reason why the value is invalid, fit to follow it in a sentence; a note is a
	// warning about a value that is taken.
	set func(o *Options, value string) (note string, err error)
	// text is the reverse: the values that say what the options hold.
	text func(o *Options) []string
}

// aliases has other names, in lower case, of options. All but ssl are old names, which texts should not use.
var aliases = map[string]string{"ssl": "tls", "wtimeout": "wtimeoutms", "j": "journal"}

func isOldName(name string) bool { return aliases[name] != "" && name != "ssl" }

// rows finds an option by its name in lower case.
var rows = func() map[string]*option {
	m := map[string]*option{}
	for i := range table {
		m[strings.ToLower(table[i].name)] = &table[i]
	}
	return m
}()

// lookup finds an option by any of its names in lower case; nil if there is none.
func lookup(name string) *option {
	if real, ok := aliases[name]; ok {
		name = real
	}
	return rows[name]
}

// table has the options in the order in which they are printed.
var table = []option{
	str("replicaSet", func(o *Options) *string { return &o.ReplicaSet }),
	boolean("directConnection", func(o *Options) *bool { return &o.DirectConnection }),
	boolean("loadBalanced", func(o *Options) *bool { return &o.LoadBalanced }),
	integer("srvMaxHosts", 0, func(o *Options) *int { return &o.SRVMaxHosts }),
	{name: "srvServiceName", set: setServiceName, text: func(o *Options) []string { return []string{o.SRVServiceName} }},

	{name: "authSource", set: setAuthSource, text: func(o *Options) []string { return []string{o.AuthSource} }},
	{name: "authMechanism", set: setMechanism, text: func(o *Options) []string { return []string{o.AuthMechanism} }},
	{name: "authMechanismProperties", secret: true, set: setProperties, text: textOfProperties},

	boolean("tls", func(o *Options) *bool { return &o.TLS }),
	boolean("tlsInsecure", func(o *Options) *bool { return &o.TLSInsecure }),
	boolean("tlsAllowInvalidCertificates", func(o *Options) *bool { return &o.TLSAllowInvalidCertificates }),
	boolean("tlsAllowInvalidHostnames", func(o *Options) *bool { return &o.TLSAllowInvalidHostnames }),
	str("tlsCAFile", func(o *Options) *string { return &o.TLSCAFile }),
	str("tlsCertificateKeyFile", func(o *Options) *string { return &o.TLSCertificateKeyFile }),
	secret(str("tlsCertificateKeyFilePassword", func(o *Options) *string { return &o.TLSCertificateKeyFilePassword })),
	boolean("tlsDisableOCSPEndpointCheck", func(o *Options) *bool { return &o.TLSDisableOCSPEndpointCheck }),
	boolean("tlsDisableCertificateRevocationCheck", func(o *Options) *bool { return &o.TLSDisableCertificateRevocationCheck }),

	str("appName", func(o *Options) *string { return &o.AppName }),
	{name: "compressors", set: setCompressors, text: func(o *Options) []string { return []string{strings.Join(o.Compressors, ",")} }},
	between("zlibCompressionLevel", -1, 9, func(o *Options) *int { return &o.ZlibCompressionLevel }),
	oneOf("uuidRepresentation", func(o *Options) *string { return &o.UUIDRepresentation },
		"unspecified", "standard", "csharpLegacy", "javaLegacy", "pythonLegacy"),
	str("proxyHost", func(o *Options) *string { return &o.Proxy.Host }),
	between("proxyPort", 0, 65535, func(o *Options) *int { return &o.Proxy.Port }),
	str("proxyUsername", func(o *Options) *string { return &o.Proxy.Username }),
	secret(str("proxyPassword", func(o *Options) *string { return &o.Proxy.Password })),

	oneOf("readPreference", func(o *Options) *string { return &o.ReadPreference.Mode },
		"primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest"),
	{name: "readPreferenceTags", list: true, set: addTags, text: textOfTags},
	{name: "maxStalenessSeconds", set: setMaxStaleness, text: textOfMaxStaleness},
	str("readConcernLevel", func(o *Options) *string { return &o.ReadConcernLevel }),
	{name: "w", set: setW, text: textOfW},
	{name: "journal", set: setJournal, text: textOfJournal},
	millis("wtimeoutMS", 0, func(o *Options) *time.Duration { return &o.WriteConcern.WTimeout }),
	boolean("retryReads", func(o *Options) *bool { return &o.RetryReads }),
	boolean("retryWrites", func(o *Options) *bool { return &o.RetryWrites }),

	integer("minPoolSize", 0, func(o *Options) *int { return &o.MinPoolSize }),
	integer("maxPoolSize", 0, func(o *Options) *int { return &o.MaxPoolSize }),
	integer("maxConnecting", 1, func(o *Options) *int { return &o.MaxConnecting }),
	millis("maxIdleTimeMS", 0, func(o *Options) *time.Duration { return &o.MaxIdleTime }),
	millis("waitQueueTimeoutMS", 0, func(o *Options) *time.Duration { return &o.WaitQueueTimeout }),

	millis("connectTimeoutMS", 0, func(o *Options) *time.Duration { return &o.ConnectTimeout }),
	millis("socketTimeoutMS", 0, func(o *Options) *time.Duration { return &o.SocketTimeout }),
	millis("serverSelectionTimeoutMS", 1, func(o *Options) *time.Duration { return &o.ServerSelectionTimeout }),
	{name: "serverSelectionTryOnce", set: setTryOnce, text: func(*Options) []string { return []string{"false"} }},
	millis("localThresholdMS", 0, func(o *Options) *time.Duration { return &o.LocalThreshold }),
	millis("heartbeatFrequencyMS", 500, func(o *Options) *time.Duration { return &o.HeartbeatFrequency }),
	oneOf("serverMonitoringMode", func(o *Options) *string { return &o.ServerMonitoringMode }, "auto", "stream", "poll"),
	{name: "timeoutMS", set: setTimeout, text: textOfTimeout},
}
