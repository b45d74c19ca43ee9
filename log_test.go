package morton_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mortondb/morton"
)

// logText is where a logger of a test writes.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestWaitingForAServerIsLogged shows that an operation that finds no server says so, and why, at a level that programs in production have.
func TestWaitingForAServerIsLogged(t *testing.T) {
	config, err := morton.ParseConfig("127.0.0.1:1")
	must(t, err)
	var log logText
	config.Logger = slog.New(slog.NewTextHandler(&log, nil))
	config.ServerSelectionTimeout = 50 * time.Millisecond
	client, err := morton.New(config)
	must(t, err)
	defer client.Close(context.Background())
	if err := client.Ping(t.Context()); err == nil {
		t.Fatal("there is a server")
	}
	for _, part := range []string{"level=INFO msg=ServerSelectionWaiting operation=ping", "127.0.0.1:1", "remaining="} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("no %q in\n%s", part, log.String())
		}
	}
}

// TestSecretCommandsStaySecret shows that neither log nor monitor have what a command of authentication has in it, nor what the server said of it.
func TestSecretCommandsStaySecret(t *testing.T) {
	eachServer(t, 1, func(t *testing.T, hosts []string) {
		config, err := morton.ParseConfig("mongodb://" + hosts[0] + "/?directConnection=true")
		must(t, err)
		var log logText
		config.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		var mu sync.Mutex
		var failed *morton.CommandEvent
		config.Monitor.Command = func(e *morton.CommandEvent) {
			mu.Lock()
			defer mu.Unlock()
			if e.Name == "saslStart" && e.Kind == "CommandFailed" {
				failed = e
			}
		}
		client, err := morton.New(config)
		must(t, err)
		defer client.Close(context.Background())
		_, err = client.Database("admin").Run(t.Context(), d("saslStart", 1, "mechanism", "hunter2", "payload", "hunter2"))
		var answer, told *morton.CommandError
		if !errors.As(err, &answer) || answer.Message == "" {
			t.Fatal(err)
		}
		if strings.Contains(log.String(), "hunter2") || strings.Contains(log.String(), answer.Message) {
			t.Error(log.String())
		}
		mu.Lock()
		defer mu.Unlock()
		if failed == nil || !errors.As(failed.Err, &told) || told.Message != "" || told.Raw != nil || told.Code != answer.Code || len(failed.Command)+len(failed.Reply) > 5 {
			t.Errorf("%+v", failed)
		}
	})
}
