// Package function names the functions of the stack, as reports, logs, queues'
// URLs and the folders under functions/ have it.
package function

// The functions.
const (
	AttachPolicies      = "attach-policies"
	DiagnoseFailure     = "diagnose-failure"
	PatchTaskDefinition = "patch-task-definition"
	RotateSecret        = "rotate-secret"
	Sweep               = "sweep"
	ValidateConfig      = "validate-config"
)
