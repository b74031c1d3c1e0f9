package taskdef

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
)

// InstanceReader is the part of ECS's client that tells which agents a cluster's
// instances have.
type InstanceReader interface {
	ecs.ListContainerInstancesAPIClient
	DescribeContainerInstances(context.Context, *ecs.DescribeContainerInstancesInput, ...func(*ecs.Options)) (*ecs.DescribeContainerInstancesOutput, error)
}

// requirement is the oldest agent, and the oldest platform version of Fargate on
// Linux, that know a field of the definition.
type requirement struct{ field, agent, platform string }

// requirements are in the order of the versions ("Private registry
// authentication for tasks", "Pass Secrets Manager secrets through Amazon ECS
// environment variables", "Pass environment variables to an Amazon ECS
// container"; the agent's CHANGELOG.md).
var requirements = []requirement{
	{"repositoryCredentials", "1.19.0", "1.2.0"},
	{"secrets", "1.22.0", "1.3.0"},
	{"environmentFiles", "1.39.0", "1.4.0"},
}

// requirement gives the strictest one for the definition as it will be, or nil.
func (j *judgement) requirement() *requirement {
	for _, wanted := range slices.Backward(requirements) {
		for i, container := range j.Definition.ContainerDefinitions {
			has := map[string]bool{
				"repositoryCredentials": j.credentialAfter(i) != "",
				"secrets":               len(container.Secrets) > 0,
				"environmentFiles":      len(container.EnvironmentFiles) > 0,
			}
			if has[wanted.field] {
				return &wanted
			}
		}
	}
	return nil
}

// maxInstances is the largest page of ListContainerInstances.
const maxInstances = 100

// Instance is what decides whether ECS places tasks on a container instance.
type Instance struct {
	Agent string
	// Provider is the capacity provider that started it, "" for none, and External
	// says that it is not one of EC2.
	Provider string
	External bool
	// Attributes are its own, "name" or "name=value"; nil where they are not known.
	Attributes map[string]bool
}

// instances reads one page of a cluster's active instances. Where that is not
// allowed, or goes wrong for good, nothing is known, which is how it was.
func (o Observer) instances(ctx context.Context, cluster string) ([]Instance, error) {
	instances, err := o.instancesIn(ctx, cluster)
	if err != nil && awserror.Classify(err) != awserror.Transient {
		return nil, nil
	}
	return instances, err
}

func (o Observer) instancesIn(ctx context.Context, cluster string) (instances []Instance, err error) {
	listed, err := o.Instances.ListContainerInstances(ctx, &ecs.ListContainerInstancesInput{
		Cluster: &cluster, Status: types.ContainerInstanceStatusActive, MaxResults: aws.Int32(maxInstances),
	})
	if err != nil {
		return nil, fmt.Errorf("list the instances of %s: %w", cluster, err)
	}
	if len(listed.ContainerInstanceArns) == 0 {
		return nil, nil
	}
	described, err := o.Instances.DescribeContainerInstances(ctx, &ecs.DescribeContainerInstancesInput{
		Cluster: &cluster, ContainerInstances: listed.ContainerInstanceArns,
	})
	if err != nil {
		return nil, fmt.Errorf("describe the instances of %s: %w", cluster, err)
	}
	for _, instance := range described.ContainerInstances {
		found := Instance{Attributes: named(instance.Attributes), Provider: aws.ToString(instance.CapacityProviderName)}
		found.External = found.Attributes["ecs.capability.external"]
		if instance.VersionInfo != nil {
			found.Agent = aws.ToString(instance.VersionInfo.AgentVersion)
		}
		instances = append(instances, found)
	}
	return instances, nil
}

// named gives attributes by their names, and by names and values.
func named(attributes []types.Attribute) map[string]bool {
	if len(attributes) == 0 {
		return nil
	}
	names := map[string]bool{}
	for _, attribute := range attributes {
		names[attributeName(attribute)] = true
		names[aws.ToString(attribute.Name)] = true
	}
	return names
}

func attributeName(attribute types.Attribute) string {
	if value := aws.ToString(attribute.Value); value != "" {
		return aws.ToString(attribute.Name) + "=" + value
	}
	return aws.ToString(attribute.Name)
}

