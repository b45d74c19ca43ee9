package options

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/replset"
)

// parse parses a command line; a config file named c.conf has the given text.
func parse(args []string, config string) (*Options, error) {
	return Parse(args, func(path string) ([]byte, error) {
		if path == "/c.conf" {
			return []byte(config), nil
		}
		return nil, &os.PathError{Op: "open", Path: path, Err: errors.New("no such file or directory")}
	})
}

// TestTreeAsMongod compares the tree with what getCmdLineOpts of mongod 6.0.5 said for the same command line.
func TestTreeAsMongod(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", `{}`},
		{"--ipv6 --listenBacklog 100 --maxConns 500 --timeZoneInfo /usr/share/zoneinfo --filePermissions 0700 --unixSocketPrefix /tmp/kref --logRotate rename --timeStampFormat iso8601-local --port 28479 --dbpath /d",
			`{"net":{"ipv6":true,"listenBacklog":100,"maxIncomingConnections":500,"port":28479,"unixDomainSocket":{"filePermissions":448,"pathPrefix":"/tmp/kref"}},"processManagement":{"timeZoneInfo":"/usr/share/zoneinfo"},"storage":{"dbPath":"/d"},"systemLog":{"logRotate":"rename","timeStampFormat":"iso8601-local"}}`},
		{"--nounixsocket -vvv --quiet --bind_ip_all --noauth --cpu --noscripting --directoryperdb --syncdelay 30 --journalCommitInterval 50 --journal",
			`{"cpu":true,"net":{"bindIp":"*","unixDomainSocket":{"enabled":false}},"security":{"authorization":"disabled","javascriptEnabled":false},"storage":{"directoryPerDB":true,"journal":{"commitIntervalMs":50,"enabled":true},"syncPeriodSecs":30.0},"systemLog":{"quiet":true,"verbosity":3}}`},
		{"--verbose --setParameter enableTestCommands=1 --setParameter ttlMonitorEnabled=false --setParameter logLevel=1",
			`{"setParameter":{"enableTestCommands":"1","logLevel":"1","ttlMonitorEnabled":"false"},"systemLog":{"verbosity":1}}`},
		{"--verbose=vv", `{"systemLog":{"verbosity":2}}`},
		{"--verbose -v", `{"systemLog":{"verbosity":2}}`}, // mongod says 1: its two names of the flag do not add up
		{"-v --nojournal", `{"storage":{"journal":{"enabled":false}},"systemLog":{"verbosity":1}}`},
		{"--networkMessageCompressors snappy --enableMajorityReadConcern --replSet x", `{"net":{"compression":{"compressors":"snappy"}},"replication":{"enableMajorityReadConcern":true,"replSet":"x"}}`},
		{"--enableFreeMonitoring off --tlsMode disabled --bind_ip 127.0.0.1,localhost", `{"cloud":{"monitoring":{"free":{"state":"off"}}},"net":{"bindIp":"127.0.0.1,localhost","tls":{"mode":"disabled"}}}`},
		{"--slowms 0x10", `{"operationProfiling":{"slowOpThresholdMs":16}}`},
		{"--profile 0", `{"operationProfiling":{"mode":"off"}}`},
		{"--replSet foo/a:1,b:2 --logpath d4.log --logappend --fork --slowms 50 -vv --oplogSize 50 --pidfilepath /p",
			`{"operationProfiling":{"slowOpThresholdMs":50},"processManagement":{"fork":true,"pidFilePath":"/p"},"replication":{"oplogSizeMB":50,"replSet":"foo/a:1,b:2"},"systemLog":{"destination":"file","logAppend":true,"path":"d4.log","verbosity":2}}`},
	} {
		o, err := parse(strings.Fields(c.args), "")
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		checkTree(t, c.args, o, c.want)
	}
}

func checkTree(t *testing.T, name string, o *Options, want string) {
	t.Helper()
	d, err := document.FromJSON(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d.String(), o.Tree.String()); diff != "" {
		t.Errorf("%s:\n%s", name, diff)
	}
}

