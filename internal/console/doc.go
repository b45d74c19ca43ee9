// Package console is a read-only HTTP page about one member and its set, served at port+1000 as mongod did from 2009 to 2017.
//
//	/           this member, its set, the newest log lines
//	/_replSet   the set's members as this one sees them, in the columns of 2010 with some more
//	/healthz    200 while the process serves
//	/readyz     200 if the member can be read: PRIMARY or SECONDARY, or alone
//	/primaryz   200 if the member accepts writes
//
// Pages need nothing from outside: no script, font or image. There is no data interface, and nothing can be changed. The probes answer in one line of
// text, with 503 and the reason if the answer is no.
package console
