// Package connpool is connections to one server: dialled, greeted, authenticated, lent and taken back.
//
// A [Pool] keeps the connections to one server as the drivers' specification "Connection Monitoring and Pooling" wants
// it. A [Conn] is one of them, or, from [Dial], one that belongs to no pool, for those who watch the server. What the
// caller sends is a whole message; what it gets is a [Reply], whose bytes are its own until it frees them. An [Error]
// says how far an operation had come, which is what a caller needs to know who wants to try again.
//
// DESIGN.md says why it is built as it is.
package connpool
