//go:build linux

package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

const (
	opMsg      = 2013
	headerSize = 16
	replyMax   = 48_000_000
)

// message is an OP_MSG under construction; its buffer is used again for the next one.
type message struct{ buf []byte }

func (m *message) reset() {
	m.buf = append(m.buf[:0], make([]byte, headerSize+4)...) // header, flag bits
	binary.LittleEndian.PutUint32(m.buf[12:], opMsg)
}

// body adds section 0, whose fields come from appendFields; $db is added here.
func (m *message) body(appendFields func([]byte) []byte) {
	start, b := bsoncore.AppendDocumentStart(append(m.buf, 0))
	b = bsoncore.AppendStringElement(appendFields(b), "$db", database)
	m.buf, _ = bsoncore.AppendDocumentEnd(b, start)
}

// sequence adds section 1 with the documents that appendDocuments adds.
func (m *message) sequence(name string, appendDocuments func([]byte) []byte) {
	b := append(m.buf, 1)
	start := len(b)
	b = append(append(append(b, 0, 0, 0, 0), name...), 0)
	b = appendDocuments(b)
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start))
	m.buf = b
}

// finish completes the header and returns the message.
func (m *message) finish() []byte {
	binary.LittleEndian.PutUint32(m.buf, uint32(len(m.buf)))
	return m.buf
}

// conn is one socket.
type conn struct {
	net    net.Conn
	reader *bufio.Reader
	reply  []byte
}

func dial(address string) (*conn, error) {
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	return &conn{net: c, reader: bufio.NewReaderSize(c, 64<<10)}, nil
}

func (c *conn) close() { _ = c.net.Close() }

// exchange sends a message and returns the document of the reply, which must say ok. It is valid until the next call.
func (c *conn) exchange(request []byte) (bson.Raw, error) {
	if _, err := c.net.Write(request); err != nil {
		return nil, err
	}
	var header [headerSize]byte
	if _, err := io.ReadFull(c.reader, header[:]); err != nil {
		return nil, err
	}
	size := int(binary.LittleEndian.Uint32(header[:]))
	if size < headerSize+5 || size > replyMax || binary.LittleEndian.Uint32(header[12:]) != opMsg {
		return nil, errors.New("the reply is no OP_MSG")
	}
	if cap(c.reply) < size {
		c.reply = make([]byte, size)
	}
	body := c.reply[:size-headerSize]
	if _, err := io.ReadFull(c.reader, body); err != nil {
		return nil, err
	}
	reply := bson.Raw(body[5:])
	if ok, _ := reply.Lookup("ok").AsFloat64OK(); ok != 1 {
		return nil, fmt.Errorf("error reply: %s", reply)
	}
	return reply, nil
}

// command runs any command; for what is not measured.
func (c *conn) command(db string, command bson.D) (bson.Raw, error) {
	document, err := bson.Marshal(append(command, bson.E{Key: "$db", Value: db}))
	if err != nil {
		return nil, err
	}
	var m message
	m.reset()
	m.buf = append(append(m.buf, 0), document...)
	return c.exchange(m.finish())
}

// dropIfThere drops a collection of the benchmark's database.
func (c *conn) dropIfThere(collection string) error {
	reply, err := c.command(database, bson.D{{Key: "listCollections", Value: 1}, {Key: "filter", Value: bson.D{{Key: "name", Value: collection}}}})
	if err != nil {
		return err
	}
	if there, err := reply.Lookup("cursor", "firstBatch").Array().Values(); err != nil || len(there) == 0 {
		return err
	}
	_, err = c.command(database, bson.D{{Key: "drop", Value: collection}})
	return err
}
