package canary_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/environmentfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
	"github.com/ecs-guardrails/ecs-guardrails/shared/owner"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/htpasswd"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation/rotationtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata"
	"github.com/ecs-guardrails/ecs-guardrails/tests/canary"
)

// alphabets are what generators of passwords and tokens draw from.
const (
	lower   = "bcdfghjklmnpqrstvwxz"
	digits  = "0123456789"
	mixed   = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
	hexText = "0123456789abcdef"
)

func random(random *rand.Rand, alphabet string, length int) string {
	text := make([]byte, length)
	for i := range text {
		text[i] = alphabet[random.IntN(len(alphabet))]
	}
	return string(text)
}

// secrets makes one of each shape that people put into the wrong field; the
// second is the part that must not be shown.
func secrets(from *rand.Rand) map[string][2]string {
	password, token, user := random(from, mixed+"+/", 24), random(from, mixed, 36), random(from, lower, 8)
	whole := func(text string) [2]string { return [2]string{text, text} }
	return map[string][2]string{
		"lower-case letters":    whole(random(from, lower+digits, 16+from.IntN(5))),
		"letters and digits":    whole(random(from, mixed, 32)),
		"hexadecimal":           whole(random(from, hexText, 40)),
		"a GitHub token":        {"ghp_" + token, token},
		"a GitLab token":        {"glpat-" + token[:20], token[:20]},
		"a Docker Hub token":    {"dckr_pat_" + token[:27], token[:27]},
		"an AWS access key":     {"AKIA" + random(from, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16), ""},
		"an AWS secret key":     whole(random(from, mixed+"+/", 40)),
		"a URL with a password": {"https://" + user + ":" + token + "@registry.example.com/v2", token},
		"a signed URL":          {"https://b.s3.amazonaws.com/k?X-Amz-Signature=" + token, token},
		"the JSON of a login":   {`{"username":"` + user + `","password":"` + token + `"}`, token},
		"the base64 of a login": whole(base64.StdEncoding.EncodeToString([]byte(user + ":" + password))),
	}
}

// fields lists the places of all texts in a document.
func fields(document any, path ...any) [][]any {
	switch of := document.(type) {
	case map[string]any:
		var all [][]any
		for _, key := range slices.Sorted(maps.Keys(of)) {
			all = append(all, fields(of[key], append(slices.Clone(path), key)...)...)
		}
		return all
	case []any:
		var all [][]any
		for i, item := range of {
			all = append(all, fields(item, append(slices.Clone(path), i)...)...)
		}
		return all
	case string:
		return [][]any{path}
	default:
		return nil
	}
}

