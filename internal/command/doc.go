// Package command is one file per command, and the dispatcher that does for all of them what they have in common.
//
// A command is a row in a table ([commands]): its names, what it needs (a primary, the admin database, an initiated
// set, ...), its arguments, and a function. [Dispatcher.Run] checks the request against the row, deals with sessions,
// read and write concern, time limits, fail points and metrics, calls the function and finishes the reply. Nothing
// behind it knows opcodes: package server translates the legacy ones into commands, and says so in [Request.Legacy]
// where the answer must differ.
package command
