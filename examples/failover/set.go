package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

// set is three members on this machine.
type set struct{ members []*member }

type member struct {
	address string
	command []string
	log     string
	process *exec.Cmd // nil: it does not run
}

// startSet starts a set and waits for nothing but that it was initiated: clients wait for its primary.
func startSet(ctx context.Context, binary, dir string) (*set, error) {
	s := &set{}
	for i := range 3 {
		address, err := freeAddress()
		if err != nil {
			return s, err
		}
		data := filepath.Join(dir, string(rune('a'+i)))
		if err := os.Mkdir(data, 0o755); err != nil {
			return s, err
		}
		_, port, _ := net.SplitHostPort(address)
		command := []string{binary, "--dbpath", data, "--port", port, "--bind_ip", "127.0.0.1", "--replSet", "foo"}
		if !strings.Contains(filepath.Base(binary), "mongod") {
			command = append([]string{binary, "serve"}, command[1:]...)
		}
		s.members = append(s.members, &member{address: address, command: command, log: data + ".log"})
	}
	if err := s.startAgain(); err != nil {
		return s, err
	}
	return s, s.initiate(ctx)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// startAgain starts the members that do not run.
func (s *set) startAgain() error {
	for _, m := range s.members {
		if m.process != nil {
			continue
		}
		log, err := os.OpenFile(m.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		process := exec.Command(m.command[0], m.command[1:]...)
		process.Stdout, process.Stderr = log, log
		err = process.Start()
		log.Close()
		if err != nil {
			return err
		}
		m.process = process
	}
	return nil
}

func (s *set) initiate(ctx context.Context) error {
	config := bson.D{{Key: "_id", Value: "foo"}}
	members := bson.A{}
	for i, m := range s.members {
		direct, err := morton.Connect(ctx, "mongodb://"+m.address+"/?directConnection=true") // waits until it listens
		if err != nil {
			return err
		}
		defer direct.Close(ctx)
		members = append(members, bson.D{{Key: "_id", Value: i}, {Key: "host", Value: m.address}})
		if i < len(s.members)-1 {
			continue
		}
		config = append(config, bson.E{Key: "members", Value: members})
		if _, err := direct.Database("admin").Run(ctx, bson.D{{Key: "replSetInitiate", Value: config}}); err != nil {
			return fmt.Errorf("initiate the set: %w", err)
		}
	}
	return nil
}

// kill is kill -9: the member learns nothing of it. It is dead when kill returns.
func (s *set) kill(address string) {
	for _, m := range s.members {
		if m.address == address && m.process != nil {
			_ = m.process.Process.Kill()
			_ = m.process.Wait() // says that it was killed
			m.process = nil
		}
	}
}

func (s *set) stop() {
	for _, m := range s.members {
		s.kill(m.address)
	}
}
