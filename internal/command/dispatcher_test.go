package command

import (
	"testing"
)

func TestPing(t *testing.T) {
	c := newTestMember(t, 1).client()
	t.Log(c.must("admin", `{"ping": 1}`))
	t.Log(c.must("test", `{"insert": "c", "documents": [{"_id": 1}]}`))
	t.Log(c.must("test", `{"find": "c"}`))
	t.Log(c.must("admin", `{"serverStatus": 1}`))
}
