package mongoerr

import "strconv"

// Code is a MongoDB error code. Zero is no error.
type Code int32

// Name returns the code's name as replies carry it in codeName.
func (c Code) Name() string {
	switch a, ok := table[c]; {
	case ok:
		return a.name
	case c == 0:
		return "OK"
	}
	return "Location" + strconv.Itoa(int(c))
}

// String returns the name, so that codes print readably.
func (c Code) String() string { return c.Name() }

// Category is a set of the groups that MongoDB sorts its codes into. A code can be in several.
type Category uint32

// The categories, by MongoDB's names.
const (
	NetworkError Category = 1 << iota
	NetworkTimeoutError
	Interruption
	NotPrimaryError
	StaleShardVersionError
	NeedRetargettingError
	WriteConcernError
	ShutdownError
	CancellationError
	ConnectionFatalMessageParseError
	ExceededTimeLimitError
	SnapshotError
	VoteAbortError
	NonResumableChangeStreamError
	RetriableError
	CloseConnectionError
	VersionedAPIError
	ValidationError
	InternalOnly
	TenantMigrationError
	TenantMigrationConflictError
	CursorInvalidatedError
)

// Is reports whether c is in any of the categories.
func (c Code) Is(categories Category) bool { return table[c].categories&categories != 0 }

// Retryable reports whether a retryable write that failed with c gets the label RetryableWriteError: the client may
// send it again with the same transaction number.
func (c Code) Retryable() bool { return c.Is(RetriableError) }

// NotPrimary reports whether c says that the member was not primary at some moment while the command ran.
func (c Code) NotPrimary() bool { return c.Is(NotPrimaryError) }

// Shutdown reports whether c says that the member is stopping.
func (c Code) Shutdown() bool { return c.Is(ShutdownError) }

// StateChange reports whether a client that sees c must believe no longer what it knows about the member (the "state
// change errors" of the drivers' server discovery specification). Replies with such a code carry topologyVersion.
func (c Code) StateChange() bool { return c.Is(NotPrimaryError | ShutdownError) }

// Interrupted reports whether c ends an operation from outside: by kill, time limit, shutdown or step-down.
func (c Code) Interrupted() bool { return c.Is(Interruption) }

// ClosesConnection reports whether mongod closes the connection after a reply with c.
func (c Code) ClosesConnection() bool { return c.Is(CloseConnectionError) }
