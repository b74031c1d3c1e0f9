package instancerole

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
)

const (
	accountNumber = "123456789012"
	agentARN      = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
	ssmARN        = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
	retiredARN    = "arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM"
	s3ReadARN     = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
	ecrARN        = "arn:aws:iam::123456789012:policy/guardrails-EcrPullPolicy-1A2B"
	configARN     = "arn:aws:iam::123456789012:policy/guardrails-ConfigReadPolicy-3C4D"
	logsARN       = "arn:aws:iam::123456789012:policy/guardrails-LogsWritePolicy-5E6F"
	managedARN    = "arn:aws:iam::aws:policy/AmazonECSInstanceRolePolicyForManagedInstances"
	pullOnlyARN   = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
	keyARN        = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
)

// managedPolicies are the documents of the AWS managed policies, as of the
// versions named at needs, and of those that the template defines.
var managedPolicies = map[PolicyARN]string{
	agentARN: `{"Statement":[
		{"Effect":"Allow","Action":["ec2:DescribeTags","ecs:CreateCluster","ecs:DeregisterContainerInstance","ecs:DiscoverPollEndpoint","ecs:Poll","ecs:RegisterContainerInstance","ecs:StartTelemetrySession","ecs:UpdateContainerInstancesState","ecs:Submit*","ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"},
		{"Effect":"Allow","Action":"ecs:TagResource","Resource":"*","Condition":{"StringEquals":{"ecs:CreateAction":["CreateCluster","RegisterContainerInstance"]}}},
		{"Effect":"Allow","Action":["ecs:ListTagsForResource"],"Resource":["arn:aws:ecs:*:*:task/*/*","arn:aws:ecs:*:*:container-instance/*/*"]}]}`,
	managedARN: `{"Statement":[{"Effect":"Allow","Action":"ecs:DiscoverPollEndpoint","Resource":"*"},
		{"Effect":"Allow","Action":["ecs:RegisterContainerInstance","ecs:SubmitAttachmentStateChanges","ecs:SubmitTaskStateChange"],"Resource":"arn:aws:ecs:*:*:cluster/*"},
		{"Effect":"Allow","Action":["ecs:Poll","ecs:StartTelemetrySession","ecs:PutSystemLogEvents"],"Resource":"arn:aws:ecs:*:*:container-instance/*"}]}`,
	pullOnlyARN: `{"Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchImportUpstreamImage","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":"*"}]}`,
	ssmARN:      `{"Statement":[{"Effect":"Allow","Action":["ssm:DescribeAssociation","ssm:GetDeployablePatchSnapshotForInstance","ssm:GetDocument","ssm:DescribeDocument","ssm:GetManifest","ssm:GetParameter","ssm:GetParameters","ssm:ListAssociations","ssm:ListInstanceAssociations","ssm:PutInventory","ssm:PutComplianceItems","ssm:PutConfigurePackageResult","ssm:UpdateAssociationStatus","ssm:UpdateInstanceAssociationStatus","ssm:UpdateInstanceInformation","ssmmessages:*","ec2messages:*"],"Resource":"*"}]}`,
	retiredARN:  `{"Statement":[{"Effect":"Allow","Action":["ssm:GetDocument","ssm:ListInstanceAssociations","ssm:UpdateInstanceInformation","ssmmessages:*","ec2messages:*","logs:*","s3:GetBucketLocation","s3:PutObject","s3:GetObject","s3:ListBucket"],"Resource":"*"}]}`,
	s3ReadARN:   `{"Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*"],"Resource":"*"}]}`,
	ecrARN: `{"Statement":[{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"},
		{"Effect":"Allow","Action":["ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage"],"Resource":"arn:aws:ecr:*:123456789012:repository/*"}]}`,
	configARN: `{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::acme-ecs-config/*"},
		{"Effect":"Allow","Action":["s3:GetBucketLocation","s3:ListBucket"],"Resource":"arn:aws:s3:::acme-ecs-config"},
		{"Effect":"Allow","Action":"kms:Decrypt","Resource":"` + keyARN + `","Condition":{"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}}}]}`,
	logsARN: `{"Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:DescribeLogStreams","logs:PutLogEvents"],"Resource":"arn:aws:logs:*:123456789012:log-group:*"}]}`,
}

