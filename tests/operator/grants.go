package operator

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/tests/policysimulation"
)

// Grant is a role that the stack lets read a secret, by ARN.
type Grant struct{ Role, Secret string }

// Grants lists what the stack's own statements in secrets' resource policies
// grant.
func (o *Operator) Grants(ctx context.Context) ([]Grant, error) {
	secrets, err := o.secrets(ctx)
	if err != nil {
		return nil, err
	}
	var grants []Grant
	for _, secret := range secrets {
		policy, err := o.policyOf(ctx, aws.ToString(secret.ARN))
		if err != nil {
			return nil, err
		}
		for _, statement := range policy.Statements {
			if !strings.HasPrefix(statement.SID, "EcsGuardrails") {
				continue
			}
			for kind, names := range statement.Principals {
				for _, name := range names {
					if kind != "AWS" || !strings.HasPrefix(name, "arn:") || strings.ContainsAny(name, "*?") {
						return nil, fmt.Errorf("the policy of %s lets in %s %s", aws.ToString(secret.ARN), kind, name)
					}
					grants = append(grants, Grant{Role: name, Secret: aws.ToString(secret.ARN)})
				}
			}
		}
	}
	return grants, nil
}

// Reaches lists which tagged secrets, and which objects of a bucket, a role can
// read by its own policies and those of the secrets.
func (o *Operator) Reaches(ctx context.Context, role, bucket string) ([]string, error) {
	policies, err := o.Stack.Simulation.PrincipalPolicies(ctx, role)
	if err != nil {
		return nil, fmt.Errorf("reading the policies of %s: %w", role, err)
	}
	var reached []string
	may := func(action, resource string, keys map[string][]string) {
		result := policysimulation.Simulate(policies, policysimulation.Request{
			Action: action, Resource: resource, Context: policysimulation.NewContext(keys), Principal: map[string]string{"AWS": role},
		})
		if result.Decision == policysimulation.Allowed {
			reached = append(reached, resource)
		}
	}
	secrets, err := o.secrets(ctx)
	if err != nil {
		return nil, err
	}
	for _, secret := range secrets {
		document, err := o.policyOf(ctx, aws.ToString(secret.ARN))
		if err != nil {
			return nil, err
		}
		policies.Resource = []policysimulation.Policy{{Type: "resource", Document: document}}
		keys := map[string][]string{}
		for _, tag := range secret.Tags {
			keys["aws:ResourceTag/"+aws.ToString(tag.Key)] = []string{aws.ToString(tag.Value)}
			keys["secretsmanager:ResourceTag/"+aws.ToString(tag.Key)] = []string{aws.ToString(tag.Value)}
		}
		may("secretsmanager:GetSecretValue", aws.ToString(secret.ARN), keys)
	}
	policies.Resource = nil
	// XML can't hold every character that a key may have.
	pages := s3.NewListObjectsV2Paginator(o.S3, &s3.ListObjectsV2Input{Bucket: &bucket, EncodingType: s3types.EncodingTypeUrl})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", bucket, err)
		}
		for _, object := range page.Contents {
			key, err := url.QueryUnescape(aws.ToString(object.Key))
			if err != nil {
				return nil, fmt.Errorf("reading the key %q: %w", aws.ToString(object.Key), err)
			}
			may("s3:GetObject", "arn:aws:s3:::"+bucket+"/"+key, nil)
		}
	}
	return reached, nil
}

func (o *Operator) secrets(ctx context.Context) ([]types.SecretListEntry, error) {
	var secrets []types.SecretListEntry
	pages := secretsmanager.NewListSecretsPaginator(o.Secrets, &secretsmanager.ListSecretsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing secrets: %w", err)
		}
		secrets = append(secrets, page.SecretList...)
	}
	return secrets, nil
}

// policyOf gives a secret's resource policy; an empty one where it has none.
func (o *Operator) policyOf(ctx context.Context, secret string) (policysimulation.Document, error) {
	output, err := o.Secrets.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &secret})
	if err != nil {
		return policysimulation.Document{}, fmt.Errorf("reading the policy of %s: %w", secret, err)
	}
	if aws.ToString(output.ResourcePolicy) == "" {
		return policysimulation.Document{}, nil
	}
	document, err := policysimulation.ParseDocument(aws.ToString(output.ResourcePolicy))
	if err != nil {
		return document, fmt.Errorf("reading the policy of %s: %w", secret, err)
	}
	return document, nil
}
