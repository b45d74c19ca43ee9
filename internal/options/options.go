package options

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/replset"
)

// Options is what a server is started with.
type Options struct {
	Help, Version, Shutdown bool // asked for instead of a server

	Port       int
	BindIP     []string // names and addresses; empty: localhost
	BindAll    bool     // all addresses instead
	IPv6       bool
	MaxConns   int
	UnixSocket bool
	SocketDir  string
	SocketMode uint32
	HTTP       bool // the console, at Port+1000

	DBPath         string
	Set            replset.SetOption
	OplogBytes     int64         // 0: the default
	OplogRetention time.Duration // and of so long a time at least
	CacheBytes     int64         // 0: the default
	SlowMS         int64
	JournalOff     bool // asked for, and not possible: refused in a set
	EnableTests    bool // enableTestCommands

	LogPath   string
	LogAppend bool
	LogReopen bool // rotation reopens the path
	LogUTC    bool
	Verbosity int
	Quiet     bool

	Fork    bool
	PIDFile string

	// Parameters is what --setParameter set, as text.
	Parameters map[string]string
	// Warnings is what was accepted without an effect, a sentence each.
	Warnings []string
	// Tree is the options as a configuration file would have them (getCmdLineOpts.parsed).
	Tree document.Doc
}

// Defaults of mongod.
const (
	DefaultPort      = 27017
	DefaultDBPath    = "/data/db"
	DefaultSlowMS    = 100
	DefaultMaxConns  = 1000000
	DefaultSocketDir = "/tmp"
	// ConsoleOffset is added to the port for the console's.
	ConsoleOffset = 1000
)

func defaults() *Options {
	return &Options{
		Port: DefaultPort, DBPath: DefaultDBPath, SlowMS: DefaultSlowMS, MaxConns: DefaultMaxConns,
		UnixSocket: true, SocketDir: DefaultSocketDir, SocketMode: 0o700, Parameters: map[string]string{},
	}
}

// Error is a mistake in the options.
type Error struct {
	Message string
	Code    int // the exit code
}

func (e *Error) Error() string { return e.Message }

// ExitBadOptions is the exit code for options that are wrong.
const ExitBadOptions = 2

func errorf(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Code: ExitBadOptions}
}

// badValue is the error for a value that was understood and cannot be used.
func badValue(format string, args ...any) *Error {
	return errorf("BadValue: "+format, args...)
}

// Parse reads a command line without the program's name, and the configuration file that it names through readFile. The
// error is an [*Error].
func Parse(args []string, readFile func(path string) ([]byte, error)) (*Options, error) {
	line, err := parseLine(args)
	if err != nil {
		return nil, err
	}
	o := defaults()
	o.Help, o.Version, o.Shutdown = line.has("help"), line.has("version"), line.has("shutdown")
	if o.Help || o.Version {
		return o, nil
	}
	given := map[string]given{}
	if path, ok := line.value("config"); ok {
		if given, err = readConfig(path, readFile); err != nil {
			return nil, err
		}
	}
	if err := line.override(given); err != nil {
		return nil, err
	}
	if err := o.apply(given); err != nil {
		return nil, err
	}
	if err := o.check(given); err != nil {
		return nil, err
	}
	o.Tree = tree(given)
	return o, nil
}

// given is a setting's value and where it was given.
type given struct {
	setting *setting
	path    string // in the tree: the flag and the file's key of --replSet differ
	flag    *flag  // nil in a file
	value   value
}

// label is how mongod's errors call the setting: by the flag, or by the path in a file.
func (g given) label() string {
	if g.flag != nil {
		return g.flag.name
	}
	return g.path
}

// name is how it was written, without the value.
func (g given) name() string {
	if g.flag != nil {
		return "--" + g.flag.name
	}
	return g.path
}

// written is how it was written.
func (g given) written() string {
	switch {
	case g.flag == nil:
		return g.path + ": " + g.value.text
	case g.flag.isSwitch:
		return "--" + g.flag.name
	}
	return "--" + g.flag.name + " " + g.value.text
}

// apply puts what was given into o, in the order of the table.
func (o *Options) apply(list map[string]given) error {
	all := make([]given, 0, len(list))
	for _, g := range list {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b given) int {
		return cmp.Or(cmp.Compare(a.setting.row, b.setting.row), cmp.Compare(a.path, b.path))
	})
	for _, g := range all {
		if err := g.setting.apply(o, g); err != nil {
			return err
		}
	}
	return nil
}

// check refuses what does not go together.
func (o *Options) check(list map[string]given) error {
	has := func(path string) bool { _, ok := list[path]; return ok }
	switch {
	case o.Fork && o.LogPath == "":
		return badValue("--fork has to be used with --logpath or --syslog")
	case o.LogReopen && !o.LogAppend:
		return badValue("logAppend must equal true if logRotate is set to reopen")
	case o.JournalOff && o.Set.Name != "":
		return badValue("--nojournal is not possible with --replSet: a member's log is its promise to the others. Leave it out")
	case list["systemLog.destination"].value.text == "file" && o.LogPath == "":
		return badValue("systemLog.destination: file needs systemLog.path")
	case has("systemLog.logAppend") && o.LogAppend && o.LogPath == "":
		o.warn("--logappend has no effect without --logpath")
	}
	return nil
}

func (o *Options) warn(format string, args ...any) {
	o.Warnings = append(o.Warnings, fmt.Sprintf(format, args...))
}

// tree nests what was given by its paths, sorted as mongod sorts them.
func tree(list map[string]given) document.Doc {
	paths := make([]string, 0, len(list))
	byPath := map[string]value{}
	for _, g := range list {
		paths = append(paths, g.path)
		byPath[g.path] = g.value
	}
	slices.Sort(paths)
	var b document.Builder
	b.Reset(nil)
	var open []string
	for _, path := range paths {
		parts := strings.Split(path, ".")
		parents := parts[:len(parts)-1]
		common := 0
		for common < min(len(open), len(parents)) && open[common] == parents[common] {
			common++
		}
		for range open[common:] {
			b.Close()
		}
		for _, part := range parents[common:] {
			b.OpenDoc(part)
		}
		open = parents
		byPath[path].append(&b, parts[len(parts)-1])
	}
	for range open {
		b.Close()
	}
	return b.Finish()
}
