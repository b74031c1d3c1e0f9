package policysimulation

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
)

// RolePolicyReader also tells which policies are attached.
type RolePolicyReader interface {
	PolicyReader
	iam.ListAttachedRolePoliciesAPIClient
}

// ReadRolePolicies lists what is attached to a role, and reads it like
// ReadPolicies.
func ReadRolePolicies(ctx context.Context, client RolePolicyReader, role, boundary string) (*Policies, error) {
	var attached []string
	pages := iam.NewListAttachedRolePoliciesPaginator(client, &iam.ListAttachedRolePoliciesInput{RoleName: &role})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the policies attached to the role %s: %w", role, err)
		}
		for _, policy := range page.AttachedPolicies {
			attached = append(attached, aws.ToString(policy.PolicyArn))
		}
	}
	return ReadPolicies(ctx, client, role, attached, boundary)
}

// PolicyReader is the part of IAM's client that gives the policies of a role.
type PolicyReader interface {
	iam.ListRolePoliciesAPIClient
	GetRolePolicy(context.Context, *iam.GetRolePolicyInput, ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error)
	GetPolicy(context.Context, *iam.GetPolicyInput, ...func(*iam.Options)) (*iam.GetPolicyOutput, error)
	GetPolicyVersion(context.Context, *iam.GetPolicyVersionInput, ...func(*iam.Options)) (*iam.GetPolicyVersionOutput, error)
}

// Policy is a document and its name, an attached one's ARN.
type Policy struct {
	Name     string
	Document policydocument.Document
}

// Policies are the documents that decide about a role, but for the
// organization's.
type Policies struct {
	Identity []Policy
	// Boundary is nil where the role has none.
	Boundary *policydocument.Document
}

func (p *Policies) identity() []policydocument.Document {
	documents := make([]policydocument.Document, len(p.Identity))
	for i, policy := range p.Identity {
		documents[i] = policy.Document
	}
	return documents
}

// readers bounds how many policies are read at once: IAM throttles the account
// as a whole.
const readers = 8

// ReadPolicies reads a role's inline policies and the default versions of those
// that are attached to it, and of its boundary ("" for none). A policy that has
// gone meanwhile says nothing.
func ReadPolicies(ctx context.Context, client PolicyReader, role string, attached []string, boundary string) (*Policies, error) {
	var names []string
	pages := iam.NewListRolePoliciesPaginator(client, &iam.ListRolePoliciesInput{RoleName: &role})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the inline policies of the role %s: %w", role, err)
		}
		names = append(names, page.PolicyNames...)
	}
	read := make([]*policydocument.Document, len(names)+len(attached)+1)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, name := range names {
		group.Go(func() (err error) {
			read[i], err = readInline(ctx, client, role, name)
			return err
		})
	}
	for i, policy := range attached {
		group.Go(func() (err error) {
			read[len(names)+i], err = readManaged(ctx, client, policy)
			return err
		})
	}
	if boundary != "" {
		group.Go(func() (err error) {
			read[len(read)-1], err = readManaged(ctx, client, boundary)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	policies := &Policies{Boundary: read[len(read)-1]}
	for i, document := range read[:len(read)-1] {
		if document == nil {
			continue
		}
		name := ""
		if i < len(names) {
			name = names[i]
		} else {
			name = attached[i-len(names)]
		}
		policies.Identity = append(policies.Identity, Policy{name, *document})
	}
	return policies, nil
}

func readInline(ctx context.Context, client PolicyReader, role, name string) (*policydocument.Document, error) {
	output, err := client.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &role, PolicyName: &name})
	if err != nil {
		return nil, unlessGone(fmt.Sprintf("read the inline policy %s of the role %s", name, role), err)
	}
	return parse(aws.ToString(output.PolicyDocument)), nil
}

func readManaged(ctx context.Context, client PolicyReader, arn string) (*policydocument.Document, error) {
	policy, err := client.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
	if err != nil {
		return nil, unlessGone("read the policy "+arn, err)
	}
	if policy.Policy == nil {
		return nil, nil
	}
	version, err := client.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: policy.Policy.DefaultVersionId})
	if err != nil {
		return nil, unlessGone("read the default version of the policy "+arn, err)
	}
	if version.PolicyVersion == nil {
		return nil, nil
	}
	return parse(aws.ToString(version.PolicyVersion.Document)), nil
}

func unlessGone(doing string, err error) error {
	if awserror.Classify(err) == awserror.Gone {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// parse reads a document as IAM gives it, URL-encoded after RFC 3986. What IAM
// stored and this does not understand says nothing; the simulator's answer then
// stands.
func parse(text string) *policydocument.Document {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") {
		decoded, err := url.PathUnescape(text)
		if err != nil {
			return nil
		}
		text = decoded
	}
	document, err := policydocument.Parse(text)
	if err != nil {
		return nil
	}
	return &document
}
