package adversary

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

func init() {
	add(
		Case{Number: 2, Exploit: "a role that a user may assume, too, is let read a registry's secret", Limit: "grants go to roles of ecs-tasks alone", Play: roleOfAUser, Control: roleOfTasksAlone},
		Case{Number: 2, Exploit: "one cured role can read every registry's secret", Limit: "a grant is a statement in the one secret's policy", Play: oneSecretOnly, Control: served("one-grant")},
		Case{Number: 2, Exploit: "a family that the secret's owner didn't list gets it", Limit: "ecs-guardrails:families", Play: familyNotListed, Control: served("listed", "ecs-guardrails:families", "control-*")},
		Case{Number: 7, Exploit: "a longer tag takes a registry's images over", Limit: "the secret that served before stays", Play: longerTag, Control: served("one-tag")},
		Case{Number: 7, Exploit: "a second equal tag switches the guard off for all", Limit: "the secret that served before stays", Play: equalTag, Control: served("one-secret")},
		Case{Number: 13, Exploit: "Terraform's definition is replaced at every apply", Limit: "owners are recognized, the patch is reported", Play: terraformsDefinition, Control: served("by-hand")},
		Case{Number: 13, Exploit: "AWS Batch's definition gets a revision that it never runs", Limit: "services that own definitions are recognized", Play: batchsDefinition, Control: served("without-batch")},
		Case{Number: 13, Exploit: "a family whose owner opted out gets a revision", Limit: "ecs-guardrails:ignore", Play: ignoredDefinition, Control: served("not-ignored")},
	)
}

// registrySecret makes a secret that is tagged for a registry.
func (w *world) registrySecret(t *testing.T, name, registry string, tags ...string) string {
	t.Helper()
	input := &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String(`{"username":"puller","password":"not-a-real-one"}`),
		Tags: []secrettypes.Tag{{Key: aws.String("ecs-guardrails:registry"), Value: &registry}}}
	for pair := range slices.Chunk(tags, 2) {
		input.Tags = append(input.Tags, secrettypes.Tag{Key: &pair[0], Value: &pair[1]})
	}
	return aws.ToString(must(w.Secrets.CreateSecret(t.Context(), input))(t).ARN)
}

