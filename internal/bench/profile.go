package bench

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// startProfile records what the server spends its processor time on during one slice. The function that it returns waits for the end.
func (r *run) startProfile(srv *server, w workload, conns int) (wait func() error) {
	if !srv.profiled {
		return func() error { return nil }
	}
	file := filepath.Join(r.Profile, fmt.Sprintf("%s-%d.pprof", notInNames.ReplaceAllString(strings.ToLower(r.group.name+" "+w.name), "-"), conns))
	done := make(chan error, 1)
	go func() { done <- srv.fetchProfile(file, max(int(r.Slice.Seconds()), 1)) }()
	return func() error { return <-done }
}

// fetchProfile asks the page of --rest.
func (srv *server) fetchProfile(file string, seconds int) error {
	host, port, err := net.SplitHostPort(srv.primary)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	reply, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", net.JoinHostPort(host, strconv.Itoa(n+1000)), seconds))
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: %s", reply.Status)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, reply.Body)
	return err
}