// with gives the document with another text in one place.
func with(t *testing.T, document []byte, path []any, text string) []byte {
	t.Helper()
	var copied any
	if err := json.Unmarshal(document, &copied); err != nil {
		t.Fatal(err)
	}
	place := copied
	for _, step := range path[:len(path)-1] {
		switch step := step.(type) {
		case string:
			place = place.(map[string]any)[step]
		case int:
			place = place.([]any)[step]
		}
	}
	switch step := path[len(path)-1].(type) {
	case string:
		place.(map[string]any)[step] = text
	case int:
		place.([]any)[step] = text
	}
	changed, err := json.Marshal(copied)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// definition has a text in each field where ECS takes one.
const definition = `{
	"family": "web", "taskRoleArn": "arn:aws:iam::123456789012:role/task", "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
	"networkMode": "bridge", "cpu": "256", "memory": "512", "requiresCompatibilities": ["EC2"], "pidMode": "task", "ipcMode": "none",
	"placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.instance-type =~ m5.*"}],
	"tags": [{"key": "team", "value": "shop"}], "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
	"volumes": [{"name": "data", "host": {"sourcePath": "/data"}}, {"name": "files", "efsVolumeConfiguration": {"fileSystemId": "fs-0123", "rootDirectory": "/"}}],
	"containerDefinitions": [{
		"name": "web", "image": "registry.example.com/acme/web:1", "memory": 128, "essential": true, "hostname": "web", "user": "1000", "workingDirectory": "/srv",
		"entryPoint": ["/bin/sh"], "command": ["-c", "serve"], "links": ["db"], "dnsServers": ["10.0.0.2"], "dnsSearchDomains": ["example.com"], "extraHosts": [{"hostname": "a", "ipAddress": "10.0.0.3"}],
		"repositoryCredentials": {"credentialsParameter": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/registry-AbCdEf"},
		"environment": [{"name": "TOKEN", "value": "x"}], "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::acme/prod/web.env"}],
		"secrets": [{"name": "PASSWORD", "valueFrom": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf"}],
		"dockerLabels": {"tier": "web"}, "dockerSecurityOptions": ["no-new-privileges"], "healthCheck": {"command": ["CMD-SHELL", "true"]},
		"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/web", "awslogs-region": "eu-west-1"}, "secretOptions": [{"name": "splunk-token", "valueFrom": "arn:aws:ssm:eu-west-1:123456789012:parameter/token"}]},
		"systemControls": [{"namespace": "net.core.somaxconn", "value": "1024"}], "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}],
		"volumesFrom": [{"sourceContainer": "db"}], "dependsOn": [{"containerName": "db", "condition": "START"}], "ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 2}],
		"firelensConfiguration": {"type": "fluentbit", "options": {"config-file-type": "s3", "config-file-value": "arn:aws:s3:::acme/fluent.conf"}}
	}]
}`

// named are the fields whose texts are names that people gave, or what the file
// is run for: a report has to name the container and the family, and a patched
// file is the file.
var named = []string{"family", "name", "image"}

// userData sets ECS up in each language that instances read; the secret stands
// where something else belongs.
var userData = map[string]string{
	"a shell's cluster":          "#!/bin/bash\necho ECS_CLUSTER=%s >> /etc/ecs/ecs.config\n",
	"a shell's own variable":     "#!/bin/bash\nexport TOKEN='%s'\necho ECS_CLUSTER=prod >> /etc/ecs/ecs.config\n",
	"a shell's command":          "#!/bin/bash\ncurl -H 'Authorization: Bearer %s' https://example.com/x\necho ECS_CLUSTER=prod >> /etc/ecs/ecs.config\n",
	"a shell's here-document":    "#!/bin/bash\ncat <<'EOF' >> /etc/ecs/ecs.config\nECS_CLUSTER=prod\nECS_LOGLEVEL=%s\nECS_INSTANCE_ATTRIBUTES={\"a\":\"%[1]s\"}\nEOF\n",
	"a shell's auth data":        "#!/bin/bash\ncat <<'EOF' >> /etc/ecs/ecs.config\nECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA=%s\nEOF\n",
	"a shell's comment":          "#!/bin/bash\n# %s\necho ECS_CLUSTER=prod >> /etc/ecs/ecs.config\n",
	"a wrong shebang":            "#!%s\necho ECS_CLUSTER=prod >> /etc/ecs/ecs.config\n",
	"cloud-config's file":        "#cloud-config\nwrite_files:\n- path: /etc/ecs/ecs.config\n  content: |\n    ECS_CLUSTER=prod\n    %s\n",
	"cloud-config's own key":     "#cloud-config\nruncmd:\n- [sh, -c, 'echo ECS_CLUSTER=prod >> /etc/ecs/ecs.config']\nx-token: '%s'\n",
	"Bottlerocket's cluster":     "[settings.ecs]\ncluster = \"%s\"\n",
	"Bottlerocket's own setting": "[settings.ecs]\ncluster = \"prod\"\n[settings.host-containers.admin]\nuser-data = \"%s\"\n",
	"PowerShell's cluster":       "<powershell>\nInitialize-ECSAgent -Cluster '%s' -EnableTaskIAMRole\n</powershell>\n",
	"PowerShell's variable":      "<powershell>\n[Environment]::SetEnvironmentVariable('ECS_LOGLEVEL', '%s', 'Machine')\nInitialize-ECSAgent -Cluster prod\n</powershell>\n",
	"no user data at all":        "%s\n",
}

// noRegistry answers nothing, and no image.
type noRegistry struct{}

func (noRegistry) Login(context.Context, registry.Registry, registry.Credential, *registry.Image) (registry.Login, error) {
	return registry.Login{}, registry.Failure(registry.Refused, "refuses")
}

func (noRegistry) Ask(_ context.Context, questions []registry.Question) []registry.Answer {
	return make([]registry.Answer, len(questions))
}

// noDefinitions is an account without task definitions.
type noDefinitions struct{}

func (noDefinitions) ListTaskDefinitionFamilies(context.Context, *ecs.ListTaskDefinitionFamiliesInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	return &ecs.ListTaskDefinitionFamiliesOutput{}, nil
}

func (noDefinitions) DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	return nil, errors.New("there is none")
}

