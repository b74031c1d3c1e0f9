package userdata_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata"
)

// TestEveryCode has user data for each code, and its control: nearly the same user
// data, without the finding.
func TestEveryCode(t *testing.T) {
	const write = "echo ECS_CLUSTER=prod >> /etc/ecs/ecs.config\n"
	bash := func(lines string) string { return "#!/bin/bash\n" + lines }
	bottlerocket := func(lines string) string { return "[settings.ecs]\ncluster = \"prod\"\n" + lines }
	tests := map[string]struct{ text, control string }{
		"secret-in-user-data":          {bash(write + "export AWS_SECRET_ACCESS_KEY=" + canarySecret + "\n"), bash(write)},
		"config-overwritten":           {bash(write + "echo ECS_ENABLE_TASK_IAM_ROLE=true > /etc/ecs/ecs.config\n"), bash(write + "echo ECS_ENABLE_TASK_IAM_ROLE=true >> /etc/ecs/ecs.config\n")},
		"config-edited":                {bash("sed -i \"s/x/$(hostname)/\" /etc/ecs/ecs.config\n"), bash(write)},
		"config-from-elsewhere":        {bash("aws s3 cp s3://acme/ecs.config /etc/ecs/ecs.config\n"), bash(write)},
		"value-not-known":              {bash("echo ECS_CLUSTER=$(curl -s https://example.com/cluster) >> /etc/ecs/ecs.config\n"), bash(write)},
		"user-data-without-ecs":        {bash("echo hello\n"), bash(write)},
		"script-syntax":                {bash(write + "if true; then\n"), bash(write + "if true; then :; fi\n")},
		"cloud-config-invalid":         {"#cloud-config\nruncmd:\n - [ \"echo ECS_CLUSTER=prod >> /etc/ecs/ecs.config\"\n bad: [\n", "#cloud-config\nruncmd:\n - echo ECS_CLUSTER=prod >> /etc/ecs/ecs.config\n"},
		"template-not-read":            {"#cloud-config\n${extra}\nruncmd:\n bad: [\n", bash(write)},
		"bottlerocket-toml-invalid":    {bottlerocket("image-pull-behavior = once\n"), bottlerocket("image-pull-behavior = \"once\"\n")},
		"bottlerocket-setting-unknown": {bottlerocket("pull-behavior = \"once\"\n"), bottlerocket("image-pull-behavior = \"once\"\n")},
		"initialize-parameter-unknown": {"<powershell>\nInitialize-ECSAgent -Cluster prod -EnableTaskRoles\n</powershell>", "<powershell>\nInitialize-ECSAgent -Cluster prod -EnableTaskIAMRole\n</powershell>"},
		"environment-not-machine":      {"<powershell>\n$env:ECS_LOGLEVEL = \"debug\"\nInitialize-ECSAgent -Cluster prod\n</powershell>", "<powershell>\n[Environment]::SetEnvironmentVariable(\"ECS_LOGLEVEL\", \"debug\", \"Machine\")\nInitialize-ECSAgent -Cluster prod\n</powershell>"},
		"user-data-header-missing":     {write, bash(write)},
		"user-data-header-duplicate":   {bash("#cloud-config\n" + write), bash(write)},
		"user-data-leading-space":      {" " + bash(write), bash(write)},
		"json-quotes-removed":          {bash(write + "echo ECS_AVAILABLE_LOGGING_DRIVERS=[\"json-file\",\"awslogs\"] >> /etc/ecs/ecs.config\n"), bash(write + "echo 'ECS_AVAILABLE_LOGGING_DRIVERS=[\"json-file\",\"awslogs\"]' >> /etc/ecs/ecs.config\n")},
		"user-data-too-large":          {bash(write + "# " + strings.Repeat("x", 17<<10) + "\n"), bash(write + "# " + strings.Repeat("x", 10<<10) + "\n")},
	}
	has := func(text, code string) (found bool, all []finding.Finding) {
		all = userdata.Read([]byte(text), userdata.Options{Whole: true}).Judge()
		return slices.ContainsFunc(all, func(f finding.Finding) bool { return f.Code == code }), all
	}
	for _, code := range userdata.Codes() {
		test, ok := tests[code.Code]
		if !ok {
			t.Errorf("no user data for %s", code.Code)
			continue
		}
		found, all := has(test.text, code.Code)
		findingtest.Saw(all...)
		if !found {
			t.Errorf("%s is not among %+v", code.Code, all)
		}
		if found, all := has(test.control, code.Code); found {
			t.Errorf("the control of %s has %+v", code.Code, all)
		}
	}
}