// TestErrors is command lines that are refused. The messages of the first part are mongod's.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--x", "Error parsing command line: unrecognised option '--x'"},
		{"-vv --bogus=1", "Error parsing command line: unrecognised option '--bogus=1'"},
		{"--por 1", "Error parsing command line: unrecognised option '--por'"},
		{"-z", "Error parsing command line: unrecognised option '-z'"},
		{"--help --x", "Error parsing command line: unrecognised option '--x'"},
		{"--port", "Error parsing command line: the required argument for option '--port' is missing"},
		{"--replSet", "Error parsing command line: the required argument for option '--replSet' is missing"},
		{"--port abc", `Error parsing option "port" as int: Did not consume whole string.`},
		{"--port 70000", "BadValue: bad --port number"},
		{"--port -1", "BadValue: bad --port number"},
		{"--port 0", "BadValue: bad --port number"},
		{"--port 1 --port 2", `Error parsing command line:  Multiple occurrences of option "--port"`},
		{"--quiet --quiet", `Error parsing command line:  Multiple occurrences of option "--quiet"`},
		{"--config /nonexistent", "Error opening config file '/nonexistent': No such file or directory"},
		{"-f/nonexistent", "Error opening config file '/nonexistent': No such file or directory"},
		{"--fork", "BadValue: --fork has to be used with --logpath or --syslog"},
		{"--auth=true", "Error parsing command line: option '--auth' does not take any arguments"},
		{"--quiet=3", "Error parsing command line: option '--quiet' does not take any arguments"},
		{"--slowms abc", `Error parsing option "slowms" as int: Did not consume whole string.`},
		{"--slowms 5.5", `Error parsing option "slowms" as int: Did not consume whole string.`},
		{"--oplogSize -5", "BadValue: bad --oplogSize, arg must be greater than 0,found: -5"},
		{"--profile 5", "BadValue: Bad value for profile: 5.  Supported modes are: (0=off|1=slowOp|2=all)"},
		{"--setParameter foo", `Illegal option assignment: "foo"`},
		{"--setParameter foo=1", "BadValue: Unknown --setParameter 'foo'"},
		{"--setParameter a=b=c", "BadValue: Unknown --setParameter 'a'"},
		{"--setParameter enableTestCommands=abc", `BadValue: Bad value for parameter "enableTestCommands": Value is not a valid boolean`},
		{"--setParameter logLevel=", `BadValue: Bad value for parameter "logLevel": No digits`},
		{"--verbose=abc", `BadValue: The "verbose" option string cannot contain any characters other than "v"`},
		{"--auth --noauth", "BadValue: auth is not allowed when noauth is specified"},
		{"--syslog --logpath /tmp/x", "BadValue: syslog is not allowed when logpath is specified"},
		{"--journal --nojournal", "BadValue: Can't specify both --journal and --nojournal options."},
		{"--logRotate foo", "BadValue: unsupported value for logRotate foo"},
		{"--timeStampFormat foo", `BadValue: Value of logTimestampFormat must be one of iso8601-utc or iso8601-local; not "foo".`},
		{"--maxConns 0", "BadValue: maxConns has to be at least 5"},
		{"--wiredTigerCacheSizeGB abc", `Error parsing option "wiredTigerCacheSizeGB" as double in: Did not consume any digits`},
		{"--networkMessageCompressors foo", "BadValue: Invalid network message compressor specified in configuration: foo"},
		{"--syncdelay -1", "BadValue: storage.syncPeriodSecs must be greater than or equal to 0"},

		{"--logRotate reopen --logpath l", "BadValue: logAppend must equal true if logRotate is set to reopen"},
		{"--replSet /a", `BadValue: bad --replSet config string format is: <setname>[/<seedhost1>,<seedhost2>,...], not "/a"`},
		{"--auth", "BadValue: --auth is not supported: " + noAuth},
		{"--keyFile k", "BadValue: --keyFile is not supported: " + noAuth},
		{"--tlsMode requireTLS", "BadValue: --tlsMode requireTLS is not supported: " + noTLS},
		{"--tlsCAFile f", "BadValue: --tlsCAFile is not supported: " + noTLS},
		{"--sslOnNormalPorts", "BadValue: --sslOnNormalPorts is not supported: " + noTLS},
		{"--shardsvr", "BadValue: --shardsvr is not supported: " + noShard},
		{"--master", "BadValue: --master is not supported: " + old},
		{"--nojournal --replSet a", "BadValue: --nojournal is not possible with --replSet: a member's log is its promise to the others. Leave it out"},
		{"--storageEngine mmapv1", "BadValue: --storageEngine mmapv1 is not supported: the storage engine is Morton's own. Leave the option out"},
		{"--profile 1", "BadValue: --profile slowOp is not supported: the profiler is not available in this release. Slow operations are in the log (--slowms)"},
		{"--jsonp", "BadValue: --jsonp is not supported: the console has no data interface"},
		{"--rest --nohttpinterface", "BadValue: Can't specify both --rest and --nohttpinterface options."},
		{"--cacheSizeGB 0", "BadValue: --cacheSizeGB must be between 0.001 and 10000"},
		{"--enableMajorityReadConcern=0", "BadValue: --enableMajorityReadConcern false is not supported: enableMajorityReadConcern:false is no longer supported by MongoDB either"},
		{"--", ""},
	} {
		_, err := parse(strings.Fields(c.args), "")
		var e *Error
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.args, err)
		case c.want != "" && (!errors.As(err, &e) || e.Message != c.want || e.Code != ExitBadOptions):
			t.Errorf("%s:\n%v, want\n%s", c.args, err, c.want)
		}
	}
	var e *Error
	if _, err := parse([]string{"foo"}, ""); !errors.As(err, &e) || e.Message != "Invalid command: foo" || e.Code != 1 {
		t.Errorf("foo: %v", err)
	}
}

