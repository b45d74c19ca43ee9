package auth

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xdg-go/scram"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// server is the other side of dialogs, for one user; what it does not do right is up to its fields.
type server struct {
	mechanism string
	password  string
	legacy    bool // knows neither speculative commands nor skipEmptyExchange
	liar      bool // ends conversations before it proves anything
	endless   bool // never ends one
	commands  []string
	conv      *scram.ServerConversation
}

func newServer(t *testing.T, s server) *server {
	t.Helper()
	who := Credential{Username: "alice", Password: s.password}
	keys := newSHA1Keys(who, fixed("s"))
	hash := scram.SHA1
	if s.mechanism == SCRAMSHA256 {
		hash = scram.SHA256
		keys, _ = newSHA256Keys(who, fixed("s"))
	}
	stored, err := keys.client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "salt", Iters: 4096})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := hash.NewServer(func(name string) (scram.StoredCredentials, error) {
		if name != "alice" {
			return stored, errors.New("unknown")
		}
		return stored, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.conv = srv.NewConversation()
	return &s
}

// hello answers the hello that the dialog adds its fields to.
func (s *server) hello(hello document.Doc) document.Doc {
	var b document.Builder
	b.AppendDouble("ok", 1)
	if !hello.Lookup("saslSupportedMechs").IsMissing() {
		b.OpenArray("saslSupportedMechs")
		b.AppendString("0", s.mechanism)
		b.Close()
	}
	if spec := hello.Lookup("speculativeAuthenticate").Doc(); !spec.IsEmpty() && !s.legacy && spec.Lookup("mechanism").Str() == s.mechanism {
		b.AppendDoc("speculativeAuthenticate", s.run(spec))
	}
	return b.Finish()
}

func (s *server) run(command document.Doc) document.Doc {
	s.commands = append(s.commands, command.First().Key)
	_, payload := command.Lookup("payload").Binary()
	var b document.Builder
	b.AppendInt32("conversationId", 7)
	switch {
	case s.endless && s.conv.Valid():
		b.AppendBool("done", false)
	case s.conv.Valid() && command.First().Key == "saslContinue":
		b.AppendBool("done", true)
	default:
		if command.First().Key == "saslContinue" && command.Lookup("conversationId").Int32() != 7 {
			return document.Doc(nil)
		}
		out, err := s.conv.Step(string(payload))
		if err != nil {
			return failed(mongoerr.New(mongoerr.AuthenticationFailed, "Authentication failed."))
		}
		b.AppendBool("done", s.liar || s.conv.Valid() && !s.legacy && !s.endless)
		b.AppendBinary("payload", 0, []byte(out))
	}
	b.AppendDouble("ok", 1)
	return b.Finish()
}

func failed(e *mongoerr.Error) document.Doc {
	var b document.Builder
	e.AppendTo(&b)
	return b.Finish()
}

// talk runs a dialog to its end.
func talk(c *Client, s *server) error {
	d := c.NewDialog()
	var hello document.Builder
	hello.AppendInt32("hello", 1)
	d.AppendHello(&hello)
	next, err := d.Begin(s.hello(hello.Finish()))
	for rounds := 0; err == nil && next != nil; rounds++ {
		if rounds == 10 {
			return errors.New("the dialog does not end")
		}
		next, err = d.Next(s.run(next))
	}
	return err
}

func mustClient(t *testing.T, who Credential) *Client {
	t.Helper()
	c, err := NewClient(who, fixed("nonce"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestDialogs shows which commands reach the server, by what it knows and by what the client was told.
func TestDialogs(t *testing.T) {
	const refused = `authentication as "alice" of "db" by %s failed: Authentication failed. (check the user name, the password and authSource, the database that has the user)`
	for _, c := range []struct {
		name      string
		asked     string // the client's mechanism
		password  string
		server    server
		commands  string
		wantError string
	}{
		{name: "the best", server: server{mechanism: SCRAMSHA256}, commands: "saslStart saslContinue"},
		{name: "the older", server: server{mechanism: SCRAMSHA1}, commands: "saslStart saslContinue"},
		{name: "SCRAM-SHA-1", asked: SCRAMSHA1, server: server{mechanism: SCRAMSHA1}, commands: "saslStart saslContinue"},
		{name: "SCRAM-SHA-256", asked: SCRAMSHA256, server: server{mechanism: SCRAMSHA256}, commands: "saslStart saslContinue"},
		{name: "legacy", server: server{mechanism: SCRAMSHA256, legacy: true}, commands: "saslStart saslContinue saslContinue"},
		{name: "legacy SCRAM-SHA-1", server: server{mechanism: SCRAMSHA1, legacy: true}, commands: "saslStart saslContinue saslContinue"},
		{name: "wrong password", password: "sesame", server: server{mechanism: SCRAMSHA256}, commands: "saslStart saslContinue", wantError: fmt.Sprintf(refused, SCRAMSHA256)},
		{name: "wrong password, legacy", password: "sesame", server: server{mechanism: SCRAMSHA1, legacy: true}, commands: "saslStart saslContinue", wantError: fmt.Sprintf(refused, SCRAMSHA1)},
		{name: "liar", server: server{mechanism: SCRAMSHA256, liar: true}, commands: "saslStart",
			wantError: `authentication as "alice" of "db" by SCRAM-SHA-256 failed: the server ended the conversation before it proved that it knows the user`},
		{name: "endless", server: server{mechanism: SCRAMSHA256, endless: true}, commands: "saslStart saslContinue saslContinue",
			wantError: `authentication as "alice" of "db" by SCRAM-SHA-256 failed: the server does not end the conversation`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.server.password = "open"
			s := newServer(t, c.server)
			err := talk(mustClient(t, Credential{Username: "alice", Password: withDefault(c.password, "open"), Source: "db", Mechanism: c.asked}), s)
			if got := fmt.Sprint(err); got != withDefault(c.wantError, "<nil>") {
				t.Errorf("error is\n%s, want\n%s", got, withDefault(c.wantError, "<nil>"))
			}
			if strings.HasPrefix(c.name, "wrong") && mongoerr.CodeOf(err) != mongoerr.AuthenticationFailed {
				t.Errorf("the code is %d", mongoerr.CodeOf(err))
			}
			if got := strings.Join(s.commands, " "); got != c.commands {
				t.Errorf("commands are %s, want %s", got, c.commands)
			}
		})
	}
}

// TestCommands holds the documents that the client sends.
func TestCommands(t *testing.T) {
	for _, c := range []struct {
		name         string
		who          Credential
		hello, begin string
	}{
		{
			"default", Credential{Username: "alice", Password: "open"},
			`{"saslSupportedMechs":"admin.alice","speculativeAuthenticate":{"saslStart":{"$numberInt":"1"},"mechanism":"SCRAM-SHA-256","payload":{"$binary":{"base64":"biwsbj1hbGljZSxyPW5vbmNl","subType":"00"}},"options":{"skipEmptyExchange":true},"db":"admin"}}`,
			`{"saslStart":{"$numberInt":"1"},"mechanism":"SCRAM-SHA-1","payload":{"$binary":{"base64":"biwsbj1hbGljZSxyPW5vbmNl","subType":"00"}},"options":{"skipEmptyExchange":true},"$db":"admin"}`,
		},
		{
			"password that SCRAM-SHA-256 refuses", Credential{Username: "alice", Password: "\u0007"},
			`{"saslSupportedMechs":"admin.alice"}`,
			`{"saslStart":{"$numberInt":"1"},"mechanism":"SCRAM-SHA-1","payload":{"$binary":{"base64":"biwsbj1hbGljZSxyPW5vbmNl","subType":"00"}},"options":{"skipEmptyExchange":true},"$db":"admin"}`,
		},
		{
			"X.509", Credential{Username: "CN=alice", Mechanism: X509},
			`{"speculativeAuthenticate":{"authenticate":{"$numberInt":"1"},"mechanism":"MONGODB-X509","user":"CN=alice","db":"$external"}}`,
			`{"authenticate":{"$numberInt":"1"},"mechanism":"MONGODB-X509","user":"CN=alice","$db":"$external"}`,
		},
		{
			"X.509 without a name", Credential{Mechanism: X509},
			`{"speculativeAuthenticate":{"authenticate":{"$numberInt":"1"},"mechanism":"MONGODB-X509","db":"$external"}}`,
			`{"authenticate":{"$numberInt":"1"},"mechanism":"MONGODB-X509","$db":"$external"}`,
		},
		{
			"plain", Credential{Username: "alice", Password: "open", Mechanism: Plain},
			`{}`,
			`{"saslStart":{"$numberInt":"1"},"mechanism":"PLAIN","payload":{"$binary":{"base64":"AGFsaWNlAG9wZW4=","subType":"00"}},"options":{"skipEmptyExchange":true},"$db":"$external"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := mustClient(t, c.who).NewDialog()
			var hello document.Builder
			d.AppendHello(&hello)
			if diff := cmp.Diff(mustJSON(t, c.hello).String(), hello.Finish().String()); diff != "" {
				t.Errorf("hello (-want +got):\n%s", diff)
			}
			begin, err := d.Begin(document.Empty)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(mustJSON(t, c.begin).String(), begin.String()); diff != "" {
				t.Errorf("begin (-want +got):\n%s", diff)
			}
		})
	}
}

func mustJSON(t *testing.T, text string) document.Doc {
	t.Helper()
	d, err := document.FromJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestOneCommandMechanisms shows how X.509 and PLAIN end, well and badly.
func TestOneCommandMechanisms(t *testing.T) {
	ok := `{"ok":1,"done":true,"conversationId":1,"payload":{"$binary":{"base64":"","subType":"00"}}}`
	for _, c := range []struct {
		who          Credential
		hello, reply string
		rounds       int
		fails        bool
	}{
		{Credential{Mechanism: X509}, `{"speculativeAuthenticate":{"dbname":"$external","user":"CN=a"}}`, "", 0, false},
		{Credential{Mechanism: X509}, `{}`, `{"ok":1,"dbname":"$external","user":"CN=a"}`, 1, false},
		{Credential{Mechanism: X509}, `{}`, `{"ok":0,"code":11,"errmsg":"Could not find user"}`, 1, true},
		{Credential{Username: "a", Password: "sesame", Mechanism: Plain}, `{}`, ok, 1, false},
		{Credential{Username: "a", Password: "sesame", Mechanism: Plain}, `{"speculativeAuthenticate":{"done":true}}`, ok, 1, false}, // it was not asked
		{Credential{Username: "a", Password: "sesame", Mechanism: Plain}, `{}`, `{"ok":0,"code":18,"errmsg":"Authentication failed."}`, 1, true},
	} {
		d := mustClient(t, c.who).NewDialog()
		var hello document.Builder
		d.AppendHello(&hello)
		next, err := d.Begin(mustJSON(t, c.hello))
		rounds := 0
		for err == nil && next != nil {
			rounds++
			next, err = d.Next(mustJSON(t, c.reply))
		}
		if rounds != c.rounds || (err != nil) != c.fails {
			t.Errorf("%s, %s: %d commands, %v; want %d, fails %t", c.who, c.hello, rounds, err, c.rounds, c.fails)
		}
		if err != nil && strings.Contains(err.Error(), "sesame") {
			t.Error(err)
		}
	}
}

// TestErrorsKeepTheReply shows that code and labels of a reply are in the error.
func TestErrorsKeepTheReply(t *testing.T) {
	d := mustClient(t, Credential{Username: "a"}).NewDialog()
	_, err := d.Next(mustJSON(t, `{"ok":0,"code":91,"errmsg":"stopping","errorLabels":["RetryableWriteError"]}`))
	if e := mongoerr.From(err); e.Code != mongoerr.ShutdownInProgress || !e.HasLabel(mongoerr.LabelRetryableWrite) {
		t.Errorf("code %d, labels %q", e.Code, e.Labels)
	}
}

// TestCredentials shows what is refused before anything is sent, and that a credential prints without its password.
func TestCredentials(t *testing.T) {
	for want, who := range map[string]Credential{
		`the authentication mechanism "MONGODB-AWS" is not supported; there are SCRAM-SHA-256, SCRAM-SHA-1, MONGODB-X509 and PLAIN`: {Username: "a", Mechanism: "MONGODB-AWS"},
		"authentication needs a user name": {Password: "p"},
		errPassword.Error():                {Username: "a", Password: "\u0007", Mechanism: SCRAMSHA256},
	} {
		if _, err := NewClient(who, fixed("n")); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", who, err, want)
		}
	}
	who := Credential{Username: "a", Password: "sesame", Source: "b", Mechanism: Plain}
	if got := fmt.Sprintf("%v %+v", who, &who); strings.Contains(got, "sesame") {
		t.Error(got)
	}
	if c := mustClient(t, Credential{Mechanism: X509}); func() bool { _, err := c.NewConversation(X509); return err == nil }() {
		t.Error("X.509 is no conversation")
	}
}

// FuzzDialog shows that no reply panics or authenticates a server that cannot know the user.
func FuzzDialog(f *testing.F) {
	for _, text := range []string{
		`{"ok":1,"saslSupportedMechs":["SCRAM-SHA-256"]}`,
		`{"ok":1,"done":true,"speculativeAuthenticate":{"done":true,"payload":{"$binary":{"base64":"cj1ub25jZTEscz1BQUFBLGk9NDA5Ng==","subType":"00"}}}}`,
		`{"ok":1,"conversationId":1,"payload":{"$binary":{"base64":"cj1ub25jZTEscz1BQUFBLGk9NDA5Ng==","subType":"00"}}}`,
		`{"ok":0,"errorLabels":[1]}`,
	} {
		d, err := document.FromJSON(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(d), []byte(d))
	}
	f.Fuzz(func(t *testing.T, hello, reply []byte) {
		if document.Validate(hello, 100) != nil || document.Validate(reply, 100) != nil {
			return
		}
		d := mustClient(t, Credential{Username: "a", Password: "b"}).NewDialog()
		var b document.Builder
		d.AppendHello(&b)
		next, err := d.Begin(hello)
		for rounds := 0; err == nil && next != nil; rounds++ {
			if rounds == 10 {
				t.Fatal("the dialog does not end")
			}
			next, err = d.Next(reply)
		}
		if err == nil {
			t.Fatalf("authenticated by %s and %s", document.Doc(hello), document.Doc(reply))
		}
	})
}
