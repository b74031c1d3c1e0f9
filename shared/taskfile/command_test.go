package taskfile

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/exitcode"
)

const shopSecret = "--secret=registry.example.com=arn:aws:secretsmanager:us-east-1:123456789012:secret:shop-AbCdEf"

// write makes files below a new directory, and gives it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestDirectoriesAndPatterns: of a directory, files with definitions are judged,
// and others are passed over, unless they are called as definitions are.
func TestDirectoriesAndPatterns(t *testing.T) {
	const definition = `{"family": "a", "containerDefinitions": [{"name": "a", "image": "nginx", "memory": 64}]}`
	dir := write(t, map[string]string{
		"infra/web.json": definition, "infra/deep/er/main.tf": "resource \"aws_ecs_task_definition\" \"a\" {\n  family = \"a\"\n  container_definitions = jsonencode([{ name = \"a\", image = \"nginx\", memory = 64 }])\n}\n",
		"infra/copilot/api/manifest.yml": "name: api\ntype: Backend Service\nimage:\n  location: nginx\n", "infra/template.yaml": "Resources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      Family: a\n      ContainerDefinitions:\n        - {Name: a, Image: nginx, Memory: 64}\n",
		"infra/package.json": `{"name": "x"}`, "infra/docker-compose.yml": "services:\n  a:\n    image: nginx\n", "infra/other.tf": "variable \"x\" {}\n",
		"infra/README.md": definition, "infra/node_modules/x/taskdef.json": definition, "infra/.git/taskdef.json": definition, "infra/values.yaml": "image: nginx\n",
		"broken/taskdef.json": "{", "nothing/package.json": "{}",
	})
	for name, test := range map[string]struct {
		args   []string
		code   int
		judged []string
	}{
		"a directory":                {[]string{"infra"}, exitcode.OK, []string{"infra/copilot/api/manifest.yml", "infra/deep/er/main.tf", "infra/template.yaml", "infra/web.json"}},
		"a pattern":                  {[]string{"infra/*.json"}, exitcode.Findings, []string{"infra/package.json", "infra/web.json"}},
		"a file among others":        {[]string{"infra/docker-compose.yml", "infra/web.json"}, exitcode.OK, []string{"infra/docker-compose.yml", "infra/web.json"}},
		"a broken definition":        {[]string{"broken"}, exitcode.Findings, []string{"broken/taskdef.json"}},
		"a directory without any":    {[]string{"nothing"}, exitcode.CouldNotRun, nil},
		"a file that is not there":   {[]string{"infra/web.json", "none.json"}, exitcode.CouldNotRun, []string{"infra/web.json"}},
		"standard input":             {[]string{"-"}, exitcode.OK, []string{"stdin"}},
		"standard input and a file":  {[]string{"--file", "-", "infra/web.json"}, exitcode.OK, []string{"stdin", "infra/web.json"}},
		"after two hyphens":          {[]string{"--", "infra/web.json"}, exitcode.OK, []string{"infra/web.json"}},
		"options behind the files":   {[]string{"infra/web.json", "--fail-on", "never"}, exitcode.OK, []string{"infra/web.json"}},
		"an unknown severity":        {[]string{"infra/web.json", "--fail-on", "info"}, exitcode.CouldNotRun, nil},
		"a format that is not known": {[]string{"infra/web.json", "--format", "xml"}, exitcode.CouldNotRun, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(dir)
			var stdout, stderr bytes.Buffer
			args := append([]string{shopSecret}, test.args...)
			if !slices.Contains(args, "--format") {
				args = append([]string{"--format", "json"}, args...)
			}
			code := command(args, nil, nowhere, strings.NewReader(definition), &stdout, &stderr)
			var report struct{ Results []struct{ Subject string } }
			if stdout.Len() > 0 {
				if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
					t.Fatalf("%v in %s", err, &stdout)
				}
			}
			var judged []string
			for _, result := range report.Results {
				judged = append(judged, filepath.ToSlash(result.Subject))
			}
			if code != test.code || !slices.Equal(judged, test.judged) {
				t.Errorf("exit code %d, judged %q; want %d, %q\n%s", code, judged, test.code, test.judged, &stderr)
			}
		})
	}
}

