// Package server is sockets, limits: it takes connections, reads messages, has the commands in them run, and sends the
// replies. It translates the opcodes of old clients into commands, and nothing behind it knows them.
//
// One goroutine serves one connection, one request after the other. What it reads is parsed where it lies, so a
// request's bytes are valid until its reply has been made. A connection that waits for its next request holds no
// buffer (on unix).
//
// The opcodes that are older than OP_MSG are translated here, in the files legacy*.go. Nothing behind this package
// knows that they exist, except that a request says it came by one of them ([command.Request.Legacy]).
//
// The listeners are the caller's and the clock is package time's, so that a server runs in memory and in virtual time.
package server
