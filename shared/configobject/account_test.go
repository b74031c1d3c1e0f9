package configobject_test

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	s3controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// What follows is how the bucket stands: soundly, unless a field says otherwise.

const tlsOnly = `{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::acme/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}}`

func (b *bucket) look(call string) error {
	_, err := b.enter(call, aws.String("(bucket)"), nil)
	if err != nil && strings.HasSuffix(err.Error(), "NoSuchKey") {
		return nil
	}
	return err
}

func (b *bucket) GetPublicAccessBlock(context.Context, *s3.GetPublicAccessBlockInput, ...func(*s3.Options)) (*s3.GetPublicAccessBlockOutput, error) {
	block := &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(!b.unblocked), BlockPublicPolicy: aws.Bool(!b.unblocked), IgnorePublicAcls: aws.Bool(!b.unblocked), RestrictPublicBuckets: aws.Bool(!b.unblocked),
	}
	return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: block}, b.look("GetPublicAccessBlock")
}

func (b *bucket) GetBucketPolicy(context.Context, *s3.GetBucketPolicyInput, ...func(*s3.Options)) (*s3.GetBucketPolicyOutput, error) {
	policy := tlsOnly
	if b.policy != "" {
		policy = b.policy
	}
	return &s3.GetBucketPolicyOutput{Policy: aws.String(policy)}, b.look("GetBucketPolicy")
}

func (b *bucket) GetBucketPolicyStatus(context.Context, *s3.GetBucketPolicyStatusInput, ...func(*s3.Options)) (*s3.GetBucketPolicyStatusOutput, error) {
	return &s3.GetBucketPolicyStatusOutput{PolicyStatus: &types.PolicyStatus{IsPublic: aws.Bool(false)}}, b.look("GetBucketPolicyStatus")
}

func (b *bucket) GetBucketAcl(context.Context, *s3.GetBucketAclInput, ...func(*s3.Options)) (*s3.GetBucketAclOutput, error) {
	return &s3.GetBucketAclOutput{Owner: &types.Owner{ID: aws.String("us")}}, b.look("GetBucketAcl")
}

func (b *bucket) GetBucketOwnershipControls(context.Context, *s3.GetBucketOwnershipControlsInput, ...func(*s3.Options)) (*s3.GetBucketOwnershipControlsOutput, error) {
	ownership := types.ObjectOwnershipBucketOwnerEnforced
	if b.unblocked {
		ownership = types.ObjectOwnershipObjectWriter
	}
	controls := &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: ownership}}}
	return &s3.GetBucketOwnershipControlsOutput{OwnershipControls: controls}, b.look("GetBucketOwnershipControls")
}

func (b *bucket) GetBucketEncryption(context.Context, *s3.GetBucketEncryptionInput, ...func(*s3.Options)) (*s3.GetBucketEncryptionOutput, error) {
	configuration := &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
		ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{KMSMasterKeyID: b.defaultKey},
	}}}
	return &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: configuration}, b.look("GetBucketEncryption")
}

func (b *bucket) GetBucketVersioning(context.Context, *s3.GetBucketVersioningInput, ...func(*s3.Options)) (*s3.GetBucketVersioningOutput, error) {
	status := types.BucketVersioningStatusSuspended
	if b.versioning {
		status = types.BucketVersioningStatusEnabled
	}
	return &s3.GetBucketVersioningOutput{Status: status}, b.look("GetBucketVersioning")
}

func (b *bucket) GetObjectAcl(_ context.Context, in *s3.GetObjectAclInput, _ ...func(*s3.Options)) (*s3.GetObjectAclOutput, error) {
	if _, err := b.enter("GetObjectAcl", in.Key, in.VersionId); err != nil {
		return nil, err
	}
	return &s3.GetObjectAclOutput{Owner: &types.Owner{ID: aws.String("us")}, Grants: b.objectGrants}, nil
}

func (b *bucket) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{Account: aws.String("123456789012")}, b.look("GetCallerIdentity")
}

// wholeAccount blocks public access to all of its buckets, where it does.
type wholeAccount struct{ *bucket }

func (a wholeAccount) GetPublicAccessBlock(context.Context, *s3control.GetPublicAccessBlockInput, ...func(*s3control.Options)) (*s3control.GetPublicAccessBlockOutput, error) {
	if err := a.look("GetPublicAccessBlock of the account"); err != nil {
		return nil, err
	}
	if !a.accountBlocks {
		return nil, apiError("NoSuchPublicAccessBlockConfiguration")
	}
	on := aws.Bool(true)
	return &s3control.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &s3controltypes.PublicAccessBlockConfiguration{
		BlockPublicAcls: on, BlockPublicPolicy: on, IgnorePublicAcls: on, RestrictPublicBuckets: on,
	}}, nil
}

// GetAccountAuthorizationDetails lists the roles whose instances read config
// files, by the names of what they lack.
func (b *bucket) GetAccountAuthorizationDetails(context.Context, *iam.GetAccountAuthorizationDetailsInput, ...func(*iam.Options)) (*iam.GetAccountAuthorizationDetailsOutput, error) {
	if err := b.look("GetAccountAuthorizationDetails"); err != nil {
		return nil, err
	}
	output := &iam.GetAccountAuthorizationDetailsOutput{}
	for _, name := range slices.Sorted(maps.Keys(b.readers)) {
		output.RoleDetailList = append(output.RoleDetailList, iamtypes.RoleDetail{
			RoleName: &name, Arn: aws.String("arn:aws:iam::123456789012:role/" + name), Path: aws.String("/"),
			AssumeRolePolicyDocument: aws.String(`{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`),
			Tags:                     []iamtypes.Tag{{Key: aws.String("ecs-guardrails:instance-role"), Value: aws.String("true")}, {Key: aws.String("ecs-guardrails:capabilities"), Value: aws.String("config")}},
		})
	}
	return output, nil
}

func (b *bucket) SimulatePrincipalPolicy(_ context.Context, in *iam.SimulatePrincipalPolicyInput, _ ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error) {
	if err := b.look("SimulatePrincipalPolicy"); err != nil {
		return nil, err
	}
	output := &iam.SimulatePrincipalPolicyOutput{}
	for _, action := range in.ActionNames {
		for _, resource := range in.ResourceArns {
			decision := iamtypes.PolicyEvaluationDecisionTypeAllowed
			if strings.Contains(b.readers[strings.TrimPrefix(*in.PolicySourceArn, "arn:aws:iam::123456789012:role/")], action) {
				decision = iamtypes.PolicyEvaluationDecisionTypeImplicitDeny
			}
			output.EvaluationResults = append(output.EvaluationResults, iamtypes.EvaluationResult{EvalActionName: &action, EvalResourceName: &resource, EvalDecision: decision})
		}
	}
	return output, nil
}

// clusters are the account's, by region and name, with their status.
type clusters struct {
	status map[string]string
	calls  int
	err    error
}

func (c *clusters) DescribeClusters(_ context.Context, in *ecs.DescribeClustersInput, change ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error) {
	c.calls++
	if c.err != nil {
		return nil, c.err
	}
	var options ecs.Options
	for _, set := range change {
		set(&options)
	}
	name := in.Clusters[0][strings.LastIndexByte(in.Clusters[0], '/')+1:]
	status, ok := c.status[options.Region+"/"+name]
	if !ok {
		return &ecs.DescribeClustersOutput{Failures: []ecstypes.Failure{{Arn: aws.String(in.Clusters[0]), Reason: aws.String("MISSING")}}}, nil
	}
	return &ecs.DescribeClustersOutput{Clusters: []ecstypes.Cluster{{Status: aws.String(status)}}}, nil
}
