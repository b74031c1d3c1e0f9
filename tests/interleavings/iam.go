package interleavings

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/ecs-guardrails/ecs-guardrails/tests/managedpolicy"
	"github.com/ecs-guardrails/ecs-guardrails/tests/policysimulation"
)

// identities are the roles and policies of IAM.
type identities struct {
	roles map[string]*role
	// policies are the documents of managed policies by ARN.
	policies map[string]string
}

type role struct {
	name, trust string
	tags        map[string]string
	attached    []string
	inline      map[string]string
}

// awsPolicies are the documents of AWS's own policies, by ARN, read once.
var awsPolicies = func() map[string]string {
	documents, err := managedpolicy.Documents()
	if err != nil {
		panic(err)
	}
	policies := map[string]string{}
	for name, document := range documents {
		policies["arn:aws:iam::aws:policy/"+name] = string(document)
	}
	return policies
}()

func newIdentities() *identities {
	return &identities{roles: map[string]*role{}, policies: maps.Clone(awsPolicies)}
}

// trusting is a trust policy for one service.
func trusting(service string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`
}

// add makes a role.
func (i *identities) add(name, service string, tags map[string]string) *role {
	added := &role{name: name, trust: trusting(service), tags: map[string]string{}, inline: map[string]string{}}
	maps.Copy(added.tags, tags)
	i.roles[name] = added
	return added
}

// describe gives all that can be changed of a role.
func (r *role) describe() []string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(r.tags)) {
		lines = append(lines, fmt.Sprintf("role %s has the tag %s=%s", r.name, key, r.tags[key]))
	}
	for _, policy := range slices.Sorted(slices.Values(r.attached)) {
		lines = append(lines, fmt.Sprintf("role %s has the policy %s", r.name, policy))
	}
	return lines
}

func roleARN(name string) string { return "arn:aws:iam::" + accountNumber + ":role/" + name }

func (i *identities) named(name *string) (*role, error) {
	found, ok := i.roles[aws.ToString(name)]
	if !ok {
		return nil, refusal("NoSuchEntity", "The role with name %s cannot be found.", aws.ToString(name))
	}
	return found, nil
}

func (i *identities) GetRole(_ context.Context, input *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
	found, err := i.named(input.RoleName)
	if err != nil {
		return nil, err
	}
	described := &types.Role{RoleName: &found.name, Arn: aws.String(roleARN(found.name)), Path: aws.String("/"), AssumeRolePolicyDocument: aws.String(url.PathEscape(found.trust))}
	for _, key := range slices.Sorted(maps.Keys(found.tags)) {
		described.Tags = append(described.Tags, types.Tag{Key: aws.String(key), Value: aws.String(found.tags[key])})
	}
	return &iam.GetRoleOutput{Role: described}, nil
}

func (i *identities) ListAttachedRolePolicies(_ context.Context, input *iam.ListAttachedRolePoliciesInput) (*iam.ListAttachedRolePoliciesOutput, error) {
	found, err := i.named(input.RoleName)
	if err != nil {
		return nil, err
	}
	output := &iam.ListAttachedRolePoliciesOutput{}
	for _, policy := range found.attached {
		output.AttachedPolicies = append(output.AttachedPolicies, types.AttachedPolicy{PolicyArn: aws.String(policy), PolicyName: aws.String(policy[strings.LastIndexByte(policy, '/')+1:])})
	}
	return output, nil
}

func (i *identities) ListRolePolicies(_ context.Context, input *iam.ListRolePoliciesInput) (*iam.ListRolePoliciesOutput, error) {
	found, err := i.named(input.RoleName)
	if err != nil {
		return nil, err
	}
	return &iam.ListRolePoliciesOutput{PolicyNames: slices.Sorted(maps.Keys(found.inline))}, nil
}

func (i *identities) GetRolePolicy(_ context.Context, input *iam.GetRolePolicyInput) (*iam.GetRolePolicyOutput, error) {
	found, err := i.named(input.RoleName)
	if err != nil {
		return nil, err
	}
	return &iam.GetRolePolicyOutput{PolicyName: input.PolicyName, RoleName: input.RoleName, PolicyDocument: aws.String(url.PathEscape(found.inline[aws.ToString(input.PolicyName)]))}, nil
}

func (i *identities) GetPolicy(_ context.Context, input *iam.GetPolicyInput) (*iam.GetPolicyOutput, error) {
	return &iam.GetPolicyOutput{Policy: &types.Policy{Arn: input.PolicyArn, DefaultVersionId: aws.String("v1")}}, nil
}

func (i *identities) GetPolicyVersion(_ context.Context, input *iam.GetPolicyVersionInput) (*iam.GetPolicyVersionOutput, error) {
	return &iam.GetPolicyVersionOutput{PolicyVersion: &types.PolicyVersion{Document: aws.String(url.PathEscape(i.policies[aws.ToString(input.PolicyArn)]))}}, nil
}

func (i *identities) ListInstanceProfilesForRole(_ context.Context, input *iam.ListInstanceProfilesForRoleInput) (*iam.ListInstanceProfilesForRoleOutput, error) {
	if _, err := i.named(input.RoleName); err != nil {
		return nil, err
	}
	return &iam.ListInstanceProfilesForRoleOutput{}, nil
}

func (i *identities) GetAccountSummary(context.Context, *iam.GetAccountSummaryInput) (*iam.GetAccountSummaryOutput, error) {
	return &iam.GetAccountSummaryOutput{SummaryMap: map[string]int32{"AttachedPoliciesPerRoleQuota": policiesPerRole}}, nil
}

// policiesPerRole is IAM's default quota of managed policies for each role.
const policiesPerRole = 10

func (i *identities) GetAccountAuthorizationDetails(context.Context, *iam.GetAccountAuthorizationDetailsInput) (*iam.GetAccountAuthorizationDetailsOutput, error) {
	output := &iam.GetAccountAuthorizationDetailsOutput{}
	for _, name := range slices.Sorted(maps.Keys(i.roles)) {
		found := i.roles[name]
		detail := types.RoleDetail{RoleName: &name, Arn: aws.String(roleARN(name)), Path: aws.String("/"), AssumeRolePolicyDocument: aws.String(url.PathEscape(found.trust))}
		for key, value := range found.tags {
			detail.Tags = append(detail.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
		}
		output.RoleDetailList = append(output.RoleDetailList, detail)
	}
	return output, nil
}

// SimulatePrincipalPolicy answers as the API does: for one resource by itself,
// for several with a result for each.
func (i *identities) SimulatePrincipalPolicy(_ context.Context, input *iam.SimulatePrincipalPolicyInput) (*iam.SimulatePrincipalPolicyOutput, error) {
	source := aws.ToString(input.PolicySourceArn)
	found, err := i.named(aws.String(source[strings.LastIndexByte(source, '/')+1:]))
	if err != nil {
		return nil, err
	}
	policies, err := i.policiesOf(found)
	if err != nil {
		return nil, err
	}
	entries := map[string][]string{}
	for _, entry := range input.ContextEntries {
		entries[aws.ToString(entry.ContextKeyName)] = entry.ContextKeyValues
	}
	resources := input.ResourceArns
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	output := &iam.SimulatePrincipalPolicyOutput{}
	for _, action := range input.ActionNames {
		evaluated := types.EvaluationResult{EvalActionName: &action, EvalResourceName: &resources[0]}
		for _, resource := range resources {
			result := policysimulation.Simulate(policies, policysimulation.Request{Action: action, Resource: resource, Context: policysimulation.NewContext(entries)})
			decision := types.PolicyEvaluationDecisionType(result.Decision)
			if len(resources) == 1 {
				evaluated.EvalDecision, evaluated.MissingContextValues = decision, result.MissingContext
				continue
			}
			evaluated.EvalResourceName = aws.String("arn:${Partition}:service")
			evaluated.ResourceSpecificResults = append(evaluated.ResourceSpecificResults, types.ResourceSpecificResult{
				EvalResourceName: &resource, EvalResourceDecision: decision, MissingContextValues: result.MissingContext,
			})
		}
		output.EvaluationResults = append(output.EvaluationResults, evaluated)
	}
	return output, nil
}

func (i *identities) policiesOf(of *role) (policysimulation.Policies, error) {
	var policies policysimulation.Policies
	add := func(name, document string) error {
		parsed, err := policysimulation.ParseDocument(document)
		if err != nil {
			return fmt.Errorf("the policy %s: %w", name, err)
		}
		policies.Identity = append(policies.Identity, policysimulation.Policy{ID: name, Document: parsed})
		return nil
	}
	for _, policy := range of.attached {
		if err := add(policy, i.policies[policy]); err != nil {
			return policies, err
		}
	}
	for name, document := range of.inline {
		if err := add(name, document); err != nil {
			return policies, err
		}
	}
	return policies, nil
}

func (i *identities) AttachRolePolicy(_ context.Context, input *iam.AttachRolePolicyInput) (*iam.AttachRolePolicyOutput, error) {
	found, err := i.named(input.RoleName)
	if err != nil {
		return nil, err
	}
	policy := aws.ToString(input.PolicyArn)
	switch {
	case i.policies[policy] == "":
		return nil, refusal("NoSuchEntity", "Policy %s does not exist or is not attachable.", policy)
	case slices.Contains(found.attached, policy):
	case len(found.attached) == policiesPerRole:
		return nil, refusal("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: %d", policiesPerRole)
	default:
		found.attached = append(found.attached, policy)
	}
	return &iam.AttachRolePolicyOutput{}, nil
}

func (i *identities) DetachRolePolicy(_ context.Context, input *iam.DetachRolePolicyInput) (*iam.DetachRolePolicyOutput, error) {
	found, err := i.named(input.RoleName)
	if err != nil {
		return nil, err
	}
	at := slices.Index(found.attached, aws.ToString(input.PolicyArn))
	if at < 0 {
		return nil, refusal("NoSuchEntity", "Policy %s was not found.", aws.ToString(input.PolicyArn))
	}
	found.attached = slices.Delete(found.attached, at, at+1)
	return &iam.DetachRolePolicyOutput{}, nil
}

func (i *identities) TagRole(_ context.Context, input *iam.TagRoleInput) (*iam.TagRoleOutput, error) {
	found, err := i.named(input.RoleName)
	if err != nil {
		return nil, err
	}
	for _, tag := range input.Tags {
		found.tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return &iam.TagRoleOutput{}, nil
}

func (i *identities) UntagRole(_ context.Context, input *iam.UntagRoleInput) (*iam.UntagRoleOutput, error) {
	found, err := i.named(input.RoleName)
	if err != nil {
		return nil, err
	}
	for _, key := range input.TagKeys {
		delete(found.tags, key)
	}
	return &iam.UntagRoleOutput{}, nil
}

// caller is STS.
type caller struct{}

func (caller) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{Account: aws.String(accountNumber), Arn: aws.String("arn:aws:sts::" + accountNumber + ":assumed-role/guardrails/function")}, nil
}
