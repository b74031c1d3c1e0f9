package localfile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/localfile"
)

const canary = "hunter-canary"

func run(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errors bytes.Buffer
	code = localfile.Command().Run(context.Background(), args, strings.NewReader(stdin), &out, &errors)
	return code, out.String(), errors.String()
}

func write(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRun(t *testing.T) {
	write(t, map[string]string{
		"ecs.config":       "ECS_CLUSTER=prod\n",
		"warns.config":     "ECS_CLUSTER=prod\nECS_LOGLEVEL=verbose\n",
		"bad.config":       "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"docker.io\":{\"username\":\"ci\",\"password\":\"" + canary + "\"}}\n",
		"web.env":          "export PASSWORD=" + canary + "\n",
		"web.txt":          "PASSWORD=" + canary + "\n",
		"huge.config":      strings.Repeat("#\n", 1<<21+1),
		"user-data.sh":     "#!/bin/bash\nexport DB_PASSWORD=" + canary + "\necho ECS_CLUSTER=prod >> /etc/ecs/ecs.config\necho ECS_LOGLEVEL=verbose >> /etc/ecs/ecs.config\n",
		"secret.sh":        "#!/bin/bash\nP=" + canary + "\necho ECS_ENGINE_AUTH_DATA='{\"r.io\":{\"username\":\"u\",\"password\":\"'$P'\"}}' >> /etc/ecs/ecs.config\n",
		"none.tf":          "resource \"aws_vpc\" \"main\" {\n}\n",
		"broken.tf":        "resource {{{\n",
		"event.json":       `{"bucket":"a","key":"ecs.config"}`,
		"tree/ecs.config":  "ECS_CLUSTER=prod\n",
		"tree/userdata.sh": "#!/bin/bash\necho ECS_CLUSTER= > /etc/ecs/ecs.config\n",
		"tree/web.yaml":    "services: {}\n",
		"tree/readme.md":   "ECS_CLUSTR=prod\n",
	})
	tests := map[string]struct {
		args                  string
		stdin                 string
		code                  int
		stdout, stderr, never string
	}{
		"fine":                      {args: "ecs.config", code: 0, stdout: "1 file: 0 errors, 0 warnings, 0 info"},
		"with the flag":             {args: "--file ecs.config", code: 0, stdout: "1 file: 0 errors, 0 warnings, 0 info"},
		"a warning is no error":     {args: "--file warns.config", code: 0, stdout: "warns.config:2:14: warning: "},
		"an error":                  {args: "--file bad.config", code: 1, stdout: "  3 | ECS_ENGINE_AUTH_DATA={\"docker.io\":{\"username\":****,"},
		"SARIF describes the rule":  {args: "--format=sarif --file=bad.config", code: 1, stdout: `"ruleId": "auth-docker-hub-key"`},
		"environment file":          {args: "--file web.env", code: 0, stdout: "environment-name-malformed"},
		"environment file by kind":  {args: "--kind environment --file web.txt", code: 1, stdout: "web.txt: error: "},
		"environment file as other": {args: "--kind config --file web.env", code: 0, stdout: "[name-malformed]"},
		"standard input":            {args: "--file -", stdin: "ecs_cluster=x\n", code: 1, stdout: "stdin:1:1: error: "},
		"a script on stdin":         {args: "-", stdin: "#!/bin/sh\necho ECS_CLUSTER= > /etc/ecs/ecs.config\n", stdout: "[cluster-empty]", code: 1},
		"environment on stdin":      {args: "--kind environment --file -", stdin: "A=\"b\"\n", code: 0, stdout: "environment-value-quoted"},
		"too large":                 {args: "--file huge.config", code: 2, stderr: "larger than 4 MiB"},
		"unknown kind":              {args: "--file ecs.config --kind yaml", code: 2, stderr: `"yaml" is unknown`},
		"user data":                 {args: "user-data.sh", code: 0, stdout: "  4 | echo ECS_LOGLEVEL=verbose >> /etc/ecs/e"},
		"a secret in user data":     {args: "secret.sh", code: 1, stdout: "secret.sh:2:3: error: A registry password is written out in user data."},
		"its line is blotted out":   {args: "secret.sh", code: 1, stdout: "2 | P=****"},
		"no user data":              {args: "none.tf", code: 0, stdout: "1 file: 0 errors, 0 warnings, 0 info"},
		"no Terraform":              {args: "broken.tf ecs.config", code: 2, stderr: "broken.tf", stdout: "1 file"},
		"a directory":               {args: "tree", code: 1, stdout: "3 files: 1 error", never: "readme"},
		"explain":                   {args: "--explain user-data.sh", code: 0, stdout: "cluster: prod  # line 3\n"},
		"explain an ecs.config":     {args: "--explain ecs.config", code: 0, stdout: "cluster: prod  # line 1\n"},
		"explain an error":          {args: "--explain bad.config", code: 0, stdout: "registries: docker.io (user ***)  # line 3\n"},
		"explain a default":         {args: "--explain -", stdin: "ECS_LOGLEVEL=warn\n", code: 0, stdout: "cluster: default  # default\n"},
		"explain environment":       {args: "--explain web.env", code: 2, stderr: "it is an environment file of tasks"},
		"explain no user data":      {args: "--explain none.tf", code: 2, stderr: "no user data is in it"},
		"explain two":               {args: "--explain ecs.config user-data.sh", code: 0, stdout: "\n# user-data.sh\n"},
		"explain has no SARIF":      {args: "--explain --format sarif ecs.config", code: 2, stderr: "use text or json"},
		"help lists the names":      {args: "--help", code: 0, stdout: "cluster                        ECS_CLUSTER"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(t, test.stdin, strings.Fields(test.args)...)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) {
				t.Errorf("stdout %s\nstderr %s", stdout, stderr)
			}
			if test.never != "" && strings.Contains(stdout+stderr, test.never) {
				t.Errorf("it says %q", test.never)
			}
			if strings.Contains(stdout+stderr, canary) {
				t.Error("the secret is shown")
			}
		})
	}
}

