// Package sdam is what the client believes about the set: hello replies in, topology out.
//
// A Server is what is known of one member, from one hello reply (ParseHello) or one failure (Failed). A Topology is what is
// known of all, and what operations choose from (Topology.Select). Both are immutable: Topology.Apply takes a server and
// returns another topology, with what happened as events. Nothing here waits, dials, reads a clock or draws a random number;
// the goroutines that do are the caller's. See DESIGN.md.
package sdam
