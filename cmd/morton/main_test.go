package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/options"
)

// asProgram makes the test binary run as morton.
const asProgram = "MORTON_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Setenv(asProgram, "1") // for the processes that tests start
	os.Exit(m.Run())
}

// runLine runs a command line in this process.
func runLine(t *testing.T, argv ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(argv, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

// TestCommandLines is command lines that end at once: their exit codes and what they print.
func TestCommandLines(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, c := range []struct {
		args           string
		code           int
		stdout, stderr string // what is in them; empty: nothing may be
	}{
		{"morton", 2, "", "Usage: morton COMMAND"},
		{"morton --help", 0, "Usage: morton COMMAND", ""},
		{"morton help", 0, "morton up", ""},
		{"morton help up", 0, "Usage: morton up", ""},
		{"morton nonsense", 2, "", "There is no command \"nonsense\".\ntry 'morton --help' for more information\n"},
		{"morton version", 0, "morton 0.", ""},
		{"morton --version", 0, "(MongoDB 6.0.5)", ""},
		{"morton version x", 2, "", "takes no arguments"},
		{"morton version --help", 0, "Usage: morton version", ""},

		{"morton status --help", 0, "Usage: morton status", ""},
		{"morton status", 2, "", "give the address of one member at least"},
		{"morton status --once http://a", 2, "", "try 'morton status --help' for more information\n"},
		{"morton status --timeout 10ms 127.0.0.1:1", 1, "", "127.0.0.1:1 (connection refused: nothing listens there)"},
		{"morton status --timeout 10ms 127.0.0.1:1", 1, "", "\ntry 'morton up'\n"},
		{"morton status --interval -1s 127.0.0.1:1", 2, "", "--interval -1s: it must be above 0, such as 5s\ntry 'morton status --help' for more information\n"},
		{"morton check --timeout 10ms 127.0.0.1:1,127.0.0.1:2", 1, "", "\ntry 'morton status 127.0.0.1:1,127.0.0.1:2'\n"},
		{"morton check --timeout 10ms 127.0.0.1:1", 1, "", "127.0.0.1:1 (connection refused: nothing listens there)"},
		{"morton dump-log --help", 0, "Usage: morton dump-log", ""},
		{"morton dump-log", 2, "", "give the data directory"},
		{"morton dump-log " + missing, 1, "", missing + " has no log of a member: "},
		{"morton dump-log --from 5 --to 3 " + missing, 2, "", "--from 5 --to 3: the last entry comes before the first"},
		{"morton bench --help", 0, "Usage: morton bench", ""},
		{"morton bench --only (", 2, "", "missing closing )"},
		{"morton bench --only nonsense", 2, "", "--only nonsense: nothing is named so"},
		{"morton bench --mongod " + missing, 2, "", missing + ": no such file or directory\ntry 'morton bench --help'"},
		{"morton bench --conns 0", 2, "", "no number of connections"},
		{"morton bench a:1 b:2 c:3", 2, "", "two servers at most"},
		{"morton bench mongodb://u:p@a", 2, "", "leave out the user and TLS"},
		{"morton stepdown --help", 0, "Usage: morton stepdown", ""},
		{"morton stepdown a:1 b:2", 2, "", "try 'morton stepdown --help' for more information\n"},
		{"morton stepdown --timeout 10ms 127.0.0.1:1", 1, "", "127.0.0.1:1 (connection refused: nothing listens there)"},

		{"/usr/bin/mongod --help", 0, "Usage: /usr/bin/mongod [options]", ""},
		{"mongod.exe --help", 0, "Usage: mongod.exe [options]", ""},
		{"morton serve --help", 0, "Usage: morton serve [options]", ""},
		{"mongod --version", 0, "db version v6.0.5\nBuild Info: {\n    \"version\": \"6.0.5\",\n", ""},
		{"/usr/bin/mongod --x", 2, "", "Error parsing command line: unrecognised option '--x'\ntry '/usr/bin/mongod --help' for more information\n"},
		{"morton serve --x", 2, "", "try 'morton serve --help' for more information\n"},
		{"mongod --port 70000", 2, "", "BadValue: bad --port number\ntry 'mongod --help' for more information\n"},
		{"mongod --auth", 2, "", "BadValue: --auth is not supported: authentication is not available in this release."},
		{"mongod --tlsMode requireTLS", 2, "", "TLS is not available in this release."},
		{"mongod --config " + missing, 2, "", "Error opening config file '" + missing + "': "},
		{"mongod foo", 1, "", "Invalid command: foo\n"},
		{"mongod --shutdown --dbpath " + missing, 1, "", "There doesn't seem to be a server running with dbpath: " + missing + "\n"},

		{"morton up --help", 0, "--ephemeral", ""},
		{"morton up --members 8", 2, "", "--members 8: a set on one machine has 1 to 7\ntry 'morton up --help' for more information\n"},
		{"morton up --members x", 2, "", "invalid argument \"x\" for \"--members\""},
		{"morton up --port 64600", 2, "", "--port 64600: the set needs the ports 64600 to 64602, and up to 65602 for the console"},
		{"morton up --replSet a/b", 2, "", "--replSet \"a/b\": the name of the set, without / and spaces"},
		{"morton up --ephemeral --dbpath d", 2, "", "--ephemeral makes a directory of its own: leave out --dbpath"},
		{"morton up more", 2, "", "unexpected argument \"more\""},
	} {
		code, stdout, stderr := runLine(t, strings.Fields(c.args)...)
		if code != c.code || !has(stdout, c.stdout) || !has(stderr, c.stderr) {
			t.Errorf("%s: exit code %d, want %d\nstandard output: %s\nstandard error: %s", c.args, code, c.code, stdout, stderr)
		}
	}
}

func has(text, want string) bool {
	if want == "" {
		return text == ""
	}
	return strings.Contains(text, want)
}

func TestVersionIsJSONAfterTheFirstLine(t *testing.T) {
	_, out, _ := runLine(t, "mongod", "--version")
	_, build, ok := strings.Cut(out, "\nBuild Info: ")
	var info map[string]any
	if err := json.Unmarshal([]byte(build), &info); !ok || err != nil || info["version"] != "6.0.5" || info["morton"] == "" {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestLayoutIsKept shows that a set in a directory keeps its ports, members and name, and that contradicting options are refused.
func TestLayoutIsKept(t *testing.T) {
	dir := t.TempDir()
	o := upOptions{dbpath: dir, layout: layout{Version: 1, Set: "foo", Port: 30000, Members: 5}}
	if err := o.save(); err != nil {
		t.Fatal(err)
	}
	if _, _, stderr := runLine(t, "morton", "up", "--dbpath", dir, "--members", "3"); !strings.Contains(stderr, "the set in "+dir+" has --members 5: leave the option out") {
		t.Error(stderr)
	}
	if err := os.WriteFile(filepath.Join(dir, layoutFile), []byte(`{"version": 2}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := runLine(t, "morton", "up", "--dbpath", dir); code != exitBadOptions || !strings.Contains(stderr, "has version 2, this program knows up to 1") {
		t.Error(code, stderr)
	}
}

// TestBusyPortSaysWhatToType shows that what was given is kept in what is proposed where a port is busy.
func TestBusyPortSaysWhatToType(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	dir := filepath.Join(t.TempDir(), "a b")
	for _, c := range []struct {
		args []string
		want string // behind the port
	}{
		{[]string{"--dbpath", dir, "--members", "1"}, " --dbpath '" + dir + "'\n"},
		{[]string{"--ephemeral", "--replSet", "x", "--members", "1"}, " --replSet x --ephemeral=true\n"},
	} {
		code, _, stderr := runLine(t, append([]string{"morton", "up", "--port", port}, c.args...)...)
		if code != exitFailed || !strings.Contains(stderr, "port "+port+", for a member, is busy.") ||
			!strings.Contains(stderr, "\n    morton up --members 1 --port ") || !strings.HasSuffix(stderr, c.want) {
			t.Errorf("%v: exit code %d\n%s", c.args, code, stderr)
		}
	}
}

func TestBindAddresses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "127.0.0.1"},
		{"--ipv6", "127.0.0.1 ::1"},
		{"--bind_ip localhost,127.0.0.1", "127.0.0.1"},
		{"--bind_ip 127.0.0.2,127.0.0.1", "127.0.0.2 127.0.0.1"},
		{"--bind_ip_all", "0.0.0.0"},
		{"--bind_ip_all --ipv6", "0.0.0.0 ::"},
		{"--bind_ip ::1", "error"},
		{"--bind_ip ::1 --ipv6", "::1"},
		{"--bind_ip /tmp/x.sock", "/tmp/x.sock"},
		{"--bind_ip ,", "127.0.0.1"},
	} {
		o, err := options.Parse(strings.Fields(c.args), os.ReadFile)
		if err != nil {
			t.Fatal(err)
		}
		addrs, sockets, err := bindAddresses(o)
		var got []string
		for _, a := range addrs {
			got = append(got, a.String())
		}
		got = append(got, sockets...)
		if s := strings.Join(got, " "); (err != nil) != (c.want == "error") || err == nil && s != c.want {
			t.Errorf("%s: %s, error %v, want %s", c.args, s, err, c.want)
		}
	}
}

func TestShellCommand(t *testing.T) {
	if got := shellCommand([]string{"/a b/morton", "--replSet", "foo/a:1,b:2", "it's", ""}); got != `'/a b/morton' --replSet foo/a:1,b:2 'it'\''s' ''` {
		t.Error(got)
	}
}