// TestFiles is configuration files: the tree, or the error. The messages are mongod's but where it is said.
func TestFiles(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", `{"config":"/c.conf"}`},
		{"# nothing\n", `{"config":"/c.conf"}`},
		{"net:\n  port: 28479\n  bindIp: 127.0.0.1\n", `{"config":"/c.conf","net":{"bindIp":"127.0.0.1","port":28479}}`},
		{"net: {port: \"28479\"}\nreplication: {replSetName: foo}\n", `{"config":"/c.conf","net":{"port":28479},"replication":{"replSetName":"foo"}}`},
		{"net.port: 28479\n", `{"config":"/c.conf","net":{"port":28479}}`},
		{"setParameter:\n  logLevel: 1\n  ttlMonitorEnabled: false\n", `{"config":"/c.conf","setParameter":{"logLevel":"1","ttlMonitorEnabled":"false"}}`},
		{"systemLog: {verbosity: 2, quiet: true, component: {replication: {verbosity: 1}}}\n", `{"config":"/c.conf","systemLog":{"component":{"replication":{"verbosity":1}},"quiet":true,"verbosity":2}}`},
		{"security: {authorization: disabled, javascriptEnabled: true}\n", `{"config":"/c.conf","security":{"authorization":"disabled","javascriptEnabled":true}}`},
		{"storage: {journal: {enabled: true}}\nnet: {maxIncomingConnections: 100, compression: {compressors: snappy}}", `{"config":"/c.conf","net":{"compression":{"compressors":"snappy"},"maxIncomingConnections":100},"storage":{"journal":{"enabled":true}}}`},
		{"processManagement: {fork: false}\nnet: {ipv6: \"true\"}\n", `{"config":"/c.conf","net":{"ipv6":true},"processManagement":{"fork":false}}`},
		{"storage: {dbPath: /d, engine: wiredTiger, wiredTiger: {engineConfig: {cacheSizeGB: 0.3}}}", `{"config":"/c.conf","storage":{"dbPath":"/d","engine":"wiredTiger","wiredTiger":{"engineConfig":{"cacheSizeGB":0.3}}}}`},
		{"net:\n  port: 28479\n  http: {enabled: true}\n", `{"config":"/c.conf","net":{"http":{"enabled":true},"port":28479}}`}, // gone from mongod
		{"systemLog:\n  destination: file\n  path: /l\n", `{"config":"/c.conf","systemLog":{"destination":"file","path":"/l"}}`},
		{"systemLog:\n  path: /l\n  destination: file\n", `{"config":"/c.conf","systemLog":{"destination":"file","path":"/l"}}`},

		{"net:\n  portt: 1\n", "Unrecognized option: net.portt"},
		{"foo: 1\n", "Unrecognized option: foo"},
		{"net: 5\n", "Unrecognized option: net"},
		{"systemLog:\n", "Unrecognized option: systemLog"},
		{"net:\n  port: abc\n", `Error parsing option "net.port" as int: Did not consume whole string.`},
		{"net: {port: 1.5}", `Error parsing option "net.port" as int: Did not consume whole string.`},
		{"net: {ipv6: yes}", "Expected boolean switch but found string: yes for option: net.ipv6"},
		{"net: {bindIp: [127.0.0.1, localhost]}", "Scalar option 'net.bindIp' must be a single value"},
		{"net: {port: 28479, port: 28480}\n", "Error parsing YAML config: duplicate key: net.port"},
		{"- a\n- b\n", "No map found at top level of YAML config"},
		{"replication: {oplogSizeMB: 10, replSetName: a, replSet: b}", "Unrecognized option: replication.replSet"},
		{"net:\n\tport: 1\n", "Error parsing YAML config file: line 2: found character that cannot start any token"}, // the parser's own words
		{"security: {authorization: enabled}", "BadValue: security.authorization: enabled is not supported: " + noAuth},
		{"net: {tls: {mode: requireTLS, certificateKeyFile: f}}", "BadValue: net.tls.mode: requireTLS is not supported: " + noTLS},
		{"net: {ssl: {PEMKeyFile: f}}", "BadValue: net.ssl.PEMKeyFile is not supported: " + noTLS},
		{"systemLog: {destination: file}", "BadValue: systemLog.destination: file needs systemLog.path"},

		{"port = 28479\nquiet = true\nverbose = vv\n", `{"config":"/c.conf","net":{"port":28479},"systemLog":{"quiet":true,"verbosity":2}}`},
		{"# c\nport=28479\nfork=false\nreplSet = foo/a:1\nsetParameter = logLevel=1\nsetParameter = ttlMonitorEnabled=false\n",
			`{"config":"/c.conf","net":{"port":28479},"processManagement":{"fork":false},"replication":{"replSet":"foo/a:1"},"setParameter":{"logLevel":"1","ttlMonitorEnabled":"false"}}`},
		{"port = 28479\nauth = false", `{"config":"/c.conf","net":{"port":28479},"security":{"authorization":"disabled"}}`},
		{"nojournal=true\nport=28479\nnounixsocket=true\n", `{"config":"/c.conf","net":{"port":28479,"unixDomainSocket":{"enabled":false}},"storage":{"journal":{"enabled":false}}}`},
		{"dbpath=/d # here\nrest=true\nbind_ip_all=off\n", `{"config":"/c.conf","net":{"http":{"RESTInterfaceEnabled":true}},"storage":{"dbPath":"/d"}}`}, // gone from mongod
		{"port = 28479\nbogus = 1\n", "Error parsing INI config file: unrecognised option 'bogus'"},
		{"port = 28479\nv = true\n", "Error parsing INI config file: unrecognised option 'v'"},
		{"port = 28479\nport = 28480\n", `Error parsing INI config file:  Multiple occurrences of option "port"`},
		{"quiet = maybe\nport=28479", "Error parsing INI config file: the argument ('maybe') for option 'quiet' is invalid. Valid choices are 'on|off', 'yes|no', '1|0' and 'true|false'"},
		{"quiet\nport=28479\n", "Error parsing INI config file: the options configuration file contains an invalid line 'quiet'"},
		{"just text", "Error parsing INI config file: the options configuration file contains an invalid line 'just text'"},
		{"port = 28479\nverbose = 3\n", `BadValue: The "verbose" option string cannot contain any characters other than "v"`},
	} {
		o, err := parse([]string{"--config", "/c.conf"}, c.text)
		switch {
		case strings.HasPrefix(c.want, "{") && err != nil:
			t.Errorf("%q: %v", c.text, err)
		case strings.HasPrefix(c.want, "{"):
			checkTree(t, c.text, o, c.want)
		case err == nil || err.Error() != c.want:
			t.Errorf("%q:\n%v, want\n%s", c.text, err, c.want)
		}
	}
}

