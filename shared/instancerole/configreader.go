package instancerole

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"ecsguardrails/shared/policysimulation"
)

// youth is how long a role is taken for one that is still being made: its
// policies come after it, be it from its owner or, after the delay of their
// queue, which is 15 minutes at most, from attach-policies.
const youth = 20 * time.Minute

// ListConfigReaders lists the roles whose instances are to read config files:
// those that are ours by their names or tags, have the capability config, and
// were there for a while. No instance is looked at for evidence.
// GetAccountAuthorizationDetails is the one call that tells many roles' tags, a
// thousand roles at a time.
func (s Settings) ListConfigReaders(ctx context.Context, client iam.GetAccountAuthorizationDetailsAPIClient, now time.Time) ([]Role, error) {
	var readers []Role
	pages := iam.NewGetAccountAuthorizationDetailsPaginator(client, &iam.GetAccountAuthorizationDetailsInput{
		Filter: []types.EntityType{types.EntityTypeRole}, MaxItems: aws.Int32(1000),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the roles whose instances read config files: %w", err)
		}
		for _, detail := range page.RoleDetailList {
			role, err := listedRole(detail)
			young := now.Sub(aws.ToTime(detail.CreateDate)) < youth
			// attach-policies tells of a trust policy that cannot be read.
			if err == nil && !young && s.readsConfig(role) {
				readers = append(readers, role)
			}
		}
	}
	return readers, nil
}

func (s Settings) readsConfig(role Role) bool {
	o := Observation{Role: &role}
	if s.notOurs(o) != nil || s.distrusted(o) != nil {
		return false
	}
	// Whether they can read is asked, and nothing given: the tag alone decides.
	return slices.Contains(s.asked(role), Config)
}

// ConfigFile is one that instances read when they boot.
type ConfigFile struct {
	// Region that the instances work in.
	Region      string
	Bucket, Key string
	// KeyARN is the customer's KMS key that it is encrypted with, "" for none.
	KeyARN string
}

// LacksForConfig asks IAM which of the actions that reading a file takes a role
// is not allowed, by its policies, its boundary and the organization's. An
// action that hangs on a condition that nobody here knows does not count.
func LacksForConfig(ctx context.Context, client iam.SimulatePrincipalPolicyAPIClient, role Role, file ConfigFile, now time.Time) (lacks []string, err error) {
	at := site{region: file.Region, bucket: file.Bucket, object: file.Key, key: file.KeyARN}
	parsed, err := arn.Parse(role.ARN)
	if err != nil {
		return nil, fmt.Errorf("read the ARN of the role %s: %w", role.Name, err)
	}
	at.partition, at.account = parsed.Partition, parsed.AccountID
	var needed []need
	var asked []policysimulation.Question
	for _, n := range needs[Config] {
		if resource := at.arn(n.on); n.optional == "" && resource != "" {
			needed = append(needed, n)
			asked = append(asked, policysimulation.Question{Action: n.action, Resource: resource})
		}
	}
	answers, err := policysimulation.Simulate(ctx, client, role.ARN, asked, contextEntries(role, at, now))
	if err != nil {
		return nil, fmt.Errorf("simulate whether the role %s can read s3://%s/%s: %w", role.Name, file.Bucket, file.Key, err)
	}
	for i, n := range needed {
		answer, err := answers.Of(asked[i].Action, asked[i].Resource)
		if err != nil {
			return nil, fmt.Errorf("simulate whether the role %s can read s3://%s/%s: %w", role.Name, file.Bucket, file.Key, err)
		}
		if !answer.Allowed() && !answer.Undecided() {
			lacks = append(lacks, n.action)
		}
	}
	return lacks, nil
}