// attributesOf lists what ECS asks of an instance before it places a task of a
// definition there.
func attributesOf(definition *types.TaskDefinition) (attributes []string) {
	for _, attribute := range definition.RequiresAttributes {
		attributes = append(attributes, attributeName(attribute))
	}
	slices.Sort(attributes)
	return slices.Compact(attributes)
}

// attributesAfter lists what ECS is going to ask of an instance for the definition
// as it will be: an execution role alone makes the agent pull from Amazon ECR and
// set up awslogs under it, which old agents can't (amazon-ecs-agent#1395).
func (j *judgement) attributesAfter() []string {
	attributes := attributesOf(j.Definition)
	for _, edit := range j.edits {
		if edit.Field == RepositoryCredentials && edit.Value != "" {
			attributes = append(attributes, "ecs.capability.private-registry-authentication.secretsmanager")
		}
		if edit.Field != ExecutionRoleARN {
			continue
		}
		for _, container := range j.Definition.ContainerDefinitions {
			if log := container.LogConfiguration; log != nil && log.LogDriver == types.LogDriverAwslogs {
				attributes = append(attributes, "ecs.capability.execution-role-awslogs")
			}
			if reference, err := image.Parse(aws.ToString(container.Image)); err == nil {
				if _, private := reference.ECR(); private {
					attributes = append(attributes, "ecs.capability.execution-role-ecr-pull")
				}
			}
		}
	}
	slices.Sort(attributes)
	return slices.Compact(attributes)
}

// lacking lists, in order, the attributes that an instance does not have; none
// where its attributes are not known.
func (i Instance) lacking(attributes []string) (missing []string) {
	for _, attribute := range attributes {
		if i.Attributes != nil && !i.Attributes[attribute] {
			missing = append(missing, attribute)
		}
	}
	return missing
}

// unfit says why no task that asks for the attributes could be placed on any of a
// cluster's instances, or gives "".
func unfit(instances []Instance, attributes []string) string {
	var missing []string
	for _, instance := range instances {
		lacks := instance.lacking(attributes)
		if len(lacks) == 0 {
			return ""
		}
		missing = append(missing, lacks...)
	}
	slices.Sort(missing)
	if missing = slices.Compact(missing); len(missing) == 0 {
		return ""
	}
	return fmt.Sprintf("no instance of its cluster has all attributes that ECS asks for (missing: %s)", strings.Join(missing, ", "))
}

// hostsOf gives those of a cluster's instances on which ECS places a service's
// tasks: of its capacity providers, or of its launch type.
func hostsOf(service types.Service, instances []Instance) []Instance {
	var providers []string
	for _, item := range service.CapacityProviderStrategy {
		providers = append(providers, aws.ToString(item.CapacityProvider))
	}
	return slices.DeleteFunc(slices.Clone(instances), func(i Instance) bool {
		switch {
		case len(providers) > 0:
			return !slices.Contains(providers, i.Provider)
		case service.LaunchType == types.LaunchTypeExternal:
			return !i.External
		case service.LaunchType == types.LaunchTypeEc2:
			return i.External
		}
		return false
	})
}

// placement tells services apart whose tasks run on different instances.
func placement(service types.Service) string {
	text := aws.ToString(service.ClusterArn) + " " + string(service.LaunchType)
	for _, item := range service.CapacityProviderStrategy {
		text += " " + aws.ToString(item.CapacityProvider)
	}
	return text
}

// onFargate reports whether a service's tasks run there.
func onFargate(service types.Service) bool {
	return service.LaunchType == types.LaunchTypeFargate ||
		slices.ContainsFunc(service.CapacityProviderStrategy, func(s types.CapacityProviderStrategyItem) bool {
			return strings.HasPrefix(aws.ToString(s.CapacityProvider), "FARGATE")
		})
}

// isOlder compares versions such as "1.19.0". One that is not of this form, as
// LATEST, is older than nothing.
func isOlder(version, than string) bool {
	parts, bound := strings.Split(version, "."), strings.Split(than, ".")
	for i := range bound {
		if i >= len(parts) {
			return false
		}
		part, err := strconv.Atoi(parts[i])
		limit, _ := strconv.Atoi(bound[i])
		if err != nil || part > limit {
			return false
		}
		if part < limit {
			return true
		}
	}
	return false
}

