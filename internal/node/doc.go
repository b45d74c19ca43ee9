// Package node is one member, assembled; used by binary and tests.
//
// A [Node] opens a data directory and puts the parts together: storage and log file, the engine as the log's state
// machine, the transport to the other members, the commands, the server. What it adds of its own is the life of a member: finding
// out who it is, being initiated, joining, replacing a lost disk, handing over before it stops.
package node