// TestWrittenFilesAreClean: --write changes each file that it can, and the
// second run has nothing to say about them.
func TestWrittenFilesAreClean(t *testing.T) {
	const role = `"executionRoleArn": "arn:aws:iam::123456789012:role/exec"`
	dir := write(t, map[string]string{
		"a.json": "{\n  // the shop\n  \"family\": \"a\",\n  " + role + ",\n  \"containerDefinitions\": [\n    {\"name\": \"a\", \"image\": \"registry.example.com/a:1\", \"memory\": 64},\n  ]\n}\n",
		"b.yaml": "family: b\nexecutionRoleArn: arn:aws:iam::123456789012:role/exec\ncontainerDefinitions:\n  - name: b\n    image: registry.example.com/b:1 # pinned\n    memory: 64\n",
		"c.tf":   "resource \"aws_ecs_task_definition\" \"c\" {\n  family             = \"c\"\n  execution_role_arn = aws_iam_role.exec.arn\n  container_definitions = jsonencode([\n    { name = \"c\", image = \"registry.example.com/c:${var.tag}\", memory = 64 },\n  ])\n}\n",
	})
	t.Chdir(dir)
	run := func(args ...string) (string, int) {
		var output bytes.Buffer
		code := command(append(args, shopSecret), nil, nowhere, strings.NewReader(""), &output, &output)
		return output.String(), code
	}
	if output, code := run("--write", "."); code != exitcode.Findings || strings.Count(output, "[credential-missing]") != 3 {
		t.Fatalf("exit code %d: %s", code, output)
	}
	if output, code := run("."); code != exitcode.OK || !strings.Contains(output, "3 files: 0 errors, 0 warnings, 0 info") {
		t.Errorf("the second run: exit code %d: %s", code, output)
	}
	for name, kept := range map[string]string{"a.json": "// the shop", "b.yaml": "# pinned", "c.tf": "${var.tag}"} {
		text, err := os.ReadFile(name)
		if err != nil || !bytes.Contains(text, []byte(kept)) || !bytes.Contains(text, []byte("shop-AbCdEf")) {
			t.Errorf("%s, %v: %s", name, err, text)
		}
	}
	for name, text := range map[string]string{
		"merged image":  "x-c: &c\n  memory: 64\n  image: registry.example.com/shop/base:1\nfamily: t\nexecutionRoleArn: arn:aws:iam::123456789012:role/e\ncontainerDefinitions:\n  - <<: *c\n    name: a\n  - name: b\n    <<: *c\n    image: registry.example.com/b:1\n",
		"all is merged": "x-c: &c\n  name: a\n  memory: 64\n  image: registry.example.com/shop/base:1\nfamily: t\nexecutionRoleArn: arn:aws:iam::123456789012:role/e\ncontainerDefinitions:\n  - <<: *c\n",
	} {
		if err := os.WriteFile("merged.yaml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if output, code := run("--write", "merged.yaml"); code != exitcode.Findings || !strings.Contains(output, "[credential-missing]") {
			t.Errorf("%s: exit code %d: %s", name, code, output)
		}
		output, code := run("merged.yaml")
		if clean := name == "merged image"; clean != (code == exitcode.OK) || clean == strings.Contains(output, "To change in its source") {
			t.Errorf("%s, the second run: exit code %d: %s", name, code, output)
		}
	}
	if output, code := run("--write", "-"); code != exitcode.CouldNotRun || !strings.Contains(output, "--write needs a file") {
		t.Errorf("--write of standard input: exit code %d: %s", code, output)
	}
}

func TestEvents(t *testing.T) {
	event, err := os.ReadFile("../../events/register-task-definition.json")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		string(event): true, `{"taskDefinition": "web:3"}`: true, `{"taskDefinitions": ["web"], "dry-run": true}`: true, `{"Records": []}`: true,
		`{"taskDefinition": {"containerDefinitions": []}}`: false, `{"containerDefinitions": []}`: false, `{"name": "x"}`: false, "services: {}": false, "": false, "{": false,
		`{"AWSEBDockerrunVersion": "1"}`: false,
	} {
		if got := IsEvent([]byte(text)); got != want {
			t.Errorf("%.60q is an event: %v, want %v", text, got, want)
		}
	}
}

