// Morton is the server and its tools in one program. Called by the name mongod it is `morton serve`.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// Exit codes, mongod's where it has them.
const (
	exitClean      = 0
	exitFailed     = 1
	exitBadOptions = 2
	exitAbrupt     = 14  // the member cannot go on
	exitNetError   = 48  // an address cannot be listened on
	exitUncaught   = 100 // the data directory cannot be used
)

// invocation is a command line with the streams around it.
type invocation struct {
	argv    []string // of the process
	program string   // what to type before the options
	args    []string // after the subcommand
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
}

// subcommand is a row of the table of subcommands.
type subcommand struct {
	name  string
	short string
	run   func(*invocation) int
}

func subcommands() []subcommand {
	return []subcommand{
		{"up", "start a replica set on this machine", runUp},
		{"serve", "run one member; takes mongod's options", runServe},
		{"check", "compare the data of all members of a set", runCheck},
		{"status", "show the members of a set, their states and how far behind they are", runStatus},
		{"stepdown", "have the primary hand over to another member", runStepDown},
		{"dump-log", "print the log of a member that does not run", runDumpLog},
		{"bench", "measure a set, or Morton and mongod side by side", runBench},
		{"version", "print the version", runVersion},
	}
}

// run is the whole program. It returns the exit code.
func run(argv []string, stdin io.Reader, stdout, stderr io.Writer) int {
	i := &invocation{argv: argv, stdin: stdin, stdout: stdout, stderr: stderr}
	program := argv[0]
	if name := strings.TrimSuffix(filepath.Base(program), ".exe"); name == "mongod" {
		i.program, i.args = program, argv[1:]
		return runServe(i)
	}
	if len(argv) < 2 {
		fmt.Fprint(stderr, usage())
		return exitBadOptions
	}
	switch argv[1] {
	case "help", "-h", "--help":
		if len(argv) > 2 {
			return run([]string{program, argv[2], "--help"}, stdin, stdout, stderr)
		}
		fmt.Fprint(stdout, usage())
		return exitClean
	case "-v", "--version":
		argv[1] = "version"
	}
	for _, c := range subcommands() {
		if c.name == argv[1] {
			i.program, i.args = program+" "+c.name, argv[2:]
			return c.run(i)
		}
	}
	fmt.Fprintf(stderr, "There is no command %q.\ntry '%s --help' for more information\n", argv[1], program)
	return exitBadOptions
}

func usage() string {
	var b strings.Builder
	b.WriteString("Morton is a document database that speaks MongoDB's protocol and keeps its data on\na replica set.\n\nUsage: morton COMMAND [options]\n\nCommands:\n")
	for _, c := range subcommands() {
		fmt.Fprintf(&b, "  %-10s %s\n", c.name, c.short)
	}
	b.WriteString(`
Examples:
  morton up
  morton up --members 5 --ephemeral
  morton serve --dbpath /data/db --replSet foo
  morton serve --config /etc/mongod.conf
  morton status localhost:27017
  morton stepdown localhost:27017
  morton check localhost:27017

Each command has its own --help. A link named mongod to this program is 'morton serve'.
`)
	return b.String()
}
