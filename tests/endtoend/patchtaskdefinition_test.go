package endtoend

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/finding"
	"ecsguardrails/tests/operator"
	"ecsguardrails/tests/stack"
)

// register registers a definition with one container per image and returns its
// ARN.
func (w *world) register(ctx context.Context, family, executionRole string, images ...string) (string, error) {
	input := &ecs.RegisterTaskDefinitionInput{
		Family: &family, RequiresCompatibilities: []types.Compatibility{types.CompatibilityEc2}, NetworkMode: types.NetworkModeBridge,
		Volumes: []types.Volume{{Name: aws.String("scratch"), Host: &types.HostVolumeProperties{SourcePath: aws.String("/var/scratch")}}},
		PlacementConstraints: []types.TaskDefinitionPlacementConstraint{
			{Type: types.TaskDefinitionPlacementConstraintTypeMemberOf, Expression: aws.String("attribute:ecs.instance-type =~ m5.*")},
		},
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
	}
	if executionRole != "" {
		input.ExecutionRoleArn = &executionRole
	}
	for index, image := range images {
		input.ContainerDefinitions = append(input.ContainerDefinitions, types.ContainerDefinition{
			Name: aws.String(fmt.Sprintf("container-%d", index)), Image: aws.String(image), Memory: aws.Int32(128), Essential: aws.Bool(index == 0),
			Environment:  []types.KeyValuePair{{Name: aws.String("TOKEN"), Value: aws.String("canary-in-environment")}},
			DockerLabels: map[string]string{"com.example.tier": "web"},
			MountPoints:  []types.MountPoint{{SourceVolume: aws.String("scratch"), ContainerPath: aws.String("/scratch")}},
			Ulimits:      []types.Ulimit{{Name: types.UlimitNameNofile, SoftLimit: 1024, HardLimit: 4096}},
		})
	}
	output, err := w.ECS.RegisterTaskDefinition(ctx, input)
	if err != nil {
		return "", fmt.Errorf("registering %s: %w", family, err)
	}
	return aws.ToString(output.TaskDefinition.TaskDefinitionArn), nil
}

func ofRevision(arn string) func(operator.Result) bool {
	return func(result operator.Result) bool {
		return result.Function == "patch-task-definition" && result.Subject == arn
	}
}

