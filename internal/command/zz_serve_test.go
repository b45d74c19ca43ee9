package command_test

import (
	"net"
	"os"
	"testing"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/server"
)

func TestServeZZ(t *testing.T) {
	addr := os.Getenv("ZZSERVE")
	if addr == "" {
		t.Skip()
	}
	d := command.NewTestDispatcher(t)
	s, err := server.New(server.Options{Runner: d})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s.Serve(l)
}
