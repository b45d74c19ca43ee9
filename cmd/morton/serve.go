package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/mortondb/morton/internal/console"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongolog"
	"github.com/mortondb/morton/internal/node"
	"github.com/mortondb/morton/internal/options"
)

// runServe runs one member until it is told to stop.
func runServe(i *invocation) int {
	o, err := options.Parse(i.args, os.ReadFile)
	if err != nil {
		code := exitBadOptions
		var oe *options.Error
		if errors.As(err, &oe) {
			code = oe.Code
		}
		fmt.Fprintf(i.stderr, "%v\ntry '%s --help' for more information\n", err, i.program)
		return code
	}
	switch {
	case o.Help:
		fmt.Fprint(i.stdout, options.Help(i.program))
		return exitClean
	case o.Version:
		printServerVersion(i.stdout)
		return exitClean
	case o.Shutdown:
		return stopServer(o.DBPath, i.stdout, i.stderr)
	case o.Fork && !forked():
		return fork(i)
	}
	m := &member{options: o, argv: i.argv, stdin: i.stdin, stdout: i.stdout, exit: make(chan int, 1)}
	return m.run()
}

// member is the process around a node.
type member struct {
	options *options.Options
	argv    []string
	stdin   io.Reader
	stdout  io.Writer

	log    *mongolog.Log
	logger *slog.Logger // of startup and shutdown

	node    *node.Node
	console *http.Server
	exit    chan int // gets the exit code when the node ended by itself
	once    sync.Once
}

// run is the life of the process.
func (m *member) run() int {
	stop := notifySignals()
	defer stop.release()
	if code, ok := m.openLog(); !ok {
		return code
	}
	defer m.log.Close()
	if code := m.start(); code != exitClean {
		m.goodbye(code)
		return code
	}
	reportReady()
	code := m.wait(stop)
	m.goodbye(code)
	return code
}

func (m *member) openLog() (code int, ok bool) {
	o := m.options
	config := mongolog.Config{Path: o.LogPath, Append: o.LogAppend, Reopen: o.LogReopen, Stream: m.stdout, UTC: o.LogUTC, Verbosity: o.Verbosity}
	log, err := mongolog.Open(config)
	if err != nil {
		log, _ := mongolog.Open(mongolog.Config{Stream: m.stdout})
		log.Logger().Log(context.Background(), mongolog.LevelFatal, "Error during global initialization", "c", "CONTROL", "id", 20574,
			slog.Group("error", "code", 38, "codeName", "FileNotOpen", "errmsg", err.Error()))
		return exitFailed, false
	}
	m.log = log
	m.logger = log.Logger().With("c", "CONTROL", "ctx", "initandlisten")
	return 0, true
}

// start brings the node up. An exit code that is not clean says that it failed, which is logged.
func (m *member) start() int {
	m.logStart("initandlisten")
	sockets, err := listen(m.options)
	if err != nil {
		m.logger.Error("Error setting up listener", "id", 20568, slog.Group("error", "code", 9001, "codeName", "SocketException", "errmsg", err.Error()))
		return exitNetError
	}
	if err := writePIDFile(m.options.PIDFile); err != nil { // not before the port is ours: it may be that of the one that runs
		sockets.close()
		m.logger.Error("Cannot write the pid file", "id", 23330, "error", err)
		return exitFailed
	}
	if err := m.startNode(sockets); err != nil {
		sockets.close()
		m.logger.Error("DBException in initAndListen, terminating", "id", 20557, "error", startError(err, m.options.DBPath))
		return exitUncaught
	}
	m.serveConsole(sockets.console)
	network := m.log.Logger().With("c", "NETWORK", "ctx", "listener")
	for _, a := range sockets.shown {
		network.Info("Listening on", "id", 23015, "address", a)
	}
	network.Info("Waiting for connections", "id", 23016, "port", m.options.Port, "ssl", "off")
	return exitClean
}

func (m *member) startNode(sockets *listeners) error {
	o := m.options
	if _, err := os.Stat(o.DBPath); err != nil {
		return err
	}
	m.logWarnings()
	cache := o.CacheBytes
	if cache == 0 {
		cache = node.CacheFor(machineMemory())
	}
	limitMemory(cache)
	dialer := &net.Dialer{}
	n, err := node.Start(node.Options{
		DBPath: o.DBPath, Listeners: sockets.clients, Naming: naming(o),
		Dial: func(ctx context.Context, host string) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", host) },
		Set:  o.Set, CacheBytes: cache, OplogBytes: o.OplogBytes, OplogRetention: o.OplogRetention,
		MaxConns: o.MaxConns, Quiet: o.Quiet, EnableTestCommands: o.EnableTests, Parameters: o.Parameters, SlowMS: o.SlowMS,
		Process: m, Logger: m.log.Logger(), OnFatal: m.fatal,
	})
	if err != nil {
		return err
	}
	m.node = n
	giveBackStart()
	return writeRunningPID(o.DBPath)
}

