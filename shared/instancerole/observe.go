package instancerole

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policysimulation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/trustpolicy"
)

// RoleReader is the part of IAM's client that reports a role.
type RoleReader interface {
	GetInstanceProfile(context.Context, *iam.GetInstanceProfileInput, ...func(*iam.Options)) (*iam.GetInstanceProfileOutput, error)
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	iam.ListAttachedRolePoliciesAPIClient
	iam.ListInstanceProfilesForRoleAPIClient
	iam.SimulatePrincipalPolicyAPIClient
	policysimulation.PolicyReader
}

// AccountReader is the part of IAM's client that reports the account and of all
// roles of a policy.
type AccountReader interface {
	GetAccountSummary(context.Context, *iam.GetAccountSummaryInput, ...func(*iam.Options)) (*iam.GetAccountSummaryOutput, error)
	iam.ListEntitiesForPolicyAPIClient
}

// InstanceReader is the part of EC2's client that tells what an instance runs.
type InstanceReader interface {
	DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)
	DescribeInstanceAttribute(context.Context, *ec2.DescribeInstanceAttributeInput, ...func(*ec2.Options)) (*ec2.DescribeInstanceAttributeOutput, error)
	DescribeImages(context.Context, *ec2.DescribeImagesInput, ...func(*ec2.Options)) (*ec2.DescribeImagesOutput, error)
	DescribeLaunchTemplateVersions(context.Context, *ec2.DescribeLaunchTemplateVersionsInput, ...func(*ec2.Options)) (*ec2.DescribeLaunchTemplateVersionsOutput, error)
}

// ProviderReader is the part of ECS's client that tells which capacity providers
// there are.
type ProviderReader interface {
	DescribeCapacityProviders(context.Context, *ecs.DescribeCapacityProvidersInput, ...func(*ecs.Options)) (*ecs.DescribeCapacityProvidersOutput, error)
}

// Role is what GetRole tells.
type Role struct {
	Name, ARN, Path string
	// Boundary is the ARN of its permissions boundary, "" where it has none.
	Boundary string
	Tags     map[string]string
	trust    trustpolicy.Policy
}

// Evidence is what reports an ECS instance that runs under a role.
type Evidence struct {
	// Instance is the id of the instance that was looked at, "" for none.
	Instance string
	// Image is the name of the ECS-optimized image that it runs, "" for others.
	Image    string
	userData userData
}

// OfECS reports whether the instance is a container instance.
func (e Evidence) OfECS() bool { return e.Image != "" || e.userData.ecs }

// defaultQuota is IAM's default of managed policies per role ("IAM and STS
// quotas" in the IAM user guide); it can be raised.
const defaultQuota = 10

// names are texts that were read, which may turn out to be none.
type listing struct {
	read  bool
	names []string
}

// Observation is all that is known of a role so far. What Ask asks for comes in
// waves; nil and zero stand for what was not asked.
type Observation struct {
	Target Target
	// Role is nil where the instance profile holds none, or the instance has none.
	Role     *Role
	Evidence Evidence
	// region is where the role's instances work.
	region string
	// listed says that Attached was read, again that it was read once more, after a
	// run beside this one had the time to end.
	listed, again bool
	Attached      []PolicyARN
	// site and simulation are where the role was simulated and what was answered.
	site       site
	simulation policysimulation.Answers
	// withoutOrganization is the answer as if there were no service control policies.
	withoutOrganization policysimulation.Answers
	// policies are the documents that decide about the role.
	policies *policysimulation.Policies
	// fits are the clusters that the role's policies name, and what it may do there.
	fits []fit
	// profiles are the role's instance profiles, providers those of the Region's
	// capacity providers for ECS Managed Instances.
	profiles, providers listing
	// rights says which policies the event's principal may attach to the role.
	rights map[PolicyARN]policysimulation.Answer
	// quota of managed policies per role, 0 where it was not read.
	quota int
	// launched is the instance of a launch without a profile as it is now.
	launched *launched
	Now      time.Time
}

// fit is a cluster that a role's policies name.
type fit struct {
	site       site
	simulation policysimulation.Answers
}

// launched is an instance that was launched without an instance profile.
type launched struct {
	exists, hasProfile bool
}

// Observer reads from AWS. It decides nothing.
type Observer struct {
	Region    string
	Settings  Settings
	Roles     RoleReader
	Account   AccountReader
	Instances InstanceReader
	Providers ProviderReader
	Now       func() time.Time
}