// account is a small IAM and EC2: it keeps roles, evaluates their policies and
// counts the calls.
type account struct {
	mutex    sync.Mutex
	calls    []string
	fail     map[string]error
	roles    map[string]*storedRole
	profiles map[string][]string
	quota    int
	// organization is a service control policy, "" for none.
	organization string
	policies     map[PolicyARN]string
	instances    map[string]storedInstance
	images       map[string]ec2types.Image
	templates    map[string]string
	// providers are the instance profiles of capacity providers for ECS Managed
	// Instances.
	providers []string
	// sources are the policies of principals that are no instance roles, by ARN.
	sources map[string]string
	// refuse, if set, answers an attachment to a role that has so many.
	refuse func(attached int) error
	// nested makes the simulator answer with ResourceSpecificResults.
	nested bool
}

type storedRole struct {
	name, path, trust string
	tags              map[string]string
	attached          []PolicyARN
	inline            []string
	boundary          string
	created           time.Time
}

type storedInstance struct{ image, userData string }

func newAccount(roles ...*storedRole) *account {
	a := &account{
		roles: map[string]*storedRole{}, policies: maps.Clone(managedPolicies), quota: defaultQuota, fail: map[string]error{},
		profiles: map[string][]string{}, instances: map[string]storedInstance{}, images: map[string]ec2types.Image{}, templates: map[string]string{},
	}
	for _, role := range roles {
		a.roles[role.name] = role
	}
	return a
}

func (a *account) called(name string) error {
	a.calls = append(a.calls, name)
	return a.fail[name]
}

func apiError(code, message string) error {
	return &smithy.OperationError{ServiceID: "IAM", OperationName: "Test", Err: &smithy.GenericAPIError{Code: code, Message: message}}
}

func (a *account) roleNamed(name *string) (*storedRole, error) {
	role, ok := a.roles[aws.ToString(name)]
	if !ok {
		return nil, apiError("NoSuchEntity", "The role with name "+aws.ToString(name)+" cannot be found.")
	}
	return role, nil
}

func (r *storedRole) arn() string {
	return "arn:aws:iam::" + accountNumber + ":role" + r.pathOrRoot() + r.name
}

func (r *storedRole) pathOrRoot() string {
	if r.path == "" {
		return "/"
	}
	return r.path
}

func (a *account) GetInstanceProfile(_ context.Context, input *iam.GetInstanceProfileInput, _ ...func(*iam.Options)) (*iam.GetInstanceProfileOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("GetInstanceProfile"); err != nil {
		return nil, err
	}
	roles, ok := a.profiles[aws.ToString(input.InstanceProfileName)]
	if !ok {
		return nil, apiError("NoSuchEntity", "Instance Profile cannot be found.")
	}
	profile := &types.InstanceProfile{}
	for _, role := range roles {
		profile.Roles = append(profile.Roles, types.Role{RoleName: aws.String(role)})
	}
	return &iam.GetInstanceProfileOutput{InstanceProfile: profile}, nil
}

