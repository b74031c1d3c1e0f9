package policysimulation

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
)

// Verdict is what can be said of an action before it is called.
type Verdict int

const (
	// Allowed: a call succeeds, as far as IAM's policies go.
	Allowed Verdict = iota
	// Missing: nothing allows it, and a policy that does would help.
	Missing
	// Denied: a statement or the boundary refuses it, whatever is attached.
	Denied
	// Unknown: it depends on condition keys that no one knows beforehand.
	Unknown
)

// String gives the word for it, for messages of tests.
func (v Verdict) String() string {
	return [...]string{"allowed", "missing", "denied", "unknown"}[v]
}

// Judgement is a verdict with its reason.
type Judgement struct {
	Verdict Verdict
	// Keys are what an Unknown one depends on, and what a call of a Missing one
	// would depend on as well.
	Keys []string
	// Policies names those that deny.
	Policies []string
	// Boundary and Organization say whose the refusal or the condition is.
	Boundary, Organization bool
}

// Undecided reports whether the simulator's answer may depend on a key that it
// was not given, so that only the role's policies tell.
func (a Answer) Undecided() bool { return !a.Allowed() && len(a.MissingKeys) > 0 }

// Known turns the keys that are given to the simulator into those that a policy
// is read with.
func Known(entries []types.ContextEntry) policydocument.Context {
	var known policydocument.Context
	for _, entry := range entries {
		known = known.With(*entry.ContextKeyName, entry.ContextKeyValues...)
	}
	return known
}

// Judge decides from the statements that match a question. The simulator tells
// the missing keys of all policies together: a key that no matching statement
// names decides nothing. Policies is nil where nothing was undecided; then the
// answer stands. known may hold more than the simulator got.
func Judge(answer Answer, question Question, policies *Policies, known policydocument.Context) Judgement {
	request := policydocument.Request{Action: question.Action, Resource: question.Resource, Context: known}
	switch {
	case answer.Allowed():
		return Judgement{Verdict: Allowed}
	case answer.Boundary:
		return judgeBoundary(answer, policies, request)
	case answer.Organization:
		return Judgement{Verdict: Denied, Organization: true}
	case policies == nil || !answer.Undecided():
		return plain(answer)
	}
	return judgeIdentity(answer, policies, request)
}

// JudgeApart is Judge for what the organization's policies may refuse: the
// simulator tells neither their statements nor their conditions. Such a question
// is judged by what was answered without these policies, and what is allowed then
// is unknown. Without an answer in withoutOrganization, it is Judge.
func JudgeApart(answer Answer, question Question, withoutOrganization Answers, policies *Policies, known policydocument.Context) Judgement {
	if answer.Allowed() || !answer.Organization || withoutOrganization == nil {
		return Judge(answer, question, policies, known)
	}
	inner, err := withoutOrganization.Of(question.Action, question.Resource)
	if err != nil {
		return Judge(answer, question, policies, known)
	}
	judged := Judge(inner, question, policies, known)
	judged.Organization = true
	if judged.Verdict == Allowed {
		judged.Verdict = Unknown
	}
	return judged
}

// judgeIdentity reads the role's own policies for what the simulator left
// undecided.
func judgeIdentity(answer Answer, policies *Policies, request policydocument.Request) Judgement {
	reading := policydocument.Read(policies.identity(), request)
	informed := slices.ContainsFunc(answer.MissingKeys, request.Context.Knows)
	explicit := answer.Decision == types.PolicyEvaluationDecisionTypeExplicitDeny
	switch {
	case reading.Denied == policydocument.True, explicit && reading.Denied == policydocument.False && !informed:
		return Judgement{Verdict: Denied, Policies: answer.Policies}
	case reading.Allowed == policydocument.False:
		return Judgement{Verdict: Missing, Keys: reading.DenyKeys, Policies: answer.Policies}
	case reading.Denied == policydocument.Unknown:
		return Judgement{Verdict: Unknown, Keys: append(reading.DenyKeys, reading.AllowKeys...), Policies: answer.Policies}
	case reading.Allowed == policydocument.Unknown:
		return Judgement{Verdict: Unknown, Keys: reading.AllowKeys}
	case informed:
		// The simulator was not told a key that is known.
		return Judgement{Verdict: Allowed}
	default:
		return plain(answer)
	}
}

// plain takes the simulator's decision as it is.
func plain(answer Answer) Judgement {
	if answer.Decision == types.PolicyEvaluationDecisionTypeExplicitDeny {
		return Judgement{Verdict: Denied, Policies: answer.Policies}
	}
	return Judgement{Verdict: Missing}
}

// judgeBoundary tells a boundary that refuses from one that allows under a
// condition. Under the latter, what the role's own policies lack is still worth
// granting.
func judgeBoundary(answer Answer, policies *Policies, request policydocument.Request) Judgement {
	refused := Judgement{Verdict: Denied, Boundary: true}
	if policies == nil || policies.Boundary == nil || !answer.Undecided() {
		return refused
	}
	boundary := policydocument.Read([]policydocument.Document{*policies.Boundary}, request)
	informed := slices.ContainsFunc(answer.MissingKeys, request.Context.Knows)
	switch {
	case boundary.Denied == policydocument.True || boundary.Allowed == policydocument.False:
		return refused
	case boundary.Denied == policydocument.False && boundary.Allowed == policydocument.True:
		if informed {
			return judgeIdentity(answer, policies, request)
		}
		return refused
	}
	keys := append(boundary.DenyKeys, boundary.AllowKeys...)
	identity := policydocument.Read(policies.identity(), request)
	switch {
	case identity.Denied == policydocument.True:
		return Judgement{Verdict: Denied, Policies: answer.Policies}
	case identity.Allowed == policydocument.False:
		return Judgement{Verdict: Missing, Keys: keys, Boundary: true}
	default:
		return Judgement{Verdict: Unknown, Keys: append(keys, identity.DenyKeys...), Boundary: true}
	}
}
