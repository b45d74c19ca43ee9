package server

import (
	"errors"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/wire"
)

// handleMsg runs the command in an OP_MSG.
func (c *conn) handleMsg(b []byte, to *respondent) error {
	err := c.msg.Parse(b)
	to.checksum = c.msg.Flags&wire.ChecksumPresent != 0
	silent := c.msg.Flags&wire.MoreToCome != 0
	if err == nil {
		err = c.readMsg()
	}
	if err != nil {
		refusal, ok := refusalOf(err)
		if !ok {
			return err
		}
		if silent {
			return nil
		}
		return c.sendMsg(to, errorDoc(refusal), 0)
	}
	buf := wire.GetBuffer(c.replySize) // replies of a connection are often alike
	defer func() { buf.Free() }()
	c.request.Buffer = buf.B
	reply := c.s.runner.Run(c.ctx, &c.request)
	if cap(reply.Doc) > cap(buf.B) { // it has grown
		buf = &wire.Buffer{B: reply.Doc}
	}
	c.replySize = len(reply.Doc)
	if silent {
		return c.endSilently(&reply)
	}
	to.compressed = to.compressed && compressible(c.request.Body.First().Key)
	if reply.Exhaust {
		return c.exhaust(to, reply)
	}
	return c.finish(&reply, func() error { return c.sendMsg(to, reply.Doc, 0) })
}

// readMsg makes c.request of c.msg.
func (c *conn) readMsg() error {
	db := c.msg.Body.Lookup("$db")
	switch db.Type {
	case document.TypeString:
	case document.TypeMissing:
		return mongoerr.New(40571, "OP_MSG requests require a $db argument")
	default:
		return mongoerr.New(13111, "wrong type for field ($db) %s != string", db.Type)
	}
	c.sequences = c.sequences[:0]
	for _, s := range c.msg.Sequences {
		c.sequences = append(c.sequences, command.Sequence(s))
	}
	c.request = command.Request{
		Conn: c.state, DB: db.Str(), Body: c.msg.Body, Sequences: c.sequences,
		ExhaustAllowed: c.msg.Flags&wire.ExhaustAllowed != 0,
		MoreToCome:     c.msg.Flags&wire.MoreToCome != 0,
	}
	return nil
}

// refusalOf returns err as what a client is answered; ok is false if mongod answers nothing to it and closes the
// connection.
func refusalOf(err error) (refusal *mongoerr.Error, ok bool) {
	var bad *wire.Error
	if !errors.As(err, &bad) {
		return mongoerr.From(err), true
	}
	return mongoerr.New(mongoerr.Code(bad.Code), "%s", bad.Message), !bad.Fatal
}

// errorDoc is the reply to what never became a command.
func errorDoc(err *mongoerr.Error) document.Doc {
	var b document.Builder
	err.AppendTo(&b)
	return b.Finish()
}

// endSilently ends a request that wants no answer. As mongod does it closes the connection if there was something that
// the client has to know about the set: that this is not the primary.
func (c *conn) endSilently(reply *command.Reply) error {
	if reply.CloseConn || reply.Doc != nil && replyCode(reply.Doc).NotPrimary() {
		return errEnd
	}
	return nil
}

// replyCode returns the code of a reply whose ok is 0, or 0.
func replyCode(d document.Doc) mongoerr.Code {
	if d.Lookup("ok").Truthy() {
		return 0
	}
	code, _ := d.Lookup("code").ToInt64()
	return mongoerr.Code(code)
}

// finish sends a reply and does what else it asks for.
func (c *conn) finish(reply *command.Reply, send func() error) error {
	if reply.Doc != nil {
		if err := send(); err != nil {
			return err
		}
	}
	switch {
	case reply.Hijack != nil:
		c.hijack(reply.Hijack)
		return errEnd
	case reply.CloseConn:
		return errEnd
	}
	return nil
}

// exhaust sends a reply and, unasked, the ones that follow. Each answers the one before it.
func (c *conn) exhaust(to *respondent, reply command.Reply) error {
	for reply.Exhaust {
		if err := c.sendMsg(to, reply.Doc, wire.MoreToCome); err != nil {
			return err
		}
		if c.endSoon.Load() {
			return errEnd
		}
		to.to = c.lastID
		next := reply.Next
		next.Conn = c.state
		c.operations.Add(2) // another operation
		reply = c.s.runner.Run(c.ctx, next)
	}
	return c.finish(&reply, func() error { return c.sendMsg(to, reply.Doc, 0) })
}

// compressible reports whether the reply to a command may be compressed. Those that have to do with secrets, and those
// by which compression is agreed on, may not (the drivers' specification of OP_COMPRESSED).
func compressible(name string) bool {
	switch name {
	case "hello", "isMaster", "ismaster", "saslStart", "saslContinue", "getnonce", "authenticate",
		"createUser", "updateUser", "copydbSaslStart", "copydbgetnonce", "copydb":
		return false
	}
	return true
}
