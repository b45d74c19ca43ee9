package wire

import "fmt"

// Error says what is wrong with a message. Its code is the one that mongod answers with, or writes to its log before it
// closes the connection.
type Error struct {
	Code    int32
	Message string
	// Fatal is set where mongod answers nothing and closes the connection: nothing that follows on it could be trusted
	// to be a message.
	Fatal bool
}

func (e *Error) Error() string { return e.Message }

// Codes of mongod that a message can end in by its form alone.
const (
	codeUnauthorized      = 13
	codeOverflow          = 15
	codeInvalidLength     = 16
	codeProtocolError     = 17
	codeInvalidBSON       = 22
	codeMultipleBodies    = 40430
	codeDuplicateSequence = 40431
	codeTooLarge          = 10334
	codeUnknownSection    = 40432
	codeFieldInBoth       = 40433
	codeNoBody            = 40587
)

func fatal(format string, args ...any) *Error {
	return &Error{Code: codeProtocolError, Message: fmt.Sprintf(format, args...), Fatal: true}
}

// inLegacyMessage returns e in the words that mongod has for broken documents in messages older than OP_MSG.
func (e *Error) inLegacyMessage() *Error {
	if e.Code != codeInvalidBSON {
		return e
	}
	return &Error{Code: e.Code, Message: clientError + "bad object in message: " + e.Message}
}

func refuse(code int32, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
