package command

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/session"
)

// sessionFields is a logical session id as clients send it. The user digest is for servers that speak for several users;
// it is accepted and, as long as there are no users, only distinguishes sessions.
var sessionFields = newSchema("",
	uuid("id", func(s *session.ID) *[16]byte { return &s.UUID }).require(),
	field[session.ID]{name: "uid", set: func(s *session.ID, v document.Value) error {
		sub, data := v.Binary()
		switch {
		case v.Type != document.TypeBinary:
			return wrongType(v.Type, "binData")
		case sub != 0:
			return wrongBinary(sub, "general")
		case len(data) != len(s.User):
			return mongoerr.New(mongoerr.UnsupportedFormat, "Unsupported SHA256Block hash length: %d", len(data))
		}
		copy(s.User[:], data)
		return nil
	}},
).defaults(func(s *session.ID) { s.User = session.NoUser })

// uuid takes binary data of subtype 4 and 16 bytes.
func uuid[A any](name string, at func(*A) *[16]byte) field[A] {
	return field[A]{name: name, set: func(a *A, v document.Value) error {
		sub, data := v.Binary()
		switch {
		case v.Type != document.TypeBinary:
			return wrongType(v.Type, "binData")
		case sub != 4:
			return wrongBinary(sub, "UUID")
		case len(data) != 16:
			return mongoerr.New(mongoerr.InvalidUUID, "uuid must be a 16-byte binary field with UUID (4) subtype")
		}
		copy(at(a)[:], data)
		return nil
	}}
}

func wrongBinary(got byte, want string) error {
	return &fieldError{code: mongoerr.TypeMismatch, before: "BSON field ",
		after: " is the wrong binData type '" + binaryName(got) + "', expected type '" + want + "'"}
}

// binaryName is mongod's name of a binary subtype.
func binaryName(sub byte) string {
	switch sub {
	case 0:
		return "general"
	case 1:
		return "function"
	case 2:
		return "byte array(deprecated)"
	case 3:
		return "UUID(deprecated)"
	case 4:
		return "UUID"
	case 5:
		return "MD5"
	case 6:
		return "encrypt"
	case 7:
		return "column"
	case 0x80:
		return "Custom"
	}
	return "invalid"
}

// readSession understands lsid, txnNumber and the two fields of transactions, in the order and words of mongod's
// initializeOperationSessionInfo.
func (o *operation) readSession() error {
	g := &o.generic
	g.txn = -1
	if g.lsid.IsNullish() && g.txnNumber.IsNullish() && g.autocommit.IsNullish() && g.startTransaction.IsNullish() {
		return nil
	}
	if err := o.readSessionFields(); err != nil {
		return argumentError(within("OperationSessionInfo", err))
	}
	if g.session == nil && g.txn < 0 && g.txnNumber.IsNullish() {
		return o.checkTransaction()
	}
	if !g.txnNumber.IsNullish() {
		switch {
		case o.row.illegalTxn:
			return mongoerr.New(50889, "It is illegal to provide a txnNumber for this command")
		case g.session == nil:
			return mongoerr.New(mongoerr.InvalidOptions, "Transaction number requires a session ID to also be specified")
		case g.txn < 0:
			return mongoerr.New(mongoerr.InvalidOptions, "Transaction number cannot be negative")
		}
	}
	if err := o.checkTransaction(); err != nil {
		return err
	}
	if g.txn >= 0 {
		if !o.row.retryable {
			return mongoerr.New(mongoerr.NotARetryableWriteCommand, "txnNumber may only be provided for multi-document "+
				"transactions and retryable write commands. autocommit:false was not provided, and %s is not a retryable write command.", o.row.name)
		}
		g.retryable = true
	}
	return nil
}

func (o *operation) readSessionFields() error {
	g := &o.generic
	if v := g.lsid; !v.IsNullish() {
		if v.Type != document.TypeDocument {
			return within("lsid", wrongType(v.Type, "object"))
		}
		id := new(session.ID)
		if err := sessionFields.read(v.Doc(), id); err != nil {
			return within("lsid", err)
		}
		g.session = id
	}
	if v := g.txnNumber; !v.IsNullish() {
		if v.Type != document.TypeInt64 {
			return within("txnNumber", wrongType(v.Type, "long"))
		}
		g.txn = v.Int64()
	}
	if v := g.autocommit; !v.IsNullish() && v.Type != document.TypeBool {
		return within("autocommit", wrongType(v.Type, "bool"))
	}
	if v := g.startTransaction; !v.IsNullish() && v.Type != document.TypeBool {
		return within("startTransaction", wrongType(v.Type, "bool"))
	}
	return nil
}

// checkTransaction refuses multi-document transactions: first what mongod would refuse, too, then all of them.
func (o *operation) checkTransaction() error {
	g := &o.generic
	auto, start := g.autocommit, g.startTransaction
	switch {
	case auto.IsNullish() && start.IsNullish():
		return nil
	case !auto.IsNullish() && g.txnNumber.IsNullish():
		return mongoerr.New(mongoerr.InvalidOptions, "'autocommit' field requires a transaction number to also be specified")
	case !auto.IsNullish() && auto.Bool():
		return mongoerr.New(mongoerr.InvalidOptions, "Specifying autocommit=true is not allowed.")
	case auto.IsNullish():
		return mongoerr.New(mongoerr.InvalidOptions, "'startTransaction' field requires 'autocommit' field to also be specified")
	case !start.IsNullish() && !start.Bool():
		return mongoerr.New(mongoerr.InvalidOptions, "Specifying startTransaction=false is not allowed.")
	}
	return mongoerr.New(mongoerr.OperationNotSupportedInTransaction, "Cannot run '%s' in a multi-document transaction: "+
		"this version of Morton has none. Run the command outside of a transaction; a write to one document is atomic by itself.", o.row.name)
}