// startError says in mongod's words why the data directory could not be used.
func startError(err error, dbpath string) string {
	var locked *node.LockedError
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Sprintf("NonExistentPath: Data directory %s not found. Create the missing directory or specify another path using (1) the --dbpath command line option, "+
			"or (2) by adding the 'storage.dbPath' option in the configuration file.", dbpath)
	case errors.As(err, &locked):
		return fmt.Sprintf("DBPathInUse: Unable to lock the lock file: %s (%v). Another mongod instance is already running on the %s directory",
			filepath.Join(dbpath, "mongod.lock"), locked.Err, dbpath)
	}
	return err.Error()
}

func (m *member) serveConsole(sockets []net.Listener) {
	if len(sockets) == 0 {
		return
	}
	m.console = &http.Server{
		Handler:           console.New(console.Options{Member: m.node, Version: node.Version, MongoVersion: mongoVersion, Port: m.options.Port, DBPath: m.options.DBPath, Log: m.LogLines}),
		ReadHeaderTimeout: 10 * time.Second,
	}
	for _, l := range sockets {
		m.log.Logger().Info("The console is at", "c", "NETWORK", "ctx", "listener", "address", "http://"+l.Addr().String()+"/")
		go func() {
			if err := m.console.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				m.logger.Warn("The console ended", "error", err)
			}
		}()
	}
}

// wait returns when the process is to end, and stops the node.
func (m *member) wait(stop *signals) int {
	orphaned := watchParent(m.stdin)
	for {
		select {
		case code := <-m.exit:
			return code
		case s := <-stop.rotate:
			m.logger.Info("Received signal", "ctx", "SignalHandler", "id", 23377, "signal", s.number, "error", s.name)
			m.rotate()
		case s := <-stop.end:
			m.logger.Info("Received signal", "ctx", "SignalHandler", "id", 23377, "signal", s.number, "error", s.name)
			m.logger.Info("will terminate after current cmd ends", "ctx", "SignalHandler", "id", 23381)
			return m.shutdown(stop)
		case <-orphaned:
			m.logger.Info("The program that started this member ended, stopping", "ctx", "SignalHandler")
			return m.shutdown(stop)
		}
	}
}

// impatience is how long a shutdown runs before another Ctrl-C ends the process at once. Signals that come earlier are
// the first one again: some programs send it to the process and to its group.
const impatience = time.Second

// shutdown closes the node. Ending it at once loses nothing that was acknowledged by a majority.
func (m *member) shutdown(stop *signals) int {
	begun := time.Now()
	done := make(chan int, 1)
	go func() {
		code := exitClean
		if err := m.node.Shutdown(context.Background()); err != nil {
			m.logger.Error("The shutdown was not clean", "ctx", "SignalHandler", "error", err)
			code = exitFailed
		}
		done <- code
	}()
	for {
		select {
		case code := <-done:
			return code
		case code := <-m.exit:
			return code
		case s := <-stop.end:
			if s.number == int(syscall.SIGINT) && time.Since(begun) > impatience {
				m.logger.Warn("Received another signal, ending at once", "ctx", "SignalHandler", "signal", s.number, "error", s.name)
				return exitFailed
			}
		}
	}
}

// goodbye is the end of the log.
func (m *member) goodbye(code int) {
	if m.console != nil {
		m.console.Close()
	}
	if m.node != nil {
		removeRunningPID(m.options.DBPath)
	}
	m.logger.Info("Now exiting", "id", 20565)
	m.logger.Info("Shutting down", "id", 23138, "exitCode", code)
}

func (m *member) rotate() {
	if err := m.log.Rotate(time.Now()); err != nil {
		m.logger.Error("Log rotation failed", "ctx", "SignalHandler", "id", 23168, "error", err)
		return
	}
	m.logStart("SignalHandler")
}

// fatal ends the process: the disk failed, or the state is not to be trusted.
func (m *member) fatal(err error) {
	m.logger.Log(context.Background(), mongolog.LevelFatal, "This member cannot go on", "error", err)
	m.end(exitAbrupt)
}

// end makes run return with code. Only the first call counts.
func (m *member) end(code int) {
	m.once.Do(func() { m.exit <- code })
}

// CommandLine, LogLines and Exit are what commands ask of the process.

// CommandLine returns how the process was started.
func (m *member) CommandLine() (argv []string, parsed document.Doc) { return m.argv, m.options.Tree }

// LogLines returns the newest log lines of a name, and how many there ever were.
func (m *member) LogLines(name string) (lines []string, total int) {
	total, lines, _ = m.log.Recent(name)
	return lines, total
}

// Exit ends the process after the node was shut down by a command.
func (m *member) Exit() { m.end(exitClean) }

func writePIDFile(path string) error {
	if path == "" {
		return nil
	}
	return os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644)
}