func (a *account) GetRole(_ context.Context, input *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("GetRole"); err != nil {
		return nil, err
	}
	stored, err := a.roleNamed(input.RoleName)
	if err != nil {
		return nil, err
	}
	role := &types.Role{
		RoleName: &stored.name, Arn: aws.String(stored.arn()), Path: aws.String(stored.pathOrRoot()),
		AssumeRolePolicyDocument: aws.String(strings.ReplaceAll(url.QueryEscape(stored.trust), "+", "%20")),
	}
	if stored.boundary != "" {
		role.PermissionsBoundary = &types.AttachedPermissionsBoundary{PermissionsBoundaryArn: aws.String("arn:aws:iam::" + accountNumber + ":policy/workload-boundary")}
	}
	for key, value := range stored.tags {
		role.Tags = append(role.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	return &iam.GetRoleOutput{Role: role}, nil
}

// ListAttachedRolePolicies gives three to a page, so that paging is used.
func (a *account) ListAttachedRolePolicies(_ context.Context, input *iam.ListAttachedRolePoliciesInput, _ ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("ListAttachedRolePolicies"); err != nil {
		return nil, err
	}
	role, err := a.roleNamed(input.RoleName)
	if err != nil {
		return nil, err
	}
	from := 0
	_, _ = fmt.Sscan(aws.ToString(input.Marker), &from)
	to := min(from+3, len(role.attached))
	output := &iam.ListAttachedRolePoliciesOutput{}
	for _, attached := range role.attached[from:to] {
		output.AttachedPolicies = append(output.AttachedPolicies, types.AttachedPolicy{PolicyArn: aws.String(string(attached)), PolicyName: aws.String(attached.name())})
	}
	if to < len(role.attached) {
		output.IsTruncated, output.Marker = true, aws.String(fmt.Sprint(to))
	}
	return output, nil
}

func (a *account) GetAccountSummary(context.Context, *iam.GetAccountSummaryInput, ...func(*iam.Options)) (*iam.GetAccountSummaryOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("GetAccountSummary"); err != nil {
		return nil, err
	}
	return &iam.GetAccountSummaryOutput{SummaryMap: map[string]int32{"AttachedPoliciesPerRoleQuota": int32(a.quota), "Roles": 12}}, nil
}

func (a *account) AttachRolePolicy(_ context.Context, input *iam.AttachRolePolicyInput, _ ...func(*iam.Options)) (*iam.AttachRolePolicyOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("AttachRolePolicy"); err != nil {
		return nil, err
	}
	role, err := a.roleNamed(input.RoleName)
	if err != nil {
		return nil, err
	}
	attach := PolicyARN(aws.ToString(input.PolicyArn))
	if a.refuse != nil {
		if err := a.refuse(len(role.attached)); err != nil {
			return nil, err
		}
	}
	switch {
	case a.policies[attach] == "":
		return nil, apiError("NoSuchEntity", "Policy "+string(attach)+" does not exist or is not attachable.")
	case slices.Contains(role.attached, attach):
	case len(role.attached) >= a.quota:
		return nil, apiError("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")
	default:
		role.attached = append(role.attached, attach)
	}
	return &iam.AttachRolePolicyOutput{}, nil
}

func (a *account) DetachRolePolicy(_ context.Context, input *iam.DetachRolePolicyInput, _ ...func(*iam.Options)) (*iam.DetachRolePolicyOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("DetachRolePolicy"); err != nil {
		return nil, err
	}
	role, err := a.roleNamed(input.RoleName)
	if err != nil {
		return nil, err
	}
	at := slices.Index(role.attached, PolicyARN(aws.ToString(input.PolicyArn)))
	if at < 0 {
		return nil, apiError("NoSuchEntity", "Policy was not found.")
	}
	role.attached = slices.Delete(role.attached, at, at+1)
	return &iam.DetachRolePolicyOutput{}, nil
}

func (a *account) TagRole(_ context.Context, input *iam.TagRoleInput, _ ...func(*iam.Options)) (*iam.TagRoleOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("TagRole"); err != nil {
		return nil, err
	}
	role, err := a.roleNamed(input.RoleName)
	if err != nil {
		return nil, err
	}
	if role.tags == nil {
		role.tags = map[string]string{}
	}
	tags := maps.Clone(role.tags)
	for _, tag := range input.Tags {
		value := aws.ToString(tag.Value)
		if !tagValue.MatchString(value) {
			return nil, apiError("ValidationError", "tag value does not match")
		}
		tags[aws.ToString(tag.Key)] = value
	}
	if len(tags) > maxTags {
		return nil, apiError("LimitExceeded", "The number of tags has reached the maximum limit.")
	}
	role.tags = tags
	return &iam.TagRoleOutput{}, nil
}

func (a *account) UntagRole(_ context.Context, input *iam.UntagRoleInput, _ ...func(*iam.Options)) (*iam.UntagRoleOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("UntagRole"); err != nil {
		return nil, err
	}
	role, err := a.roleNamed(input.RoleName)
	if err != nil {
		return nil, err
	}
	for _, key := range input.TagKeys {
		delete(role.tags, key)
	}
	return &iam.UntagRoleOutput{}, nil
}

func (a *account) DescribeInstances(_ context.Context, input *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("DescribeInstances"); err != nil {
		return nil, err
	}
	instance, ok := a.instances[input.InstanceIds[0]]
	if !ok {
		return nil, apiError("InvalidInstanceID.NotFound", "The instance ID does not exist")
	}
	return &ec2.DescribeInstancesOutput{Reservations: []ec2types.Reservation{{Instances: []ec2types.Instance{{ImageId: &instance.image}}}}}, nil
}

func (a *account) DescribeInstanceAttribute(_ context.Context, input *ec2.DescribeInstanceAttributeInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstanceAttributeOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("DescribeInstanceAttribute"); err != nil {
		return nil, err
	}
	instance, ok := a.instances[aws.ToString(input.InstanceId)]
	if !ok {
		return nil, apiError("InvalidInstanceID.NotFound", "The instance ID does not exist")
	}
	output := &ec2.DescribeInstanceAttributeOutput{UserData: &ec2types.AttributeValue{}}
	if instance.userData != "" {
		output.UserData.Value = &instance.userData
	}
	return output, nil
}

func (a *account) DescribeImages(_ context.Context, input *ec2.DescribeImagesInput, _ ...func(*ec2.Options)) (*ec2.DescribeImagesOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("DescribeImages"); err != nil {
		return nil, err
	}
	image, ok := a.images[input.ImageIds[0]]
	if !ok {
		return nil, apiError("InvalidAMIID.NotFound", "The image id does not exist")
	}
	return &ec2.DescribeImagesOutput{Images: []ec2types.Image{image}}, nil
}

func (a *account) DescribeLaunchTemplateVersions(_ context.Context, input *ec2.DescribeLaunchTemplateVersionsInput, _ ...func(*ec2.Options)) (*ec2.DescribeLaunchTemplateVersionsOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("DescribeLaunchTemplateVersions"); err != nil {
		return nil, err
	}
	userData, ok := a.templates[aws.ToString(input.LaunchTemplateId)+" "+input.Versions[0]]
	if !ok {
		return nil, apiError("InvalidLaunchTemplateId.NotFound", "The specified launch template does not exist.")
	}
	return &ec2.DescribeLaunchTemplateVersionsOutput{LaunchTemplateVersions: []ec2types.LaunchTemplateVersion{
		{LaunchTemplateData: &ec2types.ResponseLaunchTemplateData{UserData: &userData}},
	}}, nil
}

func (a *account) DescribeCapacityProviders(context.Context, *ecs.DescribeCapacityProvidersInput, ...func(*ecs.Options)) (*ecs.DescribeCapacityProvidersOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("DescribeCapacityProviders"); err != nil {
		return nil, err
	}
	output := &ecs.DescribeCapacityProvidersOutput{CapacityProviders: []ecstypes.CapacityProvider{{Name: aws.String("FARGATE")}}}
	for _, profile := range a.providers {
		output.CapacityProviders = append(output.CapacityProviders, ecstypes.CapacityProvider{ManagedInstancesProvider: &ecstypes.ManagedInstancesProvider{
			InstanceLaunchTemplate: &ecstypes.InstanceLaunchTemplate{Ec2InstanceProfileArn: aws.String("arn:aws:iam::" + accountNumber + ":instance-profile/" + profile)},
		}})
	}
	return output, nil
}

func (a *account) ListInstanceProfilesForRole(_ context.Context, input *iam.ListInstanceProfilesForRoleInput, _ ...func(*iam.Options)) (*iam.ListInstanceProfilesForRoleOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("ListInstanceProfilesForRole"); err != nil {
		return nil, err
	}
	output := &iam.ListInstanceProfilesForRoleOutput{}
	for profile, roles := range a.profiles {
		if slices.Contains(roles, aws.ToString(input.RoleName)) {
			output.InstanceProfiles = append(output.InstanceProfiles, types.InstanceProfile{InstanceProfileName: &profile})
		}
	}
	return output, nil
}

func (a *account) ListEntitiesForPolicy(_ context.Context, input *iam.ListEntitiesForPolicyInput, _ ...func(*iam.Options)) (*iam.ListEntitiesForPolicyOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("ListEntitiesForPolicy"); err != nil {
		return nil, err
	}
	output := &iam.ListEntitiesForPolicyOutput{}
	for name, role := range a.roles {
		if slices.Contains(role.attached, PolicyARN(aws.ToString(input.PolicyArn))) {
			output.PolicyRoles = append(output.PolicyRoles, types.PolicyRole{RoleName: &name})
		}
	}
	return output, nil
}

func (a *account) ListRolePolicies(_ context.Context, input *iam.ListRolePoliciesInput, _ ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("ListRolePolicies"); err != nil {
		return nil, err
	}
	role, err := a.roleNamed(input.RoleName)
	if err != nil {
		return nil, err
	}
	output := &iam.ListRolePoliciesOutput{}
	for i := range role.inline {
		output.PolicyNames = append(output.PolicyNames, fmt.Sprint("inline", i))
	}
	return output, nil
}

func (a *account) GetRolePolicy(_ context.Context, input *iam.GetRolePolicyInput, _ ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("GetRolePolicy"); err != nil {
		return nil, err
	}
	role, err := a.roleNamed(input.RoleName)
	if err != nil {
		return nil, err
	}
	index := 0
	_, _ = fmt.Sscanf(aws.ToString(input.PolicyName), "inline%d", &index)
	return &iam.GetRolePolicyOutput{PolicyDocument: aws.String(url.PathEscape(role.inline[index]))}, nil
}

func (a *account) GetPolicy(_ context.Context, input *iam.GetPolicyInput, _ ...func(*iam.Options)) (*iam.GetPolicyOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("GetPolicy"); err != nil {
		return nil, err
	}
	return &iam.GetPolicyOutput{Policy: &types.Policy{Arn: input.PolicyArn, DefaultVersionId: aws.String("v1")}}, nil
}

func (a *account) GetPolicyVersion(_ context.Context, input *iam.GetPolicyVersionInput, _ ...func(*iam.Options)) (*iam.GetPolicyVersionOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("GetPolicyVersion"); err != nil {
		return nil, err
	}
	document := a.policies[PolicyARN(aws.ToString(input.PolicyArn))]
	if strings.HasSuffix(aws.ToString(input.PolicyArn), "/workload-boundary") {
		for _, role := range a.roles {
			document = cmp.Or(role.boundary, document)
		}
	}
	return &iam.GetPolicyVersionOutput{PolicyVersion: &types.PolicyVersion{Document: aws.String(url.PathEscape(cmp.Or(document, `{"Statement":[]}`)))}}, nil
}

// SimulatePrincipalPolicy answers with one result per action and resource.
func (a *account) SimulatePrincipalPolicy(_ context.Context, input *iam.SimulatePrincipalPolicyInput, _ ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if err := a.called("SimulatePrincipalPolicy"); err != nil {
		return nil, err
	}
	if len(input.ResourceArns) > 1 && slices.Contains(input.ResourceArns, "*") {
		return nil, apiErrorOfClient("InvalidInput", "ResourceNames are not in a valid ARN format: *.")
	}
	arn := aws.ToString(input.PolicySourceArn)
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	role := &storedRole{name: name, inline: []string{a.sources[arn]}}
	if a.sources[arn] == "" {
		stored, err := a.roleNamed(&name)
		if err != nil {
			return nil, err
		}
		role = stored
	}
	organization := a.organization
	for _, left := range input.PolicyExclusionList {
		switch of := left.(type) {
		case *types.PolicyIdentifierMemberPolicyType:
			if of.Value == types.PolicyIdentifierPolicyTypeScp {
				organization = ""
			}
		case *types.PolicyIdentifierMemberPolicyArn:
			spared := *role
			spared.attached = slices.DeleteFunc(slices.Clone(role.attached), func(p PolicyARN) bool { return string(p) == of.Value })
			role = &spared
		}
	}
	keys := map[string][]string{}
	for _, entry := range input.ContextEntries {
		keys[strings.ToLower(aws.ToString(entry.ContextKeyName))] = entry.ContextKeyValues
	}
	output := &iam.SimulatePrincipalPolicyOutput{}
	for _, action := range input.ActionNames {
		var specific []types.ResourceSpecificResult
		for _, resource := range input.ResourceArns {
			result := a.evaluate(role, organization, action, resource, keys)
			if a.nested {
				specific = append(specific, types.ResourceSpecificResult{
					EvalResourceName: &resource, EvalResourceDecision: result.EvalDecision, MatchedStatements: result.MatchedStatements,
					MissingContextValues: result.MissingContextValues, PermissionsBoundaryDecisionDetail: result.PermissionsBoundaryDecisionDetail,
				})
				continue
			}
			output.EvaluationResults = append(output.EvaluationResults, result)
		}
		if a.nested {
			whole := a.evaluate(role, organization, action, "arn:${Partition}:ecs:${Region}:${Account}:cluster/${ClusterName}", keys)
			whole.ResourceSpecificResults = specific
			output.EvaluationResults = append(output.EvaluationResults, whole)
		}
	}
	return output, nil
}

// oneOrMore is JSON's text or list of texts.
type oneOrMore = listOf[string]

// listOf is one value or a list of them.
type listOf[T any] []T

func (o *listOf[T]) UnmarshalJSON(raw []byte) error {
	var one T
	if json.Unmarshal(raw, &one) == nil {
		*o = listOf[T]{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]T)(o))
}

type statement struct {
	Effect                                   string
	Action, NotAction, Resource, NotResource oneOrMore
	Condition                                map[string]map[string]oneOrMore
}

// evaluate follows "Policy evaluation logic" of the IAM user guide for
// identity policies, a boundary and one organization's policy.
func (a *account) evaluate(role *storedRole, organization, action, resource string, keys map[string][]string) types.EvaluationResult {
	result := types.EvaluationResult{EvalActionName: &action, EvalResourceName: &resource, EvalDecision: types.PolicyEvaluationDecisionTypeImplicitDeny}
	judge := func(name, document string) (allow, deny bool) {
		var policy struct{ Statement listOf[statement] }
		if err := json.Unmarshal([]byte(document), &policy); err != nil {
			panic(fmt.Sprintf("policy %s of the test: %v", name, err))
		}
		for _, s := range policy.Statement {
			matched, missing := s.matches(action, resource, keys)
			result.MissingContextValues = appendNew(result.MissingContextValues, missing...)
			allow = allow || matched && s.Effect == "Allow"
			if matched && s.Effect == "Deny" {
				deny = true
				result.MatchedStatements = append(result.MatchedStatements, types.Statement{SourcePolicyId: &name})
			}
		}
		return allow, deny
	}
	var allowed, denied bool
	for i, document := range role.inline {
		allow, deny := judge(fmt.Sprintf("role_%s_inline%d", role.name, i), document)
		allowed, denied = allowed || allow, denied || deny
	}
	for _, attached := range role.attached {
		if document := a.policies[attached]; document != "" {
			allow, deny := judge(attached.name(), document)
			allowed, denied = allowed || allow, denied || deny
		}
	}
	if role.boundary != "" {
		allow, deny := judge("workload-boundary", role.boundary)
		result.PermissionsBoundaryDecisionDetail = &types.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: allow && !deny}
		allowed, denied = allowed && allow, denied || deny
	}
	if organization != "" {
		// The simulator tells no keys of an organization's policies.
		missing := result.MissingContextValues
		allow, deny := judge("scp", organization)
		result.MissingContextValues = missing
		result.OrganizationsDecisionDetail = &types.OrganizationsDecisionDetail{AllowedByOrganizations: allow && !deny}
		allowed, denied = allowed && allow, denied || deny
	}
	switch {
	case denied:
		result.EvalDecision = types.PolicyEvaluationDecisionTypeExplicitDeny
	case allowed:
		result.EvalDecision = types.PolicyEvaluationDecisionTypeAllowed
	}
	return result
}

