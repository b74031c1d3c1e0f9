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
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
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
	for _, of := range slices.Backward(requirements) {
		for i, container := range j.Definition.ContainerDefinitions {
			has := map[string]bool{
				"repositoryCredentials": j.credentialAfter(i) != "",
				"secrets":               len(container.Secrets) > 0,
				"environmentFiles":      len(container.EnvironmentFiles) > 0,
			}
			if has[of.field] {
				return &of
			}
		}
	}
	return nil
}

// maxInstances is the largest page of ListContainerInstances.
const maxInstances = 100

// agents reads the versions of the agents behind services on instances, of one
// page of each cluster's active instances. Where that is not allowed, or goes
// wrong for good, nothing is known, which is how it was.
func (o Observer) agents(ctx context.Context, services []types.Service) (map[string][]string, error) {
	var clusters []string
	for _, service := range services {
		if !onFargate(service) {
			clusters = append(clusters, aws.ToString(service.ClusterArn))
		}
	}
	slices.Sort(clusters)
	clusters = slices.Compact(clusters)
	versions := make([][]string, len(clusters))
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for i, cluster := range clusters {
		group.Go(func() (err error) {
			versions[i], err = o.agentsIn(asking, cluster)
			if err != nil && awserror.Classify(err) != awserror.Transient {
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for i, cluster := range clusters {
		found[cluster] = versions[i]
	}
	return found, nil
}

func (o Observer) agentsIn(ctx context.Context, cluster string) (versions []string, err error) {
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
		if instance.VersionInfo != nil {
			versions = append(versions, aws.ToString(instance.VersionInfo.AgentVersion))
		}
	}
	return versions, nil
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
func (r *requirement) unmet(service types.Service, agents map[string][]string) string {
	switch {
	case r == nil:
		return ""
	case onFargate(service):
		// Windows counts its platform versions from 1.0.0, and knows all of it.
		if isOlder(aws.ToString(service.PlatformVersion), r.platform) && !strings.HasPrefix(strings.ToUpper(aws.ToString(service.PlatformFamily)), "WINDOWS") {
			return fmt.Sprintf("it asks for the platform version %s, and %s needs %s", aws.ToString(service.PlatformVersion), r.field, r.platform)
		}
		return ""
	}
	versions := agents[aws.ToString(service.ClusterArn)]
	if len(versions) == 0 || slices.ContainsFunc(versions, func(v string) bool { return !isOlder(v, r.agent) }) {
		return ""
	}
	return fmt.Sprintf("no instance of its cluster has an agent of %s or newer, which %s needs", r.agent, r.field)
}

// tooOld reports what is too old for the definition, where its services run.
func (u *Usage) tooOld(required *requirement, plan *pipeline.Plan[Action]) {
	if required == nil {
		return
	}
	judged := map[string]bool{}
	for _, service := range u.Services {
		name := nameOfService(service)
		why := required.unmet(service, u.Agents)
		if onFargate(service) {
			if why != "" {
				plan.Findings = append(plan.Findings, finding.Finding{
					Code: "platform-too-old", Severity: finding.Error,
					Message: fmt.Sprintf("the service %s cannot start tasks of this definition: %s", name, why),
					Fix:     "update the service with the platform version LATEST",
				})
			}
			continue
		}
		old := slices.DeleteFunc(slices.Clone(u.Agents[name.Cluster]), func(v string) bool { return !isOlder(v, required.agent) })
		if len(old) == 0 || judged[name.Cluster] {
			continue
		}
		judged[name.Cluster] = true
		severity := finding.Warning
		if why != "" {
			severity = finding.Error
		}
		slices.Sort(old)
		plan.Findings = append(plan.Findings, finding.Finding{
			Code: "agent-too-old", Severity: severity,
			Message: fmt.Sprintf("%d of %d instances of the cluster %s have an agent older than %s, which %s needs (%s): ECS places no task of this definition there",
				len(old), len(u.Agents[name.Cluster]), name.Cluster, required.agent, required.field, strings.Join(slices.Compact(old), ", ")),
			Fix: "update the agents (ecs:UpdateContainerAgent), or start the instances from a newer image",
		})
	}
}
