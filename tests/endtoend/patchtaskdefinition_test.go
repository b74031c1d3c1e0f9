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
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/canary"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// tagSecret keeps a credential in a secret that is tagged for a registry,
// and returns its ARN.
func (w *world) tagSecret(t *testing.T, name, registry string) string {
	t.Helper()
	password := canary.Text()
	w.canaries.Plant("the password of "+name, password)
	created := must(w.Secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: &name, SecretString: aws.String(`{"username":"puller","password":"` + password + `"}`),
		Tags: []secrettypes.Tag{{Key: aws.String("ecs-guardrails:registry"), Value: &registry}},
	}))(t)
	return aws.ToString(created.ARN)
}

// environmentValue is what a container keeps in its environment.
var environmentValue = canary.Text()

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
			Environment:  []types.KeyValuePair{{Name: aws.String("TOKEN"), Value: &environmentValue}},
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
// first: its first container has the rig's registry's credential, and else they
// differ in the fields that are named besides.
func (w *world) patched(t *testing.T, family, first string, besides ...string) string {
	t.Helper()
	return w.patchedWith(t, family, first, []string{w.registrySecret}, besides...)
}

// patchedWith does the same for one secret for each container, "" for none.
func (w *world) patchedWith(t *testing.T, family, first string, secrets []string, besides ...string) string {
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
	var want []string
	for index, secret := range secrets {
		if secret == "" {
			continue
		}
		want = append(want, fmt.Sprintf("ContainerDefinitions[%d].RepositoryCredentials", index))
		if named := after.ContainerDefinitions[index].RepositoryCredentials; named == nil || aws.ToString(named.CredentialsParameter) != secret {
			t.Errorf("%s has the credential %v for container %d, want %s", revisions[1], named, index, secret)
		}
	}
	if differences := must(operator.Differences(before, after))(t); !slices.Equal(differences, append(want, besides...)) {
		t.Fatalf("%s differs from %s in %q", revisions[1], first, differences)
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
	w.canaries.Plant("the value of a container's environment variable", environmentValue)
	private := w.Stack.Registry.Image()
	hub := w.tagSecret(t, "shop/docker-hub", "docker.io/acme")
	gitlab := w.tagSecret(t, "shop/gitlab", "gitlab.example.com:5050/shop")
	reader := must(w.CreateExecutionRole(t.Context(), "ecsTaskExecutionRole-reader", "*"))(t)
	t.Run("private image", func(t *testing.T) {
		t.Parallel()
		const family = "private"
		first := must(w.register(t.Context(), family, w.executionRole, private, ecrImage, publicImage))(t)
		second := w.patched(t, family, first)
		told := w.published(t, first, ofRevision(first))
		if told.Status != finding.Remediated || !slices.Contains(told.Codes(), "credential-missing") ||
			!slices.Equal(told.Applied(), []string{"RegisterTaskDefinition"}) {
			t.Errorf("published %+v", told)
		}
		own := w.logged(t, "patch-task-definition", second, ofRevision(second))
		if own.Status != finding.Skipped || !slices.Contains(own.Codes(), "registration-own") {
			t.Errorf("the function's own registration was answered: %+v", own)
		}
		if revisions := must(w.Revisions(t.Context(), family))(t); len(revisions) != 2 {
			t.Errorf("the family has the revisions %q", revisions)
		}
	})
	t.Run("images in ECR only", func(t *testing.T) {
		t.Parallel()
		const family = "ecr"
		first := must(w.register(t.Context(), family, w.executionRole, ecrImage, publicImage))(t)
		result := w.logged(t, "patch-task-definition", first, ofRevision(first))
		if result.Status != finding.Compliant || len(result.Findings) > 0 || len(result.Actions) > 0 {
			t.Errorf("%+v", result)
		}
		w.staysAsItIs(t, family)
	})
	t.Run("a private image on Docker Hub", func(t *testing.T) {
		t.Parallel()
		const family = "docker-hub"
		// What a push to Docker Hub prints, what people write, and an official
		// image, which the namespace's secret does not serve.
		first := must(w.register(t.Context(), family, reader, "docker.io/acme/api:2.4", "acme/worker", "nginx:1.29"))(t)
		w.patchedWith(t, family, first, []string{hub, hub, ""})
	})
	t.Run("GitLab with a port and a digest", func(t *testing.T) {
		t.Parallel()
		const family = "gitlab"
		first := must(w.register(t.Context(), family, reader, "gitlab.example.com:5050/shop/web:1.0@sha256:"+strings.Repeat("a1", 32)))(t)
		w.patchedWith(t, family, first, []string{gitlab})
	})
	t.Run("two private registries in one definition", func(t *testing.T) {
		t.Parallel()
		const family = "two-registries"
		first := must(w.register(t.Context(), family, reader, ecrImage, "gitlab.example.com:5050/shop/web", private, "gitlab.example.com/shop/web"))(t)
		w.patchedWith(t, family, first, []string{"", gitlab, w.registrySecret, ""})
	})
	t.Run("an environment file that is not there", func(t *testing.T) {
		t.Parallel()
		const family = "environment"
		bucket := w.Stack.Outputs["ConfigBucket"]
		registered := must(w.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
			Family: aws.String(family), ExecutionRoleArn: &w.executionRole,
			ContainerDefinitions: []types.ContainerDefinition{{
				Name: aws.String("web"), Image: aws.String(publicImage), Memory: aws.Int32(128),
				EnvironmentFiles: []types.EnvironmentFile{{Type: types.EnvironmentFileTypeS3, Value: aws.String("arn:aws:s3:::" + bucket + "/nobody/uploaded.env")}},
			}},
		}))(t)
		first := aws.ToString(registered.TaskDefinition.TaskDefinitionArn)
		told := w.published(t, first, ofRevision(first))
		if told.Status != finding.Noncompliant || !slices.Contains(told.Codes(), "environment-file-gone") {
			t.Errorf("published %+v", told)
		}
		must(w.Upload(t.Context(), bucket, "nobody/uploaded.env", "COLOUR=blue\n"))(t)
		again := must(w.Invoke(t.Context(), "patch-task-definition", []byte(`{"taskDefinition":"`+family+`"}`)))(t)
		// The file is there now; to read it, the role needs exactly this of its owner.
		if results := again.Report.Results; len(results) != 1 || len(results[0].Findings) != 1 || results[0].Findings[0].Code != "execution-role-environment-file" ||
			len(results[0].Actions) > 0 || !strings.Contains(results[0].Findings[0].Fix, "arn:aws:s3:::"+bucket+"/nobody/uploaded.env") {
			t.Errorf("the second look found %s", again.Payload)
		}
	})
	t.Run("Windows port 80", func(t *testing.T) {
		t.Parallel()
		const family = "windows"
		taskRole := must(w.CreateRole(t.Context(), "windows-task", "ecs-tasks.amazonaws.com"))(t)
		registered := must(w.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
			Family: aws.String(family), TaskRoleArn: &taskRole,
			RuntimePlatform: &types.RuntimePlatform{OperatingSystemFamily: types.OSFamilyWindowsServer2022Core, CpuArchitecture: types.CPUArchitectureX8664},
			ContainerDefinitions: []types.ContainerDefinition{{
				Name: aws.String("iis"), Image: aws.String("mcr.microsoft.com/windows/servercore/iis:windowsservercore-ltsc2022"), Memory: aws.Int32(2048),
				PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(80), HostPort: aws.Int32(80), Protocol: types.TransportProtocolTcp}},
			}},
		}))(t)
		first := aws.ToString(registered.TaskDefinition.TaskDefinitionArn)
		told := w.published(t, first, ofRevision(first))
		if told.Status != finding.Noncompliant || !slices.Equal(told.Codes(), []string{"windows-host-port-80"}) || len(told.Actions) > 0 {
			t.Errorf("published %+v", told)
		}
		w.staysAsItIs(t, family)
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
		// Nothing was attached: the secret's own policy lets the role in, and no other.
		w.hasPolicies(t, role)
		policy := must(w.Secrets.GetResourcePolicy(t.Context(), &secretsmanager.GetResourcePolicyInput{SecretId: &w.registrySecret}))(t)
		if text := aws.ToString(policy.ResourcePolicy); !strings.Contains(text, bare) || strings.Contains(text, `"Principal":"*"`) || strings.Contains(text, `"AWS":"*"`) {
			t.Errorf("the secret's policy is %s", text)
		}
		told := w.published(t, first, ofRevision(first))
		if told.Status != finding.Remediated || !slices.Contains(told.Codes(), "execution-role-secret") {
			t.Errorf("published %+v", told)
		}
		again := must(w.Invoke(t.Context(), "patch-task-definition", []byte(`{"taskDefinition":"`+family+`"}`)))(t)
		if len(again.Report.Results) != 1 || again.Report.Results[0].Status != finding.Compliant || len(again.Report.Results[0].Findings) > 0 {
			t.Errorf("the second look found %s", again.Payload)
		}
	})
	t.Run("a condition of another statement", func(t *testing.T) {
		t.Parallel()
		const family, role = "conditional", "ecsTaskExecutionRole-conditional"
		const managed = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
		arn := must(w.CreateRole(t.Context(), role, "ecs-tasks.amazonaws.com"))(t)
		// The condition leaves the simulator's answer about Amazon ECR open, too.
		must(w.IAM.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String(role), PolicyName: aws.String("secrets"), PolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"shop"}}}]}`)}))(t)
		first := must(w.register(t.Context(), family, arn, ecrImage))(t)
		result := w.logged(t, "patch-task-definition", first, ofRevision(first))
		if result.Status != finding.Remediated || !slices.Contains(result.Codes(), "execution-role-ecr") {
			t.Errorf("%+v", result)
		}
		w.hasPolicies(t, role, managed)
		w.staysAsItIs(t, family)
	})
	t.Run("a credential that somebody chose", func(t *testing.T) {
		t.Parallel()
		const family = "chosen"
		password := canary.Text()
		w.canaries.Plant("the password of a secret without tags", password)
		secret := must(w.Secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
			Name: aws.String("chosen"), SecretString: aws.String(`{"username":"somebody","password":"` + password + `"}`),
		}))(t)
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
		w.staysAsItIs(t, family)
	})
}

// staysAsItIs holds that a family has its first revision only.
func (w *world) staysAsItIs(t *testing.T, family string) {
	t.Helper()
	if revisions := must(w.Revisions(t.Context(), family))(t); len(revisions) != 1 {
		t.Errorf("the family has the revisions %q", revisions)
	}
}

// testBurstOfTaskDefinitions registers more at once than the function takes at
// once: each gets one new revision, none gets two.
