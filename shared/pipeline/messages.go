package pipeline

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// What the findings say that any function can have.
var (
	subjectGone = finding.Template{Code: "subject-gone", Severity: finding.Info,
		Message: "The subject {subject}, or something that it names, no longer exists: {reason}."}
	accessDenied = finding.Template{Code: "access-denied", Severity: finding.Error,
		Message: "AWS denies a call to the function {function}: {reason}.",
		Fix:     "Allow {operation} to the function's role, or find the policy, key policy or boundary that denies it."}
	callRefused = finding.Template{Code: "call-refused", Severity: finding.Error,
		Message: "AWS refuses a call, and would refuse it again: {reason}.",
		Fix:     "Look the error code up under Errors in the operation's API reference."}
	callRetried = finding.Template{Code: "call-retried", Severity: finding.Error,
		Message: "This attempt failed, and the event is delivered again: {reason}.",
		Fix:     "Nothing, if it ends. If it keeps failing, the event goes to the dead-letter queue. Start again what you started by hand."}
	eventMalformed = finding.Template{Code: "event-malformed", Severity: finding.Error,
		Message: "The event can't be read: {problem}.",
		Fix:     "Send an event in the shape of one of the samples in events/."}
	eventNotHandled = finding.Template{Code: "event-not-handled", Severity: finding.Info,
		Message: "The function {function} doesn't handle {event}."}
	subjectUnused = finding.Template{Code: "subject-unused", Severity: finding.Info,
		Message: "Nothing that {function} looks after uses it."}
	questionsUnanswered = finding.Template{Code: "questions-unanswered", Severity: finding.Error,
		Message: "The function {function} still had {questions} after {rounds} of reading, so it decided nothing. This is a fault in the function.",
		Fix:     "Report it with this log line. Other subjects aren't affected."}
)

// MalformedEvent is the finding about an event that can't be read. problem says why, in a
// clause.
func MalformedEvent(problem string) finding.Finding {
	return eventMalformed.With(finding.Clause("problem", problem))
}
