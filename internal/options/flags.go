package options

import "strings"

// flag is a name on the command line.
type flag struct {
	name  string
	short string
	path  string // of the setting
	// A switch has no argument: it stands for means. Of other flags, means is the value if the argument is left out, and
	// translate maps what is written to what the setting says.
	isSwitch  bool
	means     string
	translate func(string) string
	arg       string // of the help: what the argument is
	help      string // empty: not in the help, because it is refused or has no effect
	group     string
}

const (
	general     = "General options"
	logging     = "Log options"
	storageOpts = "Storage options"
	replication = "Replica set options"
)

// flags is every name that is known: those of mongod 6.0, and of its ancestors since 2010.
var flags = []flag{
	{name: "help", short: "h", isSwitch: true, group: general, help: "show this help"},
	{name: "version", isSwitch: true, group: general, help: "show the version"},
	{name: "config", short: "f", path: "config", group: general, arg: "FILE", help: "read options from a file, in mongod's YAML form or as `key = value` lines"},
	{name: "port", path: "net.port", group: general, arg: "PORT", help: "port to listen on (27017)"},
	{name: "bind_ip", path: "net.bindIp", group: general, arg: "HOSTS", help: "names and addresses to listen on, with commas between them (localhost)"},
	{name: "bind_ip_all", path: "net.bindIp", isSwitch: true, means: "*", group: general, help: "listen on all addresses"},
	{name: "ipv6", path: "net.ipv6", isSwitch: true, group: general, help: "listen on IPv6 addresses, too"},
	{name: "maxConns", path: "net.maxIncomingConnections", group: general, arg: "N", help: "most connections at a time (1000000)"},
	{name: "nounixsocket", path: "net.unixDomainSocket.enabled", isSwitch: true, means: "false", group: general, help: "do not listen on a Unix socket"},
	{name: "unixSocketPrefix", path: "net.unixDomainSocket.pathPrefix", group: general, arg: "DIR", help: "directory of the Unix socket (/tmp)"},
	{name: "filePermissions", path: "net.unixDomainSocket.filePermissions", translate: octal, group: general, arg: "MODE", help: "permissions of the Unix socket (0700)"},
	{name: "rest", path: "net.http.RESTInterfaceEnabled", isSwitch: true, group: general, help: "serve the console, a web page, at port + 1000"},
	{name: "httpinterface", path: "net.http.enabled", isSwitch: true, group: general, help: "the same"},
	{name: "nohttpinterface", path: "net.http.enabled", isSwitch: true, means: "false"},
	{name: "fork", path: "processManagement.fork", isSwitch: true, group: general, help: "go on in the background once the member serves; needs --logpath"},
	{name: "pidfilepath", path: "processManagement.pidFilePath", group: general, arg: "FILE", help: "write the process id to a file"},
	{name: "shutdown", isSwitch: true, group: general, help: "stop the member that runs on --dbpath"},
	{name: "slowms", path: "operationProfiling.slowOpThresholdMs", group: general, arg: "MS", help: "log operations that take longer (100)"},
	{name: "setParameter", path: "setParameter", group: general, arg: "NAME=VALUE", help: "set a server parameter: enableTestCommands, logLevel, quiet"},

	{name: "logpath", path: "systemLog.path", group: logging, arg: "FILE", help: "log to a file in place of standard output"},
	{name: "logappend", path: "systemLog.logAppend", isSwitch: true, group: logging, help: "go on in an existing log file; otherwise it is renamed first"},
	{name: "logRotate", path: "systemLog.logRotate", group: logging, arg: "rename|reopen", help: "what SIGUSR1 does to the log file (rename)"},
	{name: "timeStampFormat", path: "systemLog.timeStampFormat", group: logging, arg: "FORMAT", help: "iso8601-local or iso8601-utc"},
	{name: "verbose", short: "v", path: "systemLog.verbosity", means: "v", translate: verbosity, group: logging, help: "log more; -vvvvv logs most"},
	{name: "quiet", path: "systemLog.quiet", isSwitch: true, group: logging, help: "log less: no connections"},

	{name: "dbpath", path: "storage.dbPath", group: storageOpts, arg: "DIR", help: "directory of the data, which must exist (/data/db)"},
	{name: "cacheSizeGB", path: "storage.cacheSizeGB", group: storageOpts, arg: "GB", help: "memory for the storage engine's cache (0.25, or a quarter of the machine's)"},
	{name: "wiredTigerCacheSizeGB", path: "storage.wiredTiger.engineConfig.cacheSizeGB", group: storageOpts, arg: "GB", help: "the same"},

	{name: "replSet", path: "replication.replSet", group: replication, arg: "NAME[/SEEDS]", help: "be a member of this set; seeds are other members, host:port with commas between them"},
	{name: "oplogSize", path: "replication.oplogSizeMB", group: replication, arg: "MB", help: "how much of the log to keep (1024)"},
	{name: "oplogMinRetentionHours", path: "storage.oplogMinRetentionHours", group: replication, arg: "HOURS", help: "and at least that of the last hours (0)"},

	{name: "networkMessageCompressors", path: "net.compression.compressors"},
	{name: "configExpand", path: "configExpand"},
	{name: "listenBacklog", path: "net.listenBacklog"},
	{name: "timeZoneInfo", path: "processManagement.timeZoneInfo"},
	{name: "syslog", path: "systemLog.destination", isSwitch: true, means: "syslog"},
	{name: "syslogFacility", path: "systemLog.syslogFacility"},
	{name: "auth", path: "security.authorization", isSwitch: true, means: "enabled"},
	{name: "noauth", path: "security.authorization", isSwitch: true, means: "disabled"},
	{name: "transitionToAuth", path: "security.transitionToAuth", isSwitch: true},
	{name: "keyFile", path: "security.keyFile"},
	{name: "clusterAuthMode", path: "security.clusterAuthMode"},
	{name: "clusterIpSourceAllowlist", path: "security.clusterIpSourceAllowlist"},
	{name: "clusterIpSourceWhitelist", path: "security.clusterIpSourceAllowlist"},
	{name: "slowOpSampleRate", path: "operationProfiling.slowOpSampleRate"},
	{name: "profile", path: "operationProfiling.mode", translate: profileMode},
	{name: "profileFilter", path: "operationProfiling.filter"},
	{name: "cpu", path: "cpu", isSwitch: true},
	{name: "sysinfo", path: "sysinfo", isSwitch: true},
	{name: "noscripting", path: "security.javascriptEnabled", isSwitch: true, means: "false"},
	{name: "notablescan", path: "notablescan", isSwitch: true},
	{name: "enableMajorityReadConcern", path: "replication.enableMajorityReadConcern", means: "true", translate: oneIsTrue},
	{name: "serverless", path: "replication.serverless"},
	{name: "configsvr", path: "sharding.clusterRole", isSwitch: true, means: "configsvr"},
	{name: "shardsvr", path: "sharding.clusterRole", isSwitch: true, means: "shardsvr"},
	{name: "storageEngine", path: "storage.engine"},
	{name: "directoryperdb", path: "storage.directoryPerDB", isSwitch: true},
	{name: "syncdelay", path: "storage.syncPeriodSecs"},
	{name: "journalCommitInterval", path: "storage.journal.commitIntervalMs"},
	{name: "upgrade", path: "upgrade", isSwitch: true},
	{name: "repair", path: "repair", isSwitch: true},
	{name: "restore", path: "restore", isSwitch: true},
	{name: "journal", path: "storage.journal.enabled", isSwitch: true},
	{name: "nojournal", path: "storage.journal.enabled", isSwitch: true, means: "false"},
	{name: "dur", path: "storage.journal.enabled", isSwitch: true},
	{name: "nodur", path: "storage.journal.enabled", isSwitch: true, means: "false"},
	{name: "awsIamSessionToken", path: "awsIamSessionToken"},
	{name: "enableFreeMonitoring", path: "cloud.monitoring.free.state"},
	{name: "freeMonitoringTag", path: "cloud.monitoring.free.tags"},
	{name: "zstdDefaultCompressionLevel", path: "storage.wiredTiger.engineConfig.zstdCompressionLevel"},
	{name: "wiredTigerJournalCompressor", path: "storage.wiredTiger.engineConfig.journalCompressor"},
	{name: "wiredTigerDirectoryForIndexes", path: "storage.wiredTiger.engineConfig.directoryForIndexes", isSwitch: true},
	{name: "wiredTigerCollectionBlockCompressor", path: "storage.wiredTiger.collectionConfig.blockCompressor"},
	{name: "wiredTigerIndexPrefixCompression", path: "storage.wiredTiger.indexConfig.prefixCompression", translate: oneIsTrue},

	{name: "tlsOnNormalPorts", path: "net.tls.onNormalPorts", isSwitch: true},
	{name: "tlsMode", path: "net.tls.mode"},
	{name: "tlsCertificateKeyFile", path: "net.tls.certificateKeyFile"},
	{name: "tlsCertificateKeyFilePassword", path: "net.tls.certificateKeyFilePassword"},
	{name: "tlsClusterFile", path: "net.tls.clusterFile"},
	{name: "tlsClusterPassword", path: "net.tls.clusterPassword"},
	{name: "tlsCAFile", path: "net.tls.CAFile"},
	{name: "tlsClusterCAFile", path: "net.tls.clusterCAFile"},
	{name: "tlsCRLFile", path: "net.tls.CRLFile"},
	{name: "tlsDisabledProtocols", path: "net.tls.disabledProtocols"},
	{name: "tlsAllowConnectionsWithoutCertificates", path: "net.tls.allowConnectionsWithoutCertificates", isSwitch: true},
	{name: "tlsAllowInvalidHostnames", path: "net.tls.allowInvalidHostnames", isSwitch: true},
	{name: "tlsAllowInvalidCertificates", path: "net.tls.allowInvalidCertificates", isSwitch: true},
	{name: "tlsLogVersions", path: "net.tls.logVersions"},
	{name: "sslOnNormalPorts", path: "net.ssl.onNormalPorts", isSwitch: true},
	{name: "sslMode", path: "net.ssl.mode"},
	{name: "sslPEMKeyFile", path: "net.ssl.PEMKeyFile"},
	{name: "sslPEMKeyPassword", path: "net.ssl.PEMKeyPassword"},
	{name: "sslCAFile", path: "net.ssl.CAFile"},
	{name: "sslClusterFile", path: "net.ssl.clusterFile"},
	{name: "sslFIPSMode", path: "net.ssl.FIPSMode", isSwitch: true},
	{name: "tlsFIPSMode", path: "net.tls.FIPSMode", isSwitch: true},

	// Of releases from 2010 on.
	{name: "objcheck", path: "net.wireObjectCheck", isSwitch: true},
	{name: "noobjcheck", path: "net.wireObjectCheck", isSwitch: true, means: "false"},
	{name: "jsonp", path: "net.http.JSONPEnabled", isSwitch: true},
	{name: "diaglog", path: "diaglog"},
	{name: "noprealloc", path: "storage.preallocDataFiles", isSwitch: true, means: "false"},
	{name: "smallfiles", path: "storage.smallFiles", isSwitch: true},
	{name: "nssize", path: "storage.nsSize"},
	{name: "quota", path: "storage.quota.enforced", isSwitch: true},
	{name: "quotaFiles", path: "storage.quota.maxFilesPerDB"},
	{name: "repairpath", path: "storage.repairPath"},
	{name: "master", path: "replication.master", isSwitch: true},
	{name: "slave", path: "replication.slave", isSwitch: true},
	{name: "source", path: "replication.source"},
	{name: "only", path: "replication.only"},
	{name: "slavedelay", path: "replication.slavedelay"},
	{name: "fastsync", path: "replication.fastsync", isSwitch: true},
	{name: "autoresync", path: "replication.autoresync", isSwitch: true},
}

