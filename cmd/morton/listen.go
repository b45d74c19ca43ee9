package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/mortondb/morton/internal/options"
	"github.com/mortondb/morton/internal/replset"
)

// listeners are the sockets of a member.
type listeners struct {
	clients []net.Listener
	console []net.Listener // empty without --rest
	shown   []string       // addresses as the log shows them
}

func (l *listeners) close() {
	for _, c := range append(l.clients, l.console...) {
		c.Close()
	}
}

// listen opens the sockets that o asks for: all of them or, with an error, none.
func listen(o *options.Options) (*listeners, error) {
	l := &listeners{}
	if err := l.open(o); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *listeners) open(o *options.Options) error {
	addrs, sockets, err := bindAddresses(o)
	if err != nil {
		return err
	}
	for _, a := range addrs {
		c, err := listenTCP(a, o.Port)
		if err != nil {
			return err
		}
		l.clients, l.shown = append(l.clients, c), append(l.shown, a.String())
	}
	if o.UnixSocket && runtime.GOOS != "windows" {
		sockets = append(sockets, filepath.Join(o.SocketDir, fmt.Sprintf("mongodb-%d.sock", o.Port)))
	}
	for _, path := range sockets {
		c, err := listenUnix(path, fs.FileMode(o.SocketMode))
		if err != nil {
			return err
		}
		l.clients, l.shown = append(l.clients, c), append(l.shown, path)
	}
	if !o.HTTP {
		return nil
	}
	for _, a := range addrs {
		c, err := listenTCP(a, o.Port+options.ConsoleOffset)
		if err != nil {
			return fmt.Errorf("the console of --rest: %w", err)
		}
		l.console = append(l.console, c)
	}
	return nil
}

// bindAddresses returns the addresses of --bind_ip, of which localhost is the default, and the paths of Unix sockets in it.
func bindAddresses(o *options.Options) (addrs []netip.Addr, sockets []string, err error) {
	add := func(a netip.Addr) {
		a = a.Unmap()
		for _, b := range addrs {
			if a == b {
				return
			}
		}
		if a.Is4() || o.IPv6 {
			addrs = append(addrs, a)
		}
	}
	if o.BindAll {
		add(netip.IPv4Unspecified())
		add(netip.IPv6Unspecified())
		return addrs, nil, nil
	}
	names := o.BindIP
	if len(names) == 0 {
		names = []string{"localhost"}
	}
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, "/"):
			sockets = append(sockets, name)
			continue
		case name == "localhost":
			add(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
			add(netip.IPv6Loopback())
			continue
		}
		if a, err := netip.ParseAddr(name); err == nil {
			if a.Is6() && !o.IPv6 {
				return nil, nil, fmt.Errorf("--bind_ip %s is an IPv6 address: add --ipv6", name)
			}
			add(a)
			continue
		}
		ips, err := net.LookupIP(name)
		if err != nil {
			return nil, nil, fmt.Errorf("--bind_ip %s: %w", name, err)
		}
		for _, ip := range ips {
			if a, ok := netip.AddrFromSlice(ip); ok {
				add(a)
			}
		}
	}
	if len(addrs) == 0 && len(sockets) == 0 {
		return nil, nil, errors.New("--bind_ip names no address to listen on")
	}
	return addrs, sockets, nil
}

func listenTCP(a netip.Addr, port int) (net.Listener, error) {
	network := "tcp4"
	if a.Is6() {
		network = "tcp6"
	}
	return net.Listen(network, net.JoinHostPort(a.String(), strconv.Itoa(port)))
}

// listenUnix listens on a path. A socket that a killed process left there is removed; whoever listens on it keeps it.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return nil, fmt.Errorf("another process listens on %s", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// naming collects what this member may be called by others.
func naming(o *options.Options) replset.Naming {
	n := replset.Naming{Port: o.Port, Bind: o.BindIP}
	switch {
	case o.BindAll:
		n.Bind = nil
	case len(o.BindIP) == 0:
		n.Bind = []string{"localhost"}
	}
	n.Hostname, _ = os.Hostname()
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			n.Addrs = append(n.Addrs, p.Addr())
		}
	}
	return n
}
