package faults

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/tests/canary"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// PatchTaskDefinition are the scenarios of patch-task-definition.
func PatchTaskDefinition() []*Scenario {
	private := func(world *World) string { return world.privateRegistry() + "/acme/app:1.0" }
	public := func(*World) string { return "public.ecr.aws/nginx/nginx:1.29" }
	ecr := func(*World) string { return stack.Account + ".dkr.ecr." + stack.Region + ".amazonaws.com/shop/web:1.0" }
	return []*Scenario{
		registration("a credential, and the role's policies", registered{}, private),
		registration("several containers, no role", registered{roleless: true}, private, ecr, private, public),
		registration("services that run it", registered{services: true}, private),
		registration("nothing to do", registered{}, public, ecr),
	}
}

// privateRegistry is the host of this world's registry.
func (w *World) privateRegistry() string { return "registry-" + w.Mark + ".example.com" }

// registered says what is special about a task definition.
type registered struct {
	// services says that one runs it, roleless that it has no execution role.
	services, roleless bool
}

// registration is a task definition that was registered.
func registration(name string, of registered, images ...func(*World) string) *Scenario {
	const base = "storefront"
	settings := map[string]string{"UPDATE_SERVICES": "no"}
	lost := Cut{}
	if of.services {
		settings["UPDATE_SERVICES"] = "yes"
		lost = Cut{Call: "ecs:UpdateService", Number: 1}
	}
	return &Scenario{
		Function: "patch-task-definition", Name: name, Settings: settings, Lost: lost,
		Arrange: func(ctx context.Context, world *World) (Trigger, Trigger, error) {
			if err := world.createRole(ctx, role{base: "ecsTaskExecutionRole", service: "ecs-tasks.amazonaws.com"}); err != nil {
				return nil, nil, err
			}
			if err := world.createPullSecret(ctx); err != nil {
				return nil, nil, err
			}
			var names []string
			for _, image := range images {
				names = append(names, image(world))
			}
			revision, err := world.register(ctx, world.Name(base), names, of)
			if err != nil {
				return nil, nil, err
			}
			if of.services {
				if err := world.createService(ctx, revision); err != nil {
					return nil, nil, err
				}
			}
			event, err := sample("register-task-definition.json",
				`"family": "storefront"`, `"family": "`+world.Name(base)+`"`, "arn:aws:ecs:us-east-1:123456789012:task-definition/storefront:17", revision)
			return Queue{event}, Queue{text(map[string]string{"taskDefinition": world.Name(base)})}, err
		},
		State: func(ctx context.Context, world *World) ([]string, error) {
			lines, err := world.definitionState(ctx, world.Name(base))
			if err != nil {
				return nil, err
			}
			roleLines, err := world.roleState(ctx, world.Name("ecsTaskExecutionRole"))
			if err != nil {
				return nil, err
			}
			lines = append(lines, roleLines...)
			policyLines, err := world.pullSecretState(ctx)
			if err != nil {
				return nil, err
			}
			lines = append(lines, policyLines...)
			if !of.services {
				return lines, nil
			}
			serviceLines, err := world.serviceState(ctx)
			return append(lines, serviceLines...), err
		},
	}
}

// createPullSecret keeps a credential for this world's registry.
func (w *World) createPullSecret(ctx context.Context) error {
	password := canary.Text()
	w.plant("the password of a registry", password)
	arn, err := w.createSecret(ctx, "registry", map[string]string{"username": "puller", "password": password},
		map[string]string{"ecs-guardrails:registry": w.privateRegistry()})
	w.pullSecret = arn
	return err
}

// pullSecretState lists the principals that the resource policy of the registry's secret allows.
func (w *World) pullSecretState(ctx context.Context) ([]string, error) {
	output, err := w.Operator.Secrets.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &w.pullSecret})
	if err != nil {
		return nil, fmt.Errorf("reading the policy of the registry's secret: %w", err)
	}
	return []string{"the registry's secret has the policy " + aws.ToString(output.ResourcePolicy)}, nil
}

// createSecret makes a secret of this world's, and returns its ARN.
func (w *World) createSecret(ctx context.Context, base string, value any, tags map[string]string) (string, error) {
	document, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("writing the secret %s: %w", base, err)
	}
	input := &secretsmanager.CreateSecretInput{Name: aws.String(w.Name(base)), SecretString: aws.String(string(document))}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		input.Tags = append(input.Tags, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	created, err := w.Operator.Secrets.CreateSecret(ctx, input)
	if err != nil {
		return "", fmt.Errorf("creating the secret %s: %w", w.Name(base), err)
	}
	arn := aws.ToString(created.ARN)
	w.disguise(arn, "the secret "+base)
	w.atEnd(func(ctx context.Context) error {
		_, err := w.Operator.Secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: &arn, ForceDeleteWithoutRecovery: aws.Bool(true)})
		return err
	})
	return arn, nil
}

