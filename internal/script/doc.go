// Package script is JavaScript in filters and expressions, by an engine that sees nothing but its arguments.
//
// A [Function] is code compiled once; [Function.Call] runs it on raw BSON. What a script may use is bounded: its time by the context and
// [MaxTime], the depth of its calls, and its memory, which a watch stops it for. It cannot reach files, sockets, other commands or other
// calls: each call gets a runtime that no other uses at the same time, and global variables that it sets are of no use to later ones.
package script
