package wire

import (
	"encoding/binary"
	"errors"

	"github.com/mortondb/morton/internal/document"
)

// depthMax is how many documents may stand inside each other. mongod does not count the outermost one: it takes a
// document with 200 levels below it and refuses 201 (observed on 6.0.5).
const depthMax = document.MaxDepth + 1

// DocsMax is the most documents that one message may carry in one place: more than that no command takes
// (maxWriteBatchSize of hello), and the old opcodes are held to the same.
const DocsMax = 100_000

// cutDoc cuts the document at the start of b off by its length alone.
func cutDoc(b []byte) (d document.Doc, rest []byte, err *Error) {
	const nowhere = "in element with field name '?' in object with unknown _id"
	if len(b) < 4 {
		return nil, nil, refuse(codeInvalidBSON, "BSON data has to be at least 5 bytes "+nowhere)
	}
	switch n := int32(binary.LittleEndian.Uint32(b)); {
	case n < 5:
		return nil, nil, refuse(codeInvalidBSON, "BSON data has to be at least 5 bytes "+nowhere)
	case int(n) > len(b):
		return nil, nil, refuse(codeInvalidBSON, "Incorrect BSON length "+nowhere)
	case n > document.MaxInternalSize:
		return nil, nil, tooLarge(b[:n])
	default:
		return document.Doc(b[:n:n]), b[n:], nil
	}
}

// tooLarge is mongod's answer to a document that is larger than any that it makes itself.
func tooLarge(d document.Doc) *Error {
	const textMax = 128
	first := d.First()
	text := "EOO"
	if !first.IsMissing() && len(first.Data) <= textMax && document.Validate(wrap(first), depthMax) == nil {
		text = first.Key + ": " + first.Value.Shell()
	}
	return refuse(codeTooLarge, "BSONObj size: %d (0x%X) is invalid. Size must be between 0 and %d(%dMB) First element: %s",
		len(d), len(d), document.MaxInternalSize, document.MaxInternalSize>>20, text)
}

// wrap returns a document of the one element.
func wrap(e document.Element) document.Doc {
	var b document.Builder
	b.AppendValue(e.Key, e.Value)
	return b.Finish()
}

// validate checks a document from outside.
func validate(d document.Doc) *Error {
	err := document.Validate(d, depthMax)
	if err == nil {
		return nil
	}
	var deep *document.TooDeepError
	if errors.As(err, &deep) {
		return refuse(codeOverflow, "%v", err)
	}
	return refuse(codeInvalidBSON, "%v", err)
}

// parseDocs appends the documents that b consists of to docs.
func parseDocs(docs []document.Doc, b []byte) ([]document.Doc, *Error) {
	count := 0
	for ; len(b) > 0; count++ {
		d, rest, err := cutDoc(b)
		if err != nil {
			return docs, err
		}
		b = rest
		if count >= DocsMax {
			continue // only counted, for the message
		}
		if err := validate(d); err != nil {
			return docs, err
		}
		docs = append(docs, d)
	}
	if count > DocsMax {
		return docs, refuse(codeInvalidLength, "Write batch sizes must be between 1 and %d. Got %d operations.", DocsMax, count)
	}
	return docs, nil
}
