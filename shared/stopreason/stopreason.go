// Package stopreason reads what Amazon ECS says about a task that stopped, or
// that runs although something failed, and names the cause. It is pure: it
// knows texts and the shape of a task, and looks nothing up.
//
// The texts come from the ECS agent (which quotes Docker and the AWS SDK), from
// Fargate's backend (which quotes containerd) and from the service scheduler.
// None is a contract, so a text that no rule knows is Unrecognised.
package stopreason

import (
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// ID names a cause. The values are stable: findings, groups and mutes refer to them.
type ID string

// Ours says whether the functions of this product can end a cause.
type Ours string

// The answers to "can we end it?".
const (
	Yes    Ours = "yes"
	Partly Ours = "partly"
	No     Ours = "no"
)

// Reason is what one text says.
type Reason struct {
	ID ID `json:"id"`
	// Class is the error class in front of the text, as in
	// "CannotPullContainerError", in ECS's own spelling; "" where there is none.
	Class string `json:"class"`
	// Object is what the text says could not be used: a secret's ARN, a
	// parameter's name, s3://bucket/key, an image, a log group, a role's name, a
	// cluster. "" where the text names nothing.
	Object string `json:"object"`
	// DeniedBy says which policy refused, from the last words of an access-denied
	// message; "" where the text does not say.
	DeniedBy string `json:"deniedBy"`
	Ours     Ours   `json:"ours"`
	// Advice is Cause and Cure in one: what is wrong and what to do about it, as whole
	// sentences.
	Advice      string `json:"advice"`
	Cause, Cure string `json:"-"`

	// Named is everything that the text names, for those who confirm the cause.
	Named Named `json:"-"`
	// Text is the text itself, on one line.
	Text string `json:"-"`
}

// Recognised reports whether a rule knows the text's cause. An application's
// exit is known, too.
func (r Reason) Recognised() bool { return r.ID != Unrecognised }

// Failure reports whether the text reports a cause to look into: not an
// application's exit, and not a sentence that only says that there is a cause.
func (r Reason) Failure() bool {
	return r.ID != Unrecognised && r.ID != ApplicationExit && r.ID != WrapperNoCause && r.ID != OutOfMemory
}

// Classify reads one text: a task's stoppedReason, a container's reason, a
// service event's message, or any of them as a person copied it. Of several
// failures in one text, the first that is ours is given; All gives each.
func Classify(text string) Reason {
	return worst(All(text))
}

// All reads each of the failures that one text joins with semicolons, as the
// agent does for secrets and environment files. There is always at least one.
// A pasted JSON document of tasks or events is read for the reasons in it.
func All(text string) []Reason {
	if pasted := ofPasted(text); len(pasted) > 0 {
		return pasted
	}
	whole := withoutFrame(clean(quoteMarks().ReplaceAllString(text, "")))
	parts := splitFailures(whole)
	if len(parts) < 2 {
		return []Reason{read(whole, "")}
	}
	class := classOf(whole)
	reasons := make([]Reason, 0, len(parts))
	for _, part := range parts {
		reasons = append(reasons, read(part, class))
	}
	recognised := slices.DeleteFunc(slices.Clone(reasons), func(r Reason) bool { return !r.Recognised() })
	if len(recognised) < 2 {
		return []Reason{read(whole, "")}
	}
	return recognised
}

// worst gives the first failure that is ours, else partly ours, else the first.
func worst(reasons []Reason) Reason {
	for _, wanted := range []Ours{Yes, Partly} {
		if index := slices.IndexFunc(reasons, func(r Reason) bool { return r.Failure() && r.Ours == wanted }); index >= 0 {
			return reasons[index]
		}
	}
	if position := slices.IndexFunc(reasons, Reason.Failure); position >= 0 {
		return reasons[position]
	}
	return reasons[0]
}

// read takes one failure's text, already clean, through the rules. Class is
// what stood in front of the first of several failures.
func read(text, class string) Reason {
	if own := classOf(text); own != "" {
		class = own
	}
	reason := Reason{Class: class, Text: text}
	masked, named := mask(text)
	reason.Named = named
	lower := strings.ToLower(masked)
	lower = withoutAgentSentence(lower)

	// The limits of ECS and of consoles cut texts off anywhere, even within the
	// word that tells the cause.
	lower = completeLastWord(lower)
	if bare := withoutStopCode(lower); bare != lower {
		lower = bare
		if class == "" {
			reason.Class = "TaskFailedToStart"
		}
	}
	reason.ID = decide(lower, stageOf(class))
	reason.DeniedBy = deniedBy(lower)
	c := causes[reason.ID]
	reason.Object = named.object(c.object)
	reason.Ours = c.ours
	if reason.DeniedBy != "" && reason.DeniedBy != roleLacksIt && reason.Ours != No {
		// Attaching a policy cannot lift what another policy denies.
		reason.Ours = No
	}
	if reason.ID == WrapperNoCause && !failedStart.MatchString(lower) {
		reason.Ours = No
	}
	advise(&reason)
	return reason
}

// stopCodeInFront is the stop code, which ECS and people put in front of a reason.
const stopCodeInFront = "taskfailedtostart"

// withoutStopCode drops the stop code in front of a reason, if a reason follows it.
func withoutStopCode(lower string) string {
	bare := strings.TrimLeft(lower, " :-")
	for strings.HasPrefix(bare, stopCodeInFront) {
		bare = strings.TrimLeft(strings.TrimPrefix(bare, stopCodeInFront), " :-")
	}
	if strings.Trim(bare, ". ") == "" {
		return lower
	}
	return bare
}

// failedStart are the sentences behind which a failed start may be; the others
// say that somebody or the application ended the task.
var failedStart = lazyregexp.New(`^task failed to start|unable to consistently start|failed to start`)
