package connpool

import (
	"context"
	"time"

	"github.com/mortondb/morton/internal/auth"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/wire"
)

// greet says hello and authenticates. To a server of which nothing is known hello is said as every driver since 2010
// has, by an OP_QUERY with isMaster, unless the caller wants a version of the API: who knows that knows OP_MSG and hello
// (specification "MongoDB Handshake").
func (c *Conn) greet(ctx context.Context) *Error {
	const first = 1 // request id
	var dialog *auth.Dialog
	if c.opts.Auth != nil && c.pool != nil {
		dialog = c.opts.Auth.NewDialog()
	}
	begun := time.Now()
	cmd := c.greeting(dialog)
	var msg []byte
	if c.opts.ServerAPI == nil {
		q := wire.Query{Flags: wire.SlaveOK, Namespace: "admin.$cmd", Return: -1, Query: cmd}
		msg = q.Append(nil, first)
	} else {
		m := wire.Msg{Body: cmd}
		msg = m.Append(nil, first, 0)
	}
	raw, err := c.ask(ctx, msg, first)
	if err != nil {
		return err
	}
	if err := mongoerr.FromReply(raw); err != nil {
		return c.failed(ctx, OpHello, true, err)
	}
	c.hello = parseHello(raw, c.opts.Compressors)
	c.hello.RTT = time.Since(begun)
	if dialog == nil {
		return nil
	}
	return c.authenticate(ctx, dialog)
}

// authenticate leads the dialog that began with hello to its end.
func (c *Conn) authenticate(ctx context.Context, d *auth.Dialog) *Error {
	next, err := d.Begin(c.hello.Raw)
	for id := int32(2); err == nil && next != nil; id++ {
		var r Reply
		if r, err = c.RoundTrip(ctx, c.authMessage(id, next)); err != nil {
			failure := err.(*Error)
			failure.Op = OpAuth
			return failure
		}
		next, err = d.Next(r.Body.Clone()) // the dialog may keep parts of it
		r.Free()
	}
	if err != nil {
		return c.failed(ctx, OpAuth, true, err)
	}
	return nil
}

func (c *Conn) authMessage(requestID int32, cmd document.Doc) []byte {
	var b document.Builder
	for it := cmd.Iter(); it.Next(); {
		b.AppendValue(it.Key(), it.Value())
	}
	c.opts.ServerAPI.AppendTo(&b)
	m := wire.Msg{Body: b.Finish()}
	return m.Append(nil, requestID, 0)
}

// greeting is the command, with what dialog adds to it.
func (c *Conn) greeting(dialog *auth.Dialog) document.Doc {
	var b document.Builder
	c.appendName(&b)
	if dialog != nil {
		dialog.AppendHello(&b)
	}
	if c.opts.Client != nil {
		b.AppendDoc("client", c.opts.Client)
	}
	b.OpenArray("compression")
	for i, compressor := range c.opts.Compressors {
		b.AppendString(document.Index(i), compressor.String())
	}
	b.Close()
	if c.opts.ServerAPI != nil {
		c.opts.ServerAPI.AppendTo(&b)
		b.AppendString("$db", "admin")
	}
	return b.Finish()
}

func (c *Conn) appendName(b *document.Builder) {
	if c.opts.ServerAPI != nil || c.hello.HelloOK {
		b.AppendInt32("hello", 1)
	} else {
		b.AppendInt32("isMaster", 1)
	}
	b.AppendBool("helloOk", true)
}

// ask sends the first message and returns the answer as bytes of its own.
func (c *Conn) ask(ctx context.Context, msg []byte, request int32) (document.Doc, *Error) {
	if err := c.begin(ctx); err != nil {
		return nil, c.failed(ctx, OpHello, false, ctx.Err())
	}
	defer c.end()
	if n, err := c.nc.Write(msg); err != nil {
		return nil, c.failed(ctx, OpHello, n == len(msg), err)
	}
	buf, err := c.readMessage()
	if err != nil {
		return nil, c.failed(ctx, OpHello, true, err)
	}
	defer buf.Free()
	answer, err := parseAnswer(buf.B, request)
	if err != nil {
		return nil, c.failed(ctx, OpHello, true, err)
	}
	return answer.Clone(), nil
}

// parseAnswer returns the document of an OP_REPLY or OP_MSG.
func parseAnswer(b []byte, request int32) (document.Doc, error) {
	h := wire.ParseHeader(b)
	if h.ResponseTo != request {
		return nil, protocolError("a reply to message %d came for message %d", h.ResponseTo, request)
	}
	if h.OpCode != wire.OpReply {
		_, body, err := parseBody(b, h.OpCode)
		return body, err
	}
	var r wire.Reply
	if err := r.Parse(b); err != nil {
		return nil, err
	}
	if len(r.Docs) != 1 {
		return nil, protocolError("OP_REPLY with %d documents", len(r.Docs))
	}
	return r.Docs[0], nil
}

// AppendHeartbeat appends to dst the hello that asks whether anything has changed. With topologyVersion, which comes
// from an earlier reply, the server answers when it is not true any more, or after maxAwait; with exhaust it then goes on
// to answer by itself ([Reply.MoreToCome]).
func (c *Conn) AppendHeartbeat(dst []byte, requestID int32, topologyVersion document.Doc, maxAwait time.Duration, exhaust bool) []byte {
	var b document.Builder
	c.appendName(&b)
	m := wire.Msg{}
	if topologyVersion != nil {
		b.AppendDoc("topologyVersion", topologyVersion)
		b.AppendInt64("maxAwaitTimeMS", maxAwait.Milliseconds())
		if exhaust {
			m.Flags = wire.ExhaustAllowed
		}
	}
	c.opts.ServerAPI.AppendTo(&b)
	b.AppendString("$db", "admin")
	m.Body = b.Finish()
	return m.Append(dst, requestID, 0)
}
