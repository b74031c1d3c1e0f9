package rotation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/rotation"
	"ecsguardrails/shared/storedfile"
)

// commands is Systems Manager: it keeps what it is asked to run.
type commands struct {
	sent []*ssm.SendCommandInput
	// code is that of the error that it answers, or "".
	code string
}

func (c *commands) SendCommand(_ context.Context, in *ssm.SendCommandInput, _ ...func(*ssm.Options)) (*ssm.SendCommandOutput, error) {
	if c.code != "" {
		return nil, &smithy.OperationError{ServiceID: "SSM", OperationName: "SendCommand", Err: &smithy.GenericAPIError{Code: c.code, Message: "no", Fault: smithy.FaultClient}}
	}
	c.sent = append(c.sent, in)
	return &ssm.SendCommandOutput{Command: &types.Command{CommandId: aws.String(fmt.Sprintf("command-%d", len(c.sent)))}}, nil
}

// targets gives the files whose instances got a command.
func (c *commands) targets() (files []string) {
	for _, sent := range c.sent {
		files = append(files, sent.Targets[0].Values...)
	}
	slices.Sort(files)
	return files
}

// beforeFinish is a world in which three steps are done.
func beforeFinish(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.commands = &commands{}
	content := []byte(configFiles["dev-ecs.config"]("ci", canary))
	for _, key := range []string{"dev/ecs.config", "prod/ecs.config", "{{ssm:x}}/ecs.config", strings.Repeat("long/", 60) + "ecs.config"} {
		w.objects.Write(configBucket, key, content)
	}
	w.objects.Write(configBucket, "other/ecs.config", []byte("ECS_CLUSTER=other\n"))
	w.secrets.Begin(version1)
	for _, step := range rotation.Steps()[:3] {
		w.run(t, string(step), version1)
	}
	return w
}

func refreshed() []string {
	return []string{"s3://" + configBucket + "/dev/ecs.config", "s3://" + configBucket + "/prod/ecs.config"}
}

