package process

import (
	"os"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// NamedMongod returns the path of the mongod that MORTON_MONGOD names. Where it names none the test is skipped.
func NamedMongod(t testing.TB) string {
	t.Helper()
	binary := os.Getenv("MORTON_MONGOD")
	if binary == "" {
		t.Skip("MORTON_MONGOD names no mongod to ask")
	}
	return binary
}

// StartMongod starts that mongod, with arguments beside those that every member has, and waits until it answers. It ends with the test.
func StartMongod(t testing.TB, args ...string) (address string) {
	t.Helper()
	m, err := StartAlone(NamedMongod(t), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	if err := m.answers(); err != nil {
		log, _ := os.ReadFile(m.LogPath())
		t.Fatalf("%v\n%s", err, log)
	}
	return m.Address
}

// answers waits until the process answers.
func (m *Member) answers() error {
	c := Conn{Address: m.Address}
	defer c.Close()
	_, err := retry(func() (bson.Raw, error) { return c.Run("admin", bson.D{{Key: "ping", Value: 1}}) })
	return err
}
