// Package trustpolicy reads the trust policy of an IAM role: which AWS services
// may assume the role.
package trustpolicy

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"ecsguardrails/shared/policydocument"
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
type Policy struct{ document policydocument.Document }

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
	parsed, err := policydocument.Parse(text)
	if err != nil {
		return Policy{}, fmt.Errorf("the trust policy is not a policy: %w", err)
	}
	return Policy{parsed}, nil
}

// TrustsInstances reports whether instances can act under the role: EC2's, or
// external ones.
func (p Policy) TrustsInstances() bool { return p.Trusts(EC2) || p.Trusts(SSM) }

// Trusts reports whether the policy names the service and lets it assume the
// role. A condition on that narrows from where, and is passed over; a denial
// counts only without a condition.
func (p Policy) Trusts(service Service) bool {
	trusted := false
	for _, s := range p.document.Statement {
		switch {
		case !s.CoversAction("sts:AssumeRole"):
		case s.Effect == "Allow":
			trusted = trusted || named(s.Principal, service)
		case s.Effect == "Deny" && len(s.Condition) == 0 && isAbout(s, service):
			return false
		}
	}
	return trusted
}

// isAbout reports whether the service is among those that a statement is
// about, be it as one of everybody. IAM takes no NotPrincipal in trust policies
// ("AWS JSON policy elements: NotPrincipal" in the IAM user guide); one that is
// there nevertheless means what it says.
func isAbout(s policydocument.Statement, service Service) bool {
	if s.NotPrincipal.Given {
		return !s.NotPrincipal.Everybody && !named(s.NotPrincipal, service)
	}
	return s.Principal.Everybody || named(s.Principal, service)
}

// named reports whether principals name a service. To allow everybody names
// none: everybody is nobody in particular.
func named(principals policydocument.Principals, service Service) bool {
	return slices.ContainsFunc(principals.Services, func(principal string) bool { return isPrincipalOf(service, principal) })
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