func TestJSONHoldsEveryFile(t *testing.T) {
	code, stdout, _ := run(t, "ECS_CLUSTER=\n", "--file", "-", "--format", "json")
	var report finding.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err)
	}
	if code != 1 || len(report.Results) != 1 || report.Results[0].Subject != "stdin" || report.Results[0].Check() != nil {
		t.Errorf("exit code %d, %+v", code, report)
	}
}

type explained struct {
	Value     any
	Unknown   string
	Line      int
	Default   bool
	Condition int `json:"condition_line"`
}

func TestExplainJSON(t *testing.T) {
	tests := map[string]struct {
		content string
		want    map[string]explained
	}{
		"ecs.config": {"ECS_CLUSTER=prod\nAWS_DEFAULT_REGION=eu-west-1\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"r.io\":{\"username\":\"ci-bot\",\"password\":\"" + canary + "\"}}\nECS_RESERVED_MEMORY=64\nECS_RESERVED_PORTS=[22,8080]\nECS_ENABLE_TASK_ENI=true\n", map[string]explained{
			"cluster": {Value: "prod", Line: 1}, "region": {Value: "eu-west-1", Line: 2}, "reserved_memory": {Value: 64.0, Line: 5},
			"reserved_ports": {Value: []any{22.0, 8080.0}, Line: 6}, "task_eni": {Value: true, Line: 7}, "stop_timeout": {Value: "30s", Default: true},
			"registries": {Value: []any{map[string]any{"registry": "r.io", "user": "c***"}}, Line: 4},
		}},
		"the agent refuses a value": {"ECS_CLUSTER=prod\nECS_RESERVED_MEMORY=lots\n", map[string]explained{
			"reserved_memory": {Value: 0.0, Line: 2, Default: true}, "file": {Value: "stdin"}, "form": {Value: "ecs.config"},
		}},
		"a template": {"ECS_CLUSTER=${CLUSTER}\n", map[string]explained{"cluster": {Unknown: "depends on ${CLUSTER}", Line: 1}}},
		"shell": {"#!/bin/bash\nNAME=web\necho ECS_CLUSTER=$NAME-$ENV >> /etc/ecs/ecs.config\necho AWS_DEFAULT_REGION=$REGION >> /etc/ecs/ecs.config\n[ -f /x ] && echo ECS_LOGLEVEL=warn >> /etc/ecs/ecs.config\n", map[string]explained{
			"cluster": {Unknown: "depends on ${ENV}", Line: 3}, "region": {Unknown: "depends on ${REGION}", Line: 4}, "log_level": {Value: "warn", Line: 5, Condition: 5},
		}},
		"a comment after a value": {"ECS_CLUSTER=prod # blue\n", map[string]explained{"cluster": {Value: "prod ***", Line: 1}}},
		"a test and its else":     {"#!/bin/bash\nE=prod\n[ $E = prod ] && L=warn || L=debug\necho ECS_LOGLEVEL=$L >> /etc/ecs/ecs.config\n", map[string]explained{"log_level": {Value: "warn", Line: 4}}},
		"from S3": {"#!/bin/bash\naws s3 cp s3://acme/ecs.config /etc/ecs/ecs.config\n", map[string]explained{
			"cluster": {Unknown: "depends on s3://acme/ecs.config", Line: 2}, "drivers": {Unknown: "depends on s3://acme/ecs.config", Line: 2},
		}},
		"Windows": {"<powershell>\nInitialize-ECSAgent -Cluster win -EnableTaskIAMRole\n</powershell>\n", map[string]explained{
			"cluster": {Value: "win", Line: 2}, "task_iam_role": {Value: true, Line: 2}, "form": {Value: "PowerShell script"},
		}},
		"a secret in the wrong place": {"ECS_CLUSTER=prod\nECS_INSTANCE_ATTRIBUTES={\"password\":\"" + canary + "\"}\nHTTP_PROXY=http://u:" + canary + "@proxy:3128\n", map[string]explained{
			"attributes": {Value: "***", Line: 2}, "http_proxy": {Value: "***", Line: 3},
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(t, test.content, "--explain", "--format", "json", "-")
			var got map[string]json.RawMessage
			if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
				t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
			}
			for key, want := range test.want {
				var entry explained
				if err := json.Unmarshal(got[key], &entry); err != nil {
					t.Fatalf("%s: %v in %s", key, err, stdout)
				}
				expected, _ := json.Marshal(want)
				if shown, _ := json.Marshal(entry); string(shown) != string(expected) {
					t.Errorf("%s: got %s, want %s", key, shown, expected)
				}
			}
			if strings.Contains(stdout+stderr, canary) {
				t.Error("the secret is shown")
			}
		})
	}
}

