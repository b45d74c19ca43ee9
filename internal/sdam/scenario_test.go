package sdam

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expected output in testdata")

// TestScenarios runs the commands in testdata/*.txt and compares what they print, which stands below each, indented. A
// command is a verb, its arguments, and name=value options:
//
//	new SEED,SEED               replicaSet= direct srvMaxHosts=
//	hello ADDRESS KIND          set= hosts= passives= arbiters= me= primary= election= version= wire= minWire= tv=PROCESS/COUNTER tags=NAME:VALUE write= at= rtt= sessions=
//	check ADDRESS ERROR         a check fails
//	fail ADDRESS ERROR          an operation fails: handshake generation= pool= wire= tv=
//	srv HOST,HOST               the SRV record has these hosts now
//	select write|MODE           tags= staleness= avoid= output
//	explain write|MODE          the same
//	preference ADDRESS …        what an operation tells the server, the same after the address
//	usable ADDRESS,ADDRESS      which of them operations may be sent to, and whether reads of any member and writes find a server
//	close
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			out := runScenarios(t, string(text))
			if *rewrite {
				if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(text), out); diff != "" {
				t.Errorf("- %s, + now (run with -rewrite and look at the difference):\n%s", file, diff)
			}
		})
	}
}

func runScenarios(t *testing.T, text string) string {
	s := &scenario{t: t}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "  ") { // output
			continue
		}
		s.out.WriteString(line + "\n")
		if line != "" && !strings.HasPrefix(line, "#") {
			s.run(line)
		}
	}
	return s.out.String()
}

type scenario struct {
	t   *testing.T
	top *Topology
	out strings.Builder
}

// arguments are a command's words and options.
type arguments struct {
	words   []string
	options map[string]string
}

func parseArguments(line string) arguments {
	a := arguments{options: map[string]string{}}
	for _, word := range strings.Fields(line) {
		if name, value, ok := strings.Cut(word, "="); ok {
			a.options[name] = value
		} else {
			a.words = append(a.words, word)
		}
	}
	return a
}

func (s *scenario) run(line string) {
	a := parseArguments(line)
	verb := a.words[0]
	a.words = a.words[1:]
	switch verb {
	case "new":
		s.applied(New(Config{Seeds: a.list("", a.words[0]), ReplicaSet: a.options["replicaSet"], Direct: a.has("direct"), SRVMaxHosts: int(a.number("srvMaxHosts")),
			Heartbeat: 10 * time.Second, LocalThreshold: 15 * time.Millisecond}))
	case "hello":
		s.judged(s.top.JudgeCheck(a.hello()))
	case "check":
		s.judged(s.top.JudgeCheck(Failed(a.words[0], a.err(s.t), a.topologyVersion(), time.Time{})))
	case "fail":
		f := Failure{Err: a.err(s.t), TopologyVersion: a.topologyVersion(), Established: !a.has("handshake"), Generation: uint64(a.number("generation")), MaxWire: a.wire()}
		s.judged(s.top.Judge(a.words[0], f, uint64(a.number("pool")), time.Time{}))
	case "srv":
		s.applied(s.top.SetHosts(a.list("", a.words[0])))
	case "select":
		s.selected(a.request(s.t))
	case "explain":
		s.printf("%s", s.top.Explain(a.request(s.t)))
	case "preference":
		s.preference(a.words[0], arguments{a.words[1:], a.options}.request(s.t))
	case "usable":
		s.usable(a.list("", a.words[0]))
	case "close":
		s.applied(s.top.Close())
	default:
		s.t.Fatalf("no command %s", verb)
	}
}

func (s *scenario) printf(format string, args ...any) { fmt.Fprintf(&s.out, "  "+format+"\n", args...) }

