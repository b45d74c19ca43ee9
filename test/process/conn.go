package process

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	opMsg      = 2013
	headerSize = 16
	replyMax   = 48_000_000
	// ReplyTimeout is how long a command may take; one that has not replied by then has failed.
	ReplyTimeout = 10 * time.Second
)

// Conn is one socket to a server; it is opened again by the command that follows a failure.
type Conn struct {
	Address string
	Timeout time.Duration // how long a command may take; 0 is ReplyTimeout
	net     net.Conn
	reader  *bufio.Reader
}

// Close closes the socket.
func (c *Conn) Close() {
	if c.net != nil {
		_ = c.net.Close()
		c.net = nil
	}
}

// Run sends a command, whose fields $db follows, and returns the reply, whatever it says.
func (c *Conn) Run(db string, command bson.D) (bson.Raw, error) {
	raw, err := bson.Marshal(command)
	if err != nil {
		return nil, err
	}
	return c.RunRaw(db, raw)
}

// RunRaw is Run for a command in bytes.
func (c *Conn) RunRaw(db string, command []byte) (bson.Raw, error) {
	if c.net == nil {
		if err := c.open(); err != nil {
			return nil, err
		}
	}
	reply, err := c.exchange(message(db, command))
	if err != nil {
		c.Close()
	}
	return reply, err
}

func (c *Conn) timeout() time.Duration {
	if c.Timeout == 0 {
		return ReplyTimeout
	}
	return c.Timeout
}

func (c *Conn) open() error {
	conn, err := net.DialTimeout("tcp", c.Address, c.timeout())
	if err != nil {
		return err
	}
	c.net, c.reader = conn, bufio.NewReaderSize(conn, 64<<10)
	return nil
}

// message makes an OP_MSG of a command and its database.
func message(db string, command []byte) []byte {
	b := make([]byte, headerSize+5, headerSize+5+len(command)+len(db)+16) // header, flag bits, kind of section
	b = append(b, command[:len(command)-1]...)
	b = append(append(b, 2), "$db\x00"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(db)+1))
	b = append(append(b, db...), 0, 0)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	binary.LittleEndian.PutUint32(b[12:], opMsg)
	binary.LittleEndian.PutUint32(b[headerSize+5:], uint32(len(b)-headerSize-5))
	return b
}

func (c *Conn) exchange(request []byte) (bson.Raw, error) {
	_ = c.net.SetDeadline(time.Now().Add(c.timeout()))
	if _, err := c.net.Write(request); err != nil {
		return nil, err
	}
	var header [headerSize]byte
	if _, err := io.ReadFull(c.reader, header[:]); err != nil {
		return nil, c.noReply(err)
	}
	size, opcode := int(binary.LittleEndian.Uint32(header[:])), binary.LittleEndian.Uint32(header[12:])
	if size < headerSize+10 || size > replyMax || opcode != opMsg {
		return nil, fmt.Errorf("the reply is no OP_MSG but %d bytes of opcode %d", size, opcode)
	}
	body := make([]byte, size-headerSize)
	if _, err := io.ReadFull(c.reader, body); err != nil {
		return nil, c.noReply(err)
	}
	return bson.Raw(body[5:]), nil
}

func (c *Conn) noReply(err error) error {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("no reply in %v", c.timeout())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("connection closed by the server")
	}
	return err
}

// Succeeded says whether a reply says ok.
func Succeeded(reply bson.Raw) bool {
	ok, _ := reply.Lookup("ok").AsFloat64OK()
	return ok == 1
}
