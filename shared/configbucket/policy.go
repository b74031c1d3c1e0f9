package configbucket

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"ecsguardrails/shared/lazyregexp"
)

// policy is a bucket policy, as far as it is read here.
type policy struct {
	Statement oneOrMore[statement]
}

type statement struct {
	Effect       string
	Principal    principals
	NotPrincipal principals
	Action       oneOrMore[string]
	NotAction    oneOrMore[string]
	Resource     oneOrMore[string]
	NotResource  oneOrMore[string]
	// Condition by operator and key; values may be texts, numbers or booleans.
	Condition map[string]map[string]oneOrMore[any]
}

// oneOrMore is a JSON value or a list of such values, as IAM's grammar has it.
type oneOrMore[T any] []T

// UnmarshalJSON takes both forms.
func (o *oneOrMore[T]) UnmarshalJSON(raw []byte) error {
	if strings.HasPrefix(strings.TrimSpace(string(raw)), "[") {
		return json.Unmarshal(raw, (*[]T)(o))
	}
	var one T
	if err := json.Unmarshal(raw, &one); err != nil {
		return err
	}
	*o = oneOrMore[T]{one}
	return nil
}

// principals are those of a statement by their sort; everybody stands for
// "Principal": "*" and for {"AWS": "*"}.
type principals struct {
	given     bool
	everybody bool
	// aws are ARNs and account numbers, canonical the ids of S3's own users.
	aws, canonical []string
}

// UnmarshalJSON takes "*" and an object of lists.
func (p *principals) UnmarshalJSON(raw []byte) error {
	p.given = true
	var text string
	if json.Unmarshal(raw, &text) == nil {
		p.everybody = text == "*"
		return nil
	}
	var sorts struct {
		AWS           oneOrMore[string]
		CanonicalUser oneOrMore[string]
	}
	if err := json.Unmarshal(raw, &sorts); err != nil {
		return err
	}
	p.everybody = slices.Contains(sorts.AWS, "*")
	p.aws, p.canonical = sorts.AWS, sorts.CanonicalUser
	return nil
}

func parsePolicy(document string) (policy, error) {
	var parsed policy
	if err := json.Unmarshal([]byte(document), &parsed); err != nil {
		return policy{}, fmt.Errorf("read the bucket policy: %w", err)
	}
	return parsed, nil
}

// readers are the actions that give away an object's content.
var readers = []string{"s3:getobject", "s3:getobjectversion"}

// givesContent reports whether a statement speaks of reading objects.
func (s statement) givesContent() bool {
	return slices.ContainsFunc(readers, func(action string) bool { return covers(s.Action, s.NotAction, action) })
}

// coversObjects reports whether a statement speaks of every object of the bucket.
func (s statement) coversObjects(bucket string) bool {
	for _, partition := range []string{"aws", "aws-cn", "aws-us-gov"} {
		// No key can hold a control character that a pattern names by chance.
		if covers(s.Resource, s.NotResource, "arn:"+partition+":s3:::"+bucket+"/\x01/\x01") {
			return true
		}
	}
	return false
}

// covers reports whether a list of patterns, or the complement of another one,
// holds a text, without regard to case.
func covers(in, except []string, text string) bool {
	if len(except) > 0 {
		return !slices.ContainsFunc(except, func(pattern string) bool { return matches(pattern, text) })
	}
	return slices.ContainsFunc(in, func(pattern string) bool { return matches(pattern, text) })
}

// matches knows IAM's two wildcards, * and ?.
func matches(pattern, text string) bool {
	quoted := strings.NewReplacer(`\*`, `(?s:.*)`, `\?`, `(?s:.)`).Replace(regexp.QuoteMeta(pattern))
	expression, err := regexp.Compile(`(?i)\A` + quoted + `\z`)
	return err == nil && expression.MatchString(text)
}

// refusesPlainHTTP reports whether a statement denies everybody the objects
// where the request came without TLS ("aws:SecureTransport" in the IAM user
// guide, and S3's own example policies).
func (s statement) refusesPlainHTTP(bucket string) bool {
	if s.Effect != "Deny" || !s.Principal.everybody || !s.givesContent() || !s.coversObjects(bucket) {
		return false
	}
	for operator, keys := range s.Condition {
		if !strings.EqualFold(operator, "Bool") && !strings.EqualFold(operator, "BoolIfExists") {
			continue
		}
		for key, values := range keys {
			if strings.EqualFold(key, "aws:SecureTransport") && len(s.Condition) == 1 && len(keys) == 1 &&
				len(values) == 1 && strings.EqualFold(fmt.Sprint(values[0]), "false") {
				return true
			}
		}
	}
	return false
}

// conditionOn reports whether a statement's condition asks for a key.
func (s statement) conditionOn(name string) bool {
	for _, keys := range s.Condition {
		for key := range keys {
			if strings.EqualFold(key, name) {
				return true
			}
		}
	}
	return false
}

// principalAccount finds the account in an ARN or in a bare account number.
var principalAccount = lazyregexp.New(`^(?:arn:[a-z0-9-]+:(?:iam|sts)::)?(\d{12})(?::.*)?$`)

// refusals and grants of a policy, with regard to the objects of a bucket.
type reading struct {
	// everybody: a statement without any condition gives everybody the content.
	everybody bool
	// organization: everybody of an organization, by condition.
	organization bool
	// accounts that are given the content, each once, in order.
	accounts []string
	tlsOnly  bool
}

func (p policy) reading(bucket string) reading {
	var found reading
	for _, s := range p.Statement {
		found.tlsOnly = found.tlsOnly || s.refusesPlainHTTP(bucket)
		if s.Effect != "Allow" || !s.givesContent() {
			continue
		}
		// "Allow" with NotPrincipal is everybody else, nearly always everybody.
		everybody := s.Principal.everybody || s.NotPrincipal.given
		switch {
		case everybody && len(s.Condition) == 0:
			found.everybody = true
		case everybody && (s.conditionOn("aws:PrincipalOrgID") || s.conditionOn("aws:PrincipalOrgPaths")):
			found.organization = true
		}
		for _, principal := range s.Principal.aws {
			if match := principalAccount.FindStringSubmatch(principal); match != nil {
				found.accounts = append(found.accounts, match[1])
			}
		}
		found.accounts = append(found.accounts, s.Principal.canonical...)
	}
	slices.Sort(found.accounts)
	found.accounts = slices.Compact(found.accounts)
	return found
}
