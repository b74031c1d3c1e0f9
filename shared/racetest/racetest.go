// Package racetest says which tests a run under the race detector leaves out.
package racetest

import "testing"

// Skip skips a test in the short form, in which make test and make race call the race
// detector: it multiplies every time, and gains nothing from a test that does one
// thing after the other, or at great length what smaller tests do, too. make test
// runs all of them without it.
func Skip(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("the race detector multiplies every time, and finds nothing here that other tests don't show it; make test runs it without")
	}
}
