package diagnosis

import (
	"strings"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/stopreason"
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
	{Code: CodeApplicationExit, Cause: "the application ran and ended, or was ended for its health or its memory", Cure: "look at the application's own log"},
	{Code: CodeNoReason, Cause: "an event or a task names no reason", Cure: "none needed; the task's own event has the reason"},
	{Code: CodeKnown, Cause: "people were told about an equal failure within the last hour", Cure: "none needed"},
	{Code: CodeOver, Cause: "a task of the definition runs again, or the instance is registered", Cure: "none needed"},
	{Code: CodeCureRequested, Cause: "the function that can end the cause was asked to; says what happens next", Cure: "none needed"},
	{Code: CodeCauseOpen, Cause: "what was looked up doesn't confirm the cause; says what is left and how to tell it apart", Cure: "see the message"},
	{Code: CodeAlso, Cause: "the same text names another failure", Cure: "see the message"},
	{Code: CodeNothingFound, Cause: "the task, service or instance that was named shows no failure", Cure: "none needed"},
	{Code: CodeEvidence, Cause: "what the diagnosis rests on: the reason as ECS wrote it, the task, and where to look", Cure: "none needed"},
}, causeCodes()...)

// causeCodes documents the causes by their advice: its first sentence says what
// is wrong, the rest what to do.
func causeCodes() []finding.Code {
	var codes []finding.Code
	for _, id := range stopreason.IDs() {
		if id == stopreason.ApplicationExit || id == stopreason.WrapperNoCause {
			continue
		}
		advice := stopreason.Known(id).Advice
		cause, cure, found := strings.Cut(advice, ". ")
		if !found {
			cause, cure = strings.TrimSuffix(advice, "."), "see the cause"
		}
		codes = append(codes, finding.Code{Code: string(id), Cause: strings.TrimPrefix(cause, "Network: "), Cure: strings.ReplaceAll(strings.TrimSuffix(cure, "."), "|", "\\|")})
	}
	return codes
}