func TestFix(t *testing.T) {
	tests := map[string]struct{ name, before, after string }{
		"nothing to fix":       {"ecs.config", "ECS_CLUSTER=prod\n", "ECS_CLUSTER=prod\n"},
		"a name":               {"ecs.config", "ECS_CLUSTER=prod\nexport ECS_LOGLEVEL=info\n", "ECS_CLUSTER=prod\nECS_LOGLEVEL=info\n"},
		"a final newline":      {"ecs.config", "ECS_CLUSTER=prod", "ECS_CLUSTER=prod\n"},
		"a byte order mark":    {"ecs.config", "\ufeffECS_CLUSTER=prod\n", "ECS_CLUSTER=prod\n"},
		"what isn't certain":   {"ecs.config", "ECS_CLUSTER=prod\nECS_RESERVED_MEMORY=lots\n", "ECS_CLUSTER=prod\nECS_RESERVED_MEMORY=lots\n"},
		"quotes of the shell":  {"user-data.sh", "#!/bin/bash\necho ECS_CLUSTER=prod >> /etc/ecs/ecs.config\necho ECS_AVAILABLE_LOGGING_DRIVERS=[\"json-file\",\"awslogs\"] >> /etc/ecs/ecs.config\n", "#!/bin/bash\necho ECS_CLUSTER=prod >> /etc/ecs/ecs.config\necho 'ECS_AVAILABLE_LOGGING_DRIVERS=[\"json-file\",\"awslogs\"]' >> /etc/ecs/ecs.config\n"},
		"braces of the shell":  {"user-data.sh", "#!/bin/bash\necho ECS_CLUSTER=prod >> /etc/ecs/ecs.config\necho ECS_INSTANCE_ATTRIBUTES={\"a\":\"b\",\"c\":\"d\"} >> /etc/ecs/ecs.config\n", "#!/bin/bash\necho ECS_CLUSTER=prod >> /etc/ecs/ecs.config\necho 'ECS_INSTANCE_ATTRIBUTES={\"a\":\"b\",\"c\":\"d\"}' >> /etc/ecs/ecs.config\n"},
		"a line of a heredoc":  {"user-data.sh", "#!/bin/bash\ncat <<EOF > /etc/ecs/ecs.config\nECS_CLUSTER=prod\nexport ECS_LOGLEVEL=info\nEOF\n", "#!/bin/bash\ncat <<EOF > /etc/ecs/ecs.config\nECS_CLUSTER=prod\nECS_LOGLEVEL=info\nEOF\n"},
		"space at the start":   {"user-data.sh", "\n #!/bin/bash\necho ECS_CLUSTER=prod >> /etc/ecs/ecs.config\n", "#!/bin/bash\necho ECS_CLUSTER=prod >> /etc/ecs/ecs.config\n"},
		"cloud-config":         {"cloud-config.yaml", "#cloud-config\nwrite_files:\n- path: /etc/ecs/ecs.config\n  content: |\n    ECS_CLUSTER=prod\n    export ECS_LOGLEVEL=info\n", "#cloud-config\nwrite_files:\n- path: /etc/ecs/ecs.config\n  content: |\n    ECS_CLUSTER=prod\n    ECS_LOGLEVEL=info\n"},
		"a CloudFormation one": {"stack.yaml", "Resources:\n  A:\n    Type: AWS::EC2::Instance\n    Properties:\n      UserData:\n        Fn::Base64: !Sub |\n          #!/bin/bash\n          echo ECS_CLUSTER=${C} >> /etc/ecs/ecs.config\n          echo export ECS_LOGLEVEL=info >> /etc/ecs/ecs.config\n", "Resources:\n  A:\n    Type: AWS::EC2::Instance\n    Properties:\n      UserData:\n        Fn::Base64: !Sub |\n          #!/bin/bash\n          echo ECS_CLUSTER=${C} >> /etc/ecs/ecs.config\n          echo ECS_LOGLEVEL=info >> /etc/ecs/ecs.config\n"},
		"base64 stays":         {"user-data.b64", "IyEvYmluL2Jhc2gKZWNobyBleHBvcnQgRUNTX0NMVVNURVI9c2hvcCA+PiAvZXRjL2Vjcy9lY3MuY29uZmlnCg==\n", "IyEvYmluL2Jhc2gKZWNobyBleHBvcnQgRUNTX0NMVVNURVI9c2hvcCA+PiAvZXRjL2Vjcy9lY3MuY29uZmlnCg==\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			write(t, map[string]string{test.name: test.before})
			_, shown, _ := run(t, "", "--diff", test.name)
			if content, _ := os.ReadFile(test.name); string(content) != test.before {
				t.Fatal("--diff changes the file")
			}
			_, fixed, stderr := run(t, "", "--fix", test.name)
			content, err := os.ReadFile(test.name)
			if err != nil || string(content) != test.after {
				t.Errorf("%v, got %q, want %q; %s", err, content, test.after, stderr)
			}
			if shown != fixed || (shown == "") != (test.before == test.after) {
				t.Errorf("--diff shows %q, --fix %q", shown, fixed)
			}
			if _, again, _ := run(t, "", "--fix", test.name); again != "" {
				t.Errorf("the second run changes the file: %s", again)
			}
			if _, piped, _ := run(t, test.after, "--fix", "-"); test.name == "ecs.config" && piped != test.after {
				t.Errorf("standard input becomes %q", piped)
			}
		})
	}
}

