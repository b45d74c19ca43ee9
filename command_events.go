package morton

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/connpool"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// secret reports whether a command's fields and answer are nobody's business (specification "Command Logging and Monitoring").
func (r *request) secret(msg []byte) bool {
	switch strings.ToLower(r.name) {
	case "hello", "ismaster":
		var m wire.Msg
		return m.Parse(msg) != nil || m.Body.Lookup("speculativeAuthenticate").Type != document.TypeMissing
	case "authenticate", "saslstart", "saslcontinue", "getnonce", "createuser", "updateuser", "copydbgetnonce", "copydbsaslstart", "copydb":
		return true
	}
	return false
}

// commandStarted tells those who listen, and returns what tells them of the end.
func (c *Client) commandStarted(ctx context.Context, r *request, conn *connpool.Conn, msg []byte) (finish func(error)) {
	started := &CommandEvent{
		Kind: "CommandStarted", Name: r.name, Database: r.db, RequestID: int64(wire.ParseHeader(msg).RequestID), Address: r.target.address,
		ConnectionID: conn.ID(), ServerConnectionID: conn.Hello().ServerConnectionID, Command: bson.Raw(document.Empty),
	}
	hidden := r.secret(msg)
	if !hidden {
		started.Command = wholeCommand(msg)
	}
	if c.config.Monitor.Command != nil {
		c.config.Monitor.Command(started)
	}
	if l := c.config.Logger; l != nil && l.Enabled(ctx, slog.LevelDebug) {
		l.LogAttrs(ctx, slog.LevelDebug, started.Kind, started.attrs()...)
	}
	var traced func(error)
	if c.config.Monitor.Trace != nil {
		traced = c.config.Monitor.Trace(ctx, started)
	}
	began := time.Now()
	return func(err error) {
		c.commandFinished(ctx, r, *started, hidden, err, time.Since(began))
		if traced != nil {
			traced(err)
		}
	}
}

func (c *Client) commandFinished(ctx context.Context, r *request, e CommandEvent, hidden bool, err error, took time.Duration) {
	e.Kind, e.Command, e.Duration = "CommandSucceeded", nil, took
	if err != nil && !(r.answer.ok && len(r.reply.Body) > 0) {
		e.Kind, e.Err = "CommandFailed", err
	}
	switch {
	case hidden:
		e.Reply, e.Err = bson.Raw(document.Empty), hide(e.Err)
	case len(r.reply.Body) > 0:
		e.Reply = bson.Raw(r.reply.Body.Clone())
	case r.mute:
		b := document.NewBuilder(nil)
		b.AppendInt32("ok", 1)
		e.Reply = bson.Raw(b.Finish())
	}
	if c.config.Monitor.Command != nil {
		c.config.Monitor.Command(&e)
	}
	if l := c.config.Logger; l != nil && l.Enabled(ctx, slog.LevelDebug) {
		attrs := append(e.attrs(), slog.Duration("took", took))
		if e.Err != nil {
			attrs = append(attrs, slog.Any("error", e.Err))
		}
		l.LogAttrs(ctx, slog.LevelDebug, e.Kind, attrs...)
	}
}

// attrs are what the log says of each command. What is in commands and replies belongs to the program and is not logged.
func (e *CommandEvent) attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("command", e.Name), slog.String("database", e.Database), slog.String("address", e.Address),
		slog.Int64("requestId", e.RequestID), slog.Int64("connectionId", e.ConnectionID),
	}
	if e.ServerConnectionID != 0 {
		attrs = append(attrs, slog.Int64("serverConnectionId", e.ServerConnectionID))
	}
	return attrs
}

// hide returns the server's error about a command that is nobody's business without the words, which may repeat parts of it.
func hide(err error) error {
	var answer *CommandError
	if !errors.As(err, &answer) {
		return err
	}
	return &CommandError{Code: answer.Code, Name: answer.Name, Labels: answer.Labels, Address: answer.Address}
}

// wholeCommand returns a command with its documents in one.
func wholeCommand(msg []byte) bson.Raw {
	var m wire.Msg
	if err := m.Parse(msg); err != nil {
		return bson.Raw(document.Empty)
	}
	b := document.NewBuilder(make([]byte, 0, len(msg)))
	for it := m.Body.Iter(); it.Next(); {
		b.AppendValue(it.Key(), it.Value())
	}
	for _, s := range m.Sequences {
		b.OpenArray(s.Name)
		for i, d := range s.Docs {
			b.AppendDoc(document.Index(i), d)
		}
		b.Close()
	}
	return bson.Raw(b.Finish())
}
