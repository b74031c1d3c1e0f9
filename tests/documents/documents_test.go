package documents

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ecs-guardrails/ecs-guardrails/tests/cost"
	"github.com/ecs-guardrails/ecs-guardrails/tests/samconfig"
	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

var update = flag.Bool("update", false, "write what is generated into the documents")

// checkout gives the root of the repository and its template.
func checkout(t *testing.T) (string, *samtemplate.Template) {
	t.Helper()
	root, err := stack.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	template, err := samtemplate.Load(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return root, template
}

// holds compares a part of a document with what it should be, or writes it.
func holds(t *testing.T, root, document, name, want string) {
	t.Helper()
	path := filepath.Join(root, document)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	written, err := between(string(content), name, want)
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	if written == string(content) {
		return
	}
	if *update {
		if err := os.WriteFile(path, []byte(written), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s is not what it is made from says (make update writes it; -document +source):\n%s", document,
		cmp.Diff(strings.Split(string(content), "\n"), strings.Split(written, "\n")))
}

func TestSettings(t *testing.T) {
	root, template := checkout(t)
	for _, parameter := range template.Parameters() {
		if parameter.Group == "" || parameter.Description == "" || !parameter.HasDefault {
			t.Errorf("the parameter %s lacks a group, a description or a default", parameter.Name)
		}
	}
	holds(t, root, "docs/settings.md", "settings", settings(template))
}

func TestCost(t *testing.T) {
	root, template := checkout(t)
	rendered, err := template.Render(nil, "aws", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	bill := cost.Bill(rendered)
	holds(t, root, "docs/cost.md", "cost", cost.Table(bill))
	holds(t, root, "docs/cost.md", "accounts and regions", cost.Multiplied(cost.Sum(bill)))
	content, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("about $%.2f a month in a busy account", cost.Sum(bill)); !strings.Contains(string(content), want) {
		t.Errorf("README.md does not say: %s", want)
	}
}

func TestRenamedParameters(t *testing.T) {
	root, _ := checkout(t)
	holds(t, root, "CHANGELOG.md", "renamed parameters", samconfig.Table())
}

// TestAllowIsExplained: each word that Allow takes has a row in the settings.
func TestAllowIsExplained(t *testing.T) {
	root, template := checkout(t)
	content, err := os.ReadFile(filepath.Join(root, "docs", "settings.md"))
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(template.Parameters(), func(of samtemplate.Parameter) bool { return of.Name == "Allow" })
	_, list, _ := strings.Cut(template.Parameters()[at].Pattern, "none|(")
	list, _, _ = strings.Cut(list, ")")
	allowed := strings.Split(list, "|")
	for _, word := range allowed {
		if !strings.Contains(string(content), "\n| `"+word+"`") {
			t.Errorf("docs/settings.md does not say what Allow=%s allows", word)
		}
	}
	if len(allowed) < 9 {
		t.Errorf("Allow takes %q", allowed)
	}
}

func TestPermissions(t *testing.T) {
	root, template := checkout(t)
	var all strings.Builder
	for _, function := range functions {
		statements := template.Permissions(function.role)
		if len(statements) == 0 {
			t.Errorf("%s may do nothing", function.name)
		}
		for _, statement := range statements {
			for _, action := range statement.Actions {
				if action.Why == "" {
					t.Errorf("template.yaml does not say, in a comment before it, why %s may %s (%s)", function.name, action.Name, statement.SID)
				}
			}
		}
		table := permissions(statements)
		holds(t, root, "functions/"+function.name+"/README.md", "permissions", table)
		all.WriteString("\n## " + function.name + "\n\n" + table)
	}
	holds(t, root, "docs/permissions.md", "permissions", all.String()+"\n")
}

func TestFindings(t *testing.T) {
	root, _ := checkout(t)
	codes, err := documentedCodes(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(codes) < 400 {
		t.Fatalf("only %d codes", len(codes))
	}
	holds(t, root, "docs/findings.md", "findings", findings(codes))
	catalogued, err := catalogueDocument(codes)
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]string{"shared/catalogue/catalogue.json": string(catalogued)}
	for name, of := range codes {
		wanted["docs/findings/"+name+".md"] = page(of)
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs", "findings", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pages {
		if _, ok := wanted["docs/findings/"+filepath.Base(path)]; ok {
			continue
		}
		if !*update {
			t.Errorf("%s is the page of no code (make update deletes it)", path)
		} else if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
	for document, want := range wanted {
		path := filepath.Join(root, document)
		// A page that is missing is one that differs.
		if content, err := os.ReadFile(path); err == nil && string(content) == want {
			continue
		}
		if !*update {
			t.Errorf("%s is not what the codes say (make update writes it)", document)
		} else if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Error(err)
		}
	}
}

func TestLinks(t *testing.T) {
	root, _ := checkout(t)
	files, err := Files(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 12 {
		t.Errorf("only %q", files)
	}
	for _, document := range files {
		broken, err := brokenLinks(root, document)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range broken {
			t.Errorf("%s links to %s, which is not there", document, target)
		}
	}
}

// TestBlocks asks for what the blocks that are no commands must be.
func TestBlocks(t *testing.T) {
	root, _ := checkout(t)
	files, err := Files(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range files {
		blocks, err := Blocks(root, document)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range blocks {
			where := fmt.Sprintf("%s:%d", document, block.Line)
			switch block.Language {
			case "sh", "text", "mermaid", "logs-insights", "powershell", "yaml":
			case "json":
				if !json.Valid([]byte(block.Text)) {
					t.Errorf("%s is no JSON", where)
				}
			case "bash":
				check := exec.Command("bash", "-n")
				check.Stdin = strings.NewReader(block.Text)
				if output, err := check.CombinedOutput(); err != nil {
					t.Errorf("%s is no script: %s", where, output)
				}
			default:
				t.Errorf("%s has a block of the language %q: write sh for commands, bash for scripts, text for the rest", where, block.Language)
			}
		}
	}
}

func TestEvents(t *testing.T) {
	root, _ := checkout(t)
	samples, err := Samples(root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "events", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, ok := samples[filepath.Base(file)]; !ok {
			t.Errorf("events/README.md does not report %s", filepath.Base(file))
		}
	}
	for name, function := range samples {
		if _, err := os.Stat(filepath.Join(root, "events", name)); err != nil {
			t.Errorf("events/README.md reports %s: %v", name, err)
		}
		if !slices.ContainsFunc(functions, func(of struct{ name, role string }) bool { return of.name == function }) {
			t.Errorf("events/README.md has %s for %q, which is no function", name, function)
		}
	}
}

// TestUserData runs the scripts that copy ecs.config, with a root, a package
// manager, an AWS CLI and a service manager that are stubs.
func TestUserData(t *testing.T) {
	root, _ := checkout(t)
	blocks, err := Blocks(root, "docs/instances.md")
	if err != nil {
		t.Fatal(err)
	}
	scripts := 0
	for _, block := range blocks {
		if block.Language != "bash" {
			continue
		}
		scripts++
		for name, test := range map[string]struct {
			failures int
			// uninstalled counts how often the package manager fails before it installs
			// the AWS CLI, -1 where the image has it.
			uninstalled int
			copied      bool
		}{
			"at once":                            {0, -1, true},
			"after the role got its policies":    {3, -1, true},
			"never":                              {1000, -1, false},
			"after the CLI was installed":        {0, 0, true},
			"after the mirrors answered at last": {0, 2, true},
			"without any mirror":                 {0, 1000, false},
		} {
			t.Run(block.Heading+" "+name, func(t *testing.T) {
				folder := t.TempDir()
				programs := filepath.Join(folder, "bin")
				home := programs
				if test.uninstalled >= 0 {
					home = filepath.Join(folder, "packages")
				}
				stub(t, home, "aws", fmt.Sprintf(`echo "$@" >> %[1]s/aws.log
[ $(wc -l < %[1]s/aws.log) -gt %[2]d ] || exit 1
echo ECS_CLUSTER=web > "${@: -1}"`, folder, test.failures))
				for _, manager := range []string{"dnf", "yum"} {
					stub(t, programs, manager, fmt.Sprintf(`echo "$@" >> %[1]s/packages.log
[ $(wc -l < %[1]s/packages.log) -gt %[2]d ] || exit 1
cp %[3]s/aws %[4]s/`, folder, test.uninstalled, home, programs))
				}
				stub(t, programs, "systemctl", "echo \"$@\" >> "+folder+"/systemctl.log")
				stub(t, programs, "sleep", "")
				script := exec.Command("bash", "-s")
				script.Stdin = strings.NewReader(strings.ReplaceAll(block.Text, "/etc/ecs", folder+"/ecs"))
				script.Env = []string{"PATH=" + programs + ":" + linked(t, filepath.Join(folder, "machine"), "seq", "mkdir", "mv", "cp", "wc")}
				output, err := script.CombinedOutput()
				content, readErr := os.ReadFile(filepath.Join(folder, "ecs", "ecs.config"))
				_, stoppedErr := os.Stat(filepath.Join(folder, "systemctl.log"))
				if !test.copied {
					if err == nil || readErr == nil || stoppedErr != nil {
						t.Errorf("without the file the agent was not kept from starting: %s", output)
					}
					return
				}
				if err != nil || string(content) != "ECS_CLUSTER=web\n" || stoppedErr == nil {
					t.Fatalf("%v: %s", err, output)
				}
				if info, err := os.Stat(filepath.Join(folder, "ecs", "ecs.config")); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("others may read the file: %v", info.Mode())
				}
				calls, err := os.ReadFile(filepath.Join(folder, "aws.log"))
				if err != nil || !strings.Contains(string(calls), "--region eu-west-1 s3://acme-ecs-config/prod/ecs.config") {
					t.Errorf("%v: %s", err, calls)
				}
			})
		}
	}
	if scripts != 2 {
		t.Errorf("%d scripts", scripts)
	}
}

// linked makes a folder of this machine's programs of these names, and of no
// others: it may have an AWS CLI anywhere.
func linked(t *testing.T, folder string, names ...string) string {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		program, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(program, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// stub makes a program of a line of shell.
func stub(t *testing.T, folder, name, line string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/bash\n"+line+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestCommandsAreRead(t *testing.T) {
	root := t.TempDir()
	text := "# A\n```sh\nmake demo   # a remark\n# only a remark\n\naws x '#1'\n```\n1. b\n\n   ```text\n   no command\n   ```\n\n   ```sh\n   sam y\n   ```\n"
	if err := os.WriteFile(filepath.Join(root, "README.md"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	blocks, err := Blocks(root, "README.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, block := range blocks {
		for _, command := range block.Commands() {
			got = append(got, command.String())
		}
	}
	want := []string{"README.md:3: make demo", "README.md:6: aws x '#1'", "README.md:15: sam y"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := os.WriteFile(filepath.Join(root, "README.md"), []byte("```sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Blocks(root, "README.md"); err == nil {
		t.Error("an open fence was taken")
	}
}
