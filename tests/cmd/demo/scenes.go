package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

func (p *play) bareRole(ctx context.Context) (string, error) {
	const role = "ecsInstanceRole-demo"
	arn, err := p.CreateInstanceRole(ctx, role)
	if err != nil {
		return "", err
	}
	attached, err := p.AttachedPolicies(ctx, role)
	if err != nil {
		return "", err
	}
	p.before("%s was created with %d policies", role, len(attached))
	if len(attached) > 0 {
		return "", fmt.Errorf("the new role has policies already: %q", attached)
	}
	if err := p.CreateInstanceProfile(ctx, role); err != nil {
		return "", err
	}
	results, err := p.did(ctx, "attach-policies", 1, func(result operator.Result) bool {
		return strings.HasSuffix(result.Subject, "role/"+role) && result.Status == finding.Remediated
	})
	if err != nil {
		return "", err
	}
	if err := p.told(ctx, results[0].Subject); err != nil {
		return "", err
	}
	if attached, err = p.AttachedPolicies(ctx, role); err != nil {
		return "", err
	}
	if !slices.Equal(attached, []string{operator.AgentPolicy}) {
		return "", fmt.Errorf("%s has the policies %q, not the agent's alone", arn, attached)
	}
	p.after("%s has %s", role, path.Base(attached[0]))
	return "a bare instance role got " + path.Base(attached[0]), nil
}

const goodConfig = `ECS_CLUSTER=storefront
ECS_ENABLE_TASK_IAM_ROLE=true
ECS_RESERVED_MEMORY=64
ECS_AVAILABLE_LOGGING_DRIVERS=["json-file","awslogs"]
`

func (p *play) goodConfig(ctx context.Context) (string, error) {
	if _, err := p.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("storefront")}); err != nil {
		return "", fmt.Errorf("creating the cluster that the file names: %w", err)
	}
	_, err := p.config(ctx, "good/ecs.config", goodConfig, "valid")
	return "a good ecs.config was tagged valid", err
}

// unusableConfig says docker and writes dockercfg's shape; what stands in for
// a password isn't one.
const unusableConfig = `ECS_CLUSTER=storefront
ECS_ENGINE_AUTH_TYPE=docker
ECS_ENGINE_AUTH_DATA={"registry.example.com":{"auth":"bm90OmEtcGFzc3dvcmQ=","email":"ops@example.com"}}
`

func (p *play) unusableCredential(ctx context.Context) (string, error) {
	result, err := p.config(ctx, "unusable/ecs.config", unusableConfig, "invalid")
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(result.Findings, func(f finding.Finding) bool {
		return f.Severity == finding.Error && f.Variable == "ECS_ENGINE_AUTH_DATA"
	}) {
		return "", fmt.Errorf("no finding of severity error is about ECS_ENGINE_AUTH_DATA: %q", result.Codes())
	}
	return "an ecs.config with an unusable credential was tagged invalid", nil
}

const lostConfig = `export ECS_CLUSTER=storefront
ECS_ENABLE_TASK_IAM_ROLL=true
ECS_RESERVED_MEMORY = 64
ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=3 hours
`

func (p *play) lostSettings(ctx context.Context) (string, error) {
	result, err := p.config(ctx, "lost/ecs.config", lostConfig, "invalid")
	if err != nil {
		return "", err
	}
	for line := 1; line <= strings.Count(lostConfig, "\n"); line++ {
		if !slices.ContainsFunc(result.Findings, func(f finding.Finding) bool { return f.Line == line }) {
			return "", fmt.Errorf("no finding is about line %d", line)
		}
	}
	return "an ecs.config that readers would ignore was tagged invalid", nil
}

// config uploads a file and waits for its verdict.
func (p *play) config(ctx context.Context, key, content, want string) (operator.Result, error) {
	object, err := p.Upload(ctx, p.bucket, key, content)
	if err != nil {
		return operator.Result{}, err
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(content[strings.Index(content, "\n")+1:], "\n"), "\n")
	if want != "valid" {
		p.before("%s, with the line %s", key, first)
	}
	results, err := p.did(ctx, "validate-config", 1, about(object.String()))
	if err != nil {
		return operator.Result{}, err
	}
	if want == "valid" {
		err = p.untold(ctx, object.String())
	} else {
		err = p.told(ctx, object.String())
	}
	if err != nil {
		return operator.Result{}, err
	}
	tags, err := p.ObjectTags(ctx, object)
	if err != nil {
		return operator.Result{}, err
	}
	if tags["ecs-config-status"] != want {
		return operator.Result{}, fmt.Errorf("the version is tagged %q, not ecs-config-status=%s", tags, want)
	}
	p.after("%s is tagged ecs-config-status=%s", key, tags["ecs-config-status"])
	return results[0], nil
}