func (s *scenario) applied(u Update) {
	for _, e := range u.Events {
		switch e := e.(type) {
		case TopologyOpened, TopologyClosed:
			s.printf("%s", strings.TrimPrefix(fmt.Sprintf("%T", e), "sdam."))
		case ServerOpened:
			s.printf("opened %s", e.Address)
		case ServerClosed:
			s.printf("closed %s", e.Address)
		case ServerChanged:
			s.printf("changed from %v: %v", e.Old.Kind, e.New)
		case TopologyChanged:
			s.printf("%s", printTopology(e.New))
		}
	}
	if len(u.CheckNow) > 0 {
		s.printf("check now %s", strings.Join(u.CheckNow, " "))
	}
	if len(u.ClearPool) > 0 {
		s.printf("clear pool of %s", strings.Join(u.ClearPool, " "))
	}
	if len(u.Events) == 0 {
		s.printf("no news")
	}
	s.top = u.Topology
}

func (s *scenario) judged(v Verdict) {
	if v.Server == nil {
		s.printf("ignored")
		return
	}
	s.applied(s.top.Apply(v.Server))
	var todo []string
	for _, x := range []struct {
		due  bool
		what string
	}{{v.ClearPool, "clear the pool"}, {v.InterruptInUse, "interrupt connections in use"}, {v.CancelCheck, "cancel the check"}, {v.CheckNow, "check now"}} {
		if x.due {
			todo = append(todo, x.what)
		}
	}
	if len(todo) > 0 {
		s.printf("%s", strings.Join(todo, ", "))
	}
}

// printTopology prints all that a topology says of itself.
func printTopology(t *Topology) string {
	text := t.String()
	if t.MaxSetVersion != 0 {
		text += fmt.Sprintf(" version %d", t.MaxSetVersion)
	}
	if !t.MaxElectionID.IsZero() {
		text += fmt.Sprintf(" election %d", t.MaxElectionID[11])
	}
	if t.SessionTimeout != 0 {
		text += fmt.Sprintf(" sessions %v", t.SessionTimeout)
	}
	if t.Incompatible != nil {
		text += "; " + t.Incompatible.Error()
	}
	return text
}

func (s *scenario) selected(r Request) {
	if _, err := s.top.Select(r, 0, idle); err != nil {
		s.printf("error: %v", err)
		return
	}
	suitable := addressesOf(s.top.Suitable(r))
	if suitable == "" {
		s.printf("none")
		return
	}
	s.printf("%s", suitable)
}

func (s *scenario) usable(addresses []string) {
	usable := slices.DeleteFunc(addresses, func(address string) bool { return !s.top.Usable(address) })
	s.printf("usable %v, readable %v, writable %v", usable, s.top.HasReadable(&ReadPreference{Mode: Nearest}), s.top.HasWritable())
}

func (s *scenario) preference(address string, r Request) {
	var b document.Builder
	if p := s.top.Preference(s.top.Server(address), r); p != nil {
		p.Append(&b)
	}
	s.printf("%s", b.Finish())
}

func (a arguments) has(word string) bool {
	for _, w := range a.words {
		if w == word {
			return true
		}
	}
	return false
}

func (a arguments) number(name string) int64 {
	n, _ := strconv.ParseInt(a.options[name], 10, 64)
	return n
}