// TestLineOverFile shows that the command line wins over the file, also by another name.
func TestLineOverFile(t *testing.T) {
	for _, c := range []struct{ args, file, want string }{
		{"--port 28479", "net: {port: 1}\n", `{"config":"/c.conf","net":{"port":28479}}`},
		{"--quiet", "systemLog: {quiet: false}\n", `{"config":"/c.conf","systemLog":{"quiet":true}}`},
		{"--replSet foo", "replication: {replSetName: bar}\n", `{"config":"/c.conf","replication":{"replSet":"foo"}}`},
		{"--cacheSizeGB 1", "storage: {wiredTiger: {engineConfig: {cacheSizeGB: 2}}}\n", `{"config":"/c.conf","storage":{"cacheSizeGB":1.0}}`},
		{"--bind_ip a", "net: {bindIpAll: true}\n", `{"config":"/c.conf","net":{"bindIp":"a"}}`},
		{"--setParameter logLevel=2", "setParameter: {logLevel: 1, quiet: true}\n", `{"config":"/c.conf","setParameter":{"logLevel":"2","quiet":"true"}}`},
	} {
		o, err := parse(append(strings.Fields(c.args), "-f", "/c.conf"), c.file)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		checkTree(t, c.args, o, c.want)
	}
}

// TestOptions shows what settings do.
func TestOptions(t *testing.T) {
	for _, c := range []struct {
		args string
		want func(o *Options)
	}{
		{"", func(o *Options) {}},
		{"--port 5 --bind_ip localhost,10.0.0.1 --ipv6 --maxConns 9", func(o *Options) {
			o.Port, o.BindIP, o.IPv6, o.MaxConns = 5, []string{"localhost", "10.0.0.1"}, true, 9
		}},
		{"--bind_ip_all", func(o *Options) { o.BindIP, o.BindAll = []string{"*"}, true }},
		{"--nounixsocket", func(o *Options) { o.UnixSocket = false }},
		{"--unixSocketPrefix /s --filePermissions 750", func(o *Options) { o.SocketDir, o.SocketMode = "/s", 0o750 }},
		{"--rest", func(o *Options) { o.HTTP = true }},
		{"--httpinterface", func(o *Options) { o.HTTP = true }},
		{"--rest --httpinterface", func(o *Options) { o.HTTP = true }},
		{"--replSet foo/a:1,b", func(o *Options) { o.Set = replset.SetOption{Name: "foo", Seeds: []string{"a:1", "b:27017"}} }},
		{"--dbpath d --oplogSize 5 --wiredTigerCacheSizeGB 0.25 --slowms 7", func(o *Options) {
			o.DBPath, o.OplogBytes, o.CacheBytes, o.SlowMS = "d", 5<<20, 1<<28, 7
		}},
		{"--logpath l --logappend --logRotate reopen --timeStampFormat iso8601-utc -vvvvvvv --quiet --fork --pidfilepath p", func(o *Options) {
			o.LogPath, o.LogAppend, o.LogReopen, o.LogUTC, o.Verbosity, o.Quiet, o.Fork, o.PIDFile = "l", true, true, true, 5, true, true, "p"
		}},
		{"--setParameter enableTestCommands=1 --setParameter logLevel=3", func(o *Options) {
			o.EnableTests, o.Verbosity = true, 3
			o.Parameters = map[string]string{"enableTestCommands": "1", "logLevel": "3"}
		}},
		{"--nojournal", func(o *Options) {
			o.JournalOff = true
			o.Warnings = []string{"--nojournal has no effect: " + oneLog}
		}},
		{"--storageEngine wiredTiger --smallfiles --setParameter writePeriodicNoops=false", func(o *Options) {
			o.Warnings = []string{"--storageEngine has no effect: the storage engine is Morton's own", "--smallfiles has no effect: " + oneDisk,
				"--setParameter writePeriodicNoops has no effect: members hear of each other without writes"}
			o.Parameters = map[string]string{"writePeriodicNoops": "false"}
		}},
		{"--shutdown --dbpath d", func(o *Options) { o.Shutdown, o.DBPath = true, "d" }},
	} {
		got, err := parse(strings.Fields(c.args), "")
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		want := defaults()
		c.want(want)
		got.Tree = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", c.args, diff)
		}
	}
	for args, want := range map[string]func(*Options) bool{
		"--help --port x": func(o *Options) bool { return o.Help },
		"-h":              func(o *Options) bool { return o.Help },
		"--version":       func(o *Options) bool { return o.Version },
	} {
		if o, err := parse(strings.Fields(args), ""); err != nil || !want(o) {
			t.Errorf("%s: %+v, %v", args, o, err)
		}
	}
}