func (s statement) matches(action, resource string, keys map[string][]string) (matched bool, missing []string) {
	fits := func(patterns oneOrMore, text string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool {
			// path.Match stops at slashes, IAM does not.
			matched, _ := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(text, "/", "\x00"))
			return matched
		})
	}
	lower := func(of oneOrMore) oneOrMore {
		lowered := slices.Clone(of)
		for i := range lowered {
			lowered[i] = strings.ToLower(lowered[i])
		}
		return lowered
	}
	matched = (s.Action == nil || fits(lower(s.Action), strings.ToLower(action))) &&
		(s.NotAction == nil || !fits(lower(s.NotAction), strings.ToLower(action))) &&
		(s.Resource == nil || fits(s.Resource, resource)) &&
		(s.NotResource == nil || !fits(s.NotResource, resource))
	for operator, conditions := range s.Condition {
		for key, wanted := range conditions {
			values, known := keys[strings.ToLower(key)]
			if !known {
				missing = append(missing, key)
			}
			matched = matched && conditionHolds(operator, wanted, values, known, fits)
		}
	}
	return matched, missing
}

// conditionHolds follows "IAM JSON policy elements: Condition operators" for
// those that the tests use.
func conditionHolds(operator string, wanted oneOrMore, values []string, known bool, fits func(oneOrMore, string) bool) bool {
	operator = strings.ToLower(operator)
	operator, ifExists := strings.CutSuffix(operator, "ifexists")
	if operator == "null" {
		return (wanted[0] == "true") != known
	}
	if ifExists && !known {
		return true
	}
	compared := func(value string) bool { return fits(wanted, value) }
	if strings.HasPrefix(operator, "date") {
		compared = func(value string) bool {
			at, _ := time.Parse(time.RFC3339, value)
			limit, _ := time.Parse(time.RFC3339, wanted[0])
			return strings.Contains(operator, "less") && at.Before(limit) || strings.Contains(operator, "greater") && at.After(limit)
		}
	}
	return slices.ContainsFunc(values, compared) != strings.Contains(operator, "not")
}

