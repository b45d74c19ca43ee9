package auth

import (
	"errors"
	"fmt"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Dialog is the authentication of one connection:
//
//	d := client.NewDialog()
//	d.AppendHello(&hello)                    // the fields that save round trips
//	next, err := d.Begin(helloReply)
//	for err == nil && next != nil {
//		next, err = d.Next(send(next))   // a command, with its $db
//	}
//
// After an error the connection is of no use.
type Dialog struct {
	client   *Client
	conv     Conversation // nil before there is one, and with X.509
	by       string       // the mechanism of conv
	asked    bool         // hello had the first command
	verified bool         // conv is done
}

// NewDialog returns a dialog that has not begun.
func (c *Client) NewDialog() *Dialog { return &Dialog{client: c} }

// AppendHello appends to a hello command what lets its reply be the first of the authentication: the question for the user's mechanisms, if
// none was asked for, and the first command, where the server may be told that before it is known.
func (d *Dialog) AppendHello(b *document.Builder) {
	who := d.client.who
	if who.Mechanism == "" {
		b.AppendString("saslSupportedMechs", who.Source+"."+who.Username)
	}
	if who.Mechanism == Plain {
		return // a hello with a password in it would be too much
	}
	if who.Mechanism != X509 && d.start(withDefault(who.Mechanism, SCRAMSHA256)) != nil {
		return // Begin starts what can be started
	}
	d.asked = true
	b.OpenDoc("speculativeAuthenticate")
	if who.Mechanism == X509 {
		d.appendX509(b)
	} else {
		d.appendStart(b)
	}
	b.AppendString("db", who.Source)
	b.Close()
}

// Begin takes the reply to hello and returns the first command, nil if nothing is left to do.
func (d *Dialog) Begin(hello document.Doc) (document.Doc, error) {
	if reply := hello.Lookup("speculativeAuthenticate"); d.asked && reply.Type == document.TypeDocument {
		if d.client.who.Mechanism == X509 {
			return nil, nil
		}
		return d.advance(reply.Doc())
	}
	var b document.Builder
	if d.client.who.Mechanism == X509 {
		d.appendX509(&b)
		return d.finish(&b), nil
	}
	if err := d.start(withDefault(d.client.who.Mechanism, Choose(mechanismsOf(hello)))); err != nil {
		return nil, d.explain(err)
	}
	d.appendStart(&b)
	return d.finish(&b), nil
}

// Next takes the reply to the last command and returns the next one, nil if the connection is authenticated.
func (d *Dialog) Next(reply document.Doc) (document.Doc, error) {
	if !reply.Lookup("ok").Truthy() {
		return nil, d.explain(errorOf(reply))
	}
	if d.client.who.Mechanism == X509 {
		return nil, nil
	}
	return d.advance(reply)
}

func mechanismsOf(hello document.Doc) (names []string) {
	for it := hello.Lookup("saslSupportedMechs").Doc().Iter(); it.Next(); {
		names = append(names, it.Value().Str())
	}
	return names
}

func (d *Dialog) start(mechanism string) (err error) {
	d.by, d.verified = mechanism, false
	d.conv, err = d.client.NewConversation(mechanism)
	return err
}

// appendStart appends saslStart, without its database.
func (d *Dialog) appendStart(b *document.Builder) {
	mechanism, payload := d.conv.Start()
	b.AppendInt32("saslStart", 1)
	b.AppendString("mechanism", mechanism)
	b.AppendBinary("payload", 0, payload)
	b.OpenDoc("options")
	b.AppendBool("skipEmptyExchange", true)
	b.Close()
}

// appendX509 appends authenticate, without its database. The server takes the user from the certificate, and compares with the name if there is one.
func (d *Dialog) appendX509(b *document.Builder) {
	d.by = X509
	b.AppendInt32("authenticate", 1)
	b.AppendString("mechanism", X509)
	if d.client.who.Username != "" {
		b.AppendString("user", d.client.who.Username)
	}
}

func (d *Dialog) finish(b *document.Builder) document.Doc {
	b.AppendString("$db", d.client.who.Source)
	return b.Finish()
}

// advance takes a reply of the conversation. Whoever says that it is over, the client believes only what it has verified.
func (d *Dialog) advance(reply document.Doc) (document.Doc, error) {
	var payload []byte
	over := reply.Lookup("done").Truthy()
	if !d.verified {
		_, server := reply.Lookup("payload").Binary()
		var err error
		if payload, d.verified, err = d.conv.Step(server); err != nil {
			return nil, d.explain(err)
		}
	} else if !over {
		return nil, d.explain(errors.New("the server does not end the conversation"))
	}
	switch {
	case over && d.verified:
		return nil, nil
	case over:
		return nil, d.explain(errors.New("the server ended the conversation before it proved that it knows the user"))
	}
	var b document.Builder
	b.AppendInt32("saslContinue", 1)
	b.AppendValue("conversationId", reply.Lookup("conversationId"))
	b.AppendBinary("payload", 0, payload)
	return d.finish(&b), nil
}

// errorOf returns the error that a reply is.
func errorOf(reply document.Doc) error {
	code, _ := reply.Lookup("code").ToInt64()
	e := mongoerr.New(mongoerr.Code(code), "%s", reply.Lookup("errmsg").Str())
	for it := reply.Lookup("errorLabels").Doc().Iter(); it.Next(); {
		e = e.WithLabels(it.Value().Str())
	}
	return e
}

// explain says whose authentication failed, and what to look at. The password is in no error.
func (d *Dialog) explain(err error) error {
	who := d.client.who
	hint := ""
	if mongoerr.CodeOf(err) == mongoerr.AuthenticationFailed {
		hint = " (check the user name, the password and authSource, the database that has the user)"
	}
	return fmt.Errorf("authentication as %q of %q by %s failed: %w%s", who.Username, who.Source, d.by, err, hint)
}
