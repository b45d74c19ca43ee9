package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"
)

// received is a signal as the log shows it.
type received struct {
	number int
	name   string
}

// signals tells of those that the process acts upon.
type signals struct {
	end    chan received // SIGTERM, SIGINT, SIGHUP
	rotate chan received // SIGUSR1
	source chan os.Signal
}

// notifySignals begins to listen to signals, so that none of them ends the process unclean from here on.
func notifySignals() *signals {
	s := &signals{end: make(chan received, 4), rotate: make(chan received, 4), source: make(chan os.Signal, 8)}
	signal.Notify(s.source, append([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, rotateSignals...)...)
	go func() {
		for sig := range s.source {
			r := received{name: sig.String()}
			if n, ok := sig.(syscall.Signal); ok {
				r.number = int(n)
			}
			to := s.end
			if isRotate(sig) {
				to = s.rotate
			}
			select {
			case to <- r:
			default: // one is waiting already
			}
		}
	}()
	return s
}

func (s *signals) release() {
	signal.Stop(s.source)
	close(s.source)
}

func isRotate(sig os.Signal) bool {
	for _, r := range rotateSignals {
		if r == sig {
			return true
		}
	}
	return false
}

// stopWithStdin is set in the environment of a member that ends with the program that started it: when its
// standard input ends. It works everywhere, also when that program was killed.
const stopWithStdin = "MORTON_STOP_WITH_STDIN"

// watchParent returns a channel that is closed when the member is to end with its parent; nil if that was not asked for.
func watchParent(stdin io.Reader) <-chan struct{} {
	if os.Getenv(stopWithStdin) == "" {
		return nil
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		close(ended)
	}()
	return ended
}