// demoGrace is how long the previous credential works on after the demo's
// rotation.
const demoGrace = time.Second

func (p *play) rotation(ctx context.Context) (string, error) {
	old, err := p.Credential(ctx, p.registrySecret, "AWSCURRENT")
	if err != nil {
		return "", err
	}
	if err := p.pulls(ctx, "the credential in the secret", old); err != nil {
		return "", err
	}
	if err := p.SetGrace(ctx, p.registrySecret, demoGrace); err != nil {
		return "", err
	}
	if err := p.keepConfigs(ctx, old); err != nil {
		return "", err
	}
	p.before("demo/registry and two ecs.config files hold a password of %q", old.Username)
	rotated, err := p.fourCalls(ctx)
	if err != nil {
		return "", err
	}
	if rotated.Password.Equal(old.Password) {
		return "", errors.New("the password is the old one")
	}
	if err := p.pulls(ctx, "the new credential", rotated); err != nil {
		return "", err
	}
	p.after("the new credential of user %q pulls %s:%s", rotated.Username, p.registry.Repository, p.registry.Tag)
	if err := p.pulls(ctx, "the previous credential", old); err != nil {
		return "", err
	}
	if err := p.sameBesidesCredential(ctx, rotated); err != nil {
		return "", err
	}
	p.after("both files carry it, and the previous one still pulls meanwhile")
	if err := p.graceEnds(ctx, old, rotated); err != nil {
		return "", err
	}
	p.after("the registry refuses the previous one, and the new one still pulls")
	return "a password was rotated without a gap, and the old one ended", nil
}

// configShapes are the files that carry the registry's credential, by key.
var configShapes = map[string]string{"storefront/ecs.config": "docker", "checkout/ecs.config": "dockercfg"}

// keepConfigs uploads the files as a person wrote them.
func (p *play) keepConfigs(ctx context.Context, credential operator.Credential) error {
	for key, shape := range configShapes {
		content, err := operator.ConfigFile(shape, p.registry.Host, credential)
		if err != nil {
			return err
		}
		if _, err := p.Upload(ctx, p.bucket, key, content, "team", "shop"); err != nil {
			return err
		}
	}
	return nil
}

// sameBesidesCredential makes sure that the files are, byte for byte, what a
// person would have written with the other credential.
func (p *play) sameBesidesCredential(ctx context.Context, credential operator.Credential) error {
	for key, shape := range configShapes {
		want, err := operator.ConfigFile(shape, p.registry.Host, credential)
		if err != nil {
			return err
		}
		got, err := p.Content(ctx, p.bucket, key)
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("s3://%s/%s differs in more than the credential", p.bucket, key)
		}
		tags, err := p.ObjectTags(ctx, operator.Object{Bucket: p.bucket, Key: key})
		if err != nil {
			return err
		}
		if tags["team"] != "shop" {
			return fmt.Errorf("s3://%s/%s lost its owner's tag", p.bucket, key)
		}
	}
	return nil
}

// fourCalls rotates the secret and gives the new credential.
func (p *play) fourCalls(ctx context.Context) (operator.Credential, error) {
	version, err := p.Rotate(ctx, p.registrySecret)
	if err != nil {
		return operator.Credential{}, err
	}
	results, err := p.did(ctx, "rotate-secret", len(rotationSteps), func(result operator.Result) bool {
		return strings.HasPrefix(result.Subject, p.registrySecret+"#")
	})
	if err != nil {
		return operator.Credential{}, err
	}
	for index, step := range rotationSteps {
		if results[index].Subject != p.registrySecret+"#"+step || results[index].Status != finding.Compliant {
			return operator.Credential{}, fmt.Errorf("call %d was %s and ended %s; it should have been %s, and compliant", index+1, results[index].Subject, results[index].Status, step)
		}
	}
	err = p.until(ctx, "the new version is the current one", func(ctx context.Context) (bool, error) {
		now, err := p.Labelled(ctx, p.registrySecret, "AWSCURRENT")
		return now == version, err
	})
	if err != nil {
		return operator.Credential{}, err
	}
	return p.Credential(ctx, p.registrySecret, "AWSCURRENT")
}

