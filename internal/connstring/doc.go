// Package connstring is connection strings: text in, options out.
//
// Parse follows the specifications of connection strings, URI options and authentication: what they call an error is an error that says what
// to do; what they say is ignored is ignored with a warning. No message repeats a password, nor anything that could be a piece of one.
// Whether the client has what a valid text asks for is another question, which Unsupported answers.
package connstring
