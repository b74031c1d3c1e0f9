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

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policysimulation"
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
			// attach-policies reports a trust policy that cannot be read.
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

// RightsReader is the part of IAM's client that tells what a role can do.
type RightsReader interface {
	iam.SimulatePrincipalPolicyAPIClient
	policysimulation.RolePolicyReader
}

// LacksForConfig asks IAM which of the actions that reading a file takes a role
// is not allowed, by its policies, its boundary and the organization's. An
// action that depends on a condition key that only the call itself has does not
// count. The role's policies are read where such a key may decide, and are taken
// to depend on it where they can't be read.
func LacksForConfig(ctx context.Context, client RightsReader, role Role, file ConfigFile, now time.Time) (lacks []string, err error) {
	place := site{region: file.Region, bucket: file.Bucket, object: file.Key, key: file.KeyARN}
	parsed, err := arn.Parse(role.ARN)
	if err != nil {
		return nil, fmt.Errorf("read the ARN of the role %s: %w", role.Name, err)
	}
	place.partition, place.account = parsed.Partition, parsed.AccountID
	var asked []policysimulation.Question
	for _, n := range needs[Config] {
		if resource := place.arn(n.on); n.optional == "" && resource != "" {
			asked = append(asked, policysimulation.Question{Action: n.action, Resource: resource})
		}
	}
	told := contextEntries(role, place, now)
	simulated, err := policysimulation.Simulate(ctx, client, role.ARN, asked, told)
	if err != nil {
		return nil, fmt.Errorf("simulate whether the role %s can read s3://%s/%s: %w", role.Name, file.Bucket, file.Key, err)
	}
	answers := make([]policysimulation.Answer, len(asked))
	for i, question := range asked {
		if answers[i], err = simulated.Of(question.Action, question.Resource); err != nil {
			return nil, fmt.Errorf("simulate whether the role %s can read s3://%s/%s: %w", role.Name, file.Bucket, file.Key, err)
		}
	}
	var policies *policysimulation.Policies
	if slices.ContainsFunc(answers, policysimulation.Answer.Undecided) {
		policies, err = policysimulation.ReadRolePolicies(ctx, client, role.Name, role.Boundary)
		if err != nil && awserror.Classify(err) != awserror.Denied {
			return nil, err
		}
	}
	known := policysimulation.Known(told).Whole("aws:PrincipalTag/")
	for i, question := range asked {
		if answers[i].Undecided() && policies == nil {
			continue
		}
		switch policysimulation.Judge(answers[i], question, policies, known).Verdict {
		case policysimulation.Missing, policysimulation.Denied:
			lacks = append(lacks, question.Action)
		}
	}
	return lacks, nil
}
