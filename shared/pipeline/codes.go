package pipeline

import "ecsguardrails/shared/finding"

// Codes are the findings that any function can have.
var Codes = []finding.Code{
	{Code: "event-malformed", Cause: "the event is empty, not JSON, or lacks what its shape requires", Cure: "send an event in the shape of a sample in `events/`"},
	{Code: "event-not-handled", Cause: "the event is understood, but is not one that this function answers", Cure: "none needed; narrow the rule that sent it if there are many"},
	{Code: "subject-gone", Cause: "the subject, or something that it names, was deleted before the function looked", Cure: "none needed"},
	{Code: "access-denied", Cause: "a policy, key policy, boundary or organization policy denies a call to the function's role", Cure: "allow the named call to the function's role"},
	{Code: "call-refused", Cause: "the AWS API refused a call, and would refuse it again", Cure: "see the message; it names the call and the error code"},
	{Code: "call-retried", Cause: "throttling, a time-out, a server fault or a broken connection", Cure: "none, if it ends; otherwise look into the dead-letter queue"},
	{Code: "questions-unanswered", Cause: "a fault in the function: it asked about the same subject more often than any decision needs", Cure: "report it; other subjects are not affected"},
	{Code: "subject-unused", Cause: "the event is about something that nothing uses which the function looks after", Cure: "none needed"},
	{Code: "no-mandate", Cause: "a change would cure the subject, but no parameter, owner, actor or invoker allows it", Cure: "see the message; its fix is the command that allows the change"},
	{Code: "findings-left-out", Cause: "a subject has more than 200 findings", Cure: "cure the ones that are shown, and look again"},
}
