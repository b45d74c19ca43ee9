package replset

import "github.com/mortondb/morton/internal/mongoerr"

// Dialect is in which words a client is told that a member is not primary. Drivers have looked for them in the message
// for longer than there have been codes.
type Dialect int

const (
	// DialectHello is for clients that sent helloOk: "not primary".
	DialectHello Dialect = iota
	// DialectMaster is for other clients that speak OP_MSG.
	DialectMaster
	// DialectLegacy is for clients from before OP_MSG. "not master" is the one text for which all of them drop what
	// they believe of the set and look for the primary; PyMongo 1.8 does it for no other.
	DialectLegacy
)

// refusal is one error in the three dialects.
type refusal struct {
	code  mongoerr.Code
	words [3]string
}

var (
	notPrimary          = refusal{mongoerr.NotWritablePrimary, [3]string{"not primary", "not master", "not master"}}
	notPrimaryForRead   = refusal{mongoerr.NotPrimaryNoSecondaryOk, [3]string{"not primary and secondaryOk=false", "not master and slaveOk=false", "not master"}}
	recovering          = refusal{mongoerr.NotPrimaryOrSecondary, [3]string{"node is recovering", "node is recovering", "not master"}}
	notPrimarySecondary = refusal{mongoerr.NotPrimaryOrSecondary, [3]string{
		"node is not in primary or recovering state", "node is not in primary or recovering state", "not master"}}
)

func (r refusal) in(d Dialect) error { return mongoerr.New(r.code, "%s", r.words[d]) }

// CheckWrite returns why clients cannot write here now; nil if they can.
func (v *View) CheckWrite(d Dialect) error {
	if v.IsWritablePrimary() {
		return nil
	}
	return notPrimary.in(d)
}

// CheckRead returns why a client that allows reads from secondaries, or does not, cannot read here now; nil if it can.
func (v *View) CheckRead(secondaryOK bool, d Dialect) error {
	switch {
	case v.Standalone() || v.Initiated() && v.State == Primary:
		return nil
	case !secondaryOK:
		return notPrimaryForRead.in(d)
	case v.Initiated() && v.State == Recovering:
		return recovering.in(d)
	case !v.Initiated() || !v.State.Readable():
		return notPrimarySecondary.in(d)
	}
	return nil
}