// unmet says why no task of a service could start, or "".
func (r *requirement) unmet(service types.Service, instances map[string][]Instance) string {
	switch {
	case r == nil:
		return ""
	case onFargate(service):
		// Windows counts its platform versions from 1.0.0, and knows all of it.
		if isOlder(aws.ToString(service.PlatformVersion), r.platform) && !strings.HasPrefix(strings.ToUpper(aws.ToString(service.PlatformFamily)), "WINDOWS") {
			return fmt.Sprintf("it asks for the platform version %s, and the field %s needs %s", aws.ToString(service.PlatformVersion), r.field, r.platform)
		}
		return ""
	}
	agents := hostsOf(service, instances[aws.ToString(service.ClusterArn)])
	if len(agents) == 0 || slices.ContainsFunc(agents, func(i Instance) bool { return !isOlder(i.Agent, r.agent) }) {
		return ""
	}
	return fmt.Sprintf("no instance of its cluster has an agent of %s or newer, which the field %s needs", r.agent, r.field)
}

// tooOld reports what is too old for the definition, or has not what it needs,
// where its services run.
func (u *Usage) tooOld(required *requirement, attributes []string, plan *pipeline.Plan[Action]) {
	judged := map[string]bool{}
	for _, service := range u.Services {
		name := nameOfService(service)
		why := required.unmet(service, u.Instances)
		if onFargate(service) {
			if why != "" {
				plan.Findings = append(plan.Findings, platformTooOld.With(finding.Name("service", name.String()), finding.Clause("why", why)))
			}
			continue
		}
		if judged[placement(service)] {
			continue
		}
		judged[placement(service)] = true
		instances := hostsOf(service, u.Instances[name.Cluster])
		if !oldAgents(name.Cluster, instances, required, why != "", plan) {
			missingAttributes(name.Cluster, instances, attributes, plan)
		}
	}
}

// share says how many of the instances have or lack something, with the verb that
// fits the number.
func share(count, all int, one, many string) string {
	switch {
	case all == 1:
		return "the only instance " + one
	case count == all:
		return fmt.Sprintf("all %d instances %s", all, many)
	case count == 1:
		return fmt.Sprintf("1 of %d instances %s", all, one)
	default:
		return fmt.Sprintf("%d of %d instances %s", count, all, many)
	}
}

// oldAgents reports the instances of a cluster whose agent is too old, and whether
// there are some.
func oldAgents(cluster string, instances []Instance, required *requirement, all bool, plan *pipeline.Plan[Action]) bool {
	var old []string
	for _, instance := range instances {
		if required != nil && isOlder(instance.Agent, required.agent) {
			old = append(old, instance.Agent)
		}
	}
	if len(old) == 0 {
		return false
	}
	slices.Sort(old)
	f := agentTooOld.With(finding.Name("cluster", cluster), finding.Words("share", share(len(old), len(instances), "has", "have")),
		finding.Words("version", required.agent), finding.Words("field", required.field), finding.Names("agents", slices.Compact(old)))
	if !all {
		f.Severity = finding.Warning
	}
	plan.Findings = append(plan.Findings, f)
	return true
}

// missingAttributes reports the instances of a cluster that lack an attribute.
func missingAttributes(cluster string, instances []Instance, attributes []string, plan *pipeline.Plan[Action]) {
	var missing []string
	count := 0
	for _, instance := range instances {
		if lacks := instance.lacking(attributes); len(lacks) > 0 {
			count++
			missing = append(missing, lacks...)
		}
	}
	if count == 0 {
		return
	}
	slices.Sort(missing)
	f := attributeMissing.With(finding.Name("cluster", cluster), finding.Words("share", share(count, len(instances), "lacks", "lack")),
		finding.Clause("attributes", strings.Join(slices.Compact(missing), ", ")))
	if unfit(instances, attributes) == "" {
		f.Severity = finding.Warning
	}
	plan.Findings = append(plan.Findings, f)
}