// contradictions are flags that set one thing to different values.
var contradictions = []struct{ a, b, message string }{
	{"auth", "noauth", "auth is not allowed when noauth is specified"},
	{"journal", "nojournal", "Can't specify both --journal and --nojournal options."},
	{"dur", "nodur", "Can't specify both --dur and --nodur options."},
	{"syslog", "logpath", "syslog is not allowed when logpath is specified"},
	{"configsvr", "shardsvr", "configsvr is not allowed when shardsvr is specified"},
	{"rest", "nohttpinterface", "Can't specify both --rest and --nohttpinterface options."},
	{"httpinterface", "nohttpinterface", "Can't specify both --httpinterface and --nohttpinterface options."},
	{"cacheSizeGB", "wiredTigerCacheSizeGB", "Can't specify both --cacheSizeGB and --wiredTigerCacheSizeGB options."},
}

// profileMode translates the numbers that the flag takes.
func profileMode(s string) string {
	switch s {
	case "0":
		return "off"
	case "1":
		return "slowOp"
	case "2":
		return "all"
	}
	return s
}

// octal makes the setting's number parser read permissions as such, with or without the 0 before them.
func octal(s string) string {
	if s != "" && strings.Trim(s, "01234567") == "" {
		return "0" + s
	}
	return s
}

func oneIsTrue(s string) string {
	switch s {
	case "1":
		return "true"
	case "0":
		return "false"
	}
	return s
}