// TestFixShowsNoSecret: the diff's context may hold one.
func TestFixShowsNoSecret(t *testing.T) {
	write(t, map[string]string{"ecs.config": "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"r.io\":{\"username\":\"u\",\"password\":\"" + canary + "\"}}\nexport ECS_LOGLEVEL=info\n"})
	code, stdout, stderr := run(t, "", "--fix", "ecs.config")
	if code != 0 || !strings.Contains(stdout, "+ECS_LOGLEVEL=info") || strings.Contains(stdout+stderr, canary) {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if content, _ := os.ReadFile("ecs.config"); !strings.Contains(string(content), canary) {
		t.Error("the secret is gone from the file")
	}
}

// TestTerraformReadsNoFileElsewhere: who writes a file of Terraform need not be
// allowed to read every file of the machine that checks it.
func TestTerraformReadsNoFileElsewhere(t *testing.T) {
	outside := t.TempDir()
	script := "#!/bin/bash\necho ECS_CLUSTER=outside >> /etc/ecs/ecs.config\n"
	if err := os.WriteFile(filepath.Join(outside, "user-data.sh"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	tf := func(path string) string {
		return "resource \"aws_instance\" \"a\" {\n  user_data = file(\"" + path + "\")\n}\n"
	}
	write(t, map[string]string{"infra/user-data.sh": strings.Replace(script, "outside", "inside", 1), "infra/main.tf": tf("user-data.sh"), "infra/deep/main.tf": tf("../user-data.sh"), "infra/absolute.tf": tf(outside + "/user-data.sh"), "infra/up.tf": tf("../../" + filepath.Base(outside) + "/user-data.sh")})
	for name, want := range map[string]string{"infra/main.tf": "cluster: inside", "infra/deep/main.tf": "cluster: inside", "infra/absolute.tf": "", "infra/up.tf": ""} {
		_, stdout, _ := run(t, "", "--explain", name)
		if !strings.Contains(stdout, want) || strings.Contains(stdout, "outside") {
			t.Errorf("%s: %s", name, stdout)
		}
	}
}

func TestIsEvent(t *testing.T) {
	for content, want := range map[string]bool{
		`{"bucket":"a","key":"b"}`: true, `{"objects":[]}`: true, `{"Records":[]}`: true, `{"detail-type":"x"}`: true,
		`{"Resources":{}}`: false, `{"ECS_CLUSTER":"x"}`: false, "ECS_CLUSTER=x": false, "": false, `[1]`: false,
	} {
		if got := localfile.IsEvent([]byte(content)); got != want {
			t.Errorf("%s: %v", content, got)
		}
	}
}

func FuzzJudge(f *testing.F) {
	names, err := filepath.Glob("testdata/shapes/*")
	if err != nil || len(names) == 0 {
		f.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(filepath.Ext(name), content)
	}
	f.Fuzz(func(t *testing.T, extension string, content []byte) {
		switch extension {
		case ".tf", ".yaml", ".json", ".sh", ".tpl", ".ps1", ".toml", ".txt", ".config":
		default:
			extension = ".sh"
		}
		name := filepath.Join(t.TempDir(), "file"+extension)
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, mode := range []string{"--fail-on=never", "--explain", "--diff"} {
			if code, stdout, stderr := run(t, "", mode, name); code == 1 && mode == "--fail-on=never" {
				t.Errorf("%s%s", stdout, stderr)
			}
		}
	})
}
