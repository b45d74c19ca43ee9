// Package specification runs the drivers' specification tests in the unified test format against the module's client and a running
// set.
//
//	go test ./test/specification -uri mongodb://localhost:27017/?replicaSet=rs
//
// The tests are those of the official Go driver's release (package spectest); README.md has a line for each directory of them. Those of the formats
// before the unified one are translated (legacy.go). A test that asks for what the client does not offer, or for another server, is skipped, and
// the reasons are counted. Those that a runner must not let pass are run to see that it does not. What the client logs is compared in the
// specification's words (log.go, with a list of what it does not log, and why). Without -uri or -binary only the table is checked.
package specification