// lookedAt is all that rotate-secret answers, publishes and logs about a secret
// with this value and one other tag, in a look and in each step of a rotation.
func lookedAt(t *testing.T, value string, tags map[string]string) string {
	t.Helper()
	all := map[string]string{rotation.RegistryTag: "registry.example.com", rotation.DriverTag: "htpasswd", htpasswd.LocationTag: "s3://acme/registry/htpasswd"}
	maps.Copy(all, tags)
	const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/registry-AbCdEf"
	secrets := rotationtest.New(arn, "prod/registry", value, all)
	secrets.Begin("version-1")
	function := rotation.New(rotation.Settings{}, rotation.Clients{
		Secrets: secrets, Registries: noRegistry{}, Images: noRegistry{}, Definitions: noDefinitions{}, Configs: &registrytest.ObjectStore{},
		Drivers: map[string]registry.Driver{htpasswd.Name: htpasswd.New(&registrytest.ObjectStore{}, rand.NewChaCha8([32]byte{}), htpasswd.Limits{})},
	}, time.Now)
	var answers strings.Builder
	for _, payload := range []string{`{"secret":"` + arn + `"}`, `{"Step":"createSecret","SecretId":"` + arn + `","ClientRequestToken":"version-1"}`, `{"Step":"testSecret","SecretId":"` + arn + `","ClientRequestToken":"version-1"}`} {
		text, err := json.Marshal(function.Handle(t.Context(), []byte(payload)).Report())
		if err != nil {
			t.Fatal(err)
		}
		answers.Write(text)
	}
	return answers.String()
}

// taggedSecret is an account with one secret, whose tags a person wrote.
type taggedSecret struct{ tags map[string]string }

