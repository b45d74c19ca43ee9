// Package invariant is assertions and fail points: what must hold is checked in production too, and tests can stop or
// crash a member at named places.
package invariant
