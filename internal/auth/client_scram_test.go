package auth

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/xdg-go/scram"
)

func fixed(nonce string) func() string { return func() string { return nonce } }

// TestSCRAMVectors replays the conversations that are published: RFC 5802, RFC 7677, and that of MongoDB's authentication specification, which
// has its digest of the password.
func TestSCRAMVectors(t *testing.T) {
	who := Credential{Username: "user", Password: "pencil"}
	sha256, err := newSHA256Keys(who, fixed("rOprNGfwEbeRWgbNEkqO"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name                                             string
		keys                                             *scramKeys
		mechanism, first, challenge, final, verification string
	}{
		{
			name:         "RFC 5802",
			keys:         newKeys(SCRAMSHA1, scram.SHA1, "user", "pencil", fixed("fyko+d2lbbFgONRv9qkxdawL")),
			mechanism:    "SCRAM-SHA-1",
			first:        "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			challenge:    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			final:        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			verification: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		},
		{
			name:         "RFC 7677",
			keys:         sha256,
			mechanism:    "SCRAM-SHA-256",
			first:        "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			challenge:    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			final:        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			verification: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		},
		{
			name:         "MongoDB",
			keys:         newSHA1Keys(who, fixed("fyko+d2lbbFgONRv9qkxdawL")),
			mechanism:    "SCRAM-SHA-1",
			first:        "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			challenge:    "r=fyko+d2lbbFgONRv9qkxdawLHo+Vgk7qvUOKUwuWLIWg4l/9SraGMHEE,s=rQ9ZY3MntBeuP3E1TDVC4w==,i=10000",
			final:        "c=biws,r=fyko+d2lbbFgONRv9qkxdawLHo+Vgk7qvUOKUwuWLIWg4l/9SraGMHEE,p=MC2T8BvbmWRckDw8oWl5IVghwCY=",
			verification: "v=UMWeI25JD1yNYZRMpZ4VHvhZ9e0=",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			conv := c.keys.newConversation()
			mechanism, first := conv.Start()
			if mechanism != c.mechanism || string(first) != c.first {
				t.Errorf("began %s %s, want %s %s", mechanism, first, c.mechanism, c.first)
			}
			final, done, err := conv.Step([]byte(c.challenge))
			if string(final) != c.final || done || err != nil {
				t.Errorf("answered %s, %t, %v; want %s", final, done, err, c.final)
			}
			rest, done, err := conv.Step([]byte(c.verification))
			if len(rest) > 0 || !done || err != nil {
				t.Errorf("ended with %q, %t, %v", rest, done, err)
			}
		})
	}
}

// TestServersAreNotBelieved shows what a server cannot get away with.
func TestServersAreNotBelieved(t *testing.T) {
	for _, c := range []struct{ name, challenge, verification, want string }{
		{"another nonce", "r=other,s=AAAA,i=4096", "", "did not extend"},
		{"few iterations", "r=n1,s=AAAA,i=4095", "", "too few iterations (4095)"},
		{"many iterations", "r=n1,s=AAAA,i=10000001", "", "it asks for 10000001 iterations; the limit is 10000000"},
		{"many iterations and more", "r=n1,s=AAAA,i=10000001,x=y", "", "the limit is 10000000"},
		{"no number", "r=n1,s=AAAA,i=x", "", "error parsing"},
		{"nothing", "", "", "not enough fields"},
		{"extension", "m=x,r=n1,s=AAAA,i=4096", "", "not supported"},
		{"wrong proof", "r=n1,s=AAAA,i=4096", "v=AAAA", "server validation failed"},
		{"no proof", "r=n1,s=AAAA,i=4096", "", "error parsing"},
		{"an error", "r=n1,s=AAAA,i=4096", "e=unknown-user", "unknown-user"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conv := newSHA1Keys(Credential{Username: "u", Password: "p"}, fixed("n")).newConversation()
			conv.Start()
			_, done, err := conv.Step([]byte(c.challenge))
			if err == nil && !done {
				_, done, err = conv.Step([]byte(c.verification))
			}
			if done || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("done %t, error %v; want %s", done, err, c.want)
			}
		})
	}
}

// counted counts how often a hash is finished, which a derivation of keys does as often as it has iterations.
type counted struct {
	hash.Hash
	sums *atomic.Int64
}

func (c counted) Sum(b []byte) []byte {
	c.sums.Add(1)
	return c.Hash.Sum(b)
}

// TestStormDerivesKeysOnce shows that connections which are made at once pay for one derivation, and those that come later for none.
func TestStormDerivesKeysOnce(t *testing.T) {
	const iterations = 5000
	var sums atomic.Int64
	hash := scram.HashGeneratorFcn(func() hash.Hash { return counted{scram.SHA256(), &sums} })
	keys := newKeys(SCRAMSHA256, hash, "u", "p", rand.Text)
	talk := func(salt string) {
		conv := keys.newConversation()
		_, first := conv.Start()
		_, nonce, _ := strings.Cut(string(first), "r=")
		if _, _, err := conv.Step(fmt.Appendf(nil, "r=%s1,s=%s,i=%d", nonce, salt, iterations)); err != nil {
			t.Error(err)
		}
	}
	storm := func() {
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { talk("AAAA") })
		}
		wg.Wait()
	}
	storm()
	first := sums.Swap(0)
	storm()
	second := sums.Load()
	if first < iterations || first > 3*iterations { // an iteration finishes an inner and an outer hash
		t.Errorf("50 conversations at once finished %d hashes; one derivation finishes about %d", first, 2*iterations)
	}
	if second > iterations {
		t.Errorf("50 more finished %d, which is a derivation", second)
	}
	for n := range 3 * saltsMax {
		talk(base64.StdEncoding.EncodeToString([]byte{byte(n)}))
		if len(keys.salts) > saltsMax {
			t.Fatalf("keys of %d salts are kept; the limit is %d", len(keys.salts), saltsMax)
		}
	}
}

// TestPasswordsArePrepared shows which passwords SASLprep changes or refuses, that the error has nothing of them, and that SCRAM-SHA-1 takes what it gets.
func TestPasswordsArePrepared(t *testing.T) {
	proof := func(password string) string {
		c, err := NewClient(Credential{Username: "u", Password: password, Mechanism: SCRAMSHA256}, fixed("n"))
		if err != nil {
			return "refused: " + err.Error()
		}
		conv, err := c.NewConversation(SCRAMSHA256)
		if err != nil {
			t.Fatal(err)
		}
		conv.Start()
		final, _, err := conv.Step([]byte("r=n1,s=AAAA,i=4096"))
		if err != nil {
			t.Fatal(err)
		}
		return string(final)
	}
	if proof("I\u00adX") != proof("IX") || proof("\u2168") != proof("IX") || proof("ix") == proof("IX") {
		t.Error("passwords that are the same after SASLprep must have the same proof, and others must not")
	}
	if got := proof("pass\u0007word"); got != "refused: "+errPassword.Error() {
		t.Errorf("a control character: %s", got)
	}
	c, err := NewClient(Credential{Username: "u", Password: "pass\u0007word"}, fixed("n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.NewConversation(SCRAMSHA256); err != errPassword {
		t.Errorf("SCRAM-SHA-256 with a control character: %v", err)
	}
	if _, err := c.NewConversation(SCRAMSHA1); err != nil {
		t.Errorf("SCRAM-SHA-1 with a control character: %v", err)
	}
}
