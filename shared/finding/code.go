package finding

// Code defines a finding's code: what all its findings have in common. Documents,
// messages and `explain` are made from it. Each package defines its own codes
// once, in codes.go, and a test holds the definitions and the sources together.
type Code struct {
	// Code is THING-PROBLEM in lower case, as in "variable-unknown".
	Code string `json:"code"`
	// Severity is the worst that a finding of the code can have.
	Severity Severity `json:"severity"`
	// Cause says when the finding is made, Consequence what goes wrong if no one
	// acts ("" for information), Cure what ends it. Each is a whole sentence or more.
	Cause       string `json:"cause"`
	Consequence string `json:"consequence,omitempty"`
	Cure        string `json:"cure"`
	// Undo says how to take back the change that a function makes for the finding,
	// "" where it makes none.
	Undo string `json:"undo,omitempty"`
}
