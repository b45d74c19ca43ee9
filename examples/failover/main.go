// Command failover is the article of 2010 on replica sets as a program: three members on this machine, a document, and a primary that
// dies by kill -9 while it has a request.
//
//	go build -o /tmp/morton ./cmd/morton && go run ./examples/failover -binary /tmp/morton
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

func main() {
	binary := flag.String("binary", "morton", "the server's binary, morton or mongod")
	flag.Parse()
	dir, err := os.MkdirTemp("", "failover-")
	if err != nil {
		log.Fatal(err)
	}
	err = run(context.Background(), *binary, dir, os.Stdout)
	if err != nil {
		log.Fatalf("%v (the members' logs are in %s)", err, dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		log.Fatal(err)
	}
}

// run tells the story to out, and returns what in it went otherwise than the article says.
func run(ctx context.Context, binary, dir string, out io.Writer) error {
	set, err := startSet(ctx, binary, dir)
	defer set.stop()
	if err != nil {
		return err
	}
	story := story{set: set, out: out}
	if err := story.onceWithoutRetries(ctx); err != nil {
		return err
	}
	if err := set.startAgain(); err != nil {
		return err
	}
	return story.notAtAllWithRetries(ctx)
}

type story struct {
	set *set
	out io.Writer
}

func (s *story) say(format string, values ...any) { fmt.Fprintf(s.out, format+"\n", values...) }

// onceWithoutRetries is the article: any member is a seed, the client that loses its primary gets AutoReconnect, once, and then finds the
// new one.
func (s *story) onceWithoutRetries(ctx context.Context) error {
	config, err := morton.ParseConfig(s.set.members[1].address) // any member
	if err != nil {
		return err
	}
	config.RetryReads, config.RetryWrites = false, false
	client, err := s.connect(config, "find")
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	test := client.Database("test").Collection("test")
	if _, err := test.Save(ctx, bson.D{{Key: "x", Value: 1}}); err != nil {
		return err
	}
	s.say("connected with %s, the primary is %s:%d", s.set.members[1].address, client.Host(), client.Port())

	_, err = test.FindOne(ctx, nil) // the primary dies during this
	var lost *morton.AutoReconnect
	if !errors.As(err, &lost) {
		return fmt.Errorf("the primary was killed, and the client got %v", err)
	}
	s.say("find: AutoReconnect: safe to repeat: %v", lost.SafeToRetry)

	document, err := test.FindOne(ctx, nil)
	if err != nil {
		return fmt.Errorf("the second find: %w", err)
	}
	s.say("find: x is %v; the primary is %s:%d", document[1].Value, client.Host(), client.Port())
	return nil
}

// notAtAllWithRetries is what has come since: a client as it is by default repeats what is safe to repeat, and nobody notices.
func (s *story) notAtAllWithRetries(ctx context.Context) error {
	config, err := morton.ParseConfig(s.set.members[0].address, s.set.members[1].address, s.set.members[2].address)
	if err != nil {
		return err
	}
	client, err := s.connect(config, "update")
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	test := client.Database("test").Collection("test")
	// The member that was killed is back when it acknowledges, too.
	everybody := test.With(morton.Settings{WriteConcern: &morton.WriteConcern{W: len(s.set.members)}})
	if _, err := everybody.InsertOne(ctx, bson.D{{Key: "_id", Value: "counter"}, {Key: "n", Value: 0}}); err != nil {
		return err
	}
	const times = 10
	for range times { // the primary dies during the first
		if _, err := test.UpdateOne(ctx, bson.D{{Key: "_id", Value: "counter"}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}); err != nil {
			return fmt.Errorf("an update while the primary died: %w", err)
		}
	}
	counter, err := test.FindOne(ctx, bson.D{{Key: "_id", Value: "counter"}})
	if err != nil {
		return err
	}
	if n := counter[1].Value; n != int32(times) {
		return fmt.Errorf("%d updates were acknowledged, %v took effect", times, n)
	}
	s.say("update, %d times, during which a primary died: no error, and n is %d", times, times)
	return nil
}

// connect makes a client whose primary is killed when the first command of that name is about to be sent. An operation that lasts long
// would do as well; this is sure to hit it.
func (s *story) connect(config *morton.Config, command string) (*morton.Client, error) {
	var once sync.Once
	config.Monitor.Command = func(e *morton.CommandEvent) {
		if e.Kind == "CommandStarted" && e.Name == command {
			once.Do(func() { s.say("kill -9 %s", e.Address); s.set.kill(e.Address) })
		}
	}
	return morton.New(config)
}
