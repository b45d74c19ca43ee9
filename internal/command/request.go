package command

import (
	"bufio"
	"net"

	"github.com/mortondb/morton/internal/document"
)

// Sequence is a document sequence of an OP_MSG (section kind 1): an array field of the command sent beside its body,
// such as insert's documents.
type Sequence struct {
	Name string
	Docs []document.Doc
}

// Request is one command as package server read it. Body and sequences are valid BSON ([document.Validate] has seen
// them) and may be reused by the caller once Run has returned: what is kept longer is copied.
type Request struct {
	Conn      *Conn
	DB        string // the database it is run on: $db of an OP_MSG, the part before ".$cmd" of an OP_QUERY
	Body      document.Doc
	Sequences []Sequence

	// Buffer is memory that the reply may be made in; nil if there is none. [Reply.Doc] is valid until it is used for something else.
	Buffer []byte

	// Legacy is set for what came by an opcode older than OP_MSG. Errors then use the words that old drivers look for.
	Legacy bool
	// SlaveOK is OP_QUERY's flag of that name: reading from a secondary is allowed.
	SlaveOK bool
	// ExhaustAllowed is OP_MSG's flag: the reply may be followed by more of them without further requests.
	ExhaustAllowed bool
	// MoreToCome is OP_MSG's flag, and true for the legacy write opcodes: nobody reads the reply. The command runs to its
	// end all the same, and what came of it is remembered for getLastError.
	MoreToCome bool
}

// Reply is the answer to a Request.
type Reply struct {
	Doc document.Doc // the caller's from now on; never nil, except when CloseConn is set
	// Exhaust asks the server to send Doc with the moreToCome flag and to run Next.
	Exhaust bool
	// Next is the request that continues an exhaust stream; nil unless Exhaust is set.
	Next *Request
	// Hijack, when not nil, takes over the connection after Doc has been sent. It returns when the connection is done with.
	Hijack func(net.Conn, *bufio.Reader)
	// CloseConn asks the server to close the connection: without sending anything if Doc is nil, else after sending Doc.
	CloseConn bool
}
