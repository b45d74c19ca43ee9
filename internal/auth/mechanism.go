package auth

import "slices"

// The mechanisms, by the names that travel.
const (
	SCRAMSHA1   = "SCRAM-SHA-1"
	SCRAMSHA256 = "SCRAM-SHA-256"
	X509        = "MONGODB-X509"
	Plain       = "PLAIN"
)

// external is the database of users that the server does not keep itself.
const external = "$external"

// Choose returns the mechanism for a user when none was asked for, from what hello says in saslSupportedMechs: SCRAM-SHA-256 if the user has it,
// else SCRAM-SHA-1, which is also tried when the server says nothing (Authentication, "Mechanism Negotiation").
func Choose(supported []string) string {
	if slices.Contains(supported, SCRAMSHA256) {
		return SCRAMSHA256
	}
	return SCRAMSHA1
}
