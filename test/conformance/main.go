// Command conformance replays commands that a real mongod answered, and compares what Morton answers.
//
//	go run ./test/conformance run [-server PATH|URI] [-topic GLOB] [-list N] [-errmsg] [-rewrite]
//	go run ./test/conformance record -server URI FILE...
//	go run ./test/conformance table [-check]
//
// README.md beside this file says what a case looks like, and what to do when the run fails.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mortondb/morton/test/process"
)

// settings are the flags.
type settings struct {
	server   string
	dir      string
	readme   string
	topic    string
	list     int
	messages bool
	rewrite  bool
	check    bool
	files    []string
}

var commands = map[string]func(settings) error{"run": runCorpus, "record": record, "table": table}

func main() {
	var s settings
	flags := flag.NewFlagSet("conformance", flag.ExitOnError)
	flags.StringVar(&s.server, "server", "./morton", "a binary to start as a set of one member, or the mongodb:// URI of a primary")
	flags.StringVar(&s.dir, "dir", "test/conformance", "folder of cases/, differences.json and pending.json")
	flags.StringVar(&s.readme, "readme", "README.md", "page with the table of what works")
	flags.StringVar(&s.topic, "topic", "", "run: only the topics that match, such as 'query/*'")
	flags.IntVar(&s.list, "list", 20, "run: how many failures to print")
	flags.BoolVar(&s.messages, "errmsg", false, "run: compare error messages too; pending.json says nothing of them, so every difference is printed and none fails")
	flags.BoolVar(&s.rewrite, "rewrite", false, "run: write what fails now into pending.json, and the table")
	flags.BoolVar(&s.check, "check", false, "table: fail when the page holds another table")
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: conformance run|record|table [flags]")
		flags.PrintDefaults()
		os.Exit(2)
	}
	_ = flags.Parse(os.Args[2:])
	s.files = flags.Args()
	if err := commands[os.Args[1]](s); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func (s *settings) cases() string       { return filepath.Join(s.dir, "cases") }
func (s *settings) pending() string     { return filepath.Join(s.dir, "pending.json") }
func (s *settings) differences() string { return filepath.Join(s.dir, "differences.json") }

// withServer calls f with the address of the server: one that runs already, or one that is started and ended here.
func withServer(what string, f func(address string) error) error {
	if hosts, ok := strings.CutPrefix(what, "mongodb://"); ok {
		hosts, _, _ = strings.Cut(hosts, "/")
		hosts, _, _ = strings.Cut(hosts, ",")
		return f(hosts)
	}
	member, err := process.StartMember(what)
	if err != nil {
		return err
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- f(member.Address) }()
	select {
	case err = <-done:
	case <-interrupted:
		err = errors.New("interrupted")
	}
	if err == nil && !member.Running() {
		err = errors.New("the member is gone")
	}
	member.Close()
	return err
}