// Observe reads the role, and the instance that the target reports.
func (o *Observer) Observe(ctx context.Context, target Target) (Observation, error) {
	observed := Observation{Target: target, region: o.region(target), Now: o.Now()}
	isNamed := target.Role != "" || target.Profile != ""
	if target.Role == "" && target.Profile != "" {
		name, err := o.roleOfProfile(ctx, target.Profile)
		if err != nil || name == "" {
			return observed, err
		}
		observed.Target.Role = name
	}
	group, groupContext := errgroup.WithContext(ctx)
	if isNamed {
		group.Go(func() (err error) {
			observed.Role, err = o.role(groupContext, observed.Target.Role)
			return err
		})
	}
	if target.Instance != (Instance{}) {
		group.Go(func() (err error) {
			observed.Evidence, err = o.evidence(groupContext, target)
			return err
		})
	}
	return observed, group.Wait()
}

// Answer reads what was asked, side by side.
func (o *Observer) Answer(ctx context.Context, observed Observation, questions []Question) (Observation, error) {
	// Answers are put into the observation one after the other, once all are read.
	answers := make([]func(*Observation), len(questions))
	group, groupContext := errgroup.WithContext(ctx)
	for i, question := range questions {
		group.Go(func() (err error) {
			answers[i], err = question.read(groupContext, o, observed)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return observed, err
	}
	for _, answer := range answers {
		answer(&observed)
	}
	return observed, nil
}

// roleOfProfile gives the name of the role in an instance profile, "" where
// there is none.
func (o *Observer) roleOfProfile(ctx context.Context, name string) (string, error) {
	output, err := o.Roles.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: &name})
	if err != nil {
		return "", fmt.Errorf("read the instance profile %s: %w", name, err)
	}
	if output.InstanceProfile == nil || len(output.InstanceProfile.Roles) == 0 {
		return "", nil
	}
	return aws.ToString(output.InstanceProfile.Roles[0].RoleName), nil
}

func (o *Observer) role(ctx context.Context, name string) (*Role, error) {
	output, err := o.Roles.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return nil, fmt.Errorf("read the role %s: %w", name, err)
	}
	if output.Role == nil {
		return nil, fmt.Errorf("read the role %s: the answer holds none", name)
	}
	role, err := newRole(*output.Role)
	if err != nil {
		return nil, finding.Refuse(trustUnreadable.With(finding.Name("role", name), finding.Clause("reason", err.Error())))
	}
	return &role, nil
}

// newRole fails where the trust policy cannot be read.
func newRole(described types.Role) (Role, error) {
	trust, err := trustpolicy.Parse(aws.ToString(described.AssumeRolePolicyDocument))
	if err != nil {
		return Role{}, err
	}
	role := Role{
		Name:  aws.ToString(described.RoleName),
		ARN:   aws.ToString(described.Arn),
		Path:  aws.ToString(described.Path),
		Tags:  map[string]string{},
		trust: trust,
	}
	if described.PermissionsBoundary != nil {
		role.Boundary = aws.ToString(described.PermissionsBoundary.PermissionsBoundaryArn)
	}
	for _, tag := range described.Tags {
		key := aws.ToString(tag.Key)
		// IAM keeps the letters of a key as they were written, and takes them for
		// the same in any ("Rules for tagging in IAM and AWS STS").
		if own := strings.ToLower(key); strings.HasPrefix(own, tagPrefix) {
			key = own
		}
		role.Tags[key] = aws.ToString(tag.Value)
	}
	return role, nil
}

// listedRole reads a role as GetAccountAuthorizationDetails lists it.
func listedRole(detail types.RoleDetail) (Role, error) {
	return newRole(types.Role{
		RoleName: detail.RoleName, Arn: detail.Arn, Path: detail.Path, Tags: detail.Tags,
		AssumeRolePolicyDocument: detail.AssumeRolePolicyDocument, PermissionsBoundary: detail.PermissionsBoundary,
	})
}

func attachedTo(ctx context.Context, client iam.ListAttachedRolePoliciesAPIClient, role string) ([]PolicyARN, error) {
	var attached []PolicyARN
	pages := iam.NewListAttachedRolePoliciesPaginator(client, &iam.ListAttachedRolePoliciesInput{RoleName: &role})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the policies attached to the role %s: %w", role, err)
		}
		for _, policy := range page.AttachedPolicies {
			attached = append(attached, PolicyARN(aws.ToString(policy.PolicyArn)))
		}
	}
	return attached, nil
}

// region is where the target's instances work: where one was seen, or else here,
// since IAM's events belong to no Region and are forwarded to where instances are.
func (o *Observer) region(target Target) string {
	return cmp.Or(target.Region, o.Region)
}

// simulate asks what a role may do. It is an error not to be answered.
func (o *Observer) simulate(ctx context.Context, role Role, asked []policysimulation.Question, entries []types.ContextEntry, without ...types.PolicyIdentifier) (policysimulation.Answers, error) {
	answers, err := policysimulation.Simulate(ctx, o.Roles, role.ARN, asked, entries, without...)
	if err != nil {
		return nil, fmt.Errorf("simulate what the role %s can do: %w", role.Name, err)
	}
	for _, question := range asked {
		if _, err := answers.Of(question.Action, question.Resource); err != nil {
			return nil, fmt.Errorf("simulate what the role %s can do: %w", role.Name, err)
		}
	}
	return answers, nil
}

