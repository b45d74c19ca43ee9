package auth

import "errors"

// Conversation is a mechanism's talk with the server: payloads in, payloads out.
type Conversation interface {
	// Start returns the mechanism's name and the first payload. It is called once, before Step.
	Start() (mechanism string, payload []byte)
	// Step takes the server's payload and returns the next one. done says that the client has nothing more to ask: the server has proved what
	// the mechanism has it prove. After an error or done there is no further Step.
	Step(server []byte) (payload []byte, done bool, err error)
}

// NewConversation returns a conversation by the mechanism. MONGODB-X509 has none: Dialog sends its one command.
func (c *Client) NewConversation(mechanism string) (Conversation, error) {
	switch {
	case mechanism == SCRAMSHA256 && c.sha256 != nil:
		return c.sha256.newConversation(), nil
	case mechanism == SCRAMSHA256 && c.sha1 != nil:
		return nil, errPassword
	case mechanism == SCRAMSHA1 && c.sha1 != nil:
		return c.sha1.newConversation(), nil
	case mechanism == Plain && c.who.Mechanism == Plain:
		return plain{c.who}, nil
	}
	return nil, errors.New("no conversation by " + mechanism)
}

// plain is RFC 4616: the password as it is, which only TLS hides.
type plain struct{ who Credential }

func (p plain) Start() (string, []byte) {
	return Plain, []byte("\x00" + p.who.Username + "\x00" + p.who.Password)
}

func (p plain) Step([]byte) ([]byte, bool, error) { return nil, true, nil }
