package options

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/replset"
)

// setting is an option at its place in the configuration tree.
type setting struct {
	path    string
	kind    kind
	apply   func(*Options, given) error
	flagged bool // it exists as a flag only, a file cannot name it
	row     int  // in the table
}

// settings is by path.
var settings = func() map[string]*setting {
	m := map[string]*setting{}
	for i := range table {
		table[i].row = i
		m[table[i].path] = &table[i]
	}
	return m
}()

// lookup finds a setting by its path. One row stands for each family of settings.
func lookup(path string) (*setting, bool) {
	if s, ok := settings[path]; ok {
		return s, !slices.Contains(families, path)
	}
	for _, family := range families {
		if strings.HasPrefix(path, family+".") {
			return settings[family], true
		}
	}
	return nil, false
}

// families are rows that stand for everything below their path.
var families = []string{"setParameter", "systemLog.component", "net.tls", "net.ssl", "security.sasl"}

// The things that a setting can mean.

// set honours the setting.
func set(f func(o *Options, v value)) func(*Options, given) error {
	return func(o *Options, g given) error {
		f(o, g.value)
		return nil
	}
}

// harmless accepts the setting with a warning that it has no effect, and why that is no loss.
func harmless(why string) func(*Options, given) error {
	return func(o *Options, g given) error {
		o.warn("%s has no effect: %s", g.name(), why)
		return nil
	}
}

// refuse does not accept the setting, with advice.
func refuse(advice string) func(*Options, given) error {
	return func(_ *Options, g given) error {
		return badValue("%s is not supported: %s", g.name(), advice)
	}
}

// refuseUnless accepts the values that ask for nothing, and refuses all others.
func refuseUnless(advice string, values ...string) func(*Options, given) error {
	return func(o *Options, g given) error {
		if slices.Contains(values, g.value.text) {
			return nil
		}
		return badValue("%s is not supported: %s", g.written(), advice)
	}
}

const (
	noTLS   = "TLS is not available in this release. Keep the port on a private network (--bind_ip), or put a TLS proxy such as stunnel in front of it"
	noAuth  = "authentication is not available in this release. Leave the option out and keep the port on a private network (--bind_ip), or wait for the release that has it"
	noShard = "sharding is not available. Start the member without it, as part of a replica set (--replSet)"
	oneLog  = "every write goes through the replicated log, which is synced in groups"
	oneDisk = "the storage engine is Morton's own and has no such choice"
	old     = "master/slave replication is gone since MongoDB 4.0. Use --replSet <name>, and rs.initiate() once"
	quota   = "there are no quotas. Limit the file system under --dbpath instead"
)

