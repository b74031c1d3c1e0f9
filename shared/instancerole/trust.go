package instancerole

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
)

// trust says which services' instances may act under a role.
type trust struct {
	// ec2: container instances; ssm: external instances (ECS Anywhere).
	ec2, ssm bool
}

// oneOrMore is JSON's text or list of texts.
type oneOrMore []string

// UnmarshalJSON takes both of IAM's forms; a list of other things is an error.
func (o *oneOrMore) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(o))
}

type trustStatement struct {
	Effect    string
	Principal json.RawMessage
	Action    oneOrMore
	NotAction oneOrMore
	Condition map[string]json.RawMessage
}

// parseTrust reads a trust policy as GetRole gives it: JSON, URL-encoded after
// RFC 3986. Some emulators leave it unencoded.
func parseTrust(document string) (trust, error) {
	text := strings.TrimSpace(document)
	if !strings.HasPrefix(text, "{") {
		decoded, err := url.PathUnescape(text)
		if err != nil {
			return trust{}, errors.New("the trust policy is not URL-encoded as IAM encodes it")
		}
		text = decoded
	}
	var parsed struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		return trust{}, fmt.Errorf("the trust policy is not a policy: %w", err)
	}
	var statements []trustStatement
	if strings.HasPrefix(strings.TrimSpace(string(parsed.Statement)), "{") {
		parsed.Statement = slices.Concat([]byte("["), parsed.Statement, []byte("]"))
	}
	if err := json.Unmarshal(parsed.Statement, &statements); err != nil {
		return trust{}, fmt.Errorf("the trust policy's statements are not a policy's: %w", err)
	}
	var allowed, denied trust
	for _, statement := range statements {
		named := statement.names()
		switch {
		case statement.Effect == "Allow" && statement.assumes():
			// A condition narrows from where an instance may come; that the service is
			// meant is all that matters here.
			allowed = trust{allowed.ec2 || named.ec2, allowed.ssm || named.ssm}
		case statement.Effect == "Deny" && statement.assumes() && len(statement.Condition) == 0:
			denied = trust{denied.ec2 || named.ec2, denied.ssm || named.ssm}
		}
	}
	return trust{allowed.ec2 && !denied.ec2, allowed.ssm && !denied.ssm}, nil
}

// assumes reports whether the statement speaks of sts:AssumeRole.
func (s trustStatement) assumes() bool {
	matches := func(written string) bool {
		matched, err := path.Match(strings.ToLower(written), "sts:assumerole")
		return err == nil && matched
	}
	if len(s.NotAction) > 0 {
		return !slices.ContainsFunc(s.NotAction, matches)
	}
	return slices.ContainsFunc(s.Action, matches)
}

// names finds the two services among the statement's principals. Principal "*"
// names neither: everybody is nobody in particular.
func (s trustStatement) names() trust {
	var principals struct{ Service oneOrMore }
	if json.Unmarshal(s.Principal, &principals) != nil {
		return trust{}
	}
	return trust{
		ec2: slices.ContainsFunc(principals.Service, isService("ec2")),
		ssm: slices.ContainsFunc(principals.Service, isService("ssm")),
	}
}

// suffixes are those of the partitions' service principals (aws, aws-cn,
// aws-iso, aws-iso-b, aws-iso-e, aws-iso-f, aws-eusc), as in the SDK's
// endpoint partitions.
var suffixes = []string{
	"amazonaws.com", "amazonaws.com.cn", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov", "amazonaws.eu",
}

// isService matches "ec2.amazonaws.com", and "ssm.eu-central-2.amazonaws.com"
// as opt-in regions have it.
func isService(service string) func(string) bool {
	return func(principal string) bool {
		rest, found := strings.CutPrefix(strings.ToLower(principal), service+".")
		if !found {
			return false
		}
		if slices.Contains(suffixes, rest) {
			return true
		}
		_, rest, _ = strings.Cut(rest, ".")
		return slices.Contains(suffixes, rest)
	}
}
