package instancerole

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// Verdict is what the account's own description of a role says of it, without a
// call for the role.
type Verdict int

const (
	// NotOurs: the function would leave the role alone for certain.
	NotOurs Verdict = iota
	// Settled: attached approved policies grant all that the role is to do, and
	// nothing that was described takes any of it away.
	Settled
	// Doubtful: only a look can tell.
	Doubtful
)

// withoutDeny are AWS managed policies that instance roles often have, and that
// deny nothing. Their documents are not in the answer for the account's own
// policies, and asking for all of AWS's costs more than a look at a role with
// another one.
var withoutDeny = []string{
	"AmazonEC2ContainerServiceforEC2Role", managedInstancesPolicy, "AmazonSSMManagedInstanceCore", "AmazonSSMPatchAssociation",
	"AmazonEC2ContainerRegistryReadOnly", "AmazonEC2ContainerRegistryPullOnly", "AmazonEC2ContainerRegistryPowerUser",
	"CloudWatchAgentServerPolicy", "CloudWatchLogsFullAccess", "AmazonS3ReadOnlyAccess", "AWSXRayDaemonWriteAccess",
}

// Screen judges a role by what iam:GetAccountAuthorizationDetails reports it.
// A role is only Settled as long as none of the named policies, the customer's
// own among those attached to it, Denies anything.
//
// An organization's policies are not seen here; they deny to all roles alike,
// and the looks at the doubtful ones tell.
func (s Settings) Screen(detail types.RoleDetail) (verdict Verdict, own []PolicyARN) {
	if aws.ToString(detail.AssumeRolePolicyDocument) == "" {
		return NotOurs, nil
	}
	role, err := listedRole(detail)
	if err != nil {
		return Doubtful, nil
	}
	o := Observation{Target: Target{Role: role.Name}, Role: &role, listed: true}
	for _, attached := range detail.AttachedManagedPolicies {
		o.Attached = append(o.Attached, PolicyARN(aws.ToString(attached.PolicyArn)))
	}
	if s.notOurs(o) != nil || s.leftAlone(o) != nil {
		return NotOurs, nil
	}
	if s.distrusted(o) != nil || len(strangers(o)) > 0 {
		return Doubtful, nil
	}
	if detail.PermissionsBoundary != nil || !s.grantsWanted(o) {
		return Doubtful, nil
	}
	for _, inline := range detail.RolePolicyList {
		if Denies(aws.ToString(inline.PolicyDocument)) {
			return Doubtful, nil
		}
	}
	for _, attached := range detail.AttachedManagedPolicies {
		policy := PolicyARN(aws.ToString(attached.PolicyArn))
		parsed, err := arn.Parse(string(policy))
		switch {
		case err != nil:
			return Doubtful, nil
		case parsed.AccountID != "aws":
			own = append(own, policy)
		case !slices.Contains(withoutDeny, policy.name()):
			return Doubtful, nil
		}
	}
	return Settled, own
}

// grantsWanted reports whether the approved policies among those attached grant
// all that the role's instances need.
func (s Settings) grantsWanted(o Observation) bool {
	wanted, beyond, unknown := s.wanted(*o.Role)
	wanted = slices.Concat(wanted, beyond)
	if len(unknown) > 0 || slices.Contains(wanted, Config) && s.ConfigBucket == "" {
		return false
	}
	kind := kindOf(o)
	approved := slices.DeleteFunc(s.approved(kind), func(p policy) bool { return !slices.Contains(o.Attached, p.arn) })
	place := site{bucket: s.ConfigBucket, key: s.ConfigKeyARN}
	for _, capability := range wanted {
		if kind == managedInstance && capability != Agent {
			continue
		}
		for _, n := range needsOf(kind, capability) {
			asked := n.optional == "" && place.arn(n.on) != ""
			if asked && !slices.ContainsFunc(approved, func(p policy) bool { return p.grants(capability, n, place) }) {
				return false
			}
		}
	}
	return true
}

// Denies reports whether a policy's document, URL-encoded after RFC 3986 or not,
// has a statement that denies something. One that cannot be read may.
func Denies(document string) bool {
	text := strings.TrimSpace(document)
	if !strings.HasPrefix(text, "{") {
		decoded, err := url.PathUnescape(text)
		if err != nil {
			return true
		}
		text = decoded
	}
	type statement struct{ Effect string }
	var one struct{ Statement statement }
	if json.Unmarshal([]byte(text), &one) == nil {
		return one.Statement.Effect != "Allow"
	}
	var several struct{ Statement []statement }
	if json.Unmarshal([]byte(text), &several) != nil {
		return true
	}
	return slices.ContainsFunc(several.Statement, func(s statement) bool { return s.Effect != "Allow" })
}