func TestMessages(t *testing.T) { findingtest.Templates(t, userdata.Codes()) }

// TestMessagesOfMany says what a finding about several settings says.
func TestMessagesOfMany(t *testing.T) {
	const write = "echo ECS_CLUSTER=prod >> /etc/ecs/ecs.config\n"
	unknown := ""
	for _, name := range []string{"ECS_LOGLEVEL", "ECS_LOGFILE", "ECS_DATADIR", "ECS_CHECKPOINT", "ECS_RESERVED_MEMORY", "ECS_LOG_DRIVER"} {
		unknown += "echo " + name + "=$(curl -s https://example.com/" + name + ") >> /etc/ecs/ecs.config\n"
	}
	for script, want := range map[string]finding.Finding{
		write + unknown: {Code: "value-not-known", Severity: finding.Info,
			Message: "Can't check ECS_LOGLEVEL, because its value depends on $(curl …). The value of ECS_LOGFILE depends on $(curl …). The value of ECS_DATADIR depends on $(curl …). The value of ECS_CHECKPOINT depends on $(curl …). The value of ECS_RESERVED_MEMORY depends on $(curl …). The same is true of 1 other setting."},
		"echo ECS_LOGLEVEL=info >> /etc/ecs/ecs.config\n" + write + "echo ECS_LOGFILE=/log/x > /etc/ecs/ecs.config\n": {Code: "config-overwritten", Severity: finding.Error,
			Message: "This empties ecs.config, and loses settings written before: ECS_CLUSTER, ECS_LOGLEVEL."},
		"echo ECS_LOGLEVEL=info >> /etc/ecs/ecs.config\necho ECS_CLUSTER=prod > /etc/ecs/ecs.config\n": {Code: "config-overwritten", Severity: finding.Warning,
			Message: "This empties ecs.config, and loses settings written before: ECS_LOGLEVEL."},
	} {
		found := userdata.Read([]byte("#!/bin/bash\n"+script), userdata.Options{Whole: true}).Judge()
		if !slices.ContainsFunc(found, func(f finding.Finding) bool {
			return f.Code == want.Code && f.Severity == want.Severity && f.Message == want.Message
		}) {
			t.Errorf("%s\n%s isn't among %+v", script, want.Message, found)
		}
	}
}

// TestProcessEnvironment holds that a variable of the agent must be set for the
// machine, and that a script may use its own environment as it likes.
func TestProcessEnvironment(t *testing.T) {
	const code = "environment-not-machine"
	for script, want := range map[string]bool{
		`$env:ECS_CONTAINER_STOP_TIMEOUT = "2m"`:                                                                          true,
		`[Environment]::SetEnvironmentVariable("ECS_LOGLEVEL", "debug")`:                                                  true,
		`[Environment]::SetEnvironmentVariable("ECS_LOGLEVEL", "debug", "Process")`:                                       true,
		`[System.Environment]::SetEnvironmentVariable("ECS_LOGLEVEL", "debug", [System.EnvironmentVariableTarget]::User)`: true,
		`[Environment]::SetEnvironmentVariable("ECS_LOGLEVEL", "debug", "Machine")`:                                       false,
		`$env:HTTP_PROXY = "http://proxy.example.com:3128"`:                                                               false,
		"$env:ECS_NAME = \"x\"\nWrite-Output $env:ECS_NAME":                                                               false,
		"$env:ECS_LOGLEVEL = \"debug\"\n[Environment]::SetEnvironmentVariable(\"ECS_LOGLEVEL\", \"debug\", \"Machine\")":  false,
		`[Environment]::SetEnvironmentVariable("ECS_LOGLEVEL", "debug", $target)`:                                         false,
	} {
		found := userdata.Read([]byte("<powershell>\n"+script+"\nInitialize-ECSAgent -Cluster prod\n</powershell>"), userdata.Options{Whole: true}).Judge()
		if got := slices.ContainsFunc(found, func(f finding.Finding) bool { return f.Code == code }); got != want {
			t.Errorf("%s: %+v", script, found)
		}
	}
}

