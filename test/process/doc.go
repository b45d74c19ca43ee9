// Package process starts real members for tests that talk to them over the wire, and is the plainest of clients: a command goes
// out as the bytes it is given, and the reply comes back as the bytes that arrived. No session, retry or type is in between.
package process
