// Package trustpolicy reads the trust policy of an IAM role: which AWS services
// may assume the role.
package trustpolicy

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
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
	// ECS acts under service roles and infrastructure roles.
	ECS Service = "ecs"
)

// Policy is a trust policy that was read. The zero value trusts no one.
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

// Excludes gives the condition keys because of which a service that the policy
// names can't assume the role for the account itself; none where it can, or where
// that can't be told beforehand. A service has no external id to show.
func (p Policy) Excludes(service Service, account string) []string {
	context := policydocument.Context{}.
		With("aws:SourceAccount", account).
		With("aws:ResourceAccount", account).
		With("aws:PrincipalIsAWSService", "true").
		With("sts:ExternalId")
	var excluding []string
	for _, s := range p.document.Statement {
		if s.Effect != "Allow" || !s.CoversAction("sts:AssumeRole") || !named(s.Principal, service) {
			continue
		}
		var failing []string
		for operator, compared := range s.Condition {
			for key, values := range compared {
				one := policydocument.Statement{Condition: map[string]map[string]policydocument.OneOrMore[any]{operator: {key: values}}}
				holds, _ := one.Holds(context)
				if holds == policydocument.False || strings.EqualFold(key, "aws:SourceArn") && ofOtherAccounts(operator, values, account) {
					failing = append(failing, key)
				}
			}
		}
		if len(failing) == 0 {
			return nil
		}
		excluding = append(excluding, failing...)
	}
	slices.Sort(excluding)
	return slices.Compact(excluding)
}

// ofOtherAccounts reports whether a condition takes only ARNs of other accounts.
func ofOtherAccounts(operator string, patterns []any, account string) bool {
	if strings.Contains(strings.ToLower(operator), "not") || len(patterns) == 0 {
		return false
	}
	return !slices.ContainsFunc(patterns, func(pattern any) bool {
		text, _ := pattern.(string)
		parts := strings.SplitN(text, ":", 6)
		return len(parts) != 6 || policydocument.Matches(parts[4], account) || strings.Contains(parts[4], "${")
	})
}

// everyone stands for "*" among the principals.
const everyone = "*"

// assuming are the actions that give a role's credentials.
var assuming = []string{"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"}

// Others lists all who may assume the role besides the services, as the policy
// names them: "*", ARNs, account numbers, identity providers and other services.
// A condition narrows when they may, not who; a denial takes somebody out only
// without a condition.
func (p Policy) Others(services ...Service) []string {
	var others []string
	for _, s := range p.document.Statement {
		ways := slices.DeleteFunc(slices.Clone(assuming), func(action string) bool { return !s.CoversAction(action) })
		if s.Effect != "Allow" || len(ways) == 0 {
			continue
		}
		open := func(principal string) bool {
			return slices.ContainsFunc(ways, func(action string) bool { return !p.denies(principal, action) })
		}
		if (s.NotPrincipal.Given || s.Principal.Everybody) && open(everyone) {
			others = append(others, everyone)
		}
		for _, principal := range s.Principal.Federated {
			// There are two ways for them, and a denial of one leaves the other.
			if open(principal) {
				others = append(others, principal)
			}
		}
		foreign := slices.DeleteFunc(slices.Clone(s.Principal.Services), func(principal string) bool {
			return slices.ContainsFunc(services, func(service Service) bool { return isPrincipalOf(service, principal) })
		})
		for _, principal := range slices.Concat(s.Principal.AWS, s.Principal.CanonicalUsers, foreign) {
			if principal != everyone && !p.denies(principal, "sts:AssumeRole") {
				others = append(others, principal)
			}
		}
	}
	slices.Sort(others)
	return slices.Compact(others)
}

// denies reports whether a statement without a condition keeps a principal from one
// of the ways to assume the role.
func (p Policy) denies(principal, action string) bool {
	return slices.ContainsFunc(p.document.Statement, func(s policydocument.Statement) bool {
		if s.Effect != "Deny" || len(s.Condition) > 0 || s.NotPrincipal.Given || !s.CoversAction(action) {
			return false
		}
		named := slices.Concat(s.Principal.AWS, s.Principal.Federated, s.Principal.CanonicalUsers, s.Principal.Services)
		return s.Principal.Everybody || slices.Contains(named, principal)
	})
}

// IsService reports whether a principal is an AWS service's.
func IsService(principal string) bool {
	return slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(strings.ToLower(principal), "."+suffix) })
}

// NamesService reports whether one of the principals is that service's.
func NamesService(principals []string, service Service) bool {
	return slices.ContainsFunc(principals, func(principal string) bool { return isPrincipalOf(service, principal) })
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
// none, because everybody is not a particular account.
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
	// Other services have names of several parts, too, as in
	// "ec2.application-autoscaling.amazonaws.com".
	region, rest, _ := strings.Cut(rest, ".")
	return regionName.MatchString(region) && slices.Contains(suffixes, rest)
}

var regionName = lazyregexp.New(`^[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}$`)
