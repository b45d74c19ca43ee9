package morton_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/test/inside"
	"github.com/mortondb/morton/test/process"
)

// eachServer runs a test with a set of Morton's, and with one of the mongod that MORTON_MONGOD names.
func eachServer(t *testing.T, members int, f func(t *testing.T, hosts []string)) {
	t.Run("morton", func(t *testing.T) {
		hosts := make([]string, members)
		for i := range hosts {
			hosts[i] = inside.Member(t, "rs")
		}
		initiate(t, hosts)
		f(t, hosts)
	})
	t.Run("mongod", func(t *testing.T) {
		process.NamedMongod(t)
		hosts := make([]string, members)
		for i := range hosts {
			hosts[i] = process.StartMongod(t, "--replSet", "rs")
		}
		initiate(t, hosts)
		f(t, hosts)
	})
}

// initiate makes a set of the members and waits for its primary.
func initiate(t *testing.T, hosts []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	direct, err := morton.Connect(ctx, "mongodb://"+hosts[0]+"/?directConnection=true")
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close(ctx)
	members := bson.A{}
	for i, h := range hosts {
		members = append(members, bson.D{{Key: "_id", Value: i}, {Key: "host", Value: h}})
	}
	if _, err := direct.Database("admin").Run(ctx, bson.D{{Key: "replSetInitiate", Value: bson.D{{Key: "_id", Value: "rs"}, {Key: "members", Value: members}}}}); err != nil {
		t.Fatal(err)
	}
	client := connect(t, hosts, "")
	if err := client.Ping(ctx); err != nil {
		t.Fatal(err)
	}
}

// connect connects with all hosts as seeds.
func connect(t *testing.T, hosts []string, options string) *morton.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := morton.Connect(ctx, fmt.Sprintf("mongodb://%s/?replicaSet=rs%s", strings.Join(hosts, ","), options))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}