// TestRefresh sends a command for each file that a tag can name, and again
// where the step is repeated.
func TestRefresh(t *testing.T) {
	w := beforeFinish(t)
	result := w.run(t, "finishSecret", version1)
	if result.Status != finding.Compliant {
		t.Fatalf("got %+v", result)
	}
	if got := w.commands.targets(); !slices.Equal(got, refreshed()) {
		t.Errorf("refreshed %q", got)
	}
	sent := w.commands.sent[0]
	want := &ssm.SendCommandInput{
		DocumentName: aws.String("AWS-RunShellScript"), Comment: sent.Comment,
		Targets:        []types.Target{{Key: aws.String("tag:ecs-guardrails:config-object"), Values: refreshed()[:1]}},
		MaxConcurrency: aws.String("10%"), MaxErrors: aws.String("1"),
		Parameters: map[string][]string{
			"commands":         rotation.RefreshCommands(storedfile.Place{Bucket: configBucket, Key: "dev/ecs.config"}, "/etc/ecs"),
			"executionTimeout": {"300"},
		},
	}
	if difference := cmp.Diff(fmt.Sprintf("%+v", asJSON(t, want)), fmt.Sprintf("%+v", asJSON(t, sent))); difference != "" {
		t.Error(difference)
	}
	for i, action := range result.Actions[len(result.Actions)-2:] {
		if action.Kind != "SendCommand" || !action.Applied || !strings.HasSuffix(action.Summary, fmt.Sprintf("(command command-%d)", i+1)) {
			t.Errorf("got the action %+v", action)
		}
	}
	_, value := w.secrets.Staged("AWSCURRENT")
	username, password := credentialOf(t, value)
	for _, secret := range []string{canary, password, auth(username, password), auth("ci", canary)} {
		if strings.Contains(asJSON(t, w.commands.sent), secret) {
			t.Error("a command holds a credential")
		}
	}
	if result := w.run(t, "finishSecret", version1); result.Status != finding.Compliant || len(w.commands.sent) != 4 {
		t.Errorf("repeated: %d commands, %+v", len(w.commands.sent), result)
	}
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRefreshOnlyWhereItIsWanted(t *testing.T) {
	w := beforeFinish(t)
	sent := w.commands
	w.commands = nil
	if result := w.run(t, "finishSecret", version1); result.Status != finding.Compliant || len(sent.sent) != 0 {
		t.Errorf("got %+v", result)
	}
	w = beforeFinish(t)
	w.function(finding.DryRun).Handle(t.Context(), stepEvent("finishSecret", version1))
	if len(w.commands.sent) != 0 {
		t.Error("a dry run sent a command")
	}
}

// TestRefreshFails leaves a rotation that is done but for the command, which
// the step's repetition sends.
func TestRefreshFails(t *testing.T) {
	for code, want := range map[string]string{"AccessDeniedException": "access-denied", "InvalidDocument": "call-refused", "ThrottlingException": "will-retry"} {
		t.Run(code, func(t *testing.T) {
			w := beforeFinish(t)
			w.commands.code = code
			if result := w.run(t, "finishSecret", version1); codes(result) != want || !result.HasError() {
				t.Errorf("got %+v", result)
			}
			if version, _ := w.secrets.Staged("AWSCURRENT"); version != version1 {
				t.Error("the new credential is not the current one")
			}
			w.commands.code = ""
			if result := w.run(t, "finishSecret", version1); result.Status != finding.Compliant || !slices.Equal(w.commands.targets(), refreshed()) {
				t.Errorf("repeated: %+v", result)
			}
		})
	}
}

// TestRefreshScript runs the script as Systems Manager does, in a folder that
// stands for /etc/ecs.
func TestRefreshScript(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Fatal(err)
	}
	const before = "# ours\nECS_CLUSTER=web\n ECS_ENGINE_AUTH_DATA={\"r\":{\"password\":\"old\"}}\nECS_ENGINE_AUTH_TYPE=docker\n"
	after := strings.Replace(before, "old", canary, 1)
	tests := map[string]struct {
		inBucket, onInstance string
		key                  string
		fails                bool
		want                 string
		restarts             bool
	}{
		"new credential":        {after, before, "ecs.config", false, after, true},
		"same file":             {after, after, "ecs.config", false, after, false},
		"more on the instance":  {after, before + "ECS_INSTANCE_ATTRIBUTES={}\n", "ecs.config", true, before + "ECS_INSTANCE_ATTRIBUTES={}\n", false},
		"another cluster":       {strings.Replace(after, "web", "batch", 1), before, "ecs.config", true, before, false},
		"no file on it":         {after, "", "ecs.config", true, "", false},
		"file has gone":         {"", before, "ecs.config", true, before, false},
		"a key of many letters": {after, before, "it's a $(touch x) `touch y`; é.config", false, after, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			folder, bucket, programs := t.TempDir(), t.TempDir(), t.TempDir()
			onInstance := filepath.Join(folder, "ecs.config")
			for path, content := range map[string]string{onInstance: test.onInstance, filepath.Join(bucket, test.key): test.inBucket} {
				if content != "" {
					write(t, path, content, 0o640)
				}
			}
			write(t, filepath.Join(programs, "aws"), "#!/bin/sh\n[ \"$AWS_DEFAULT_REGION $1 $2 $3\" = 'eu-west-1 s3 cp --only-show-errors' ] && exec cp \"$BUCKET/${4#s3://acme/}\" \"$5\"\n", 0o700)
			write(t, filepath.Join(programs, "systemctl"), "#!/bin/sh\necho \"$@\" >>\"$BUCKET/.systemctl\"\n", 0o700)
			script := strings.Join(rotation.RefreshCommands(storedfile.Place{Bucket: "acme", Key: test.key}, folder), "\n")
			command := exec.CommandContext(t.Context(), "sh", "-c", script)
			command.Dir = folder
			command.Env = []string{"PATH=" + programs + ":" + os.Getenv("PATH"), "BUCKET=" + bucket, "AWS_SSM_REGION_NAME=eu-west-1"}
			output, err := command.CombinedOutput()
			if (err != nil) != test.fails || strings.Contains(string(output), canary) {
				t.Errorf("ended with %v: %s", err, output)
			}
			if got, _ := os.ReadFile(onInstance); string(got) != test.want {
				t.Errorf("the file is %q", got)
			}
			if information, err := os.Stat(onInstance); err == nil && information.Mode().Perm() != 0o640 {
				t.Errorf("the file's mode is %v", information.Mode())
			}
			restarts, _ := os.ReadFile(filepath.Join(bucket, ".systemctl"))
			if want := map[bool]string{true: "try-restart ecs\n"}[test.restarts]; string(restarts) != want {
				t.Errorf("systemctl was asked for %q", restarts)
			}
			left, err := os.ReadDir(folder)
			if most := map[bool]int{true: 1}[test.want != ""]; err != nil || len(left) != most {
				t.Errorf("the folder holds %v, %v", left, err)
			}
		})
	}
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}