// providerPages bounds how many pages of ten capacity providers are read.
const providerPages = 10

// managedProfiles lists the instance profiles of the Region's capacity providers
// for ECS Managed Instances, or of one cluster's.
func (o *Observer) managedProfiles(ctx context.Context, place site) ([]string, error) {
	input := &ecs.DescribeCapacityProvidersInput{}
	if place.cluster != "" {
		input.Cluster = &place.cluster
	}
	var profiles []string
	for range providerPages {
		output, err := o.Providers.DescribeCapacityProviders(ctx, input, func(options *ecs.Options) { options.Region = place.region })
		if err != nil {
			if awserror.Classify(err) == awserror.Gone {
				return profiles, nil
			}
			return nil, fmt.Errorf("list the capacity providers: %w", err)
		}
		for _, provider := range output.CapacityProviders {
			if provider.ManagedInstancesProvider == nil || provider.ManagedInstancesProvider.InstanceLaunchTemplate == nil {
				continue
			}
			arn := aws.ToString(provider.ManagedInstancesProvider.InstanceLaunchTemplate.Ec2InstanceProfileArn)
			profiles = append(profiles, arn[strings.LastIndexByte(arn, '/')+1:])
		}
		if aws.ToString(output.NextToken) == "" {
			break
		}
		input.NextToken = output.NextToken
	}
	return profiles, nil
}

func (o *Observer) profilesOf(ctx context.Context, role string) ([]string, error) {
	var names []string
	pages := iam.NewListInstanceProfilesForRolePaginator(o.Roles, &iam.ListInstanceProfilesForRoleInput{RoleName: &role})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the instance profiles of the role %s: %w", role, err)
		}
		for _, profile := range page.InstanceProfiles {
			names = append(names, aws.ToString(profile.InstanceProfileName))
		}
	}
	return names, nil
}

// mayAttach asks whether a principal, a user or role by its ARN, may attach a
// policy to a role.
func (o *Observer) mayAttach(ctx context.Context, actor event.Actor, role Role, policy PolicyARN, place site, now time.Time) (policysimulation.Answer, error) {
	source := actor.PolicySource()
	question := policysimulation.Question{Action: "iam:AttachRolePolicy", Resource: role.ARN}
	entries := append(policysimulation.OfPrincipal(source, actor.SourceAddress, place.account, place.region, now), policysimulation.OfAttachment(string(policy), role.Boundary, role.Tags)...)
	answers, err := policysimulation.Simulate(ctx, o.Roles, source, []policysimulation.Question{question}, entries)
	if awserror.Classify(err) == awserror.Gone && err != nil {
		// The principal was deleted: nothing entitles it any more.
		return policysimulation.Answer{Decision: types.PolicyEvaluationDecisionTypeImplicitDeny}, nil
	}
	if err != nil {
		return policysimulation.Answer{}, fmt.Errorf("simulate whether %s may attach policies to the role %s: %w", source, role.Name, err)
	}
	return answers.Of(question.Action, question.Resource)
}

func (o *Observer) quota(ctx context.Context) (int, error) {
	output, err := o.Account.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	if err != nil {
		return 0, fmt.Errorf("read the account's quota of policies per role: %w", err)
	}
	if quota, ok := output.SummaryMap["AttachedPoliciesPerRoleQuota"]; ok {
		return int(quota), nil
	}
	return defaultQuota, nil
}

// Expand gives the roles that a policy is attached to, each a subject; nil for a
// target that stands for no others.
func (o *Observer) Expand(ctx context.Context, target Target) ([]subject, error) {
	if target.Policy == "" {
		return nil, nil
	}
	subjects := []subject{}
	pages := iam.NewListEntitiesForPolicyPaginator(o.Account, &iam.ListEntitiesForPolicyInput{
		PolicyArn: aws.String(string(target.Policy)), EntityFilter: types.EntityTypeRole, MaxItems: aws.Int32(1000),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the roles of the policy %s: %w", target.Policy.name(), err)
		}
		for _, role := range page.PolicyRoles {
			subjects = append(subjects, o.Settings.role(aws.ToString(role.RoleName), Target{Account: target.Account, Calls: target.Calls, Redelivered: target.Redelivered}))
		}
	}
	return subjects, nil
}

// evidence looks at an instance. What has gone meanwhile gives no evidence.
func (o *Observer) evidence(ctx context.Context, target Target) (Evidence, error) {
	instance := target.Instance
	found := Evidence{Instance: instance.ID}
	// Events of another region can be forwarded to this one.
	there := func(options *ec2.Options) { options.Region = o.region(target) }
	if instance.Image == "" && instance.ID != "" {
		image, err := o.imageOf(ctx, instance.ID, there)
		if err != nil {
			return found, err
		}
		instance.Image = image
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		found.Image, err = o.ecsImage(ctx, instance.Image, there)
		return err
	})
	group.Go(func() (err error) {
		found.userData, err = o.userData(ctx, instance, there)
		return err
	})
	return found, group.Wait()
}

