package instancerole

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// Lent lists the policies that this stack attached to a role and that are still
// attached, by what iam:GetAccountAuthorizationDetails says about the role.
func (s Settings) Lent(detail types.RoleDetail) []PolicyARN {
	tags := map[string]string{}
	for _, tag := range detail.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	var attached []PolicyARN
	for _, policy := range detail.AttachedManagedPolicies {
		attached = append(attached, PolicyARN(aws.ToString(policy.PolicyArn)))
	}
	var lent []PolicyARN
	for _, made := range s.readRecord(tags).standing(attached) {
		lent = append(lent, made.policy)
	}
	slices.Sort(lent)
	return slices.Compact(lent)
}
