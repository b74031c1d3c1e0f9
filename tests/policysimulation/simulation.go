// Package policysimulation evaluates IAM policies as AWS does (IAM User
// Guide, "Policy evaluation logic") and answers the API operation
// SimulatePrincipalPolicy with it. The evaluation is pure: policies, a request
// and its context in, a decision out.
package policysimulation

import (
	"slices"
	"strings"
)

// Decision is the outcome for one action on one resource, in the API's words.
type Decision string

const (
	// Allowed: a statement allows it and none denies it.
	Allowed Decision = "allowed"
	// ExplicitDeny: a statement denies it.
	ExplicitDeny Decision = "explicitDeny"
	// ImplicitDeny: nothing allows it.
	ImplicitDeny Decision = "implicitDeny"
)

// Policy is a document and where it comes from.
type Policy struct {
	// ID is the policy's name for people: "role_NAME_POLICY" for an inline
	// policy, the policy's name for a managed one.
	ID string
	// Type is the API's PolicySourceType: "aws-managed", "user-managed",
	// "role", "user", "group", "resource" or "none".
	Type     string
	Document Document
}

// Policies are all that decide about one principal.
type Policies struct {
	Identity []Policy
	// Boundary is nil where the principal has no permissions boundary.
	Boundary []Policy
	// Resource are the policies of the resource, for callers of one account:
	// what they allow needs no allowance by the identity's own.
	Resource []Policy
}

// Request asks for one action on one resource.
type Request struct {
	Action   string
	Resource string
	Context  Context
	// Principal is the caller as a resource's policy names it, as in
	// {"Service": "events.amazonaws.com"}; empty for identity policies alone.
	Principal map[string]string
}

// MatchedStatement is a statement that decided, with the policy they stand in.
type MatchedStatement struct {
	Policy    Policy
	Statement Statement
}

// Result is the decision about one request.
type Result struct {
	Action   string
	Resource string
	Decision Decision
	Matched  []MatchedStatement
	// MissingContext are the condition keys that the policies speak of and the
	// request's context does not have: with them the decision might differ.
	MissingContext []string
	// AllowedByBoundary is nil where there is no permissions boundary.
	AllowedByBoundary *bool
}

// Simulate decides about one request.
func Simulate(policies Policies, request Request) Result {
	result := Result{
		Action:         request.Action,
		Resource:       request.Resource,
		Decision:       ImplicitDeny,
		MissingContext: missingContext(policies, request.Context),
	}
	identityAllow, identityDeny := matching(policies.Identity, request, false)
	resourceAllow, resourceDeny := matching(policies.Resource, request, true)
	boundaryAllow, boundaryDeny := matching(policies.Boundary, request, false)
	withinBoundary := policies.Boundary == nil || len(boundaryAllow) > 0 && len(boundaryDeny) == 0
	if policies.Boundary != nil {
		result.AllowedByBoundary = &withinBoundary
	}
	switch deny := slices.Concat(identityDeny, resourceDeny, boundaryDeny); {
	case len(deny) > 0:
		result.Decision, result.Matched = ExplicitDeny, deny
	case len(identityAllow) > 0 && withinBoundary || len(resourceAllow) > 0:
		result.Decision, result.Matched = Allowed, slices.Concat(identityAllow, resourceAllow)
	}
	return result
}

func matching(policies []Policy, request Request, ofResource bool) (allow, deny []MatchedStatement) {
	for _, policy := range policies {
		variables := policy.Document.Version == "2012-10-17"
		for _, statement := range policy.Document.Statements {
			if ofResource && !statement.namesPrincipal(request.Principal) || !statement.matches(request, variables) {
				continue
			}
			match := MatchedStatement{Policy: policy, Statement: statement}
			if statement.Deny {
				deny = append(deny, match)
			} else {
				allow = append(allow, match)
			}
		}
	}
	return allow, deny
}

func (s Statement) matches(request Request, variables bool) bool {
	matchesAny := func(patterns []string, text string, ignoreCase bool) bool {
		return slices.ContainsFunc(patterns, func(written string) bool {
			compiled := pattern(written, reading{ignoreCase: ignoreCase, wildcards: true, variables: variables && !ignoreCase}, request.Context)
			return compiled != nil && compiled.MatchString(text)
		})
	}
	switch {
	case len(s.Actions) > 0 && !matchesAny(s.Actions, request.Action, true),
		len(s.NotActions) > 0 && matchesAny(s.NotActions, request.Action, true),
		len(s.Resources) > 0 && !matchesAny(s.Resources, request.Resource, false),
		len(s.NotResources) > 0 && matchesAny(s.NotResources, request.Resource, false):
		return false
	}
	return !slices.ContainsFunc(s.Conditions, func(condition Condition) bool {
		return !condition.holds(request.Context, variables)
	})
}

// namesPrincipal compares as a resource's policy does: "*" is everybody, an
// account is all of its principals, others by their full name.
func (s Statement) namesPrincipal(caller map[string]string) bool {
	if s.NotPrincipal != nil {
		return !namedIn(s.NotPrincipal, caller)
	}
	return namedIn(s.Principals, caller)
}

func namedIn(principals map[string][]string, caller map[string]string) bool {
	if slices.Contains(principals["*"], "*") {
		return true
	}
	for kind, name := range caller {
		for _, written := range principals[kind] {
			if written == name || written == "*" || kind == "AWS" && isAccountOf(written, name) {
				return true
			}
		}
	}
	return false
}

func isAccountOf(written, arn string) bool {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 {
		return false
	}
	return written == parts[4] || strings.HasPrefix(written, "arn:") && strings.HasSuffix(written, ":"+parts[4]+":root")
}

// missingContext lists keys of all included policies, also of statements that
// speak of other actions, as the API does ("required by the included input
// policies", IAM API Reference, EvaluationResult).
func missingContext(policies Policies, context Context) []string {
	var missing []string
	note := func(key string) {
		if !context.has(key) && !slices.ContainsFunc(missing, func(known string) bool { return strings.EqualFold(known, key) }) {
			missing = append(missing, key)
		}
	}
	for _, policy := range slices.Concat(policies.Identity, policies.Boundary, policies.Resource) {
		for _, statement := range policy.Document.Statements {
			for _, condition := range statement.Conditions {
				note(condition.Key)
				for _, value := range condition.Values {
					for _, key := range variableKeys(value) {
						note(key)
					}
				}
			}
			for _, resource := range slices.Concat(statement.Resources, statement.NotResources) {
				for _, key := range variableKeys(resource) {
					note(key)
				}
			}
		}
	}
	slices.Sort(missing)
	return missing
}
