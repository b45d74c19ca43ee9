// Package auth is authentication: conversations of client and server.
//
// The client's half is a Client, which stands for one user and is kept as long as connections are made, and a Dialog for each connection. The
// Dialog says what to put into hello, then reads replies and makes commands until it is done; who sends them is the caller's affair. Below it is
// a Conversation, which is the mechanism alone. Nothing here waits, reads a clock or draws a random number: nonces are passed in.
//
// Files that belong to the client's half have names that begin with client.
package auth
