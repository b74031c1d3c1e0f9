// Package diagnosis says why a task or an instance failed: it reads what ECS
// says, confirms the cause with a few calls, hands it to the function that ends
// it, and tells people once.
package diagnosis

// Name is the function's.
const Name = "diagnose-failure"

// Exit codes outside Lambda.
const (
	exitOK       = 0
	exitFindings = 1
	exitCouldNot = 2
)