func (a arguments) list(name, text string) []string {
	if name != "" {
		text = a.options[name]
	}
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func (a arguments) wire() int32 {
	if n := a.number("wire"); n != 0 {
		return int32(n)
	}
	return 17
}

func (a arguments) topologyVersion() (v TopologyVersion) {
	process, counter, ok := strings.Cut(a.options["tv"], "/")
	if ok {
		n, _ := strconv.Atoi(process)
		v.Process[11] = byte(n)
		v.Counter, _ = strconv.ParseInt(counter, 10, 64)
	}
	return v
}

// hello makes the reply and parses it.
func (a arguments) hello() *Server {
	var b document.Builder
	b.AppendInt32("ok", 1)
	kind := a.words[1]
	b.AppendBool("isWritablePrimary", kind == "primary" || kind == "standalone" || kind == "mongos")
	b.AppendBool("secondary", kind == "secondary")
	b.AppendBool("arbiterOnly", kind == "arbiter")
	b.AppendBool("hidden", kind == "hidden")
	b.AppendBool("isreplicaset", kind == "ghost")
	if kind == "mongos" {
		b.AppendString("msg", "isdbgrid")
	}
	for option, field := range map[string]string{"set": "setName", "me": "me", "primary": "primary"} {
		if a.options[option] != "" {
			b.AppendString(field, a.options[option])
		}
	}
	for _, option := range []string{"hosts", "passives", "arbiters"} {
		appendList(&b, option, a.list(option, ""))
	}
	if tags := a.list("tags", ""); tags != nil {
		b.OpenDoc("tags")
		for _, tag := range a.tags() {
			b.AppendString(tag.Name, tag.Value)
		}
		b.Close()
	}
	b.AppendInt64("setVersion", a.number("version"))
	b.AppendObjectID("electionId", document.ObjectID{11: byte(a.number("election"))})
	b.AppendInt32("minWireVersion", int32(a.number("minWire")))
	b.AppendInt32("maxWireVersion", a.wire())
	b.AppendInt64("logicalSessionTimeoutMinutes", a.number("sessions"))
	if a.options["tv"] != "" {
		b.AppendDoc("topologyVersion", a.topologyVersion().Document())
	}
	if a.options["write"] != "" {
		b.OpenDoc("lastWrite")
		b.AppendDate("lastWriteDate", a.number("write")*1000)
		b.Close()
	}
	return ParseHello(a.words[0], b.Finish(), RTT{}.Add(time.Duration(a.number("rtt"))*time.Millisecond), time.Unix(a.number("at"), 0))
}

func (a arguments) tags() (set TagSet) {
	for _, tag := range a.list("tags", "") {
		name, value, _ := strings.Cut(tag, ":")
		set = append(set, Tag{name, value})
	}
	return set
}

func (a arguments) request(t *testing.T) Request {
	r := Request{Output: a.has("output"), Avoid: a.list("avoid", "")}
	if a.words[0] == "write" {
		r.Write = true
	} else {
		r.Read = a.preference(t, a.words[0])
	}
	return r
}

func (a arguments) preference(t *testing.T, mode string) *ReadPreference {
	m, ok := ParseMode(mode)
	if !ok {
		t.Fatalf("no mode %s", mode)
	}
	p := &ReadPreference{Mode: m, MaxStaleness: time.Duration(a.number("staleness")) * time.Second}
	if tags := a.tags(); tags != nil {
		p.TagSets = []TagSet{tags}
	}
	return p
}

// err returns the error that a word stands for, as the network, TLS or a server gives it, wrapped as a client wraps it. A
// number is a server's code.
func (a arguments) err(t *testing.T) error {
	word := a.words[1]
	if code, err := strconv.Atoi(word); err == nil {
		e := mongoerr.New(mongoerr.Code(code), "%s", strings.ReplaceAll(a.options["message"], "_", " "))
		if label := a.options["label"]; label != "" {
			e = e.WithLabels(label)
		}
		return fmt.Errorf("hello: %w", e)
	}
	err, ok := map[string]error{
		"refused":     &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		"unreachable": &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)},
		"reset":       &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)},
		"nohost":      &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: a.words[0], IsNotFound: true}},
		"dns":         &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "server misbehaving", Name: a.words[0], IsTemporary: true}},
		"timeout":     os.ErrDeadlineExceeded,
		"deadline":    context.DeadlineExceeded,
		"canceled":    context.Canceled,
		"eof":         io.EOF,
		"plain":       tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"},
		"authority":   &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
		"hostname":    &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"db.example"}}, Host: "db1"}},
		"expired":     &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired, Detail: "in 2020"}},
		"other":       errors.New("the reply is garbage"),
	}[word]
	if !ok {
		t.Fatalf("no error %s", word)
	}
	return fmt.Errorf("connection 7: %w", err)
}
