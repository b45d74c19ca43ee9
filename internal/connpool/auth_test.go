package connpool

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/mortondb/morton/internal/auth"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/wire"
)

// TestAuthentication shows the commands that the connections of a pool begin with, what a refusal and a lost
// connection become, and that those from Dial do not authenticate.
func TestAuthentication(t *testing.T) {
	who, err := auth.NewClient(auth.Credential{Username: "alice", Password: "open", Mechanism: auth.Plain}, rand.Text)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		answer func(m []byte) []byte
		check  func(e *Error) bool // nil: it succeeds
	}{
		{"taken", func(m []byte) []byte {
			return reply(m, doc(`{"conversationId": 1, "done": true, "payload": {"$binary": {"base64": "", "subType": "00"}}, "ok": 1.0}`))
		}, nil},
		{"refused", func(m []byte) []byte {
			return reply(m, doc(`{"ok": 0.0, "errmsg": "Authentication failed.", "code": 18}`))
		}, func(e *Error) bool {
			return !e.Network() && mongoerr.CodeOf(e) == mongoerr.AuthenticationFailed
		}},
		{"cut", func([]byte) []byte { return nil }, func(e *Error) bool { return e.Network() && !e.Timeout() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var commands []string
			s := newFakeServer(t)
			s.answer = func(m []byte) []byte {
				var msg wire.Msg
				if err := msg.Parse(m); err != nil {
					t.Error(err)
					return nil
				}
				if msg.Body.First().Key == "hello" {
					return reply(m, doc(helloReply))
				}
				commands = append(commands, msg.Body.String())
				return tt.answer(m)
			}
			o := s.options()
			o.Auth, o.ServerAPI = who, &ServerAPI{Version: "1"}
			var failed *Error
			o.Failed = func(err *Error) { failed = err }
			p := newPool(t, o)
			_, err := p.Get(context.Background())
			var e *Error
			switch {
			case tt.check == nil:
				if err != nil {
					t.Error(err)
				}
			case !errors.As(err, &e) || e.Op != OpAuth || !e.Handshake() || e != failed || !tt.check(e):
				t.Errorf("got %#v, and %#v before", err, failed)
			}
			const want = `{"saslStart":1,"mechanism":"PLAIN","payload":{"$binary":{"base64":"AGFsaWNlAG9wZW4=","subType":"00"}},"options":{"skipEmptyExchange":true},"$db":"$external","apiVersion":"1"}`
			if len(commands) != 1 || commands[0] != want {
				t.Errorf("got %s", commands)
			}
			c, err := Dial(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			if len(commands) != 1 {
				t.Errorf("a connection from Dial sent %s", commands[1:])
			}
		})
	}
}

// TestSpeculativeAuthentication shows that hello carries the first command, so that SCRAM costs one round trip more.
func TestSpeculativeAuthentication(t *testing.T) {
	who, err := auth.NewClient(auth.Credential{Username: "alice", Password: "open"}, rand.Text)
	if err != nil {
		t.Fatal(err)
	}
	c := Conn{opts: &Options{Auth: who}}
	hello := c.greeting(who.NewDialog())
	if hello.Lookup("saslSupportedMechs").Str() != "admin.alice" || hello.LookupPath("speculativeAuthenticate.mechanism").Str() != auth.SCRAMSHA256 {
		t.Errorf("got %s", hello)
	}
	if err := document.Validate(hello, 10); err != nil {
		t.Error(err)
	}
}
