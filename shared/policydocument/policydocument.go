// Package policydocument reads IAM policies ("Grammar of the IAM JSON policy
// language" in the IAM user guide): what they say of principals, and of a
// request of which not every condition key is known. The simulator decides what
// a role may do; this package says which statements and keys that depends on.
package policydocument

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Document is a policy. The zero value says nothing.
type Document struct{ Statement OneOrMore[Statement] }

// Statement of a policy.
type Statement struct {
	Effect                  string
	Principal, NotPrincipal Principals
	Action, NotAction       OneOrMore[string]
	Resource, NotResource   OneOrMore[string]
	// Condition by operator and key; values may be texts, numbers or booleans.
	Condition map[string]map[string]OneOrMore[any]
}

// Parse reads a policy as JSON. A document without statements is refused.
func Parse(document string) (Document, error) {
	var parsed Document
	if err := json.Unmarshal([]byte(document), &parsed); err != nil {
		return Document{}, err
	}
	if parsed.Statement == nil {
		return Document{}, errors.New("it has no statements")
	}
	return parsed, nil
}

// CoversAction reports whether a statement speaks of an action.
func (s Statement) CoversAction(action string) bool { return covers(s.Action, s.NotAction, action) }

// CoversResource reports whether a statement speaks of a resource, an ARN.
func (s Statement) CoversResource(arn string) bool { return covers(s.Resource, s.NotResource, arn) }

// ConditionOn gives the values that a statement's condition compares a key
// with, by the operator's name in lower case.
func (s Statement) ConditionOn(key string) map[string][]string {
	compared := map[string][]string{}
	for operator, keys := range s.Condition {
		for name, values := range keys {
			if strings.EqualFold(name, key) {
				for _, value := range values {
					compared[strings.ToLower(operator)] = append(compared[strings.ToLower(operator)], fmt.Sprint(value))
				}
			}
		}
	}
	return compared
}

// covers reports whether a list of patterns, or the complement of another one,
// holds a text.
func covers(in, except OneOrMore[string], text string) bool {
	matches := func(pattern string) bool { return Matches(pattern, text) }
	if len(except) > 0 {
		return !slices.ContainsFunc(except, matches)
	}
	return slices.ContainsFunc(in, matches)
}

// Matches knows IAM's two wildcards, * and ?, and looks at no letter's case.
func Matches(pattern, text string) bool {
	return matchesExactly(strings.ToLower(pattern), strings.ToLower(text))
}

// matchesExactly is Matches for names whose letters count, as those of resources.
func matchesExactly(pattern, text string) bool {
	// star is where the last * stands, and resume what it was tried to end before.
	p, t, star, resume := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// Principals of a statement, by their sort. Forms that IAM does not know name
// no one.
type Principals struct {
	// Given tells an element that is there from one that is not.
	Given bool
	// Everybody stands for "*" and for {"AWS": "*"}, which are the same ("AWS JSON
	// policy elements: Principal" in the IAM user guide).
	Everybody bool
	// AWS are ARNs and account numbers, CanonicalUsers the ids of S3's own users,
	// Federated identity providers.
	AWS, CanonicalUsers, Services, Federated []string
}

// UnmarshalJSON takes "*" and an object of lists.
func (p *Principals) UnmarshalJSON(raw []byte) error {
	var text *string
	if json.Unmarshal(raw, &text) == nil {
		*p = Principals{Given: text != nil, Everybody: text != nil && *text == "*"}
		return nil
	}
	var sorts struct{ AWS, CanonicalUser, Service, Federated OneOrMore[string] }
	*p = Principals{Given: true}
	if json.Unmarshal(raw, &sorts) == nil {
		p.Everybody = slices.Contains(sorts.AWS, "*")
		p.AWS, p.CanonicalUsers, p.Services, p.Federated = sorts.AWS, sorts.CanonicalUser, sorts.Service, sorts.Federated
	}
	return nil
}

// OneOrMore is a JSON value or a list of such values, as IAM's grammar has it.
type OneOrMore[T any] []T

// UnmarshalJSON takes both forms; null is an empty list.
func (o *OneOrMore[T]) UnmarshalJSON(raw []byte) error {
	text := strings.TrimSpace(string(raw))
	if text == "null" {
		*o = OneOrMore[T]{}
		return nil
	}
	if strings.HasPrefix(text, "[") {
		return json.Unmarshal(raw, (*[]T)(o))
	}
	var one T
	if err := json.Unmarshal(raw, &one); err != nil {
		return err
	}
	*o = OneOrMore[T]{one}
	return nil
}
