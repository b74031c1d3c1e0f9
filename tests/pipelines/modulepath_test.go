package pipelines

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestModulePath: a fork writes its own address with one command, and what is
// left builds.
func TestModulePath(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git, by which make module-path finds the files")
	}
	fork := t.TempDir()
	for _, name := range []string{"Makefile", "go.mod", "shared/secret/secret.go", "tests/pipelines/modulepath_test.go"} {
		text, err := os.ReadFile(filepath.Join(checkout, name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(fork, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := strings.TrimSpace(shell(t, fork, "go list -m"))
	command := "package main\n\nimport \"" + address + "/shared/secret\"\n\nfunc main() { println(secret.New(\"\").String()) }\n\n// See https://" + address + "-docs.\n"
	if err := os.WriteFile(filepath.Join(fork, "main.go"), []byte(command), 0o600); err != nil {
		t.Fatal(err)
	}
	shell(t, fork, "git init -q && git add .")

	if output, code := run(t, fork, nil, "make", "module-path"); code == 0 || !strings.Contains(output, "make module-path TO=github.com/acme/ecs-guardrails") {
		t.Errorf("without an address: exit code %d: %s", code, output)
	}
	shell(t, fork, "make module-path TO=git.example.com/team/guardrails")
	if now := strings.TrimSpace(shell(t, fork, "go list -m")); now != "git.example.com/team/guardrails" {
		t.Errorf("the module is %s", now)
	}
	shell(t, fork, "go build -o "+os.DevNull+" .")
	left := shell(t, fork, "git grep -hF "+address)
	if strings.Count(left, "\n") != 1 || !strings.Contains(left, address+"-docs") {
		t.Errorf("the former address is left, or another was taken for it:\n%s", left)
	}
}

func shell(t *testing.T, dir, command string) string {
	t.Helper()
	output, code := run(t, dir, []string{"GOFLAGS=-mod=mod", "GOPROXY=off"}, "sh", "-c", command)
	if code != 0 {
		t.Fatalf("%s: exit code %d: %s", command, code, output)
	}
	return output
}
