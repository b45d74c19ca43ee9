package morton_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/test/inside"
)

// TestMain fails where tests have closed all clients and goroutines of theirs are left.
func TestMain(m *testing.M) {
	code := m.Run()
	endExamples()
	if left := leftOver(nil); len(left) > 0 && code == 0 {
		code = 1
		for _, stack := range left {
			fmt.Fprintf(os.Stderr, "a client was closed, or was not, and left %s\n", stack)
		}
	}
	os.Exit(code)
}

var ofClient = regexp.MustCompile(`(?m)^(created by )?github\.com/mortondb/morton(/internal/connpool)?\.`)

// clientGoroutines returns the stacks of the goroutines that clients have, by the goroutine's number.
func clientGoroutines() map[string]string {
	text := make([]byte, 1<<20)
	n := runtime.Stack(text, true)
	for ; n == len(text); n = runtime.Stack(text, true) {
		text = make([]byte, 2*len(text))
	}
	text = text[:n]
	all := map[string]string{}
	for stack := range strings.SplitSeq(string(text), "\n\n") {
		if ofClient.MatchString(stack) {
			number, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
			all[number] = stack
		}
	}
	return all
}

// leftOver returns the goroutines of clients that were not there before, once those that are about to end have ended.
func leftOver(before map[string]string) (left map[string]string) {
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		left = clientGoroutines()
		maps.DeleteFunc(left, func(number, _ string) bool { return before[number] != "" })
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
	}
}

// TestCloseLeavesNoGoroutine closes a client that works: its operations end with ErrClosed, or with what they had done by then, and no goroutine of it is left.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	address := inside.Member(t, "rs")
	initiate(t, []string{address})
	before := clientGoroutines()
	client, err := morton.Connect(t.Context(), "mongodb://"+address+"/?replicaSet=rs")
	must(t, err)
	if len(clientGoroutines()) <= len(before) {
		t.Fatal("a client without goroutines: the stacks are not those of this package any more")
	}
	c := client.Database("app").Collection("c")
	var work, all sync.WaitGroup
	for i := range 8 {
		all.Add(1)
		began := sync.OnceFunc(all.Done)
		work.Go(func() {
			defer began()
			for {
				_, err := c.UpdateOne(t.Context(), d("_id", i), d("$inc", d("n", 1)), morton.UpdateOptions{Upsert: true})
				if err != nil && !errors.Is(err, morton.ErrClosed) {
					t.Errorf("writer %d: %v", i, err)
				}
				if err != nil {
					return
				}
				began()
			}
		})
	}
	all.Wait()
	must(t, client.Close(context.Background()))
	work.Wait()
	for _, stack := range leftOver(before) {
		t.Errorf("left: %s", stack)
	}
}