// TestPlaces: a finding points at the field that it is about, in the file that
// people edit, and no line shows what may be a secret.
func TestPlaces(t *testing.T) {
	const shown = "hunter2-Zx9"
	for name, test := range map[string]struct {
		text   string
		places map[string]string // code: what stands at its place
	}{
		"JSON": {`{"family": "a", "networkMode": "awsvpc", "taskRoleArn": "arn:aws:iam::123456789012:policy/p",
 "containerDefinitions": [{"name": "a", "image": "nginx", "memory": 64, "environment": [{"name": "DB", "value": "` + shown + `"}],
  "secrets": [{"name": "OK", "valueFrom": "/ok"}, {"name": "DB", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:PROD_DB-AbCdEf:password"}],
  "portMappings": [{"containerPort": 1}, {"containerPort": 80, "hostPort": 8080}],
  "mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}], "dependsOn": [{"containerName": "gone", "condition": "START"}],
  "logConfiguration": {"logDriver": "awsfirelens"}}]}`,
			map[string]string{
				"role-invalid": `"taskRoleArn"`, "variable-defined-twice": `"name": "DB", "valueFrom"`, "secret-reference-invalid": `"valueFrom": "arn:aws:secretsmanager`,
				"port-mapping-invalid": `"hostPort": 8080`, "volume-unknown": `"sourceVolume"`, "dependency-unknown": `"containerName": "gone"`, "firelens-router-missing": `"logDriver"`,
			}},
		"YAML": {"family: a\nrequiresCompatibilities: [FARGATE]\nnetworkMode: bridge\ncpu: '256'\nmemory: '300'\ncontainerDefinitions:\n- name: a\n  image: nginx\n- name: a\n  image: nginx\n  privileged: true\n  essential: false\n  environment:\n  - {name: X, value: " + shown + "}\n",
			map[string]string{"network-mode-invalid": "networkMode", "fargate-size-invalid": "memory", "name-used-twice": "name: a\n  image: nginx\n  privileged", "fargate-field-unsupported": "privileged"}},
		"CloudFormation": {"Resources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      Family: a\n      Memory: 64\n      ContainerDefinitions:\n      - Name: a\n        Image: nginx\n        Secrets:\n        - Name: S\n          ValueFrom: !Sub 'arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:db-AbCdEf:password'\n        - Name: R\n          ValueFrom: !Sub '${DbSecret}:password'\n        - Name: OK\n          ValueFrom: !Sub '${DbSecret}:password::'\n        MountPoints:\n        - SourceVolume: gone\n          ContainerPath: /x\n",
			map[string]string{"secret-reference-invalid": "ValueFrom: !Sub 'arn:", "volume-unknown": "SourceVolume"}},
		"Terraform": {"resource \"aws_ecs_task_definition\" \"a\" {\n  family = \"a\"\n  memory = 64\n  task_role_arn = \"arn:aws:iam::1234567890123:role/r\"\n  container_definitions = jsonencode([{\n    name = \"a\"\n    image = \"nginx\"\n    environment = [{ name = \"X\", value = \"" + shown + "\" }]\n    secrets = [{ name = \"S\", valueFrom = \"${aws_secretsmanager_secret.db.arn}:password\" }]\n  }])\n}\n",
			map[string]string{"secret-reference-invalid": "valueFrom", "role-invalid": "task_role_arn"}},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			command([]string{"--format", "json", "-", shopSecret}, nil, nowhere, strings.NewReader(test.text), &stdout, &stderr)
			var report struct {
				Results []struct {
					Findings []struct {
						Code         string
						Line, Column int
					}
				}
			}
			if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
				t.Fatalf("%v: %s", err, &stderr)
			}
			lines := strings.SplitAfter(test.text, "\n")
			found := map[string]bool{}
			for _, f := range report.Results[0].Findings {
				want, known := test.places[f.Code]
				if !known || found[f.Code] {
					continue
				}
				found[f.Code] = true
				if at := strings.Join(lines[f.Line-1:], "")[f.Column-1:]; !strings.HasPrefix(at, want) {
					t.Errorf("%s points at %.50q, want %q", f.Code, at, want)
				}
			}
			for code := range test.places {
				if !found[code] {
					t.Errorf("%s is not found: %s", code, &stdout)
				}
			}
			stdout.Reset()
			command([]string{"-", shopSecret}, nil, nowhere, strings.NewReader(test.text), &stdout, &stderr)
			if strings.Contains(stdout.String(), shown) {
				t.Errorf("a value is shown: %s", &stdout)
			}
		})
	}
}

// TestModulesMakeTheirRole: a module without a role for the execution makes one.
func TestModulesMakeTheirRole(t *testing.T) {
	const module = "module \"a\" {\n  source = \"terraform-aws-modules/ecs/aws//modules/service\"\n%s  container_definitions = {\n    a = { image = \"registry.example.com/a:1\", memory = 64 }\n  }\n}\n"
	for setting, want := range map[string]string{"": "credential-missing", "  create_task_exec_iam_role = true\n": "credential-missing", "  create_task_exec_iam_role = false\n": "credential-missing execution-role-missing"} {
		if codes, said := codesOf(t, strings.Replace(module, "%s", setting, 1), shopSecret); strings.Join(codes, " ") != want {
			t.Errorf("%q: got %v, want %s\n%s", setting, codes, want, said)
		}
	}
}

func TestFilesOfOtherTools(t *testing.T) {
	for text, says := range map[string]string{
		"services:\n  web:\n    image: nginx\n":                  "Docker Compose",
		"name: x\nservices:\n  web:\n    build: .\n":             "Docker Compose",
		"apiVersion: v1\nkind: Pod\nspec: {}\n":                  "Kubernetes",
		"name: x\ntype: Static Site\n":                           "Copilot for a Static Site",
		"name: x\ntype: Request-Driven Web Service\n":            "Copilot for a Request-Driven Web Service",
		"on: push\njobs:\n  a:\n    runs-on: ubuntu\n":           "GitHub Actions",
		"version: 1\ntask_definition:\n  services: {}\n":         "Amazon ECS CLI",
		"name: x\nruntime: yaml\nresources:\n  a: {type: 'a:b'}": "Pulumi",
	} {
		codes, said := codesOf(t, text, shopSecret)
		if !slices.Equal(codes, []string{"file-format-other"}) || !strings.Contains(said, says) {
			t.Errorf("%q: %v %s", text, codes, said)
		}
	}
}
