package command

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// The commands that tell about the server and change nothing.

func informationCommands() []*row {
	return []*row{
		{name: "buildInfo", aliases: []string{"buildinfo"}, help: "versions", prepare: plain(runBuildInfo)},
		{name: "hostInfo", help: "the machine", prepare: typed(strictArgs, runHostInfo)},
		{name: "getCmdLineOpts", help: "how the process was started", adminOnly: true, prepare: typed(strictArgs, runCmdLine)},
		{name: "getLog", help: "the newest log lines", adminOnly: true, prepare: late(getLogFields, runGetLog)},
		{name: "listCommands", help: "what commands there are", stableAPI: true, prepare: typed(strictArgs, runListCommands)},
		{name: "features", help: "build features", prepare: plain(runFeatures)},
		{name: "availableQueryOptions", aliases: []string{"availablequeryoptions"}, help: "flags of OP_QUERY", prepare: plain(runQueryOptions)},
		{name: "serverStatus", help: "counters", prepare: plain(runServerStatus)},
		{name: "getDiagnosticData", help: "counters of everything, for monitoring", adminOnly: true, prepare: plain(runDiagnosticData)},
		{name: "top", help: "operations on each collection", adminOnly: true, prepare: plain(runTop)},
	}
}

// The version of MongoDB whose behaviour this is.
const (
	mongoVersion       = "6.0.5"
	featureVersion     = "6.0"
	mongoGitVersion    = "c9a99c120371d4d4c52cbb15dac34a36ce8d3b1d"
	storageEngineName  = "morton"
	mortonVersionField = "morton"
)

var mongoVersionArray = [4]int32{6, 0, 5, 0}

func runBuildInfo(_ context.Context, o *operation) error {
	o.d.appendBuildInfo(&o.out)
	return nil
}

// appendBuildInfo appends what buildInfo says: MongoDB's version, because programs choose by it, and Morton's own beside it.
func (d *Dispatcher) appendBuildInfo(b *document.Builder) {
	b.AppendString("version", mongoVersion)
	b.AppendString("gitVersion", mongoGitVersion)
	b.AppendArray("modules", document.Empty)
	b.AppendString("allocator", "go")
	b.AppendString("javascriptEngine", "none")
	b.AppendString("sysInfo", "deprecated")
	b.OpenArray("versionArray")
	for i, n := range mongoVersionArray {
		b.AppendInt32(document.Index(i), n)
	}
	b.Close()
	b.OpenDoc("openssl")
	b.AppendString("running", "none")
	b.AppendString("compiled", "none")
	b.Close()
	b.OpenDoc("buildEnvironment")
	b.AppendString("distmod", "")
	b.AppendString("distarch", arch())
	b.AppendString("cc", runtime.Version())
	b.AppendString("target_arch", arch())
	b.AppendString("target_os", runtime.GOOS)
	b.Close()
	b.AppendInt32("bits", bits())
	b.AppendBool("debug", false)
	b.AppendInt32("maxBsonObjectSize", document.MaxSize)
	b.OpenArray("storageEngines")
	b.AppendString("0", storageEngineName)
	b.Close()
	b.OpenDoc(mortonVersionField)
	b.AppendString("version", d.opts.Version)
	b.AppendString("go", runtime.Version())
	b.Close()
}

func bits() int32 { return int32(32 << (^uint(0) >> 63)) }

// arch is the processor's name in the words of uname.
func arch() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return runtime.GOARCH
}

func runHostInfo(_ context.Context, o *operation, _ *noArgs) error {
	h := readHost()
	b := &o.out
	b.OpenDoc("system")
	b.AppendDate("currentTime", time.Now().UnixMilli())
	b.AppendString("hostname", o.d.hostName())
	b.AppendInt32("cpuAddrSize", bits())
	b.AppendInt64("memSizeMB", h.memoryMB)
	b.AppendInt64("memLimitMB", h.memoryMB)
	b.AppendInt32("numCores", int32(runtime.NumCPU()))
	b.AppendInt32("numPhysicalCores", int32(runtime.NumCPU()))
	b.AppendInt32("numCpuSockets", 1)
	b.AppendString("cpuArch", arch())
	b.AppendBool("numaEnabled", false)
	b.AppendInt32("numNumaNodes", 1)
	b.Close()
	b.OpenDoc("os")
	b.AppendString("type", h.osType)
	b.AppendString("name", h.osName)
	b.AppendString("version", h.osVersion)
	b.Close()
	b.OpenDoc("extra")
	if h.kernel != "" {
		b.AppendString("versionString", h.kernel)
	}
	b.AppendInt64("pageSize", int64(os.Getpagesize()))
	b.Close()
	return nil
}

