package main

import (
	"os"
	"runtime"

	"github.com/mortondb/morton/internal/mongolog"
)

// logStart writes the lines that every log file begins with.
func (m *member) logStart(context string) {
	l := m.logger.With("ctx", context)
	host, _ := os.Hostname()
	bits := "64-bit"
	if runtime.GOARCH == "arm" || runtime.GOARCH == "386" {
		bits = "32-bit"
	}
	l.Info("MongoDB starting", "id", 4615611, "pid", os.Getpid(), "port", m.options.Port, "dbPath", m.options.DBPath, "architecture", bits, "host", host)
	l.Info("Build Info", "id", 23403, "buildInfo", thisBuild())
	l.Info("Options set by command line", "id", 21951, "options", m.options.Tree)
}

// wantedFiles is how many files mongod wants to be allowed to open; connections are files, too.
const wantedFiles = 64000

// logWarnings writes the lines that shells show when they connect.
func (m *member) logWarnings() {
	o := m.options
	warn := func(id int, msg string, attrs ...any) {
		m.logger.Warn(msg, append(attrs, mongolog.ID(id), mongolog.StartupWarning())...)
	}
	warn(22120, "Access control is not enabled for the database. Read and write access to data and configuration is unrestricted")
	if len(o.BindIP) == 0 && !o.BindAll {
		warn(22140, "This server is bound to localhost. Remote systems will be unable to connect to this server. Start the server with --bind_ip <address> to specify which IP "+
			"addresses it should serve responses from, or with --bind_ip_all to bind to all interfaces. If this behavior is desired, start the server with --bind_ip 127.0.0.1 to disable this warning")
	}
	if os.Geteuid() == 0 {
		warn(22138, "You are running this process as the root user, which is not recommended")
	}
	if n, ok := openFilesLimit(); ok && n < wantedFiles {
		warn(22184, "Soft rlimits for open file descriptors too low", "currentValue", n, "recommendedMinimum", wantedFiles)
	}
	for _, text := range o.Warnings {
		warn(0, text)
	}
}
