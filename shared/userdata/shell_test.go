package userdata_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata"
)

var update = flag.Bool("update", false, "rewrite what bash makes of the scripts")

// scripts are scripts as people write them, each beside the ecs.config that bash
// makes of it on a machine that has none.
func scripts(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/shell/*.sh")
	if err != nil || len(names) < 90 {
		t.Fatalf("%d scripts: %v", len(names), err)
	}
	return names
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// unknownIn are the scripts with something that only a run of them tells, and
// perhapsIn those in which something depends on what the image has.
var (
	unknownIn = map[string]bool{"jq": true, "read-backslash": true, "trap-and-or": true}
	perhapsIn = map[string]bool{"grep-or-append": true, "trap-and-or": true}
)

// TestScriptsDoWhatBashDoes holds the reader against bash, byte for byte.
func TestScriptsDoWhatBashDoes(t *testing.T) {
	for _, name := range scripts(t) {
		base := strings.TrimSuffix(filepath.Base(name), ".sh")
		t.Run(base, func(t *testing.T) {
			source := readFile(t, name)
			configuration := userdata.Read([]byte(source), userdata.Options{})
			got := configuration.Content()
			pattern := strings.ReplaceAll(regexp.QuoteMeta(got), "\ue000", ".*")
			want := readFile(t, strings.TrimSuffix(name, ".sh")+".config")
			if strings.Contains(got, "\ue000") != unknownIn[base] || !regexp.MustCompile("^"+pattern+"$").MatchString(want) {
				t.Errorf("got %q, want %q", got, want)
			}
			lines := strings.Count(source, "\n") + 1
			for _, setting := range configuration.Settings() {
				if setting.Condition > 0 && !perhapsIn[base] || setting.Line < 1 || setting.Line > lines {
					t.Errorf("%s is on line %d under the condition on line %d", setting.Variable, setting.Line, setting.Condition)
				}
			}
		})
	}
}

// TestExpectationsAreBashs runs the scripts, with other paths, and compares what
// they write with what is expected above.
func TestExpectationsAreBashs(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("Windows has no bash to hold the expectations against; every other system that these tests run on has")
		}
		t.Fatalf("bash is needed, which tests/run itself is written in: %v", err)
	}
	for _, name := range scripts(t) {
		root := t.TempDir()
		for path, content := range map[string]string{
			"bin/sudo": "while [[ $1 == -* ]]; do shift; done\nenv -i \"PATH=$PATH\" \"HOME=$HOME\" \"$@\"\n", "bin/yum": "", "bin/systemctl": "", "bin/curl": "", "bin/logger": "cat >/dev/null\n", "bin/jq": "echo '{}'\n",
			"etc/ecs/ecs.config": "", "tmp/x": "", "var/log/x": "", "dev/console": "",
		} {
			path = filepath.Join(root, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("#!"+bash+"\n"+content), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		config := filepath.Join(root, "etc/ecs/ecs.config")
		if err := os.Truncate(config, 0); err != nil {
			t.Fatal(err)
		}
		script := regexp.MustCompile(`/(etc/ecs|tmp|var/log|dev/console)`).ReplaceAllString(readFile(t, name), root+"/$1")
		cmd := exec.Command(bash, "-c", script)
		cmd.Dir, cmd.Env = root, []string{"PATH=" + filepath.Join(root, "bin") + ":/usr/bin:/bin", "HOME=" + root, "LC_ALL=C"}
		cmd.Stdin = bytes.NewReader(nil)
		output, _ := cmd.CombinedOutput() // some of them fail on purpose
		got := strings.ReplaceAll(readFile(t, config), root, "")
		expected := strings.TrimSuffix(name, ".sh") + ".config"
		if *update {
			if err := os.WriteFile(expected, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want := readFile(t, expected); got != want {
			t.Errorf("%s: bash makes %q, but %q is expected\n%s", name, got, want, output)
		}
	}
}
