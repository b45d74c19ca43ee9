// Package godriver runs the official Go driver under load for test/acceptance/run.
package godriver
