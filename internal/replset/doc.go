// Package replset is configuration, member states, elections: values in, actions out.
//
// It knows the rules of a replica set and runs none of them: there is no goroutine, clock or socket here. A [Config] is
// the set as its administrator wants it, checked as mongod checks it. A [View] is everything that one member knows of
// the set at one moment; package node makes a new one at every change, and the replies of hello, replSetGetStatus and
// the console are functions of it. What should happen next (who should be primary, whom to hand over to, who stands
// first in an election) is decided here and done by package node.
package replset
