// Package faults runs the shipped functions against the local stack, cuts them
// off at each of their calls in every way that AWS can fail, delivers the event
// again as Lambda, SQS or Secrets Manager would, and holds what is there in the
// end against a run without faults.
package faults

import "fmt"

// Fault is a way in which a call fails.
type Fault int

// The faults. The SDK's own retries meet those that say "throughout" each time,
// until the function gives up; the others happen once.
const (
	// None lets every call through.
	None Fault = iota
	// Throttled: the service refuses for too many calls, throughout.
	Throttled
	// ServerError: the service answers 500, throughout.
	ServerError
	// Denied: a policy does not allow the call.
	Denied
	// Silent: no answer comes until the function's time is up.
	Silent
	// ResetBefore and ResetAfter: the connection breaks before the call reached
	// the service, and after the service has done what was asked.
	ResetBefore
	ResetAfter
	// KilledBefore and KilledAfter: the process is gone, before the call and after
	// the service has done what was asked.
	KilledBefore
	KilledAfter
	// Twice is no failure: the event is delivered a second time, as every queue
	// may.
	Twice
	// Dropped answers with success and does nothing. No service does that: the
	// check has to notice it.
	Dropped
)

// All are the faults that every call is tried with.
var All = []Fault{Throttled, ServerError, Denied, Silent, ResetBefore, ResetAfter, KilledBefore, KilledAfter}

// String names the fault as the table does.
func (f Fault) String() string {
	return [...]string{
		"none", "throttled", "500", "denied", "silent", "reset before", "reset after", "killed before", "killed after",
		"delivered twice", "dropped",
	}[f]
}

// throughout says that the fault meets the SDK's own retries, too.
func (f Fault) throughout() bool { return f == Throttled || f == ServerError || f == Silent }

// Cut is one fault at one call of a run.
type Cut struct {
	Fault Fault
	// Call names the operation, as in "iam:GetRole", Number which of its calls.
	Call   string
	Number int
}

// String gives the cut as in "denied at iam:GetRole 1".
func (c Cut) String() string {
	if c.Call == "" {
		return c.Fault.String()
	}
	return fmt.Sprintf("%s at %s %d", c.Fault, c.Call, c.Number)
}