// graceEnds has sweep look at the secrets once the grace time is over.
func (p *play) graceEnds(ctx context.Context, old, rotated operator.Credential) error {
	if err := p.until(ctx, "the grace time is over", func(ctx context.Context) (bool, error) {
		return p.GraceOver(ctx, p.registrySecret, demoGrace)
	}); err != nil {
		return err
	}
	invocation, err := p.Invoke(ctx, "sweep", []byte(`{"sweep":"secrets"}`))
	if err != nil {
		return err
	}
	if invocation.FunctionError != "" {
		return fmt.Errorf("sweep failed: %s", invocation.ErrorMessage)
	}
	results, err := p.did(ctx, "rotate-secret", 1, about(p.registrySecret))
	if err != nil {
		return err
	}
	if results[0].Status != finding.Remediated {
		return fmt.Errorf("the look at the secret ended %s", results[0].Status)
	}
	if err := p.until(ctx, "the registry refuses the previous credential", func(ctx context.Context) (bool, error) {
		taken, err := operator.Pull(ctx, p.registry, old)
		return !taken, err
	}); err != nil {
		return err
	}
	return p.pulls(ctx, "the new credential", rotated)
}

var rotationSteps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

// pulls makes sure that the registry takes a credential.
func (p *play) pulls(ctx context.Context, whose string, credential operator.Credential) error {
	taken, err := operator.Pull(ctx, p.registry, credential)
	if err == nil && !taken {
		err = fmt.Errorf("the registry refuses %s", whose)
	}
	return err
}

func (p *play) privateImage(ctx context.Context) (string, error) {
	const family = "storefront"
	executionRole, err := p.CreateExecutionRole(ctx, "ecsTaskExecutionRole-demo", p.registrySecret)
	if err != nil {
		return "", err
	}
	registered, err := p.ECS.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: aws.String(family), ExecutionRoleArn: &executionRole, NetworkMode: types.NetworkModeBridge,
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityEc2},
		ContainerDefinitions: []types.ContainerDefinition{
			{
				Name: aws.String("web"), Image: aws.String(p.registry.Image()), Memory: aws.Int32(256), Essential: aws.Bool(true),
				PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(8080), HostPort: aws.Int32(0)}},
				Environment:  []types.KeyValuePair{{Name: aws.String("STAGE"), Value: aws.String("demo")}},
			},
			{Name: aws.String("proxy"), Image: aws.String("public.ecr.aws/nginx/nginx:1.29"), Memory: aws.Int32(64), Essential: aws.Bool(false)},
		},
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
	})
	if err != nil {
		return "", fmt.Errorf("registering the task definition: %w", err)
	}
	first := aws.ToString(registered.TaskDefinition.TaskDefinitionArn)
	p.before("%s:1 pulls %s, which is private", family, p.registry.Image())
	if _, err := p.did(ctx, "patch-task-definition", 1, about(first)); err != nil {
		return "", err
	}
	if err := p.told(ctx, first); err != nil {
		return "", err
	}
	revisions, err := p.Revisions(ctx, family)
	if err != nil {
		return "", err
	}
	if len(revisions) != 2 || revisions[0] != first {
		return "", fmt.Errorf("the family has the revisions %q, not two", revisions)
	}
	before, _, err := p.Describe(ctx, first)
	if err != nil {
		return "", err
	}
	after, tags, err := p.Describe(ctx, revisions[1])
	if err != nil {
		return "", err
	}
	credentials := after.ContainerDefinitions[0].RepositoryCredentials
	if credentials == nil || aws.ToString(credentials.CredentialsParameter) != p.registrySecret {
		return "", fmt.Errorf("%s does not name the registry's secret for its private image", revisions[1])
	}
	differences, err := operator.Differences(before, after)
	if err != nil {
		return "", err
	}
	if !slices.Equal(differences, []string{"ContainerDefinitions[0].RepositoryCredentials"}) {
		return "", fmt.Errorf("%s differs from %s in %q, not in the credentials alone", revisions[1], first, differences)
	}
	if tags["team"] != "shop" || tags["ecs-guardrails:patched-from"] != first {
		return "", fmt.Errorf("%s has the tags %q", revisions[1], tags)
	}
	p.after("%s names the secret demo/registry, otherwise unchanged", path.Base(revisions[1]))
	return "a new revision names the credential of its private image", nil
}

