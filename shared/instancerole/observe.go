package instancerole

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/policysimulation"
	"ecsguardrails/shared/trustpolicy"
)

// RoleReader is the part of IAM's client that tells of a role.
type RoleReader interface {
	GetInstanceProfile(context.Context, *iam.GetInstanceProfileInput, ...func(*iam.Options)) (*iam.GetInstanceProfileOutput, error)
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	iam.ListAttachedRolePoliciesAPIClient
	iam.SimulatePrincipalPolicyAPIClient
}

// QuotaReader is the part of IAM's client that tells the account's quotas.
type QuotaReader interface {
	GetAccountSummary(context.Context, *iam.GetAccountSummaryInput, ...func(*iam.Options)) (*iam.GetAccountSummaryOutput, error)
}

// InstanceReader is the part of EC2's client that tells what an instance runs.
type InstanceReader interface {
	DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)
	DescribeInstanceAttribute(context.Context, *ec2.DescribeInstanceAttributeInput, ...func(*ec2.Options)) (*ec2.DescribeInstanceAttributeOutput, error)
	DescribeImages(context.Context, *ec2.DescribeImagesInput, ...func(*ec2.Options)) (*ec2.DescribeImagesOutput, error)
	DescribeLaunchTemplateVersions(context.Context, *ec2.DescribeLaunchTemplateVersionsInput, ...func(*ec2.Options)) (*ec2.DescribeLaunchTemplateVersionsOutput, error)
}

// ClusterReader is the part of ECS's client that tells which clusters there are.
type ClusterReader interface{ ecs.ListClustersAPIClient }

// Role is what GetRole tells.
type Role struct {
	Name, ARN, Path string
	// Boundary is the ARN of its permissions boundary, "" where it has none.
	Boundary string
	Tags     map[string]string
	trust    trustpolicy.Policy
}

// Evidence is what tells of an ECS instance that runs under a role.
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

// Observation is all that deciding about a role needs. Fields after Role and
// Evidence are read only where the role is ours.
type Observation struct {
	Target Target
	// Role is nil where the instance profile holds none.
	Role     *Role
	Evidence Evidence
	Attached []PolicyARN
	// Quota of managed policies per role.
	Quota int
	// site and simulation are what was asked and answered.
	site       site
	simulation policysimulation.Answers
	Now        time.Time
}

// Observer reads from AWS.
type Observer struct {
	Settings  Settings
	Region    string
	Roles     RoleReader
	Quotas    QuotaReader
	Instances InstanceReader
	Clusters  ClusterReader
	Now       func() time.Time
}

