package finding

// Code documents a finding's code; each function's README lists its own, and a
// test holds the two together.
type Code struct {
	Code string
	// Cause says when the finding is made, Cure what ends it.
	Cause, Cure string
}