// TestUnexpandedByShell holds that the fix for a variable that the shell leaves
// alone is one for the shell.
func TestUnexpandedByShell(t *testing.T) {
	for _, script := range []string{
		"CLUSTER=prod\ncat > /etc/ecs/ecs.config << \"EOF\"\nECS_CLUSTER=$CLUSTER\nEOF\n",
		"CLUSTER=prod\necho 'ECS_CLUSTER=$CLUSTER' >> /etc/ecs/ecs.config\n",
	} {
		found := userdata.Read([]byte("#!/bin/bash\n"+script), userdata.Options{Whole: true}).Judge()
		if len(found) != 1 || found[0].Severity != finding.Error || !strings.Contains(found[0].Fix, "without quotes (<<EOF)") {
			t.Errorf("%s: %+v", script, found)
		}
	}
}

// TestPartsOfCloudConfigAreMerged as cloud-init merges them: a later list
// replaces an earlier one, unless the document says otherwise.
func TestPartsOfCloudConfigAreMerged(t *testing.T) {
	const (
		first   = "#cloud-config\nwrite_files:\n- path: /etc/ecs/ecs.config\n  content: |\n    ECS_CLUSTER=a\nruncmd:\n- echo ECS_LOGLEVEL=warn >> /etc/ecs/ecs.config\n"
		another = "#cloud-config\nwrite_files:\n- path: /etc/motd\n  content: hello\n"
		runs    = "#cloud-config\nruncmd: [[systemctl, start, docker]]\n"
		both    = "ECS_CLUSTER=a\nECS_LOGLEVEL=warn\n"
		appends = "merge_how:\n- name: list\n  settings: [append]\n- name: dict\n  settings: [no_replace, recurse_list]\n"
	)
	for name, test := range map[string]struct {
		header string
		parts  []string
		want   string
		lost   bool
	}{
		"one part":                  {"", []string{first}, both, false},
		"other keys":                {"", []string{first, "#cloud-config\npackages: [jq]\n"}, both, false},
		"other files":               {"", []string{first, another}, "ECS_LOGLEVEL=warn\n", true},
		"other commands":            {"", []string{first, runs}, "ECS_CLUSTER=a\n", true},
		"the files come later":      {"", []string{another, first}, both, false},
		"the same file":             {"", []string{first, "#cloud-config\nwrite_files:\n- path: /etc/ecs/ecs.config\n  content: ECS_CLUSTER=b\n"}, "ECS_CLUSTER=bECS_LOGLEVEL=warn\n", false},
		"the header appends":        {"Merge-Type: list(append)+dict(recurse_array)+str()\r\n", []string{first, another}, both, false},
		"Terraform's header":        {"X-Merge-Type: list(append)+dict(no_replace, recurse_list)+str()\r\n", []string{first, runs}, both, false},
		"the document appends":      {"", []string{first, another + appends}, both, false},
		"the document, in one line": {"", []string{first, runs + "merge_type: 'list(append)+dict(recurse_list)+str(append)'\n"}, both, false},
		"what is there stays":       {"Merge-Type: dict(no_replace)\r\n", []string{first, another}, both, false},
		"no merger for it":          {"Merge-Type: list(append)\r\n", []string{first, another}, "", false},
		"a merger in other words":   {"Merge-Type: append\r\n", []string{first}, "", false},
		"deferred":                  {"", []string{"#cloud-config\nwrite_files:\n- {path: /etc/ecs/ecs.config, content: 'ECS_CLUSTER=late', defer: true}\n- {path: /etc/ecs/ecs.config, content: 'ECS_CLUSTER=early'}\n"}, "ECS_CLUSTER=late", false},
	} {
		t.Run(name, func(t *testing.T) {
			var parts []string
			for _, part := range test.parts {
				parts = append(parts, test.header+"Content-Type: text/cloud-config\r\n\r\n"+part)
			}
			configuration := userdata.Read([]byte(archive(parts...)), userdata.Options{})
			if got := configuration.Content(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			lost := false
			for _, f := range configuration.Judge() {
				line := regexp.MustCompile(`^Add (merge_how: .*) to this document`).FindStringSubmatch(f.Fix)
				if line == nil || f.Code != "config-overwritten" || f.Severity != finding.Error {
					continue
				}
				lost = true
				parts[len(parts)-1] += line[1] + "\n"
				if cured := userdata.Read([]byte(archive(parts...)), userdata.Options{}); cured.Content() != both {
					t.Errorf("with the fix: %q", cured.Content())
				}
			}
			if lost != test.lost {
				t.Errorf("told: %+v", configuration.Judge())
			}
		})
	}
}
