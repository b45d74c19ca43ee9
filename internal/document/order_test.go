package document

import (
	"cmp"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
)

var (
	mongod  = flag.String("mongod", "", "host:port of a real mongod that -rewrite asks")
	rewrite = flag.Bool("rewrite", false, "record testdata/order.txt anew, asking -mongod")
)

const orderFile = "testdata/order.txt"

// TestCompareOrdersAsMongod compares every two values of testdata/order.txt, where a real mongod 6.0.5 has put them in order: each line holds values that
// it takes for equal, separated by tabs. To add values, add lines anywhere and run
//
//	go test ./internal/document -run TestCompareOrdersAsMongod -rewrite -mongod localhost:27017
func TestCompareOrdersAsMongod(t *testing.T) {
	lines := readOrder(t)
	if *rewrite {
		lines = askOrder(t, slices.Concat(lines...))
		var b strings.Builder
		for _, line := range lines {
			fmt.Fprintln(&b, strings.Join(line, "\t"))
		}
		if err := os.WriteFile(orderFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	type placed struct {
		text string
		line int
		Value
	}
	var all []placed
	for n, line := range lines {
		for _, text := range line {
			all = append(all, placed{text, n, parseValue(t, text)})
		}
	}
	for _, a := range all {
		for _, b := range all {
			want := cmp.Compare(a.line, b.line)
			if got := Compare(a.Value, b.Value); got != want {
				t.Errorf("Compare(%s, %s) = %d, want %d", a.text, b.text, got, want)
			}
			if got := Equal(a.Value, b.Value); got != (want == 0) {
				t.Errorf("Equal(%s, %s) = %v", a.text, b.text, got)
			}
			da, db := wrapValue(a.Value), wrapValue(b.Value)
			if got := CompareDocs(da, db); got != want {
				t.Errorf("CompareDocs(%s, %s) = %d, want %d", da, db, got, want)
			}
		}
	}
}

// TestMissingComparesAsUndefined: mongod's end of object and undefined have one place in the order.
func TestMissingComparesAsUndefined(t *testing.T) {
	missing := Value{}
	for _, c := range []struct {
		text string
		want int
	}{{`{"$minKey":1}`, 1}, {`{"$undefined":true}`, 0}, {`null`, -1}, {`1`, -1}} {
		v := parseValue(t, c.text)
		if got := Compare(missing, v); got != c.want {
			t.Errorf("missing to %s: %d, want %d", c.text, got, c.want)
		}
		if got := Compare(v, missing); got != -c.want {
			t.Errorf("%s to missing: %d, want %d", c.text, got, -c.want)
		}
	}
}

// readOrderFile returns the values of testdata/order.txt.
func readOrderFile(t testing.TB) []string {
	t.Helper()
	return slices.Concat(readOrder(t)...)
}

func readOrder(t testing.TB) (lines [][]string) {
	t.Helper()
	b, err := os.ReadFile(orderFile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		lines = append(lines, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return lines
}

func parseValue(t testing.TB, text string) Value {
	t.Helper()
	d, err := FromJSON(`{"v":` + text + `}`)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return d.Lookup("v")
}

func wrapValue(v Value) Doc {
	var b Builder
	b.AppendValue("v", v)
	return b.Finish()
}

// askOrder has mongod say, for each value, which others are less and which are equal. The values are asked for inside of documents, where they are
// compared whole and with each other's types.
func askOrder(t *testing.T, texts []string) (lines [][]string) {
	c, err := net.Dial("tcp", *mongod)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ask(t, c, func(b *Builder) { b.AppendString("drop", "order") })
	ask(t, c, func(b *Builder) {
		b.AppendString("insert", "order")
		b.OpenArray("documents")
		for i, text := range texts {
			b.OpenDoc(Index(i))
			b.AppendInt32("_id", int32(i))
			b.AppendDoc("v", wrapValue(parseValue(t, text)))
			b.Close()
		}
		b.Close()
	})
	count := func(text, operator string) int32 {
		reply := ask(t, c, func(b *Builder) {
			b.AppendString("count", "order")
			b.OpenDoc("query")
			b.OpenDoc("v")
			b.AppendDoc(operator, wrapValue(parseValue(t, text)))
			b.Close()
			b.Close()
		})
		return reply.Lookup("n").Int32()
	}
	less, equal := map[string]int32{}, map[string]int32{}
	for _, text := range texts {
		less[text], equal[text] = count(text, "$lt"), count(text, "$eq")
	}
	slices.SortStableFunc(texts, func(a, b string) int { return cmp.Compare(less[a], less[b]) })
	for i := 0; i < len(texts); {
		n := int(equal[texts[i]])
		for _, text := range texts[i : i+n] { // less counts from 0, so this is also a check that the order is one
			if less[text] != int32(i) || equal[text] != int32(n) {
				t.Fatalf("%s: %d are less and %d equal, want %d and %d", text, less[text], equal[text], i, n)
			}
		}
		lines = append(lines, texts[i:i+n])
		i += n
	}
	return lines
}

// ask runs a command on mongod.
func ask(t *testing.T, c net.Conn, command func(b *Builder)) Doc {
	t.Helper()
	var body Builder
	command(&body)
	body.AppendString("$db", "test")
	doc := body.Finish()
	b := binary.LittleEndian.AppendUint32(nil, uint32(21+len(doc)))
	b = append(b, 1, 0, 0, 0, 0, 0, 0, 0, 0xdd, 7, 0, 0, 0, 0, 0, 0, 0) // request 1, OP_MSG, no flags, a body
	if _, err := c.Write(append(b, doc...)); err != nil {
		t.Fatal(err)
	}
	var n [4]byte
	if _, err := io.ReadFull(c, n[:]); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, binary.LittleEndian.Uint32(n[:])-4)
	if _, err := io.ReadFull(c, reply); err != nil {
		t.Fatal(err)
	}
	d := Doc(reply[17:])
	if errmsg := d.Lookup("errmsg").Str(); errmsg != "" && errmsg != "ns not found" {
		t.Fatalf("%v: %s", doc, errmsg)
	}
	return d
}