// table is every setting that is known. The order is that in which they are applied.
var table = []setting{
	{path: "config", flagged: true, apply: set(func(*Options, value) {})},
	{path: "net.port", kind: integer, apply: func(o *Options, g given) error {
		if g.value.int <= 0 || g.value.int > 65535 {
			return badValue("bad --port number")
		}
		o.Port = int(g.value.int)
		return nil
	}},
	{path: "net.bindIp", apply: set(func(o *Options, v value) {
		o.BindIP = slices.DeleteFunc(strings.Split(v.text, ","), func(s string) bool { return strings.TrimSpace(s) == "" })
		for i, s := range o.BindIP {
			o.BindIP[i] = strings.TrimSpace(s)
		}
		o.BindAll = slices.Contains(o.BindIP, "*")
	})},
	{path: "net.bindIpAll", kind: boolean, apply: set(func(o *Options, v value) { o.BindAll = v.bool })},
	{path: "net.ipv6", kind: boolean, apply: set(func(o *Options, v value) { o.IPv6 = v.bool })},
	{path: "net.listenBacklog", kind: integer, apply: harmless("the system's own limit is used")},
	{path: "net.maxIncomingConnections", kind: integer, apply: func(o *Options, g given) error {
		if g.value.int < 5 {
			return badValue("maxConns has to be at least 5")
		}
		o.MaxConns = int(g.value.int)
		return nil
	}},
	{path: "net.compression.compressors", apply: func(o *Options, g given) error {
		for name := range strings.SplitSeq(g.value.text, ",") {
			if !slices.Contains([]string{"snappy", "zstd", "zlib", "disabled"}, strings.TrimSpace(name)) {
				return badValue("Invalid network message compressor specified in configuration: %s", name)
			}
		}
		return harmless("a client is answered with the compressor that it offers first of snappy, zstd and zlib, or none")(o, g)
	}},
	{path: "net.unixDomainSocket.enabled", kind: boolean, apply: set(func(o *Options, v value) { o.UnixSocket = v.bool })},
	{path: "net.unixDomainSocket.pathPrefix", apply: set(func(o *Options, v value) { o.SocketDir = v.text })},
	{path: "net.unixDomainSocket.filePermissions", kind: integer, apply: set(func(o *Options, v value) { o.SocketMode = uint32(v.int) & 0o777 })},
	{path: "net.http.RESTInterfaceEnabled", kind: boolean, apply: set(func(o *Options, v value) { o.HTTP = v.bool })},
	{path: "net.http.enabled", kind: boolean, apply: set(func(o *Options, v value) { o.HTTP = v.bool })},
	{path: "net.http.JSONPEnabled", kind: boolean, apply: refuseUnless("the console has no data interface", "false")},
	{path: "net.wireObjectCheck", kind: boolean, apply: harmless("all BSON from clients is always checked")},
	{path: "net.tls.mode", apply: refuseUnless(noTLS, "disabled")},
	{path: "net.ssl.mode", apply: refuseUnless(noTLS, "disabled")},
	{path: "net.tls", apply: refuse(noTLS)},
	{path: "net.ssl", apply: refuse(noTLS)},

	{path: "processManagement.fork", kind: boolean, apply: set(func(o *Options, v value) { o.Fork = v.bool })},
	{path: "processManagement.pidFilePath", apply: set(func(o *Options, v value) { o.PIDFile = v.text })},
	{path: "processManagement.timeZoneInfo", apply: harmless("the time zone database is built in")},

	{path: "systemLog.destination", apply: refuseUnless("log to a file (--logpath), or to standard output and let the service manager keep it", "file")},
	{path: "systemLog.path", apply: set(func(o *Options, v value) { o.LogPath = v.text })},
	{path: "systemLog.logAppend", kind: boolean, apply: set(func(o *Options, v value) { o.LogAppend = v.bool })},
	{path: "systemLog.logRotate", apply: func(o *Options, g given) error {
		if g.value.text != "rename" && g.value.text != "reopen" {
			return badValue("unsupported value for logRotate %s", g.value.text)
		}
		o.LogReopen = g.value.text == "reopen"
		return nil
	}},
	{path: "systemLog.timeStampFormat", apply: func(o *Options, g given) error {
		if g.value.text != "iso8601-utc" && g.value.text != "iso8601-local" {
			return badValue("Value of logTimestampFormat must be one of iso8601-utc or iso8601-local; not %q.", g.value.text)
		}
		o.LogUTC = g.value.text == "iso8601-utc"
		return nil
	}},
	{path: "systemLog.verbosity", kind: integer, apply: func(o *Options, g given) error {
		if g.value.int < 0 {
			return badValue("systemLog.verbosity must be greater than or equal to 0")
		}
		o.Verbosity = min(int(g.value.int), 5)
		return nil
	}},
	{path: "systemLog.quiet", kind: boolean, apply: set(func(o *Options, v value) { o.Quiet = v.bool })},
	{path: "systemLog.syslogFacility", apply: refuse("log to a file (--logpath), or to standard output and let the service manager keep it")},
	{path: "systemLog.traceAllExceptions", kind: boolean, apply: harmless("there are no exceptions to trace")},
	{path: "systemLog.component", kind: integer, apply: harmless("verbosity is set for all components together (--verbose)")},

	{path: "storage.dbPath", apply: set(func(o *Options, v value) { o.DBPath = v.text })},
	{path: "storage.engine", apply: func(o *Options, g given) error {
		if g.value.text == "wiredTiger" {
			return harmless("the storage engine is Morton's own")(o, g)
		}
		return refuseUnless("the storage engine is Morton's own. Leave the option out", "morton")(o, g)
	}},
	{path: "storage.journal.enabled", kind: boolean, apply: func(o *Options, g given) error {
		if o.JournalOff = !g.value.bool; o.JournalOff {
			o.warn("%s has no effect: %s", g.name(), oneLog)
		}
		return nil
	}},
	{path: "storage.journal.commitIntervalMs", kind: integer, apply: harmless(oneLog)},
	{path: "storage.syncPeriodSecs", kind: number, apply: func(o *Options, g given) error {
		if g.value.num < 0 {
			return badValue("storage.syncPeriodSecs must be greater than or equal to 0")
		}
		return harmless(oneLog)(o, g)
	}},
	{path: "storage.directoryPerDB", kind: boolean, apply: harmless(oneDisk)},
	{path: "storage.cacheSizeGB", kind: number, apply: cacheSize},
	{path: "storage.wiredTiger.engineConfig.cacheSizeGB", kind: number, apply: cacheSize},
	{path: "storage.wiredTiger.engineConfig.journalCompressor", apply: harmless(oneDisk)},
	{path: "storage.wiredTiger.engineConfig.directoryForIndexes", kind: boolean, apply: harmless(oneDisk)},
	{path: "storage.wiredTiger.engineConfig.zstdCompressionLevel", kind: integer, apply: harmless(oneDisk)},
	{path: "storage.wiredTiger.engineConfig.maxCacheOverflowFileSizeGB", kind: number, apply: harmless(oneDisk)},
	{path: "storage.wiredTiger.engineConfig.statisticsLogDelaySecs", kind: integer, apply: harmless(oneDisk)},
	{path: "storage.wiredTiger.collectionConfig.blockCompressor", apply: harmless(oneDisk)},
	{path: "storage.wiredTiger.indexConfig.prefixCompression", kind: boolean, apply: harmless(oneDisk)},
	{path: "storage.oplogMinRetentionHours", kind: number, apply: func(o *Options, g given) error {
		if g.value.num < 0 {
			return badValue("bad --oplogMinRetentionHours, argument must be greater or equal to 0")
		}
		o.OplogRetention = time.Duration(g.value.num * float64(time.Hour))
		return nil
	}},
	{path: "storage.queryableBackupMode", kind: boolean, apply: refuseUnless("there is no such mode", "false")},
	{path: "storage.preallocDataFiles", kind: boolean, apply: harmless(oneDisk)},
	{path: "storage.smallFiles", kind: boolean, apply: harmless(oneDisk)},
	{path: "storage.nsSize", kind: integer, apply: harmless("the number of collections has no limit")},
	{path: "storage.quota.enforced", kind: boolean, apply: refuseUnless(quota, "false")},
	{path: "storage.quota.maxFilesPerDB", kind: integer, apply: refuse(quota)},
	{path: "storage.repairPath", apply: refuse("there is no repair. Wipe the directory of a damaged member, it joins its set anew")},

	{path: "replication.replSet", flagged: true, apply: replSet},
	{path: "replication.replSetName", apply: replSet},
	{path: "replication.oplogSizeMB", kind: integer, apply: func(o *Options, g given) error {
		if g.value.int <= 0 {
			return badValue("bad --oplogSize, arg must be greater than 0,found: %d", g.value.int)
		}
		o.OplogBytes = g.value.int << 20
		return nil
	}},
	{path: "replication.enableMajorityReadConcern", kind: boolean, apply: refuseUnless("enableMajorityReadConcern:false is no longer supported by MongoDB either", "true")},
	{path: "replication.serverless", apply: refuse("there is no serverless mode. Use --replSet")},
	{path: "replication.master", flagged: true, kind: boolean, apply: refuse(old)},
	{path: "replication.slave", flagged: true, kind: boolean, apply: refuse(old)},
	{path: "replication.source", flagged: true, apply: refuse(old)},
	{path: "replication.only", flagged: true, apply: refuse(old)},
	{path: "replication.slavedelay", flagged: true, kind: integer, apply: refuse(old)},
	{path: "replication.fastsync", flagged: true, kind: boolean, apply: refuse("a new member copies the state of another by itself. Start it with an empty --dbpath")},
	{path: "replication.autoresync", flagged: true, kind: boolean, apply: harmless("a member that is too far behind copies the state of another by itself")},

	{path: "security.authorization", apply: refuseUnless(noAuth, "disabled")},
	{path: "security.keyFile", apply: refuse(noAuth)},
	{path: "security.clusterAuthMode", apply: refuse(noAuth)},
	{path: "security.transitionToAuth", kind: boolean, apply: refuseUnless(noAuth, "false")},
	{path: "security.clusterIpSourceAllowlist", apply: refuse(noAuth)},
	{path: "security.sasl", apply: refuse(noAuth)},
	{path: "security.authenticationMechanisms", apply: refuse(noAuth)},
	{path: "security.enableLocalhostAuthBypass", kind: boolean, apply: harmless("there is no authentication to bypass")},
	{path: "security.javascriptEnabled", kind: boolean, apply: func(o *Options, g given) error {
		if g.value.bool {
			return harmless("JavaScript is not available in this release")(o, g)
		}
		return nil
	}},

	{path: "sharding.clusterRole", apply: refuse(noShard)},
	{path: "sharding.archiveMovedChunks", kind: boolean, apply: refuse(noShard)},

	{path: "operationProfiling.slowOpThresholdMs", kind: integer, apply: set(func(o *Options, v value) { o.SlowMS = v.int })},
	{path: "operationProfiling.slowOpSampleRate", kind: number, apply: refuseUnless("every slow operation is logged. Raise --slowms to see fewer", "1", "1.0")},
	{path: "operationProfiling.mode", apply: func(o *Options, g given) error {
		if !slices.Contains([]string{"off", "slowOp", "all"}, g.value.text) {
			return badValue("Bad value for profile: %s.  Supported modes are: (0=off|1=slowOp|2=all)", g.value.text)
		}
		return refuseUnless("the profiler is not available in this release. Slow operations are in the log (--slowms)", "off")(o, g)
	}},
	{path: "operationProfiling.filter", apply: refuse("the profiler is not available in this release. Slow operations are in the log (--slowms)")},

	{path: "cloud.monitoring.free.state", apply: harmless("nothing is ever sent anywhere")},
	{path: "cloud.monitoring.free.tags", apply: harmless("nothing is ever sent anywhere")},

	{path: "cpu", flagged: true, kind: boolean, apply: harmless("see serverStatus")},
	{path: "sysinfo", flagged: true, kind: boolean, apply: refuse("use the hostInfo command")},
	{path: "upgrade", flagged: true, kind: boolean, apply: harmless("data files are upgraded when they are opened")},
	{path: "repair", flagged: true, kind: boolean, apply: refuse("there is no repair. Every file has checksums; wipe the directory of a damaged member, it joins its set anew")},
	{path: "restore", flagged: true, kind: boolean, apply: refuse("restore with mongorestore into a running member")},
	{path: "notablescan", flagged: true, kind: boolean, apply: refuse("queries without an index are always answered")},
	{path: "diaglog", flagged: true, kind: integer, apply: refuse("use --verbose")},
	{path: "configExpand", flagged: true, apply: refuseUnless("configuration files are taken as they are", "none")},
	{path: "awsIamSessionToken", flagged: true, apply: refuse(noAuth)},
	{path: "setParameter", apply: parameter},
}

