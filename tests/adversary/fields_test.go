package adversary

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
	"github.com/ecs-guardrails/ecs-guardrails/tests/canary"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

func init() {
	add(Case{Number: 9, Exploit: "a secret in a wrong field is shown to anyone who reads findings", Limit: "a value is shown only if it parses as what it should be", Play: playWrongFields, Control: controlNamesAreShown})
}

// misplaced are secrets in fields that aren't theirs; the value behind each name
// goes in whole.
func misplaced(planted *canary.Set) map[string]string {
	values := map[string]string{}
	for name, prefix := range map[string]string{
		"valueFrom": "", "credentialsParameter": `{"username":"puller","password":"`, "environmentFile": "https://deploy:", "cluster": "ghp_", "attributes": "glpat-", "logLevel": "dckr_pat_",
		"environment": "", "ignore": "", "driver": "", "registry": "puller:", "username": "",
	} {
		text := canary.Text()
		planted.PlantWhole("the secret in "+name, text)
		values[name] = prefix + text
	}
	values["credentialsParameter"] += `"}`
	values["environmentFile"] += "@env.example.com/prod.env?X-Amz-Signature=" + values["valueFrom"]
	return values
}

func playWrongFields(t *testing.T, w *world) {
	var planted canary.Set
	secrets := misplaced(&planted)
	bus := must(w.SubscribeBus(t.Context(), w.Stack.Outputs["FindingsBus"], "wrong-fields", publish.FindingType))(t)

	role := w.executionRole(t, "wrong-fieldsExec", "")
	registered := must(w.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("wrong-fields"), ExecutionRoleArn: &role,
		Tags: []types.Tag{{Key: aws.String("ecs-guardrails:note"), Value: aws.String(secrets["ignore"])}},
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("web"), Image: aws.String("wrong-fields.example.com/x"), Memory: aws.Int32(64), Essential: aws.Bool(true),
			Secrets:               []types.Secret{{Name: aws.String("PASSWORD"), ValueFrom: aws.String(secrets["valueFrom"])}},
			RepositoryCredentials: &types.RepositoryCredentials{CredentialsParameter: aws.String(secrets["credentialsParameter"])},
			EnvironmentFiles:      []types.EnvironmentFile{{Type: types.EnvironmentFileTypeS3, Value: aws.String(secrets["environmentFile"])}},
		}},
	}))(t)
	revision := aws.ToString(registered.TaskDefinition.TaskDefinitionArn)
	arn := must(w.CreateSecret(t.Context(), "wrong-fields/registry", `{"login":"`+secrets["username"]+`"}`,
		"ecs-guardrails:registry", secrets["registry"]+"@registry.example.com", "ecs-guardrails:driver", secrets["driver"]))(t)
	w.put(t, "wrong-fields/ecs.config", "ECS_CLUSTER="+secrets["cluster"]+"\nECS_INSTANCE_ATTRIBUTES="+secrets["attributes"]+"\nECS_LOGLEVEL="+secrets["logLevel"]+"\n"+secrets["environment"]+"=x\n")
	w.put(t, "wrong-fields/web.env", secrets["environment"]+"\nexport TOKEN "+secrets["environment"]+"\n")

	definition := w.judged(t, revision)
	for _, code := range []string{"secret-reference-invalid", "credential-invalid", "environment-file-invalid"} {
		if !slices.Contains(definition.Codes(), code) {
			t.Errorf("the definition's findings are %q, without %s", definition.Codes(), code)
		}
	}
	looked := must(w.Invoke(t.Context(), "rotate-secret", []byte(`{"secret":"`+arn+`"}`)))(t)
	for _, key := range []string{"wrong-fields/ecs.config", "wrong-fields/web.env"} {
		w.result(t, "validate-config", key, func(r operator.Result) bool { return strings.Contains(r.Subject, key) })
	}
	eventually(t, "the definition's findings are published", func(ctx context.Context) (bool, error) {
		results, err := bus.Results(ctx)
		return slices.ContainsFunc(results, func(r operator.Result) bool { return r.Subject == revision }), err
	})
	eventually(t, "people are told", func(ctx context.Context) (bool, error) { return toldOf(ctx, w.Topic, "wrong-fields/ecs.config") })

	for where, text := range w.told(t, bus) {
		for _, seen := range planted.Search(where, text) {
			t.Error(seen)
		}
	}
	for _, seen := range planted.Search("the answer of rotate-secret", string(looked.Payload)) {
		t.Error(seen)
	}
}

// told is all that the functions wrote where people read.
func (w *world) told(t *testing.T, bus *operator.Inbox) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for name, inbox := range map[string]*operator.Inbox{"mail": w.Topic, "chat": w.Chat, "the bus": bus} {
		texts[name] = strings.Join(must(inbox.Messages(t.Context()))(t), "\n")
	}
	for _, function := range []string{"attach-policies", "validate-config", "rotate-secret", "patch-task-definition", "diagnose-failure", "notify"} {
		var lines strings.Builder
		for _, line := range must(w.Log(t.Context(), function))(t) {
			lines.WriteString(line.Message + "\n")
		}
		texts["the log of "+function] = lines.String()
	}
	return texts
}

// controlNamesAreShown: what parses as a name is shown, or findings would help no
// one.
func controlNamesAreShown(t *testing.T, w *world) {
	role := w.executionRole(t, "right-fieldsExec", "")
	const absent = "arn:aws:secretsmanager:us-east-1:123456789012:secret:right-fields/absent-AbCdEf"
	registered := must(w.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("right-fields"), ExecutionRoleArn: &role,
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("web"), Image: aws.String("right-fields.example.com/x"), Memory: aws.Int32(64), Essential: aws.Bool(true),
			Secrets: []types.Secret{{Name: aws.String("PASSWORD"), ValueFrom: aws.String(absent)}},
		}},
	}))(t)
	result := w.judged(t, aws.ToString(registered.TaskDefinition.TaskDefinitionArn))
	text := must(json.Marshal(result.Findings))(t)
	if !slices.Contains(result.Codes(), "secret-gone") || !strings.Contains(string(text), "right-fields/absent") {
		t.Errorf("%s", text)
	}
}