// stoppedTask begins where people do: with a task that stopped. Its definition was
// there before the stack was, so that no registration informed about it.
func (p *play) stoppedTask(ctx context.Context) (string, error) {
	const family, cluster = "checkout", "prod"
	image := p.registry.Image()
	registered, err := operator.With(p.Stack, p.Stack.Behind).ECS.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: aws.String(family), ExecutionRoleArn: aws.String("arn:aws:iam::" + stack.Account + ":role/ecsTaskExecutionRole-demo"),
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityEc2},
		ContainerDefinitions:    []types.ContainerDefinition{{Name: aws.String("app"), Image: &image, Memory: aws.Int32(128), Essential: aws.Bool(true)}},
	})
	if err != nil {
		return "", fmt.Errorf("registering the task definition: %w", err)
	}
	definition := aws.ToString(registered.TaskDefinition.TaskDefinitionArn)
	reason := `CannotPullContainerError: Error response from daemon: Head "https://` + p.registry.Host + `/v2/acme/app/manifests/1.0": no basic auth credentials`
	p.before("a task of %s stopped: CannotPullContainerError … %s", family, reason[strings.LastIndex(reason, ": ")+2:])
	task := operator.Task{Cluster: cluster, Service: family, Definition: definition, Number: 1, Container: "app", Image: image, Reason: reason}
	if err := p.TaskEvents(ctx, task); err != nil {
		return "", err
	}
	if _, err := p.did(ctx, "diagnose-failure", 1, about(cluster+"/"+family)); err != nil {
		return "", err
	}
	if err := p.told(ctx, cluster+"/"+family); err != nil {
		return "", err
	}
	if _, err := p.did(ctx, "patch-task-definition", 1, func(result operator.Result) bool {
		return result.Subject == definition && result.Status == finding.Remediated
	}); err != nil {
		return "", err
	}
	revisions, err := p.Revisions(ctx, family)
	if err != nil {
		return "", err
	}
	if len(revisions) != 2 {
		return "", fmt.Errorf("the family has the revisions %q, not two", revisions)
	}
	p.after("one message named the cause, and %s has the credential", path.Base(revisions[1]))
	return "a stopped task's cause was named, and ended", nil
}

// olderRole switches the rule for IAM's events off while the role is made:
// what was there before the stack never had an event.
func (p *play) olderRole(ctx context.Context) (string, error) {
	const role = "ecsInstanceRole-older"
	rule, err := p.ResourceID(ctx, "RoleChangedRule")
	if err != nil {
		return "", err
	}
	if _, err := p.EventBridge.DisableRule(ctx, &eventbridge.DisableRuleInput{Name: &rule}); err != nil {
		return "", fmt.Errorf("switching the rule off: %w", err)
	}
	if _, err := p.CreateInstanceRole(ctx, role); err != nil {
		return "", err
	}
	p.before("%s has no policies, and no event said so", role)
	invocation, err := p.Invoke(ctx, "sweep", []byte(`{"sweep":"roles"}`))
	if err != nil {
		return "", err
	}
	if invocation.FunctionError != "" {
		return "", fmt.Errorf("sweep failed: %s", invocation.ErrorMessage)
	}
	for _, result := range invocation.Report.Results {
		// What it asks for is a part of the story, and not what it writes down.
		result.Actions = slices.DeleteFunc(result.Actions, func(action finding.Action) bool { return !strings.HasPrefix(action.Kind, "SendMessage") })
		p.tell(telling{Results: []operator.Result{{Function: invocation.Report.Function, Mode: invocation.Report.Mode, Result: result}}})
	}
	if _, err := p.did(ctx, "attach-policies", 1, func(result operator.Result) bool {
		return strings.HasSuffix(result.Subject, "role/"+role) && result.Status == finding.Remediated
	}); err != nil {
		return "", err
	}
	attached, err := p.AttachedPolicies(ctx, role)
	if err != nil {
		return "", err
	}
	if !slices.Equal(attached, []string{operator.AgentPolicy}) {
		return "", fmt.Errorf("%s has the policies %q, not the agent's alone", role, attached)
	}
	p.after("%s has %s", role, path.Base(attached[0]))
	if _, err := p.EventBridge.EnableRule(ctx, &eventbridge.EnableRuleInput{Name: &rule}); err != nil {
		return "", fmt.Errorf("switching the rule on again: %w", err)
	}
	return "a role of before was handed to attach-policies", nil
}
