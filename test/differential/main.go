// Command differential asks two servers the same things: commands that a seed makes up, on documents of all types with random
// sets of indexes, one after the other against Morton and a real mongod. It reports where they answer differently, as small as it can make it.
//
//	go run ./test/differential -ours ./morton -theirs PATH|URI [-time 10m] [-seed N] [-rounds N]
//
// explained.json lists differences that are known, each with its reason; what Morton refuses as not implemented is counted and passed over.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/mortondb/morton/test/process"
)

func main() {
	ours := flag.String("ours", "./morton", "a binary to start as a set of one member, or a mongodb:// URI")
	theirs := flag.String("theirs", "", "the same of mongod")
	length := flag.Duration("time", 10*time.Minute, "how long to go on")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "seed of the first round; the next ones count from it")
	rounds := flag.Int("rounds", 0, "stop after so many rounds; 0: when the time is over")
	limit := flag.Int("limit", 5, "stop after so many differences")
	explained := flag.String("explained", "test/differential/explained.json", "differences that are known")
	flag.Parse()
	if err := run(*ours, *theirs, *explained, *length, *seed, *rounds, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "differential:", err)
		os.Exit(1)
	}
}

func run(ours, theirs, explained string, length time.Duration, seed uint64, rounds, limit int) error {
	if theirs == "" {
		return fmt.Errorf("-theirs is needed: a mongod's path or URI")
	}
	known, err := readExplained(explained)
	if err != nil {
		return err
	}
	p := &pair{known: known}
	for i, what := range []string{ours, theirs} {
		if hosts, ok := strings.CutPrefix(what, "mongodb://"); ok {
			p.conns[i].Address, _, _ = strings.Cut(hosts, "/")
			continue
		}
		member, err := process.StartMember(what)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		defer member.Close()
		p.conns[i].Address = member.Address
	}
	return p.rounds(length, seed, rounds, limit)
}

// rounds runs rounds until the time is over or enough was found.
func (p *pair) rounds(length time.Duration, seed uint64, rounds, limit int) error {
	end, found, n := time.Now().Add(length), 0, 0
	for ; time.Now().Before(end) && (rounds == 0 || n < rounds) && found < limit; n++ {
		r := &round{pair: p, g: generator{rand.New(rand.NewPCG(seed+uint64(n), 0))}}
		d, err := r.run()
		if err != nil {
			return fmt.Errorf("seed %d: %w", seed+uint64(n), err)
		}
		if d == nil {
			continue
		}
		d = r.shrink(d)
		if theirs, err := r.theirIndexesAnswer(d); err == nil && theirs { // what else differed without it is gone now
			p.byIndex++
			continue
		}
		if p.explained(d.command, d.answers) {
			p.passedOver++
			continue
		}
		found++
		fmt.Printf("DIFFERENT, seed %d\n%s\n", seed+uint64(n), d)
	}
	fmt.Printf("%d rounds from seed %d, %d commands, %d not implemented, %d explained, %d by an index of theirs, %d different\n", n, seed, p.commands, p.missing, p.passedOver, p.byIndex, found)
	if found > 0 {
		return fmt.Errorf("%d differences", found)
	}
	return nil
}
