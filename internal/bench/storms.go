package bench

import (
	"math/rand/v2"

	"github.com/mortondb/morton/internal/document"
)

var storms = []workload{
	{name: "hello", op: hello},
	{name: "connect, hello, close", op: connect, conns: few},
	{name: "1000 connects a second", op: connect, conns: []int{16}, rate: 1000},
}

func hello(wk *worker) error {
	wk.message.reset()
	askHello(&wk.message, nil)
	_, err := wk.conn.exchange(wk.message.finish())
	return err
}

func askHello(m *message, _ *rand.Rand) {
	m.body(func(b *document.Builder) { b.AppendInt32("hello", 1) })
}

func connect(wk *worker) error {
	c, err := dial(wk.server.primary)
	if err != nil {
		return err
	}
	defer c.close()
	wk.message.reset()
	askHello(&wk.message, nil)
	_, err = c.exchange(wk.message.finish())
	return err
}