// executionRole makes a role that ECS's tasks may assume, and anyone who else.
func (w *world) executionRole(t *testing.T, name, also string) string {
	t.Helper()
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}` + also + `]}`
	return aws.ToString(must(w.IAM.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust}))(t).Role.Arn)
}

// definition registers a family with one container.
func (p *person) definition(t *testing.T, family, role, image string, tags ...types.Tag) string {
	t.Helper()
	return registered(t, p.Operator, family, role, image, tags...)
}

func registered(t *testing.T, by *operator.Operator, family, role, image string, tags ...types.Tag) string {
	t.Helper()
	output := must(by.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: &family, ExecutionRoleArn: &role, Tags: tags,
		ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("web"), Image: &image, Memory: aws.Int32(64), Essential: aws.Bool(true)}},
	}))(t)
	return aws.ToString(output.TaskDefinition.TaskDefinitionArn)
}

// judged waits for the result of a registration.
func (w *world) judged(t *testing.T, revision string) operator.Result {
	t.Helper()
	return w.result(t, "patch-task-definition", revision, func(r operator.Result) bool { return r.Subject == revision && r.Status != "failed" })
}

// policyOf gives a secret's resource policy.
func (w *world) policyOf(t *testing.T, secret string) string {
	t.Helper()
	return aws.ToString(must(w.Secrets.GetResourcePolicy(t.Context(), &secretsmanager.GetResourcePolicyInput{SecretId: &secret}))(t).ResourcePolicy)
}

func roleOfAUser(t *testing.T, w *world) {
	dev := w.user(t, "grant-dev", "")
	secret := w.registrySecret(t, "grant-user", "grant-user.example.com")
	role := w.executionRole(t, "grant-devExec", `,{"Effect":"Allow","Principal":{"AWS":"`+dev.ARN+`"},"Action":"sts:AssumeRole"}`)
	result := w.judged(t, registered(t, w.Operator, "grant-user", role, "grant-user.example.com/x"))
	if policy := w.policyOf(t, secret); policy != "" || !slices.Contains(result.Codes(), "execution-role-secret") {
		t.Errorf("the secret's policy is %q; %+v", policy, result)
	}
	if attached := must(w.AttachedPolicies(t.Context(), "grant-devExec"))(t); len(attached) > 0 {
		t.Errorf("the role has %q", attached)
	}
}

func roleOfTasksAlone(t *testing.T, w *world) {
	secret := w.registrySecret(t, "grant-tasks", "grant-tasks.example.com")
	role := w.executionRole(t, "grant-tasksExec", "")
	result := w.judged(t, registered(t, w.Operator, "grant-tasks", role, "grant-tasks.example.com/x"))
	if policy := w.policyOf(t, secret); !strings.Contains(policy, role) || !slices.Contains(result.Applied(), "PutResourcePolicy") {
		t.Errorf("the secret's policy is %q; %+v", policy, result)
	}
}

func oneSecretOnly(t *testing.T, w *world) {
	named, other := w.registrySecret(t, "grant-one", "grant-one.example.com"), w.registrySecret(t, "grant-other", "grant-other.example.com")
	role := w.executionRole(t, "grant-oneExec", "")
	w.judged(t, registered(t, w.Operator, "grant-one", role, "grant-one.example.com/x"))
	if policy := w.policyOf(t, named); !strings.Contains(policy, role) || strings.Contains(policy, `"AWS":"*"`) || strings.Contains(policy, `"Principal":"*"`) {
		t.Errorf("the named secret's policy is %q", policy)
	}
	if policy := w.policyOf(t, other); policy != "" {
		t.Errorf("another secret's policy is %q", policy)
	}
	simulated := must(w.IAM.SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: &role, ActionNames: []string{"secretsmanager:GetSecretValue", "s3:GetObject", "ssm:GetParameters", "kms:Decrypt"},
	}))(t)
	for _, evaluated := range simulated.EvaluationResults {
		if evaluated.EvalDecision == "allowed" {
			t.Errorf("the role's own policies allow %s", aws.ToString(evaluated.EvalActionName))
		}
	}
}

func familyNotListed(t *testing.T, w *world) {
	secret := w.registrySecret(t, "grant-families", "grant-families.example.com", "ecs-guardrails:families", "shop-*")
	role := w.executionRole(t, "grant-familiesExec", "")
	revision := registered(t, w.Operator, "grant-families", role, "grant-families.example.com/x")
	result := w.judged(t, revision)
	if policy := w.policyOf(t, secret); policy != "" || len(result.Actions) > 0 {
		t.Errorf("the secret's policy is %q; %+v", policy, result)
	}
}

// newcomer registers a family that one secret serves, has a second one tagged, and
// registers the family again.
func newcomer(t *testing.T, w *world, name, tag string) {
	t.Helper()
	host := name + ".example.com"
	first := w.registrySecret(t, name+"-first", host)
	role := w.executionRole(t, name+"-exec", "")
	credential := func() string {
		output := must(w.ECS.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &name}))(t)
		if named := output.TaskDefinition.ContainerDefinitions[0].RepositoryCredentials; named != nil {
			return aws.ToString(named.CredentialsParameter)
		}
		return ""
	}
	w.judged(t, registered(t, w.Operator, name, role, host+"/team/app"))
	w.registrySecret(t, name+"-second", host+tag)
	result := w.judged(t, registered(t, w.Operator, name, role, host+"/team/app"))
	eventually(t, name+" has a new revision with the first secret", func(context.Context) (bool, error) { return credential() == first, nil })
	if !slices.Contains(result.Codes(), "registry-secret-newcomer") {
		t.Errorf("the newcomer isn't informed about: %+v", result)
	}
}

func longerTag(t *testing.T, w *world) { newcomer(t, w, "newcomer-longer", "/team") }

func equalTag(t *testing.T, w *world) { newcomer(t, w, "newcomer-equal", "") }

func terraformsDefinition(t *testing.T, w *world) {
	w.registrySecret(t, "owner-terraform", "owner-terraform.example.com")
	role := w.executionRole(t, "owner-terraformExec", "")
	ci := w.user(t, "owner-ci", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`).as("APN/1.0 HashiCorp/1.0 Terraform/1.9.5 (+https://www.terraform.io) terraform-provider-aws/5.60.0")
	result := w.judged(t, ci.definition(t, "owner-terraform", role, "owner-terraform.example.com/x"))
	if slices.Contains(result.Applied(), "RegisterTaskDefinition") || !slices.Contains(result.Codes(), "definition-owned") {
		t.Errorf("%+v", result)
	}
}

func batchsDefinition(t *testing.T, w *world) {
	w.registrySecret(t, "owner-batch", "owner-batch.example.com")
	role := w.executionRole(t, "owner-batchExec", "")
	result := w.judged(t, w.user(t, "owner-of-jobs", "").through("batch.amazonaws.com").definition(t, "owner-batch", role, "owner-batch.example.com/x"))
	if len(result.Actions) > 0 || !slices.Contains(result.Codes(), "owned-by-service") {
		t.Errorf("%+v", result)
	}
}

// served is the control of all these cases: an image of a registry that one secret
// serves gets its credential, and the execution role may read it.
func served(name string, tags ...string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		name := "control-" + name
		secret := w.registrySecret(t, name, name+".example.com", tags...)
		role := w.executionRole(t, name+"Exec", "")
		result := w.judged(t, w.user(t, name, "").definition(t, name, role, name+".example.com/x"))
		if applied := result.Applied(); !slices.Contains(applied, "RegisterTaskDefinition") || !slices.Contains(applied, "PutResourcePolicy") || !strings.Contains(w.policyOf(t, secret), role) {
			t.Errorf("%+v", result)
		}
	}
}

func ignoredDefinition(t *testing.T, w *world) {
	w.registrySecret(t, "owner-ignored", "owner-ignored.example.com")
	role := w.executionRole(t, "owner-ignoredExec", "")
	result := w.judged(t, registered(t, w.Operator, "owner-ignored", role, "owner-ignored.example.com/x",
		types.Tag{Key: aws.String("ecs-guardrails:ignore"), Value: aws.String("true")}))
	if result.Status != "skipped" || len(result.Actions) > 0 {
		t.Errorf("%+v", result)
	}
}
