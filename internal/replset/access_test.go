package replset

import (
	"fmt"
	"testing"
)

func TestWhoMayReadAndWriteAndHowOthersHearOfIt(t *testing.T) {
	primary, secondary := setOf(t, "*P1 S1 S1"), setOf(t, "P1 *S1 S1")
	draining := setOf(t, "*P1 S1 S1")
	draining.Writable = false
	recovering := setOf(t, "P1 *R1 S1")
	waiting := &View{SetName: "rs0", Self: -1, Primary: -1}
	standalone := &View{Self: -1, Primary: -1}

	// What mongod 6.0.5 answers to clients that sent helloOk, to others, and what clients from before OP_MSG need.
	write := [3]string{"10107 not primary", "10107 not master", "10107 not master"}
	read := [3]string{"13435 not primary and secondaryOk=false", "13435 not master and slaveOk=false", "13435 not master"}
	readSecondary := [3]string{"13436 node is not in primary or recovering state", "13436 node is not in primary or recovering state", "13436 not master"}
	ok := [3]string{"0 ", "0 ", "0 "}
	for _, c := range []struct {
		name                       string
		v                          *View
		write, read, readSecondary [3]string
	}{
		{"standalone", standalone, ok, ok, ok},
		{"primary", primary, ok, ok, ok},
		{"primary, not yet writable", draining, write, ok, ok},
		{"secondary", secondary, write, read, ok},
		{"recovering", recovering, write, read, [3]string{"13436 node is recovering", "13436 node is recovering", "13436 not master"}},
		{"not initiated", waiting, write, read, readSecondary},
	} {
		for d := DialectHello; d <= DialectLegacy; d++ {
			check(t, c.name+": write", c.v.CheckWrite(d), c.write[d])
			check(t, c.name+": read", c.v.CheckRead(false, d), c.read[d])
			check(t, c.name+": read from any", c.v.CheckRead(true, d), c.readSecondary[d])
		}
	}
}

func check(t *testing.T, what string, err error, want string) {
	t.Helper()
	code, text := codeAndText(err)
	if got := fmt.Sprint(int32(code), " ", text); got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