func (s taggedSecret) ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error) {
	entry := secrettypes.SecretListEntry{
		ARN: aws.String("arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/registry-AbCdEf"), Name: aws.String("prod/registry"),
	}
	for key, value := range s.tags {
		entry.Tags = append(entry.Tags, secrettypes.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	return &secretsmanager.ListSecretsOutput{SecretList: []secrettypes.SecretListEntry{entry}}, nil
}

// judgedBeside gives what is found at somebody else's definition, whose images
// the secret may serve or not.
func judgedBeside(t *testing.T, tags map[string]string) []finding.Finding {
	t.Helper()
	all := map[string]string{taskdef.TagRegistry: "registry.example.com"}
	maps.Copy(all, tags)
	listed, err := taskdef.NewSecretList(taggedSecret{all}, time.Now).Afresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	observed := taskdef.Observation{Secrets: listed, Definition: &ecstypes.TaskDefinition{
		Family: aws.String("neighbour"),
		ContainerDefinitions: []ecstypes.ContainerDefinition{
			{Name: aws.String("web"), Image: aws.String("registry.example.com/acme/web:1"), Memory: aws.Int32(64)},
			{Name: aws.String("other"), Image: aws.String("other.example.com/acme/web:1"), Memory: aws.Int32(64)},
		},
	}}
	findings := taskdef.Settings{}.Plan(observed).Findings
	if len(findings) == 0 {
		t.Fatal("nothing is said of an image that no secret serves")
	}
	return findings
}

// TestNoFieldShowsASecret puts secrets of every shape into every field of task
// definitions, variables of ecs.config, environment files, user data, registry
// secrets, tags and actors.
func TestNoFieldShowsASecret(t *testing.T) {
	from := rand.New(rand.NewPCG(2026, 11))
	inputs, shown := 0, 0
	hold := func(what, shape string, secret [2]string, output string) {
		t.Helper()
		inputs++
		hidden := secret[1]
		if hidden == "" {
			hidden = secret[0]
		}
		var planted canary.Set
		planted.PlantWhole(shape, hidden)
		if seen := planted.Search(what, output); len(seen) > 0 {
			if shown++; shown <= 20 {
				t.Errorf("%v", seen[0])
			}
		}
	}
	report := func(findings []finding.Finding) string {
		text, err := json.Marshal(findings)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}

	var document any
	if err := json.Unmarshal([]byte(definition), &document); err != nil {
		t.Fatal(err)
	}
	for _, path := range fields(document) {
		last := fmt.Sprint(path[len(path)-1])
		if slices.Contains(named, last) {
			continue
		}
		for shape, secret := range secrets(from) {
			for _, format := range []string{"text", "json"} {
				var output, complaints bytes.Buffer
				taskfile.Command(nil, func(context.Context) *taskdef.Observer { return nil }, &complaints).Run(t.Context(),
					[]string{"--format", format, "--file", "-", "--secret", "registry.example.com=arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/registry-AbCdEf"},
					bytes.NewReader(with(t, []byte(definition), path, secret[0])), &output, &complaints)
				// Behind the findings is the change of the file itself.
				findings, _, _ := strings.Cut(output.String(), "\n1 file: ")
				hold(fmt.Sprint("the task definition's ", path, " as ", format), shape, secret, complaints.String()+findings)
			}
		}
	}
	for _, variable := range ecsconfig.Catalogue() {
		forms := []string{"%s"}
		if variable.Type == ecsconfig.StringList || variable.Type == ecsconfig.StringMap {
			// The fix writes these again, with the quotes and brackets that they lack.
			forms = append(forms, `[%s]`, `["%s",]`, `['%s']`, `{a:%s}`, `{"a":"%s",}`, `a=%s`, `[{"Key":"a","Value":"%s"}]`, `{"a":1,"b":"%s"}`)
		}
		for _, form := range forms {
			for shape, secret := range secrets(from) {
				line := fmt.Appendf(nil, "%s="+form+"\n", variable.Name, secret[0])
				hold("ecs.config's "+variable.Name+"="+form, shape, secret, report(ecsconfig.Parse(line).Judge())+string(ecsconfig.Mask(line)))
			}
		}
	}
	for _, line := range []string{"%s\n", "A=%s\n", "export A=%s\n", "A='%s'\n", "%s=x\n", "# %s\n", "ECS_CLUSTER=%s\n"} {
		for shape, secret := range secrets(from) {
			text := []byte(fmt.Sprintf(line, secret[0]))
			hold("an environment file's "+line, shape, secret, report(environmentfile.Judge(text)))
		}
	}
	for _, key := range []string{"aws:cloudformation:stack-name", "copilot-application", "pulumi:project", "elasticbeanstalk:environment-name", "ManagedBy"} {
		for shape, secret := range secrets(from) {
			if strings.ContainsAny(secret[0], "{:?") {
				hold("the tag "+key, shape, secret, owner.Recognize(owner.Evidence{Tags: map[string]string{key: secret[0]}}).String())
			}
		}
	}
	for _, tag := range []string{taskdef.TagRegistry, taskdef.TagFamilies, taskdef.TagPublicImages, optout.Tag, "team"} {
		for shape, secret := range secrets(from) {
			for _, text := range []string{secret[0], secret[0] + "@registry.example.com", "registry.example.com/" + secret[0]} {
				hold("a registry secret's tag "+tag+", at a neighbour's definition", shape, secret, report(judgedBeside(t, map[string]string{tag: text})))
			}
		}
	}
	for kind, text := range userData {
		for shape, secret := range secrets(from) {
			if strings.ContainsAny(secret[0], `"'`) && strings.Contains(text, `"%s"`) {
				// It would end the text that it is put into.
				continue
			}
			read := userdata.Read([]byte(fmt.Sprintf(text, secret[0])), userdata.Options{})
			hold("user data, "+kind, shape, secret, report(read.Judge())+string(read.Mask()))
		}
	}
	for _, value := range []string{`{"username":%q,"password":"x"}`, `{"username":"x","password":%q}`, `{"login":%q}`, `{"username":"x","password":"y","note":%q}`, `{%q:"x"}`, `[%q]`, `%q`, `%s`} {
		for shape, secret := range secrets(from) {
			hold("a registry secret's value "+value, shape, secret, lookedAt(t, fmt.Sprintf(value, secret[0]), nil))
		}
	}
	for _, tag := range []string{
		rotation.RegistryTag, rotation.DriverTag, rotation.ImageTag, rotation.AdminTag, rotation.GraceTag, rotation.MaintenanceTag, rotation.ConfigTag, rotation.FamiliesTag, rotation.ExpiresTag,
		htpasswd.LocationTag, "team",
	} {
		for shape, secret := range secrets(from) {
			hold("a registry secret's tag "+tag, shape, secret, lookedAt(t, `{"username":"x","password":"y"}`, map[string]string{tag: secret[0]}))
		}
	}
	t.Logf("%d inputs, %d shown", inputs, shown)
	if inputs < 1000 {
		t.Errorf("only %d inputs", inputs)
	}
}
