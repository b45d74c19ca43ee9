// Package invariant is assertions, fail points, and the places where a program under stress is interrupted: what must hold is checked in production too, tests can
// stop or crash a member at named places, and what goes on at the same time is mixed as a machine with too much to do would mix it.
package invariant
