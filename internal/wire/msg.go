package wire

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/mortondb/morton/internal/document"
)

// MsgFlags are OP_MSG's flag bits. A receiver refuses bits of the lower half that it does not know, and ignores those of
// the upper half.
type MsgFlags uint32

// OP_MSG's flags.
const (
	ChecksumPresent MsgFlags = 1 << 0  // the message ends with its CRC-32C
	MoreToCome      MsgFlags = 1 << 1  // in a request: do not answer; in a reply: another one follows by itself
	ExhaustAllowed  MsgFlags = 1 << 16 // the replies to this request may have MoreToCome

	requiredMsgFlags MsgFlags = 1<<16 - 1
	knownMsgFlags             = ChecksumPresent | MoreToCome | ExhaustAllowed
)

// Kinds of sections in an OP_MSG.
const (
	sectionBody          = 0
	sectionSequence      = 1
	sectionSecurityToken = 2
)

// Sequence is an array field of a command that is sent beside its body.
type Sequence struct {
	Name string
	Docs []document.Doc
}

// Msg is an OP_MSG. Parsing one into a Msg that was used before reuses its slices.
type Msg struct {
	Flags     MsgFlags
	Body      document.Doc
	Sequences []Sequence
}

// sequencesKept is how many documents' places a reused Msg may hold on to.
const sequencesKept = 1024

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Parse reads the whole OP_MSG b, header included, into m. Everything in m aliases b.
func (m *Msg) Parse(b []byte) error {
	if len(b) < HeaderSize+4 {
		return fatal("OP_MSG of %d bytes is too short", len(b))
	}
	m.Reset()
	m.Flags = MsgFlags(binary.LittleEndian.Uint32(b[HeaderSize:]))
	if unknown := m.Flags & requiredMsgFlags &^ knownMsgFlags; unknown != 0 {
		return fatal("OP_MSG with unknown required flag bits %#x", uint32(unknown))
	}
	if m.Flags&ChecksumPresent != 0 {
		end := len(b) - 4
		if end < HeaderSize+4 {
			return fatal("OP_MSG of %d bytes is too short for its checksum", len(b))
		}
		if crc32.Checksum(b[:end], castagnoli) != binary.LittleEndian.Uint32(b[end:]) {
			return fatal("OP_MSG checksum does not match contents")
		}
		b = b[:end]
	}
	if err := m.parseSections(b[HeaderSize+4:]); err != nil {
		return err
	}
	return m.checkFields()
}

// Reset empties m, so that it keeps no message alive. It keeps the slices for the next one, except after an unusually
// large message.
func (m *Msg) Reset() {
	for i := range m.Sequences {
		s := &m.Sequences[i]
		if cap(s.Docs) > sequencesKept {
			s.Docs = nil
		}
		clear(s.Docs)
		*s = Sequence{Docs: s.Docs[:0]}
	}
	m.Flags, m.Body, m.Sequences = 0, nil, m.Sequences[:0]
	if cap(m.Sequences) > sequencesKept {
		m.Sequences = nil
	}
}