func TestFakeAccountEvaluatesLikeIAM(t *testing.T) {
	role := &storedRole{name: "r", attached: []PolicyARN{agentARN}}
	a := newAccount(role)
	create := map[string][]string{"ecs:createaction": {"RegisterContainerInstance"}}
	for _, test := range []struct {
		action, resource string
		keys             map[string][]string
		want             types.PolicyEvaluationDecisionType
	}{
		{"ecs:Poll", "arn:aws:ecs:us-east-1:123456789012:container-instance/a/b", nil, "allowed"},
		{"ECS:submitTaskStateChange", "*", nil, "allowed"},
		{"ecs:TagResource", "*", create, "allowed"},
		{"ecs:TagResource", "*", nil, "implicitDeny"},
		{"ecs:ListTagsForResource", "arn:aws:ecs:us-east-1:123456789012:container-instance/a/b", nil, "allowed"},
		{"ecs:ListTagsForResource", "*", nil, "implicitDeny"},
		{"iam:PassRole", "*", nil, "implicitDeny"},
	} {
		if got := a.evaluate(role, "", test.action, test.resource, test.keys).EvalDecision; got != test.want {
			t.Errorf("%s on %s: got %s, want %s", test.action, test.resource, got, test.want)
		}
	}
}

func apiErrorOfClient(code, message string) error {
	return &smithy.OperationError{ServiceID: "IAM", OperationName: "Test", Err: &smithy.GenericAPIError{Code: code, Message: message, Fault: smithy.FaultClient}}
}