// patched waits for the family's second revision and holds it against the
// first: it differs in the credentials of one container, and in the fields that
// are named besides.
func (w *world) patched(t *testing.T, family, first string, besides ...string) string {
	t.Helper()
	var revisions []string
	eventually(t, family+" has a new revision", func(ctx context.Context) (bool, error) {
		var err error
		revisions, err = w.Revisions(ctx, family)
		return len(revisions) > 1, err
	})
	before, _, err := w.Describe(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	after, tags, err := w.Describe(t.Context(), revisions[1])
	if err != nil {
		t.Fatal(err)
	}
	differences := must(operator.Differences(before, after))(t)
	if !slices.Equal(differences, append([]string{"ContainerDefinitions[0].RepositoryCredentials"}, besides...)) {
		t.Fatalf("%s differs from %s in %q", revisions[1], first, differences)
	}
	if secret := aws.ToString(after.ContainerDefinitions[0].RepositoryCredentials.CredentialsParameter); secret != w.registrySecret {
		t.Errorf("%s names the secret %q", revisions[1], secret)
	}
	if tags["team"] != "shop" || tags["ecs-guardrails:patched-from"] != first {
		t.Errorf("%s has the tags %q", revisions[1], tags)
	}
	return revisions[1]
}

const (
	ecrImage    = stack.Account + ".dkr.ecr.us-east-1.amazonaws.com/shop/web:1.0"
	publicImage = "public.ecr.aws/nginx/nginx:1.29"
)

func testPatchTaskDefinition(t *testing.T, w *world) {
	w.canary("the value of a container's environment variable", "canary-in-environment")
	private := w.Stack.Registry.Image()
	t.Run("private image", func(t *testing.T) {
		t.Parallel()
		const family = "private"
		first := must(w.register(t.Context(), family, w.executionRole, private, ecrImage, publicImage))(t)
		second := w.patched(t, family, first)
		told := w.published(t, first, ofRevision(first))
		if told.Status != finding.Remediated && told.Status != finding.Noncompliant || !slices.Contains(told.Codes(), "credential-missing") ||
			!slices.Equal(told.Applied(), []string{"RegisterTaskDefinition"}) {
			t.Errorf("published %+v", told)
		}
		own := w.logged(t, "patch-task-definition", second, ofRevision(second))
		if own.Status != finding.Skipped || !slices.Contains(own.Codes(), "own-registration") {
			t.Errorf("the function's own registration was answered: %+v", own)
		}
		if revisions := must(w.Revisions(t.Context(), family))(t); len(revisions) != 2 {
			t.Errorf("the family has the revisions %q", revisions)
		}
	})
	t.Run("images that need none", func(t *testing.T) {
		t.Parallel()
		const family = "public"
		first := must(w.register(t.Context(), family, w.executionRole, ecrImage, publicImage))(t)
		result := w.logged(t, "patch-task-definition", first, ofRevision(first))
		if len(result.Actions) > 0 {
			t.Errorf("actions %+v", result.Actions)
		}
		if revisions := must(w.Revisions(t.Context(), family))(t); len(revisions) != 1 {
			t.Errorf("the family has the revisions %q", revisions)
		}
	})
	t.Run("no execution role", func(t *testing.T) {
		t.Parallel()
		const family = "roleless"
		first := must(w.register(t.Context(), family, "", private))(t)
		second := w.patched(t, family, first, "ExecutionRoleArn")
		after, _, err := w.Describe(t.Context(), second)
		if err != nil {
			t.Fatal(err)
		}
		if role := must(w.ResourceID(t.Context(), "TaskExecutionRole"))(t); !strings.HasSuffix(aws.ToString(after.ExecutionRoleArn), "/"+role) {
			t.Errorf("%s has the execution role %s, not the stack's own %s", second, aws.ToString(after.ExecutionRoleArn), role)
		}
	})
	t.Run("execution role that cannot read", func(t *testing.T) {
		t.Parallel()
		const family, role = "unreadable", "ecsTaskExecutionRole-bare"
		bare := must(w.CreateRole(t.Context(), role, "ecs-tasks.amazonaws.com"))(t)
		first := must(w.register(t.Context(), family, bare, private))(t)
		w.patched(t, family, first)
		w.hasPolicies(t, role, must(w.ResourceID(t.Context(), "RegistrySecretsReadPolicy"))(t))
		told := w.published(t, first, ofRevision(first))
		if told.Status != finding.Remediated || !slices.Contains(told.Codes(), "execution-role-secret") {
			t.Errorf("published %+v", told)
		}
	})
	t.Run("a credential that somebody chose", func(t *testing.T) {
		t.Parallel()
		const family = "chosen"
		secret := must(w.Secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
			Name: aws.String("chosen"), SecretString: aws.String(`{"username":"somebody","password":"canary-in-chosen-secret"}`),
		}))(t)
		w.canary("the password of a secret without tags", "canary-in-chosen-secret")
		registered := must(w.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
			Family: aws.String(family), ExecutionRoleArn: &w.executionRole,
			ContainerDefinitions: []types.ContainerDefinition{{
				Name: aws.String("web"), Image: &private, Memory: aws.Int32(128),
				RepositoryCredentials: &types.RepositoryCredentials{CredentialsParameter: secret.ARN},
			}},
		}))(t)
		first := aws.ToString(registered.TaskDefinition.TaskDefinitionArn)
		told := w.published(t, first, ofRevision(first))
		if told.Status != finding.Noncompliant || !slices.Contains(told.Codes(), "credential-differs") || slices.Contains(told.Applied(), "RegisterTaskDefinition") {
			t.Errorf("published %+v", told)
		}
		if revisions := must(w.Revisions(t.Context(), family))(t); len(revisions) != 1 {
			t.Errorf("the family has the revisions %q", revisions)
		}
	})
}

func testBurstOfTaskDefinitions(t *testing.T, w *world) {
	const burst = 50
	family := func(number int) string { return fmt.Sprintf("burst-%02d", number) }
	firsts := make([]string, burst)
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(8)
	for number := range burst {
		group.Go(func() (err error) {
			firsts[number], err = w.register(ctx, family(number), w.executionRole, w.Stack.Registry.Image())
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for number, first := range firsts {
		second := w.patched(t, family(number), first)
		w.logged(t, "patch-task-definition", second, ofRevision(second))
	}
	for number := range firsts {
		if revisions := must(w.Revisions(t.Context(), family(number)))(t); len(revisions) != 2 {
			t.Errorf("%s has the revisions %q", family(number), revisions)
		}
	}
}