// TestEveryFlagHasASetting shows that the tables fit together, and that each setting says what it does.
func TestEveryFlagHasASetting(t *testing.T) {
	alone := []string{"help", "version", "shutdown"}
	for i := range flags {
		f := &flags[i]
		if _, ok := lookup(f.path); !ok && f.path != "setParameter" && !slices.Contains(alone, f.name) {
			t.Errorf("--%s: there is no setting %q", f.name, f.path)
		}
		if findFlag(f.name) != f {
			t.Errorf("--%s is there twice", f.name)
		}
	}
	for _, s := range table {
		if s.apply == nil {
			t.Errorf("%s does nothing", s.path)
		}
	}
	for from, to := range aliases {
		if settings[from] == nil || settings[to] == nil {
			t.Errorf("alias %s of %s: no such setting", from, to)
		}
	}
}

func TestHelp(t *testing.T) {
	text := Help("mongod")
	for i := range flags {
		if f := &flags[i]; f.help != "" && !strings.Contains(text, "--"+f.name) {
			t.Errorf("--%s is not in the help", f.name)
		}
	}
	for line := range strings.Lines(text) {
		if len(line) > helpWidth+1 {
			t.Errorf("too long: %q", line)
		}
	}
}

// FuzzConfig reads any file: an error or options, no panic.
func FuzzConfig(f *testing.F) {
	for _, s := range []string{"", "net: {port: 1}", "port=1\n#\nrest=on", "a: &a [*a]", "a: &a {b: *a}", "- x", "net:\n  tls: {mode: disabled}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parse([]string{"-f", "/c.conf"}, text)
		if (o == nil) == (err == nil) {
			t.Errorf("%v, %v", o, err)
		}
	})
}
