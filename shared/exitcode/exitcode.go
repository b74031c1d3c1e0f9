// Package exitcode has the exit codes of every command line.
package exitcode

const (
	// OK: nothing is wrong.
	OK = 0
	// Findings: something of the severity that counts was found.
	Findings = 1
	// CouldNotRun: the arguments are wrong, or what was asked could not be done.
	CouldNotRun = 2
)