func cacheSize(o *Options, g given) error {
	if g.value.num < 0.001 || g.value.num > 10000 {
		return badValue("%s must be between 0.001 and 10000", g.name())
	}
	o.CacheBytes = int64(g.value.num * (1 << 30))
	return nil
}

func replSet(o *Options, g given) error {
	set, err := replset.ParseSetOption(g.value.text)
	if err != nil {
		return badValue("%s", err)
	}
	o.Set = set
	return nil
}

// parameter applies one --setParameter.
func parameter(o *Options, g given) error {
	name := strings.TrimPrefix(g.path, "setParameter.")
	p, ok := parameters[name]
	if !ok {
		return badValue("Unknown --setParameter '%s'", name)
	}
	if err := p.check(name, g.value.text); err != nil {
		return err
	}
	o.Parameters[name] = g.value.text
	switch name {
	case "enableTestCommands":
		o.EnableTests = isTrue(g.value.text)
	case "logLevel":
		n, _ := strconv.Atoi(g.value.text)
		o.Verbosity = min(max(n, 0), 5)
	case "quiet":
		o.Quiet = isTrue(g.value.text)
	default:
		if p.harmless == "" {
			return nil
		}
		o.warn("--setParameter %s has no effect: %s", name, p.harmless)
	}
	return nil
}
