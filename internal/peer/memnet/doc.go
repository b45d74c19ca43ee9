// Package memnet is a network in memory, for tests: hosts that listen and dial, and links between them that can be cut
// in one direction, slowed down and made to break at random from a seed. Everything that takes time takes it from package time, so
// that it runs under testing/synctest.
package memnet
