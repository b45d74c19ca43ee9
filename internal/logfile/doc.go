// Package logfile is Morton's replicated log on disk: the log's segment files: append, group fsync, read back, trim.
package logfile
