package main

import (
	"fmt"
	"math/rand/v2"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/mortondb/morton/test/process"
)

const setupBatch = 1000

// runner replays cases on one connection to one server.
type runner struct {
	conn   process.Conn
	prefix string
	count  int
}

func newRunner(address string) *runner {
	return &runner{conn: process.Conn{Address: address}, prefix: fmt.Sprintf("cf%08x", rand.Uint32())}
}

// outcome is what came of a step: a normalised reply, or why there is none.
type outcome struct {
	reply   object
	problem string
}

// run replays a case in a new database. A step that fails does not stop those behind it.
func (r *runner) run(c *testCase) []outcome {
	r.count++
	env := newEnvironment(fmt.Sprintf("%s%05d", r.prefix, r.count), r.conn.Address, c)
	defer r.cleanUp(env)
	outcomes := make([]outcome, len(c.steps))
	setup := r.setUp(env, c)
	for i := range c.steps {
		if setup != nil {
			outcomes[i].problem = setup.Error()
			continue
		}
		reply, err := r.step(env, &c.steps[i])
		if err != nil {
			outcomes[i].problem = err.Error()
			continue
		}
		env.remember(fmt.Sprint(i), reply)
		outcomes[i].reply = env.normalise(reply, &c.steps[i])
	}
	return outcomes
}

func (r *runner) setUp(env *environment, c *testCase) error {
	for _, f := range c.setup {
		documents, _ := env.fill(f.value).([]any)
		if len(documents) == 0 {
			if err := r.mustSucceed(env.db, object{{"create", f.key}}); err != nil {
				return err
			}
		}
		for len(documents) > 0 {
			n := min(len(documents), setupBatch)
			if err := r.mustSucceed(env.db, object{{"insert", f.key}, {"documents", documents[:n]}}); err != nil {
				return err
			}
			documents = documents[n:]
		}
	}
	return nil
}

func (r *runner) mustSucceed(db string, command object) error {
	reply, err := r.command(db, command)
	if err != nil {
		return err
	}
	if _, failed := reply.get("writeErrors"); failed || !isOK(reply) {
		return fmt.Errorf("setup failed: %s", brief(reply))
	}
	return nil
}

func (r *runner) step(env *environment, s *step) (object, error) {
	db := env.db
	if other, ok := s.get("db"); ok {
		db = env.fill(other).(string)
	}
	return r.command(db, env.fill(s.run).(object))
}

func (r *runner) command(db string, command object) (object, error) {
	reply, err := r.conn.RunRaw(db, encode(command))
	if err != nil {
		return nil, err
	}
	return decode(bsoncore.Document(reply))
}

func (r *runner) cleanUp(env *environment) {
	if len(env.uuids) > 0 {
		var ids []any
		for letter := range env.uuids {
			id, _ := env.placeholder("%uuid%", letter)
			ids = append(ids, object{{"id", id}})
		}
		_, _ = r.command("admin", object{{"killSessions", ids}})
	}
	_, _ = r.command(env.db, object{{"dropDatabase", tagged("$numberInt", "1")}})
}