// hostName returns the machine's name with the port of this member, as mongod calls itself.
func (d *Dispatcher) hostName() string {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	if port := d.port(); port != "" {
		return name + ":" + port
	}
	return name
}

// port returns the port that clients connect to, as far as a client has shown it.
func (d *Dispatcher) port() string {
	if me := d.set.View().Me(); me != "" {
		return me[strings.LastIndexByte(me, ':')+1:]
	}
	for _, c := range d.connections() {
		if i := strings.LastIndexByte(c.Local, ':'); i >= 0 {
			return c.Local[i+1:]
		}
	}
	return ""
}

func runCmdLine(_ context.Context, o *operation, _ *noArgs) error {
	argv, parsed := o.d.opts.Process.CommandLine()
	o.out.OpenArray("argv")
	for i, a := range argv {
		o.out.AppendString(document.Index(i), a)
	}
	o.out.Close()
	if parsed == nil {
		parsed = document.Empty
	}
	o.out.AppendDoc("parsed", parsed)
	return nil
}

type getLogArgs struct{ name string }

var getLogFields = newSchema("getLog", text("getLog", func(a *getLogArgs) *string { return &a.name }).require())

// logNames are the logs that can be asked for.
var logNames = []string{"global", "startupWarnings"}

func runGetLog(_ context.Context, o *operation, a *getLogArgs) error {
	b := &o.out
	switch {
	case a.name == "*":
		b.OpenArray("names")
		for i, name := range logNames {
			b.AppendString(document.Index(i), name)
		}
		b.Close()
		return nil
	case !slices.Contains(logNames, a.name):
		return mongoerr.New(mongoerr.OperationFailed, "No log named '%s'", a.name)
	}
	lines, total := o.d.opts.Process.LogLines(a.name)
	b.AppendInt32("totalLinesWritten", int32(total))
	b.OpenArray("log")
	for i, line := range lines {
		b.AppendString(document.Index(i), line)
	}
	b.Close()
	return nil
}

func runListCommands(_ context.Context, o *operation, _ *noArgs) error {
	o.out.OpenDoc("commands")
	for _, r := range o.d.sortedRows() {
		o.out.OpenDoc(r.name)
		o.out.AppendString("help", r.help)
		o.out.AppendBool("requiresAuth", !slices.Contains([]string{"hello", "isMaster", "ping"}, r.name))
		o.out.AppendBool("secondaryOk", r.runs == anyState || r.runs == whereReadable)
		o.out.AppendBool("adminOnly", r.adminOnly)
		o.out.OpenArray("apiVersions")
		if r.stableAPI {
			o.out.AppendString("0", "1")
		}
		o.out.Close()
		o.out.AppendArray("deprecatedApiVersions", document.Empty)
		o.out.Close()
	}
	o.out.Close()
	return nil
}

// sortedRows returns the commands that exist, by name.
func (d *Dispatcher) sortedRows() []*row {
	list := slices.DeleteFunc(slices.Clone(d.rows), func(r *row) bool { return d.table[r.name] == nil })
	slices.SortFunc(list, func(a, b *row) int { return strings.Compare(a.name, b.name) })
	return list
}

func runFeatures(_ context.Context, o *operation) error {
	o.out.OpenDoc("js")
	o.out.AppendBool("utf8", true)
	o.out.Close()
	h := fnv.New32a()
	fmt.Fprint(h, o.d.hostName())
	o.out.AppendInt64("oidMachine", int64(h.Sum32()))
	return nil
}

// runQueryOptions tells the flags of OP_QUERY that are understood.
func runQueryOptions(_ context.Context, o *operation) error {
	o.out.AppendInt32("options", 0b1111_0110)
	return nil
}
