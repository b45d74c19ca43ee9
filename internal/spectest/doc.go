// Package spectest is specification tests read from the module cache of the official driver's source.
//
// MongoDB publishes its specifications of drivers with tests as JSON. A release of the official Go driver carries them under
// testdata. They are not copied here: Files finds them where the go command keeps downloaded modules, and downloads the
// module if it is not there yet. For tests only.
package spectest
