package pipeline

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// Codes are the findings that any function can have.
var Codes = []finding.Code{
	{Code: "event-malformed", Severity: finding.Error, Cause: "The event is empty, not JSON, or lacks what its shape requires.", Consequence: "The event is dropped, and nothing is looked at.", Cure: "Send an event in the shape of a sample in `events/`."},
	{Code: "event-not-handled", Severity: finding.Info, Cause: "The event is understood, but is not one that this function answers.", Cure: "Nothing; narrow the rule that sent it if there are many."},
	{Code: "subject-gone", Severity: finding.Info, Cause: "The subject, or something that it names, was deleted before the function looked.", Cure: "Nothing."},
	{Code: "access-denied", Severity: finding.Error, Cause: "A policy, key policy, boundary or organization policy denies a call to the function's role.", Consequence: "Nothing is changed for this subject, and what is wrong with it stays until the call is allowed.", Cure: "Allow the named call to the function's role."},
	{Code: "call-refused", Severity: finding.Error, Cause: "The AWS API refused a call, and would refuse it again.", Consequence: "Nothing is changed for this subject, and what is wrong with it stays until the call is allowed.", Cure: "See the message; it names the call and the error code."},
	{Code: "call-retried", Severity: finding.Error, Cause: "Throttling, a time-out, a server fault or a broken connection.", Consequence: "The event is delivered again. After the last attempt it goes to the dead-letter queue, whose alarm tells you.", Cure: "Nothing, if it ends; otherwise look into the dead-letter queue."},
	{Code: "questions-unanswered", Severity: finding.Error, Cause: "A fault in the function: it asked about the same subject more often than any decision needs.", Consequence: "Nothing is changed for this subject.", Cure: "Report it; other subjects are not affected."},
	{Code: "subject-unused", Severity: finding.Info, Cause: "The event is about something that nothing uses which the function looks after.", Cure: "Nothing."},
	{Code: "no-mandate", Severity: finding.Warning, Cause: "A change would cure the subject, but no parameter, owner, actor or invoker allows it.", Consequence: "The fault stays until you allow the change.", Cure: "See the message; its fix is the command that allows the change."},
	{Code: "findings-left-out", Severity: finding.Info, Cause: "A subject has more than 200 findings.", Cure: "Cure the ones that are shown, and look again."},
}