func (o *Observer) imageOf(ctx context.Context, instance string, there func(*ec2.Options)) (string, error) {
	described, err := o.describe(ctx, instance, there)
	if err != nil || described == nil {
		return "", err
	}
	return aws.ToString(described.ImageId), nil
}

// describe gives an instance, nil where it has gone.
func (o *Observer) describe(ctx context.Context, instance string, there func(*ec2.Options)) (*ec2types.Instance, error) {
	output, err := o.Instances.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{instance}}, there)
	if err != nil {
		return nil, unlessGone("read the instance "+instance, err)
	}
	for _, reservation := range output.Reservations {
		for _, described := range reservation.Instances {
			return &described, nil
		}
	}
	return nil, nil
}

// launched reads whether an instance still runs, and without a profile.
func (o *Observer) launched(ctx context.Context, target Target) (*launched, error) {
	described, err := o.describe(ctx, target.Instance.ID, func(options *ec2.Options) { options.Region = o.region(target) })
	if err != nil || described == nil {
		return &launched{}, err
	}
	ended := described.State != nil && slices.Contains([]ec2types.InstanceStateName{
		ec2types.InstanceStateNameTerminated, ec2types.InstanceStateNameShuttingDown,
	}, described.State.Name)
	return &launched{exists: !ended, hasProfile: described.IamInstanceProfile != nil}, nil
}

// ecsImage gives the image's name where it is an ECS-optimized one.
func (o *Observer) ecsImage(ctx context.Context, image string, there func(*ec2.Options)) (string, error) {
	if isECSParameter(image) {
		return strings.TrimPrefix(image, "resolve:ssm:"), nil
	}
	if !strings.HasPrefix(image, "ami-") {
		return "", nil
	}
	output, err := o.Instances.DescribeImages(ctx, &ec2.DescribeImagesInput{
		ImageIds: []string{image}, IncludeDeprecated: aws.Bool(true), IncludeDisabled: aws.Bool(true),
	}, there)
	if err != nil {
		return "", unlessGone("read the image "+image, err)
	}
	for _, described := range output.Images {
		if name := aws.ToString(described.Name); isECSImage(aws.ToString(described.ImageOwnerAlias), aws.ToString(described.OwnerId), name) {
			return name, nil
		}
	}
	return "", nil
}

// userData reads the instance's own, into which a launch template's has gone,
// and the template's where the instance cannot tell any more.
func (o *Observer) userData(ctx context.Context, instance Instance, there func(*ec2.Options)) (userData, error) {
	if instance.ID != "" {
		output, err := o.Instances.DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{
			InstanceId: &instance.ID, Attribute: ec2types.InstanceAttributeNameUserData,
		}, there)
		if err := unlessGone("read the user data of the instance "+instance.ID, err); err != nil {
			return userData{}, err
		}
		if err == nil && output.UserData != nil && aws.ToString(output.UserData.Value) != "" {
			return readUserData(*output.UserData.Value), nil
		}
	}
	if instance.Template == "" {
		return userData{}, nil
	}
	input := &ec2.DescribeLaunchTemplateVersionsInput{Versions: []string{"$Default"}}
	if instance.TemplateVersion != "" {
		input.Versions = []string{instance.TemplateVersion}
	}
	if strings.HasPrefix(instance.Template, "lt-") {
		input.LaunchTemplateId = &instance.Template
	} else {
		input.LaunchTemplateName = &instance.Template
	}
	output, err := o.Instances.DescribeLaunchTemplateVersions(ctx, input, there)
	if err != nil {
		return userData{}, unlessGone("read the launch template "+instance.Template, err)
	}
	for _, version := range output.LaunchTemplateVersions {
		if version.LaunchTemplateData != nil {
			return readUserData(aws.ToString(version.LaunchTemplateData.UserData)), nil
		}
	}
	return userData{}, nil
}

// unlessGone drops the error of a thing that does not exist any more; EC2 says
// so of an image or template in other words than ".NotFound", too ("Error codes
// for the Amazon EC2 API").
func unlessGone(doing string, err error) error {
	gone := []string{
		"InvalidAMIID.Unavailable", "InvalidAMIID.Malformed", "IncorrectInstanceState", "InvalidInstanceID.Malformed",
		"InvalidLaunchTemplateId.VersionNotFound", "InvalidLaunchTemplateName.NotFoundException",
	}
	if err == nil || awserror.Classify(err) == awserror.Gone || slices.Contains(gone, awserror.Code(err)) {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