// register registers a definition with a container for each image.
func (w *World) register(ctx context.Context, family string, images []string, of registered) (string, error) {
	w.environmentValue = rand.Text()
	w.plant("the value of a container's environment variable", w.environmentValue)
	input := &ecs.RegisterTaskDefinitionInput{
		Family:                  &family,
		RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityEc2}, NetworkMode: ecstypes.NetworkModeBridge,
		Tags: []ecstypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
	}
	if !of.roleless {
		input.ExecutionRoleArn = aws.String("arn:aws:iam::" + stack.Account + ":role/" + w.Name("ecsTaskExecutionRole"))
	}
	for index, image := range images {
		input.ContainerDefinitions = append(input.ContainerDefinitions, ecstypes.ContainerDefinition{
			Name: aws.String(fmt.Sprintf("container-%d", index)), Image: &image, Memory: aws.Int32(128), Essential: aws.Bool(index == 0),
			Environment: []ecstypes.KeyValuePair{{Name: aws.String("TOKEN"), Value: &w.environmentValue}},
			LogConfiguration: &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": "/ecs/" + family, "awslogs-region": stack.Region, "awslogs-stream-prefix": "web",
			}},
		})
	}
	output, err := w.ECS.RegisterTaskDefinition(ctx, input)
	if err != nil {
		return "", fmt.Errorf("registering %s: %w", family, err)
	}
	w.atEnd(func(ctx context.Context) error { return w.deregister(ctx, family) })
	return aws.ToString(output.TaskDefinition.TaskDefinitionArn), nil
}

func (w *World) deregister(ctx context.Context, family string) error {
	revisions, err := w.Revisions(ctx, family)
	if err != nil {
		return err
	}
	var failures []error
	for _, revision := range revisions {
		_, err := w.ECS.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &revision})
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// createService runs a revision as a service of its own cluster.
func (w *World) createService(ctx context.Context, revision string) error {
	cluster, service := w.Name("shop"), w.Name("web")
	if _, err := w.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: &cluster}); err != nil {
		return fmt.Errorf("creating the cluster %s: %w", cluster, err)
	}
	w.atEnd(func(ctx context.Context) error {
		_, err := w.ECS.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: &cluster})
		return err
	})
	if _, err := w.ECS.CreateService(ctx, &ecs.CreateServiceInput{
		Cluster: &cluster, ServiceName: &service, TaskDefinition: &revision, DesiredCount: aws.Int32(0),
	}); err != nil {
		return fmt.Errorf("creating the service %s: %w", service, err)
	}
	w.atEnd(func(ctx context.Context) error {
		_, err := w.ECS.DeleteService(ctx, &ecs.DeleteServiceInput{Cluster: &cluster, Service: &service, Force: aws.Bool(true)})
		return err
	})
	return nil
}

// definitionState reads a family's active revisions, whole. One that was
// deregistered again is no one's any more.
func (w *World) definitionState(ctx context.Context, family string) ([]string, error) {
	revisions, err := w.Revisions(ctx, family)
	if err != nil {
		return nil, err
	}
	var lines []string
	for index, revision := range revisions {
		definition, tags, err := w.Describe(ctx, revision)
		if err != nil {
			return nil, err
		}
		short := fmt.Sprintf("active revision %d of %s", index+1, family)
		w.disguise(revision, short)
		definition.RegisteredAt, definition.RegisteredBy, definition.TaskDefinitionArn, definition.Revision = nil, nil, nil, 0
		whole, err := json.Marshal(definition)
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", short, err)
		}
		lines = append(lines, short+": "+w.disguised(string(whole)))
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			lines = append(lines, fmt.Sprintf("%s has the tag %s=%s", short, key, tags[key]))
		}
	}
	return lines, nil
}

// serviceState reads what the service runs.
func (w *World) serviceState(ctx context.Context) ([]string, error) {
	described, err := w.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String(w.Name("shop")), Services: []string{w.Name("web")}})
	if err != nil {
		return nil, fmt.Errorf("describing the service: %w", err)
	}
	var lines []string
	for _, service := range described.Services {
		lines = append(lines, fmt.Sprintf("service %s of %s runs %s, %d of them, %s",
			aws.ToString(service.ServiceName), w.Name("shop"), aws.ToString(service.TaskDefinition), service.DesiredCount, aws.ToString(service.Status)))
	}
	if len(lines) != 1 {
		return nil, fmt.Errorf("there are %d services: %s", len(lines), strings.Join(lines, ", "))
	}
	return lines, nil
}
