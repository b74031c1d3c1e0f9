// Package pipelines runs what pipelines run: the entries of the pre-commit hooks,
// and the steps of the composite action, as pre-commit and GitHub do.
package pipelines

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var checkout = func() string {
	path, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return path
}()

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(checkout, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// repository makes a directory with the files of a team: some with faults.
func repository(t *testing.T, files map[string]string) string {
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

// run runs a program and gives what it said, and its exit code.
func run(t *testing.T, dir string, environment []string, name string, args ...string) (string, int) {
	t.Helper()
	command := exec.Command(name, args...)
	command.Dir = dir
	// Nobody's credentials are found on the way.
	command.Env = append(os.Environ(), "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=")
	command.Env = append(command.Env, environment...)
	output, err := command.CombinedOutput()
	if command.ProcessState == nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(output), command.ProcessState.ExitCode()
}

const (
	goodDefinition = `{"family": "web", "containerDefinitions": [{"name": "web", "image": "nginx", "memory": 64}]}`
	badDefinition  = `{"family": "web", "containerDefinitions": [{"name": "web", "image": "nginx", "memory": 64,
  "secrets": [{"name": "PASSWORD", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf:password"}]}]}`
	goodConfig = "ECS_CLUSTER=prod\n"
	badConfig  = "ECS_CLUSTR=prod\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\n"
)

// TestHooks: pre-commit installs what the module's commands are (go install
// ./...), and runs a hook's entry with the names of the changed files that match.
func TestHooks(t *testing.T) {
	var hooks []struct{ ID, Entry, Language, Files string }
	read(t, ".pre-commit-hooks.yaml", &hooks)
	if len(hooks) != 2 {
		t.Fatalf("%d hooks", len(hooks))
	}
	programs := t.TempDir()
	for _, hook := range hooks {
		t.Run(hook.ID, func(t *testing.T) {
			entry := strings.Fields(hook.Entry)
			if hook.Language != "golang" {
				t.Fatalf("language %s", hook.Language)
			}
			// go install calls a command as its directory.
			if output, code := run(t, checkout, nil, "go", "build", "-o", filepath.Join(programs, entry[0]), "./functions/"+entry[0]); code != 0 {
				t.Fatalf("%s", output)
			}
			files := map[string]string{
				"ecs.config": goodConfig, "nodes/bad.ecs.config": badConfig, "user-data.sh": "#!/bin/bash\necho ECS_CLUSTER=prod >> /etc/ecs/ecs.config\n",
				"taskdef.json": goodDefinition, "deploy/bad.taskdef.json": badDefinition, "task-definition.yaml": "family: a\ncontainerDefinitions:\n- {name: a, image: nginx, memory: 64}\n",
				"ecs/web_task_definition.json": goodDefinition, "Dockerrun.aws.json": `{"AWSEBDockerrunVersion": "1"}`, "copilot/api/manifest.yml": "name: api\ntype: Backend Service\nimage: {location: nginx}\n",
				"package.json": "{}", "src/main.go": "package main\n", "config": "x", "README.md": "# taskdef.json\n",
			}
			dir := repository(t, files)
			pattern := regexp.MustCompile(hook.Files)
			var good, bad []string
			for name := range files {
				switch {
				case !pattern.MatchString(name):
				case strings.Contains(name, "bad"):
					bad = append(bad, name)
				default:
					good = append(good, name)
				}
			}
			slices.Sort(good)
			if want := map[string]int{"ecs-config": 2, "ecs-task-definition": 5}[hook.ID]; len(bad) != 1 || len(good) != want || slices.Contains(good, "package.json") {
				t.Fatalf("the hook is for %v and %v", good, bad)
			}
			program, options := filepath.Join(programs, entry[0]), entry[1:]
			if output, code := run(t, dir, nil, program, append(slices.Clone(options), good...)...); code != 0 {
				t.Errorf("good files: exit code %d: %s", code, output)
			}
			output, code := run(t, dir, nil, program, append(slices.Clone(options), append(good, bad...)...)...)
			if code != 1 || !strings.Contains(output, bad[0]+":") || !strings.Contains(output, "error: ") {
				t.Errorf("a bad file among them: exit code %d: %s", code, output)
			}
		})
	}
}

// TestAction runs the shell steps of the composite action with the environment
// that GitHub gives them.
func TestAction(t *testing.T) {
	var action struct {
		Inputs map[string]struct{ Default string }
		Runs   struct {
			Using string
			Steps []struct {
				Uses, Shell, Run string
				Env              map[string]string
			}
		}
	}
	read(t, "action.yml", &action)
	if action.Runs.Using != "composite" {
		t.Fatalf("it uses %s", action.Runs.Using)
	}
	dir := repository(t, map[string]string{
		"ecs.config": goodConfig, "nodes/bad.ecs.config": badConfig, "deploy/good.json": goodDefinition, "deploy/bad.json": badDefinition, "deploy/with space.json": goodDefinition,
		"private.json": `{"family": "web", "executionRoleArn": "arn:aws:iam::123456789012:role/exec", "containerDefinitions": [{"name": "web", "image": "registry.example.com/web", "memory": 64}]}`,
	})
	expression := regexp.MustCompile(`\$\{\{\s*([^}]*?)\s*\}\}`)
	act := func(t *testing.T, inputs map[string]string) (said string, code int) {
		value := func(text string) string {
			return expression.ReplaceAllStringFunc(text, func(found string) string {
				name := expression.FindStringSubmatch(found)[1]
				if input, isInput := strings.CutPrefix(name, "inputs."); isInput {
					declared, known := action.Inputs[input]
					if !known {
						t.Errorf("the action has no input %s", input)
					}
					if given, ok := inputs[input]; ok {
						return given
					}
					return declared.Default
				}
				if name != "github.action_path" {
					t.Errorf("%s isn't known to the test", name)
				}
				return checkout
			})
		}
		steps := 0
		for _, step := range action.Runs.Steps {
			if step.Run == "" {
				if !strings.HasPrefix(step.Uses, "actions/") {
					t.Errorf("a step uses %s", step.Uses)
				}
				continue
			}
			steps++
			if step.Shell != "bash" {
				t.Errorf("the shell is %q", step.Shell)
			}
			var environment []string
			for name, text := range step.Env {
				environment = append(environment, name+"="+value(text))
			}
			// GitHub runs it so (workflow syntax, jobs.<job_id>.steps[*].shell).
			output, exit := run(t, dir, environment, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", value(step.Run))
			said, code = said+output, max(code, exit)
		}
		if steps == 0 {
			t.Fatal("the action runs nothing")
		}
		return said, code
	}
	const secret = "registry.example.com=arn:aws:secretsmanager:us-east-1:123456789012:secret:shop-AbCdEf"
	for name, test := range map[string]struct {
		inputs map[string]string
		code   int
		says   []string
		not    string
	}{
		// Each run builds the programs that it needs, so there are few.
		"nothing":         {map[string]string{}, 0, nil, "::error"},
		"good files":      {map[string]string{"task-definitions": "deploy/good.json\ndeploy/with space.json\n"}, 0, nil, "::error"},
		"several faults":  {map[string]string{"ecs-config": "**/*.ecs.config", "task-definitions": "deploy/*.json"}, 1, []string{"::error file=nodes/bad.ecs.config,line=", "::error file=deploy/bad.json,line=2,", "valueFrom"}, "good.json"},
		"never failing":   {map[string]string{"task-definitions": "private.json", "secrets": secret, "fail-on": "never"}, 0, []string{"::error file=private.json,line=1,", "registry.example.com/web"}, ""},
		"a wrong secret":  {map[string]string{"task-definitions": "private.json", "secrets": "nonsense"}, 2, []string{"REGISTRY=ARN"}, "::error"},
		"text of a shell": {map[string]string{"task-definitions": "$(touch pwned)\n`touch pwned`\n;touch pwned"}, 2, []string{"no such file"}, "::error"},
	} {
		t.Run(name, func(t *testing.T) {
			said, code := act(t, test.inputs)
			if code != test.code || test.not != "" && strings.Contains(said, test.not) {
				t.Errorf("exit code %d, want %d: %s", code, test.code, said)
			}
			for _, says := range test.says {
				if !strings.Contains(said, says) {
					t.Errorf("it doesn't say %q: %s", says, said)
				}
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
		t.Error("an input was run by the shell")
	}
}
