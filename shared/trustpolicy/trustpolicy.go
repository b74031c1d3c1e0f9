// Package trustpolicy reads the trust policy of an IAM role: which AWS services
// may assume the role.
package trustpolicy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Service is the first part of a service principal, as in "ec2.amazonaws.com".
type Service string

const (
	// EC2 hands roles to instances.
	EC2 Service = "ec2"
	// SSM hands roles to external instances (ECS Anywhere).
	SSM Service = "ssm"
	// ECSTasks acts under execution roles, and hands task roles to tasks.
	ECSTasks Service = "ecs-tasks"
)

// Policy is a trust policy that was read. The zero value trusts nobody.
type Policy struct{ statements []statement }

type statement struct {
	Effect                  string
	Principal, NotPrincipal principals
	Action, NotAction       oneOrMore
	Condition               map[string]json.RawMessage
}

// Parse reads a trust policy as GetRole and ListRoles give it: JSON, URL-encoded
// after RFC 3986. Some emulators leave it unencoded.
func Parse(document string) (Policy, error) {
	text := strings.TrimSpace(document)
	if !strings.HasPrefix(text, "{") {
		decoded, err := url.PathUnescape(text)
		if err != nil {
			return Policy{}, errors.New("the trust policy is not URL-encoded as IAM encodes it")
		}
		text = decoded
	}
	var parsed struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		return Policy{}, fmt.Errorf("the trust policy is not a policy: %w", err)
	}
	if strings.HasPrefix(strings.TrimSpace(string(parsed.Statement)), "{") {
		parsed.Statement = slices.Concat([]byte("["), parsed.Statement, []byte("]"))
	}
	var policy Policy
	if err := json.Unmarshal(parsed.Statement, &policy.statements); err != nil {
		return Policy{}, fmt.Errorf("the trust policy's statements are not a policy's: %w", err)
	}
	return policy, nil
}

// TrustsInstances reports whether instances can act under the role: EC2's, or
// external ones.
func (p Policy) TrustsInstances() bool { return p.Trusts(EC2) || p.Trusts(SSM) }

// Trusts reports whether the policy names the service and lets it assume the
// role. A condition on that narrows from where, and is passed over; a denial
// counts only without a condition.
func (p Policy) Trusts(service Service) bool {
	trusted := false
	for _, s := range p.statements {
		switch {
		case !s.assumes():
		case s.Effect == "Allow":
			trusted = trusted || s.Principal.name(service)
		case s.Effect == "Deny" && len(s.Condition) == 0 && s.isAbout(service):
			return false
		}
	}
	return trusted
}

// assumes reports whether the statement speaks of sts:AssumeRole.
func (s statement) assumes() bool {
	matches := func(written string) bool {
		matched, err := path.Match(strings.ToLower(written), "sts:assumerole")
		return err == nil && matched
	}
	if len(s.NotAction) > 0 {
		return !slices.ContainsFunc(s.NotAction, matches)
	}
	return slices.ContainsFunc(s.Action, matches)
}

// isAbout reports whether the service is among those that the statement is
// about, be it as one of everybody. IAM takes no NotPrincipal in trust policies
// ("AWS JSON policy elements: NotPrincipal" in the IAM user guide); one that is
// there nevertheless means what it says.
func (s statement) isAbout(service Service) bool {
	if s.NotPrincipal.given {
		return !s.NotPrincipal.everybody && !s.NotPrincipal.name(service)
	}
	return s.Principal.everybody || s.Principal.name(service)
}

// principals are those of a statement. To allow everybody names no service:
// everybody is nobody in particular.
type principals struct {
	given, everybody bool
	services         oneOrMore
}

// UnmarshalJSON takes "*" and the lists by kind, of which only services matter;
// {"AWS": "*"} is "*" ("AWS JSON policy elements: Principal" in the IAM user
// guide). Other forms name nobody.
func (p *principals) UnmarshalJSON(raw []byte) error {
	var text *string
	if json.Unmarshal(raw, &text) == nil {
		*p = principals{given: text != nil, everybody: text != nil && *text == "*"}
		return nil
	}
	var lists struct{ Service, AWS oneOrMore }
	if json.Unmarshal(raw, &lists) != nil {
		lists.Service, lists.AWS = nil, nil
	}
	*p = principals{given: true, everybody: slices.Contains(lists.AWS, "*"), services: lists.Service}
	return nil
}

func (p principals) name(service Service) bool {
	return slices.ContainsFunc(p.services, func(principal string) bool { return isPrincipalOf(service, principal) })
}

// suffixes are those of the partitions' service principals (aws, aws-cn,
// aws-iso, aws-iso-b, aws-iso-e, aws-iso-f, aws-eusc), as in the SDK's
// endpoint partitions.
var suffixes = []string{
	"amazonaws.com", "amazonaws.com.cn", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov", "amazonaws.eu",
}

// isPrincipalOf matches "ec2.amazonaws.com", and "ssm.eu-central-2.amazonaws.com"
// as opt-in regions have it.
func isPrincipalOf(service Service, principal string) bool {
	rest, found := strings.CutPrefix(strings.ToLower(principal), string(service)+".")
	if !found {
		return false
	}
	if slices.Contains(suffixes, rest) {
		return true
	}
	_, rest, _ = strings.Cut(rest, ".")
	return slices.Contains(suffixes, rest)
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