// Observe reads what deciding about the target needs. A role that is not ours
// costs one call; one that is, two more, side by side.
func (o *Observer) Observe(ctx context.Context, target Target) (Observation, error) {
	observed := Observation{Target: target, Quota: defaultQuota, Now: o.Now()}
	if target.Profile != "" {
		name, err := o.roleOfProfile(ctx, target.Profile)
		if err != nil || name == "" {
			return observed, err
		}
		observed.Target.Role = name
	}
	group, groupContext := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		observed.Role, err = o.role(groupContext, observed.Target.Role)
		return err
	})
	if target.Instance != (Instance{}) {
		group.Go(func() (err error) {
			observed.Evidence, err = o.evidence(groupContext, target)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return observed, err
	}
	if o.Settings.notOurs(observed) != nil {
		return observed, nil
	}

	observed.site = o.site(observed)
	group, groupContext = errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		observed.Attached, err = o.attached(groupContext, observed.Role.Name)
		return err
	})
	if !target.Undo {
		group.Go(func() (err error) {
			wanted, _ := o.Settings.wanted(*observed.Role)
			observed.simulation, err = o.simulate(groupContext, *observed.Role, wanted, observed.site)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return observed, err
	}
	if err := o.findCluster(ctx, &observed); err != nil {
		return observed, err
	}
	return observed, o.readQuota(ctx, &observed)
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
		return nil, finding.Refuse(finding.Finding{
			Code: "trust-policy-unreadable", Severity: finding.Error,
			Message: fmt.Sprintf("nobody can tell who may act under the role %s: %v", name, err),
			Fix:     "write the role's trust policy anew",
		})
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

func (o *Observer) attached(ctx context.Context, role string) ([]PolicyARN, error) {
	var attached []PolicyARN
	pages := iam.NewListAttachedRolePoliciesPaginator(o.Roles, &iam.ListAttachedRolePoliciesInput{RoleName: &role})
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

// region is where the target's instances work: where one was seen, or where the
// settings say, since IAM's events belong to no region.
func (o *Observer) region(target Target) string {
	return cmp.Or(target.Region, o.Settings.InstanceRegion, o.Region)
}

// site is where the role's instances work: their region, and the cluster that
// the instance's user data names.
func (o *Observer) site(observed Observation) site {
	at := site{
		partition: "aws",
		region:    o.region(observed.Target),
		cluster:   observed.Evidence.userData.cluster,
		bucket:    o.Settings.ConfigBucket,
		object:    o.Settings.ConfigPrefix + "ecs.config",
		key:       o.Settings.ConfigKeyARN,
		logGroup:  o.Settings.LogGroup,
	}
	if parsed, err := arn.Parse(observed.Role.ARN); err == nil {
		at.partition, at.account = parsed.Partition, parsed.AccountID
	}
	return at
}

func (o *Observer) simulate(ctx context.Context, role Role, wanted Capabilities, at site) (policysimulation.Answers, error) {
	answers, err := o.ask(ctx, role, questions(wanted, at), contextEntries(role, at, o.Now()))
	if err != nil {
		return nil, err
	}
	for _, capability := range wanted {
		for _, n := range needs[capability] {
			if resource := at.arn(n.on); resource != "" {
				if _, err := answers.Of(n.action, resource); err != nil {
					return nil, fmt.Errorf("simulate what the role %s can do: %w", role.Name, err)
				}
			}
		}
	}
	return answers, nil
}

func (o *Observer) ask(ctx context.Context, role Role, questions []policysimulation.Question, entries []types.ContextEntry) (policysimulation.Answers, error) {
	answers, err := policysimulation.Simulate(ctx, o.Roles, role.ARN, questions, entries)
	if err != nil {
		return nil, fmt.Errorf("simulate what the role %s can do: %w", role.Name, err)
	}
	return answers, nil
}

// maxClusters bounds the second simulation: with the agent's actions, and two
// resources of each cluster, it stays within one answer.
const maxClusters = 40

// findCluster looks again at a role whose policy allows the agent's work, but
// not on the cluster that was assumed: it may be for another one. The first of
// the region's clusters on which the role can do everything becomes the site's.
func (o *Observer) findCluster(ctx context.Context, observed *Observation) error {
	if observed.Target.Undo || observed.site.cluster != "" || !o.Settings.mayBeScoped(*observed) {
		return nil
	}
	sites, err := o.otherClusters(ctx, observed.site)
	if err != nil || len(sites) == 0 {
		return err
	}
	var clusters []string
	var questions []policysimulation.Question
	for _, at := range sites {
		clusters = append(clusters, at.arn(cluster))
		for _, n := range needs[Agent] {
			if n.on == cluster || n.on == containerInstance {
				questions = append(questions, policysimulation.Question{Action: n.action, Resource: at.arn(n.on)})
			}
		}
	}
	entries := slices.DeleteFunc(contextEntries(*observed.Role, observed.site, observed.Now), func(entry types.ContextEntry) bool {
		return aws.ToString(entry.ContextKeyName) == "ecs:cluster"
	})
	answers, err := o.ask(ctx, *observed.Role, questions, append(entries, policysimulation.Texts("ecs:cluster", clusters)))
	if err != nil {
		return err
	}
	// What was answered for the assumed cluster stands.
	maps.Copy(answers, observed.simulation)
	observed.simulation = answers
	for _, at := range sites {
		there := *observed
		there.site = at
		if !slices.ContainsFunc(o.Settings.gaps(there), func(g gap) bool { return g.capability == Agent && (g.missing() || len(g.conditional) > 0) }) {
			observed.site = at
			return nil
		}
	}
	return nil
}

// otherClusters gives the site in each of the region's clusters, up to
// maxClusters, but for the one that was assumed.
func (o *Observer) otherClusters(ctx context.Context, assumed site) ([]site, error) {
	var sites []site
	pages := ecs.NewListClustersPaginator(o.Clusters, &ecs.ListClustersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, func(options *ecs.Options) { options.Region = assumed.region })
		if err != nil {
			return nil, fmt.Errorf("list the clusters: %w", err)
		}
		for _, clusterARN := range page.ClusterArns {
			at := assumed
			at.cluster = clusterARN[strings.LastIndexByte(clusterARN, '/')+1:]
			if clusterARN != assumed.arn(cluster) {
				sites = append(sites, at)
			}
			if len(sites) == maxClusters {
				return sites, nil
			}
		}
	}
	return sites, nil
}

// readQuota asks for the account's quota only where the default one would not
// take all of the approved policies.
func (o *Observer) readQuota(ctx context.Context, observed *Observation) error {
	if observed.Target.Undo || len(observed.Attached)+len(o.Settings.approved()) <= defaultQuota || len(o.Settings.gaps(*observed)) == 0 {
		return nil
	}
	output, err := o.Quotas.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	if err != nil {
		return fmt.Errorf("read the account's quota of policies per role: %w", err)
	}
	if quota, ok := output.SummaryMap["AttachedPoliciesPerRoleQuota"]; ok {
		observed.Quota = int(quota)
	}
	return nil
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
	output, err := o.Instances.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{instance}}, there)
	if err != nil {
		return "", unlessGone("read the instance "+instance, err)
	}
	for _, reservation := range output.Reservations {
		for _, described := range reservation.Instances {
			return aws.ToString(described.ImageId), nil
		}
	}
	return "", nil
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
