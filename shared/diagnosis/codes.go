package diagnosis

import (
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/stopreason"
)

// Codes besides those of the causes, which are their ids.
const (
	CodeApplicationExit = "application-exit"
	CodeNoReason        = "failure-unexplained"
	CodeKnown           = "failure-known"
	CodeOver            = "failure-over"
	CodeCureRequested   = "cure-requested"
	CodeCauseOpen       = "cause-unconfirmed"
	CodeAlso            = "failure-joined"
	CodeNothingFound    = "failure-absent"
	CodeEvidence        = "failure-evidence"
)

// Codes documents them, and each cause.
var Codes = append([]finding.Code{
	{Code: CodeApplicationExit, Severity: finding.Info, Cause: "The application ran and ended, or was ended for its health or its memory.", Cure: "Look at the application's own log."},
	{Code: CodeNoReason, Severity: finding.Info, Cause: "An event or a task names no reason.", Cure: "Nothing; the task's own event has the reason."},
	{Code: CodeKnown, Severity: finding.Info, Cause: "The same failure was reported within the last hour.", Cure: "Nothing."},
	{Code: CodeOver, Severity: finding.Info, Cause: "A task of the definition runs again, or the instance is registered.", Cure: "Nothing."},
	{Code: CodeCureRequested, Severity: finding.Info, Cause: "The function that can end the cause was asked to. The message says what happens next.", Cure: "Nothing."},
	{Code: CodeCauseOpen, Severity: finding.Info, Cause: "What was looked up doesn't confirm the cause. The message says which causes are left and how to tell them apart.", Cure: "Check what the message names."},
	{Code: CodeAlso, Severity: finding.Info, Cause: "The same text names another failure.", Cure: "Look up the other failure's code, too."},
	{Code: CodeNothingFound, Severity: finding.Info, Cause: "The task, service or instance that was named shows no failure.", Cure: "Nothing."},
	{Code: CodeEvidence, Severity: finding.Info, Cause: "The evidence of the diagnosis: the reason as ECS wrote it, the task, and where to look.", Cure: "Nothing."},
}, causeCodes()...)

// causeCodes documents the causes by what stopreason says about them.
func causeCodes() []finding.Code {
	var codes []finding.Code
	for _, id := range stopreason.IDs() {
		// A container that took too much memory is reported as application-exit.
		if id == stopreason.ApplicationExit || id == stopreason.OutOfMemory || id == stopreason.WrapperNoCause {
			continue
		}
		known := stopreason.Known(id)
		codes = append(codes, finding.Code{
			Code: string(id), Severity: finding.Error, Consequence: "Tasks don't start, or stop, until this is corrected.",
			Cause: known.Cause, Cure: known.Cure,
		})
	}
	return codes
}
