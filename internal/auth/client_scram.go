package auth

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/xdg-go/scram"
	"github.com/xdg-go/stringprep"
)

// Limits on what a server can make the client do. MongoDB itself takes 10,000 and 15,000 iterations; the specification forbids fewer than 4,096.
const (
	iterationsMin = 4096
	iterationsMax = 10_000_000
	saltsMax      = 16 // members have the same salt for a user, so that more than a few mean a set that was made anew, or an attack
)

var errPassword = errors.New("the password contains characters that SCRAM-SHA-256 does not allow (RFC 4013); choose another one")

// scramKeys makes conversations by one hash for one user, and keeps the derived keys for each salt and iteration count.
type scramKeys struct {
	mechanism string
	make      func() *scram.Client

	mu     sync.Mutex // held while keys are derived, so that connections that are made at once wait for one derivation
	client *scram.Client
	salts  map[string]bool // what client has keys for
}

// newSHA1Keys: SCRAM-SHA-1 runs on a digest of MongoDB's, which keeps the form that passwords had before SCRAM.
func newSHA1Keys(who Credential, nonce func() string) *scramKeys {
	digest := md5.Sum([]byte(who.Username + ":mongo:" + who.Password))
	return newKeys(SCRAMSHA1, scram.SHA1, who.Username, hex.EncodeToString(digest[:]), nonce)
}

// newSHA256Keys: SCRAM-SHA-256 runs on the password after SASLprep. User names are never prepared, as the specification demands.
func newSHA256Keys(who Credential, nonce func() string) (*scramKeys, error) {
	password, err := stringprep.SASLprep.Prepare(who.Password)
	if err != nil {
		return nil, errPassword // and not err, which tells characters of the password
	}
	return newKeys(SCRAMSHA256, scram.SHA256, who.Username, password, nonce), nil
}

func newKeys(mechanism string, hash scram.HashGeneratorFcn, username, password string, nonce func() string) *scramKeys {
	k := &scramKeys{mechanism: mechanism, salts: map[string]bool{}}
	k.make = func() *scram.Client {
		c, err := hash.NewClientUnprepped(username, password, "")
		if err != nil {
			panic(err) // it prepares nothing, so that nothing can fail
		}
		return c.WithMinIterations(iterationsMin).WithNonceGenerator(nonce)
	}
	k.client = k.make()
	return k
}

func (k *scramKeys) newConversation() Conversation {
	k.mu.Lock()
	defer k.mu.Unlock()
	return &scramConversation{keys: k, conv: k.client.NewConversation()}
}

type scramConversation struct {
	keys    *scramKeys
	conv    *scram.ClientConversation
	derived bool
}

func (s *scramConversation) Start() (string, []byte) {
	first, err := s.conv.Step("")
	if err != nil {
		panic(err) // a first message depends on nothing but the name and the nonce
	}
	return s.keys.mechanism, []byte(first)
}

func (s *scramConversation) Step(server []byte) ([]byte, bool, error) {
	step := s.conv.Step
	if !s.derived {
		s.derived = true
		step = func(challenge string) (string, error) { return s.keys.derive(s.conv, challenge) }
	}
	payload, err := step(string(server))
	if err != nil {
		return nil, false, fmt.Errorf("the server's answer is not as %s demands: %w", s.keys.mechanism, err)
	}
	return []byte(payload), s.conv.Valid(), nil
}

// derive answers the server's first message, which has the salt and the iteration count.
func (k *scramKeys) derive(conv *scram.ClientConversation, challenge string) (string, error) {
	_, factors, _ := strings.Cut(challenge, ",s=") // after it: the salt, ",i=" and the count
	_, count, _ := strings.Cut(factors, ",i=")
	count, _, _ = strings.Cut(count, ",")
	if n, err := strconv.Atoi(count); err == nil && n > iterationsMax {
		return "", fmt.Errorf("it asks for %d iterations; the limit is %d", n, iterationsMax)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	response, err := conv.Step(challenge)
	if err != nil {
		return "", err
	}
	if k.salts[factors] = true; len(k.salts) > saltsMax {
		k.client, k.salts = k.make(), map[string]bool{} // running conversations keep the old client
	}
	return response, nil
}