func (m *Msg) parseSections(b []byte) error {
	for len(b) > 0 {
		kind := b[0]
		b = b[1:]
		var err error
		switch kind {
		case sectionBody:
			b, err = m.parseBody(b)
		case sectionSequence:
			b, err = m.parseSequence(b)
		case sectionSecurityToken:
			return refuse(codeUnauthorized, "Unsupported Security Token provided")
		default:
			return refuse(codeUnknownSection, "Unknown section kind %d", kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *Msg) parseBody(b []byte) (rest []byte, err error) {
	if m.Body != nil {
		return nil, refuse(codeMultipleBodies, "Multiple body sections in message")
	}
	d, rest, cut := cutDoc(b)
	if cut != nil {
		return nil, cut
	}
	if err := validate(d); err != nil {
		return nil, err
	}
	m.Body = d
	return rest, nil
}

// parseSequence reads a section of kind 1: its size (which counts itself), the field's name, and documents to its end.
func (m *Msg) parseSequence(b []byte) (rest []byte, err error) {
	if len(b) < 4 {
		return nil, advanceError(4, len(b))
	}
	size := binary.LittleEndian.Uint32(b)
	if size < 4 || uint64(size) > uint64(len(b)) {
		return nil, advanceError(size-4, len(b)-4)
	}
	part, rest := b[4:size], b[size:]
	n := bytes.IndexByte(part, 0)
	if n < 0 {
		return nil, refuse(codeOverflow, "document sequence without a name that ends")
	}
	s, cut := m.addSequence(part[:n])
	if cut != nil {
		return nil, cut
	}
	if s.Docs, cut = parseDocs(s.Docs, part[n+1:]); cut != nil {
		return nil, cut
	}
	return rest, nil
}

// advanceError is what mongod says when it is to go further than the message does.
func advanceError(by uint32, there int) *Error {
	return refuse(codeOverflow, "Invalid advance (%d) past end of buffer[%d] at offset: 0", by, there)
}

// addSequence makes room for another sequence and reuses the slice of documents that was there.
func (m *Msg) addSequence(name []byte) (*Sequence, *Error) {
	for i := range m.Sequences {
		if m.Sequences[i].Name == string(name) {
			return nil, refuse(codeDuplicateSequence, "Duplicate document sequence: %s", name)
		}
	}
	if len(m.Sequences) == sequencesMax {
		return nil, refuse(codeOverflow, "more than %d document sequences in a message", sequencesMax)
	}
	if n := len(m.Sequences); n < cap(m.Sequences) {
		m.Sequences = m.Sequences[:n+1]
	} else {
		m.Sequences = append(m.Sequences, Sequence{})
	}
	s := &m.Sequences[len(m.Sequences)-1]
	s.Name = sequenceName(name)
	return s, nil
}

// sequencesMax bounds the sequences of one message. No command has more than two fields that are sent so; without a
// limit the search for duplicates would be quadratic in what a client sends.
const sequencesMax = 16

// sequenceName returns the name as a string, without allocation for those that clients send.
func sequenceName(name []byte) string {
	switch string(name) {
	case "documents":
		return "documents"
	case "updates":
		return "updates"
	case "deletes":
		return "deletes"
	}
	return string(name)
}

// checkFields checks what only the whole message shows.
func (m *Msg) checkFields() error {
	if m.Body == nil {
		return refuse(codeNoBody, "OP_MSG messages must have a body")
	}
	for i := range m.Sequences {
		if name := m.Sequences[i].Name; !m.Body.Lookup(name).IsMissing() {
			return refuse(codeFieldInBoth, "Duplicate field between body and document sequence %s", name)
		}
	}
	return nil
}

// Append appends m as a message to dst. With the flag [ChecksumPresent] its checksum follows.
func (m *Msg) Append(dst []byte, requestID, responseTo int32) []byte {
	begin := len(dst)
	dst = appendHeader(dst, requestID, responseTo, OpMsg)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m.Flags))
	dst = append(dst, sectionBody)
	dst = append(dst, m.Body...)
	for i := range m.Sequences {
		dst = m.Sequences[i].append(dst)
	}
	if m.Flags&ChecksumPresent == 0 {
		return finish(dst, begin)
	}
	dst = finish(append(dst, 0, 0, 0, 0), begin)
	end := len(dst) - 4
	binary.LittleEndian.PutUint32(dst[end:], crc32.Checksum(dst[begin:end], castagnoli))
	return dst
}

func (s *Sequence) append(dst []byte) []byte {
	dst = append(dst, sectionSequence)
	begin := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = append(dst, s.Name...)
	dst = append(dst, 0)
	for _, d := range s.Docs {
		dst = append(dst, d...)
	}
	return finish(dst, begin)
}

// MsgPrefixSize is how much of an OP_MSG that has only a body stands before the body.
const MsgPrefixSize = HeaderSize + 4 + 1

// AppendMsgPrefix appends what stands before the body of an OP_MSG that has a body of size bytes and nothing else, for
// senders that do not want to copy a large body behind it. flags must not have [ChecksumPresent].
func AppendMsgPrefix(dst []byte, requestID, responseTo int32, flags MsgFlags, size int) []byte {
	begin := len(dst)
	dst = appendHeader(dst, requestID, responseTo, OpMsg)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(flags))
	dst = append(dst, sectionBody)
	binary.LittleEndian.PutUint32(dst[begin:], uint32(MsgPrefixSize+size))
	return dst
}
