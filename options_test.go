package morton_test

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

// TestOptionsThatDoNotApplyAreRefused: they would be passed over, and the program would not know.
func TestOptionsThatDoNotApplyAreRefused(t *testing.T) {
	client, err := morton.New(&morton.Config{Hosts: []string{"localhost:1"}})
	must(t, err)
	defer client.Close(t.Context())
	db := client.Database("app")
	c := db.Collection("c")
	ctx := t.Context()
	of := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"EstimatedCount counts the whole collection: Skip":  of(c.EstimatedCount(ctx, morton.CountOptions{Skip: 1})),
		"EstimatedCount counts the whole collection: Skip,": of(c.EstimatedCount(ctx, morton.CountOptions{Hint: "x"})),
		"ReplaceOne takes no ArrayFilters":                  of(c.ReplaceOne(ctx, bson.D{}, bson.D{}, morton.UpdateOptions{ArrayFilters: bson.A{}})),
		"Run has no cursor: BatchSize":                      of(db.Run(ctx, d("ping", 1), morton.RunOptions{BatchSize: 2})),
		"Run has no cursor: BatchSize,":                     of(db.Run(ctx, d("ping", 1), morton.RunOptions{Comment: "x"})),
		"FindOne finds one document: Limit":                 of(c.FindOne(ctx, bson.D{}, morton.FindOptions{Limit: 2})),
		"FindOne finds one document: Limit,":                of(c.FindOne(ctx, bson.D{}, morton.FindOptions{Tailable: true})),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := morton.New(&morton.Config{Hosts: []string{"localhost:1"}, MonitoringMode: "sometimes"}); err == nil || !strings.Contains(err.Error(), "use auto, stream or poll") {
		t.Errorf("a MonitoringMode that there is not: %v", err)
	}
}

// TestSettingsThatAreWrongStayWrong: what is derived from them with others that are right does not hide it.
func TestSettingsThatAreWrongStayWrong(t *testing.T) {
	client, err := morton.New(&morton.Config{Hosts: []string{"localhost:1"}})
	must(t, err)
	defer client.Close(t.Context())
	wrong := client.Database("app").With(morton.Settings{ReadPreference: &morton.ReadPreference{Mode: "close by"}})
	right := wrong.With(morton.Settings{ReadPreference: &morton.ReadPreference{Mode: "nearest"}, WriteConcern: &morton.WriteConcern{W: 1}})
	if _, err := right.Collection("c").FindOne(t.Context(), bson.D{}); err == nil || !strings.Contains(err.Error(), "close by") {
		t.Errorf("%v", err)
	}
}

// TestKeptConnections: what the Config says holds, and ParseConfig says one unless the connection string says something.
func TestKeptConnections(t *testing.T) {
	for uri, want := range map[string]int{"localhost": 1, "mongodb://localhost/?minPoolSize=0": 0, "mongodb://localhost/?minPoolSize=3&maxPoolSize=3": 3} {
		c, err := morton.ParseConfig(uri)
		must(t, err)
		if c.MinPoolSize != want {
			t.Errorf("%s: %d", uri, c.MinPoolSize)
		}
	}
}
