package rotation_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/storedfile"
)

// instance is one that a cluster has.
type instance struct {
	id       string
	ping     types.PingStatus
	platform types.PlatformType
	// registered is when it joined the cluster; zero stands for start.
	registered time.Time
}

// commands is Systems Manager, and ECS with its clusters: it keeps what it is
// asked to run.
type commands struct {
	sent []*ssm.SendCommandInput
	// code is that of the error that it answers to SendCommand, or "".
	code string
	now  func() time.Time
	// status is how commands end, failed on how many of 40 instances.
	status types.CommandStatus
	failed int32
	// clusters are the instances by the cluster's name, denied those that may not be
	// listed.
	clusters map[string][]instance
	denied   map[string]bool
	// history are the commands that ListCommands answers, the oldest first.
	history []types.Command
}

func (c *commands) SendCommand(_ context.Context, in *ssm.SendCommandInput, _ ...func(*ssm.Options)) (*ssm.SendCommandOutput, error) {
	code := c.code
	if len(in.InstanceIds) > 50 || (len(in.InstanceIds) > 0) == (len(in.Targets) > 0) {
		code = "ValidationException"
	}
	for _, id := range in.InstanceIds {
		if !slices.ContainsFunc(c.all(), func(i instance) bool { return i.id == id && i.ping == types.PingStatusOnline }) {
			code = "InvalidInstanceId"
		}
	}
	if code != "" {
		return nil, &smithy.OperationError{ServiceID: "SSM", OperationName: "SendCommand", Err: &smithy.GenericAPIError{Code: code, Message: "no", Fault: smithy.FaultClient}}
	}
	c.sent = append(c.sent, in)
	command := types.Command{
		CommandId: aws.String(fmt.Sprintf("command-%d", len(c.sent))), Comment: in.Comment, RequestedDateTime: aws.Time(c.now()),
		Status: cmp.Or(c.status, types.CommandStatusSuccess), TargetCount: 40, ErrorCount: c.failed,
	}
	c.history = append(c.history, command)
	return &ssm.SendCommandOutput{Command: &command}, nil
}

func (c *commands) all() []instance { return slices.Concat(slices.Collect(maps.Values(c.clusters))...) }

// ListCommands answers two to a page.
func (c *commands) ListCommands(_ context.Context, in *ssm.ListCommandsInput, _ ...func(*ssm.Options)) (*ssm.ListCommandsOutput, error) {
	after, err := time.Parse(time.RFC3339, *in.Filters[0].Value)
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(slices.Clone(c.history), func(command types.Command) bool { return command.RequestedDateTime.Before(after) })
	start, _ := strconv.Atoi(aws.ToString(in.NextToken))
	output := &ssm.ListCommandsOutput{Commands: found[start:min(start+2, len(found))]}
	if start+2 < len(found) {
		output.NextToken = aws.String(strconv.Itoa(start + 2))
	}
	return output, nil
}

func (c *commands) DescribeInstanceInformation(_ context.Context, in *ssm.DescribeInstanceInformationInput, _ ...func(*ssm.Options)) (*ssm.DescribeInstanceInformationOutput, error) {
	if len(in.Filters[0].Values) > 50 {
		return nil, &smithy.GenericAPIError{Code: "ValidationException", Fault: smithy.FaultClient}
	}
	output := &ssm.DescribeInstanceInformationOutput{}
	for _, instance := range c.all() {
		if slices.Contains(in.Filters[0].Values, instance.id) && instance.ping != "" {
			output.InstanceInformationList = append(output.InstanceInformationList, types.InstanceInformation{
				InstanceId: aws.String(instance.id), PingStatus: instance.ping, PlatformType: cmp.Or(instance.platform, types.PlatformTypeLinux),
			})
		}
	}
	return output, nil
}

// ListContainerInstances answers 100 to a page.
func (c *commands) ListContainerInstances(_ context.Context, in *ecs.ListContainerInstancesInput, _ ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error) {
	instances, ok := c.clusters[*in.Cluster]
	if c.denied[*in.Cluster] {
		return nil, &smithy.OperationError{ServiceID: "ECS", OperationName: "ListContainerInstances", Err: &smithy.GenericAPIError{Code: "AccessDeniedException", Message: canary, Fault: smithy.FaultClient}}
	}
	if !ok {
		return nil, &smithy.OperationError{ServiceID: "ECS", OperationName: "ListContainerInstances", Err: &smithy.GenericAPIError{Code: "ClusterNotFoundException", Fault: smithy.FaultClient}}
	}
	start, _ := strconv.Atoi(aws.ToString(in.NextToken))
	output := &ecs.ListContainerInstancesOutput{}
	for _, instance := range instances[start:min(start+100, len(instances))] {
		output.ContainerInstanceArns = append(output.ContainerInstanceArns, "arn/"+instance.id)
	}
	if start+100 < len(instances) {
		output.NextToken = aws.String(strconv.Itoa(start + 100))
	}
	return output, nil
}

func (c *commands) DescribeContainerInstances(_ context.Context, in *ecs.DescribeContainerInstancesInput, _ ...func(*ecs.Options)) (*ecs.DescribeContainerInstancesOutput, error) {
	output := &ecs.DescribeContainerInstancesOutput{}
	for _, arn := range in.ContainerInstances {
		id := strings.TrimPrefix(arn, "arn/")
		described := ecstypes.ContainerInstance{Ec2InstanceId: &id, RegisteredAt: aws.Time(start)}
		for _, instance := range c.all() {
			if instance.id == id && !instance.registered.IsZero() {
				described.RegisteredAt = &instance.registered
			}
		}
		output.ContainerInstances = append(output.ContainerInstances, described)
	}
	return output, nil
}

// targets gives whose instances got a command.
func (c *commands) targets() (files []string) {
	for _, sent := range c.sent {
		for _, target := range sent.Targets {
			files = append(files, target.Values...)
		}
	}
	slices.Sort(files)
	return files
}

// inCluster has a file name a cluster.
func inCluster(cluster string) []byte {
	return []byte("ECS_CLUSTER=" + cluster + "\n" + configFiles["dev-ecs.config"]("ci", canary))
}

// beforeFinish is a world in which three steps are done.
func beforeFinish(t *testing.T, refreshing rotation.Refreshing) *world {
	t.Helper()
	w := newWorld(t)
	w.refreshing, w.commands = refreshing, &commands{now: func() time.Time { return w.now() }}
	w.objects.Now = func() time.Time { return w.now() }
	for _, key := range []string{"dev/ecs.config", "prod/ecs.config"} {
		w.objects.Write(configBucket, key, []byte(configFiles["dev-ecs.config"]("ci", canary)))
	}
	w.objects.Write(configBucket, "other/ecs.config", []byte("ECS_CLUSTER=other\n"))
	w.begun(t)
	return w
}

// begun makes the first three calls of a rotation.
func (w *world) begun(t *testing.T) {
	t.Helper()
	w.secrets.Begin(version1)
	for _, step := range rotation.Steps()[:3] {
		w.run(t, string(step), version1)
	}
}

func refreshed() []string {
	return []string{"s3://" + configBucket + "/dev/ecs.config", "s3://" + configBucket + "/prod/ecs.config"}
}

// TestRefresh sends a command for each file, and again where the step is repeated.
func TestRefresh(t *testing.T) {
	w := beforeFinish(t, rotation.RefreshTagged)
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
			"commands":         rotation.RefreshCommands([]storedfile.Place{{Bucket: configBucket, Key: "dev/ecs.config"}}, true, "/etc/ecs"),
			"executionTimeout": {"300"},
		},
	}
	if difference := gocmp.Diff(asJSON(t, want), asJSON(t, sent)); difference != "" {
		t.Error(difference)
	}
	for i, action := range result.Actions[len(result.Actions)-2:] {
		if action.Kind != "SendCommand" || !action.Applied || !strings.HasSuffix(action.Summary, fmt.Sprintf("(command command-%d)", i+1)) {
			t.Errorf("got the action %+v", action)
		}
	}
	w.noCredentialSent(t)
	if result := w.run(t, "finishSecret", version1); result.Status != finding.Compliant || len(w.commands.sent) != 4 {
		t.Errorf("repeated: %d commands, %+v", len(w.commands.sent), result)
	}
}

// noCredentialSent looks through all commands.
func (w *world) noCredentialSent(t *testing.T) {
	t.Helper()
	_, value := w.secrets.Staged("AWSCURRENT")
	username, password := credentialOf(t, value)
	for _, secret := range []string{canary, password, auth(username, password), auth("ci", canary)} {
		if strings.Contains(asJSON(t, w.commands.sent), secret) {
			t.Error("a command holds a credential")
		}
	}
	for _, sent := range w.commands.sent {
		if len(*sent.Comment) > 100 {
			t.Errorf("the comment has %d characters", len(*sent.Comment))
		}
	}
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestRefreshOddNames reports files whose instances cannot be told.
func TestRefreshOddNames(t *testing.T) {
	for name, test := range map[string]struct {
		key        string
		refreshing rotation.Refreshing
		content    []byte
		want       string
	}{
		"braces and tag":          {"{{ssm:x}}/ecs.config", rotation.RefreshTagged, inCluster("prod"), "config-untaggable"},
		"braces and cluster":      {"{{ssm:x}}/ecs.config", rotation.RefreshClusters, inCluster("prod"), "config-untaggable"},
		"a line break":            {"a\n/ecs.config", rotation.RefreshClusters, inCluster("prod"), "config-untaggable"},
		"too long for a tag":      {strings.Repeat("long/", 60) + "ecs.config", rotation.RefreshTagged, inCluster("prod"), "config-untaggable"},
		"too long, and a cluster": {strings.Repeat("long/", 60) + "ecs.config", rotation.RefreshClusters, inCluster("prod"), ""},
		// What a file says of its cluster counts for nothing.
		"no cluster is listed":   {"none/ecs.config", rotation.RefreshClusters, inCluster("prod"), "config-names-no-cluster"},
		"there is no cluster":    {"gone/ecs.config", rotation.RefreshClusters, inCluster("gone"), "cluster-missing"},
		"another cluster's name": {"other/ecs.config", rotation.RefreshClusters, inCluster("victim"), "config-cluster-differs"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.refreshing, w.commands = test.refreshing, &commands{now: w.now, clusters: map[string][]instance{"prod": {{"i-1", types.PingStatusOnline, "", time.Time{}}}}}
			w.objects.Write(configBucket, test.key, test.content)
			w.secrets.Tags[rotation.ConfigTag] = "s3://" + configBucket + "/*=prod s3://" + configBucket + "/none/* s3://" + configBucket + "/gone/*=gone"
			w.begun(t)
			result := w.run(t, "finishSecret", version1)
			told := test.want == "" || test.want == "config-cluster-differs"
			if codes(result) != test.want || result.HasError() || len(w.commands.sent) != map[bool]int{true: 1}[told] {
				t.Errorf("%d commands, %+v", len(w.commands.sent), result)
			}
		})
	}
}

// TestRefreshClusters tells the instances of the clusters that the files name.
func TestRefreshClusters(t *testing.T) {
	w := newWorld(t)
	w.refreshing = rotation.RefreshClusters
	w.commands = &commands{now: w.now, clusters: map[string][]instance{
		"prod":  {{"i-silent", "", "", time.Time{}}, {"i-lost", types.PingStatusConnectionLost, "", time.Time{}}, {"i-windows", types.PingStatusOnline, types.PlatformTypeWindows, time.Time{}}},
		"dev":   {{"mi-0123", types.PingStatusOnline, "", time.Time{}}},
		"other": {{"i-other", types.PingStatusOnline, "", time.Time{}}},
	}}
	for n := range 120 {
		w.commands.clusters["prod"] = append(w.commands.clusters["prod"], instance{fmt.Sprintf("i-%03d", n), types.PingStatusOnline, "", time.Time{}})
	}
	for key, cluster := range map[string]string{"dev/ecs.config": "dev", "prod/a-ecs.config": "prod", "prod/b-ecs.config": "prod"} {
		w.objects.Write(configBucket, key, inCluster(cluster))
	}
	w.objects.Write(configBucket, "other/ecs.config", []byte("ECS_CLUSTER=other\n"))
	w.objects.Write(configBucket, "prod/person-ecs.config", []byte("ECS_CLUSTER=prod\n"+configFiles["person/ecs.config"]("", "")))
	// A stranger's file of the same cluster, under another prefix.
	w.objects.Write(configBucket, "stranger/ecs.config", inCluster("prod"))
	w.secrets.Tags[rotation.ConfigTag] = "s3://" + configBucket + "/prod/*=prod s3://" + configBucket + "/dev/ecs.config=dev s3://" + configBucket + "/other/*=other"
	w.begun(t)
	result := w.run(t, "finishSecret", version1)
	if codes(result) != "instances-unreachable" || result.HasError() || !strings.Contains(result.Findings[0].Message, "2 of the 122") {
		t.Errorf("got %+v", result)
	}
	var ids []string
	for _, sent := range w.commands.sent {
		ids = append(ids, sent.InstanceIds...)
	}
	if len(w.commands.sent) != 4 || len(ids) != 121 || slices.Contains(ids, "i-other") || slices.Contains(ids, "i-windows") {
		t.Errorf("%d commands to %d instances", len(w.commands.sent), len(ids))
	}
	// All files of the cluster, so that an instance knows its own.
	place := func(key string) storedfile.Place { return storedfile.Place{Bucket: configBucket, Key: key} }
	want := rotation.RefreshCommands([]storedfile.Place{place("prod/a-ecs.config"), place("prod/b-ecs.config"), place("prod/person-ecs.config")}, false, "/etc/ecs")
	if difference := gocmp.Diff(want, w.commands.sent[3].Parameters["commands"]); difference != "" {
		t.Error(difference)
	}
	if *w.commands.sent[0].Comment == *w.commands.sent[1].Comment || *w.commands.sent[1].Comment != *w.commands.sent[2].Comment {
		t.Error("the comments do not tell clusters apart")
	}
	w.noCredentialSent(t)
}

func TestRefreshOnlyWhereItIsWanted(t *testing.T) {
	w := beforeFinish(t, rotation.RefreshNone)
	if result := w.run(t, "finishSecret", version1); result.Status != finding.Compliant || len(w.commands.sent) != 0 {
		t.Errorf("got %+v", result)
	}
	w = beforeFinish(t, rotation.RefreshTagged)
	w.function(finding.DryRun).Handle(t.Context(), stepEvent("finishSecret", version1))
	if len(w.commands.sent) != 0 {
		t.Error("a dry run sent a command")
	}
}

// TestRefreshFails leaves a rotation that is done but for the command, which
// the step's repetition sends, or the next look at the secret.
func TestRefreshFails(t *testing.T) {
	for code, want := range map[string]string{"AccessDeniedException": "access-denied", "InvalidDocument": "call-refused", "ThrottlingException": "call-retried"} {
		t.Run(code, func(t *testing.T) {
			w := beforeFinish(t, rotation.RefreshTagged)
			w.commands.code = code
			if result := w.run(t, "finishSecret", version1); codes(result) != want || !result.HasError() {
				t.Errorf("got %+v", result)
			}
			if version, _ := w.secrets.Staged("AWSCURRENT"); version != version1 {
				t.Error("the new credential is not the current one")
			}
			if result := w.review(t); codes(result) != want {
				t.Errorf("looked at: %+v", result)
			}
			w.commands.code = ""
			if result := w.review(t); result.Status != finding.Compliant || !slices.Equal(w.commands.targets(), refreshed()) {
				t.Errorf("looked at again: %+v", result)
			}
			if result := w.review(t); codes(result) != "refresh-ended refresh-ended" || len(w.commands.sent) != 2 {
				t.Errorf("looked at once more: %+v", result)
			}
			if result := w.run(t, "finishSecret", version1); result.Status != finding.Compliant || len(w.commands.sent) != 4 {
				t.Errorf("repeated: %+v", result)
			}
		})
	}
}

// TestReviewTellsOfCommands reports how they ended, sends those again that
// failed, and leaves the previous credential alone until one has succeeded.
func TestReviewTellsOfCommands(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(*world)
		want    string
		again   bool
		ended   bool
	}{
		"succeeded": {func(*world) {}, "refresh-ended refresh-ended grace-over", false, true},
		"running":   {func(w *world) { w.each(func(c *types.Command) { c.Status = types.CommandStatusInProgress }) }, "refresh-running refresh-running", false, false},
		"failed": {func(w *world) {
			w.each(func(c *types.Command) { c.Status, c.ErrorCount = types.CommandStatusFailed, 2 })
		}, "refresh-failed refresh-failed", true, false},
		"failed on one, within the limit": {func(w *world) { w.each(func(c *types.Command) { c.ErrorCount = 1 }) }, "refresh-failed refresh-failed", true, false},
		"timed out":                       {func(w *world) { w.each(func(c *types.Command) { c.Status = types.CommandStatusTimedOut }) }, "refresh-failed refresh-failed", true, false},
		"never sent":                      {func(w *world) { w.commands.history = nil }, "", true, false},
		"sent before the file was written": {func(w *world) {
			w.each(func(c *types.Command) { c.RequestedDateTime = aws.Time(start.Add(-time.Hour)) })
		}, "", true, false},
		"of somebody else": {func(w *world) { w.each(func(c *types.Command) { c.Comment = aws.String("deploy") }) }, "", true, false},
		"forgotten": {func(w *world) {
			w.commands.history, w.now = nil, func() time.Time { return start.Add(30 * 24 * time.Hour) }
		}, "grace-over", false, true},
		"among many others": {func(w *world) {
			for range 70 {
				w.commands.history = append(w.commands.history, types.Command{Comment: aws.String("deploy"), RequestedDateTime: aws.Time(start)})
			}
			slices.Reverse(w.commands.history)
		}, "refresh-ended refresh-ended grace-over", false, true},
		"failed first": {func(w *world) {
			w.each(func(c *types.Command) {
				older := *c
				older.Status, older.RequestedDateTime = types.CommandStatusFailed, aws.Time(start)
				c.RequestedDateTime = aws.Time(start.Add(time.Hour))
				w.commands.history = append(w.commands.history, older)
			})
		}, "refresh-ended refresh-ended grace-over", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := beforeFinish(t, rotation.RefreshTagged)
			w.run(t, "finishSecret", version1)
			w.secrets.Tags[rotation.GraceTag], w.secrets.Rotated = "1h", start
			w.now = func() time.Time { return start.Add(2 * time.Hour) }
			test.prepare(w)
			result := w.review(t)
			if codes(result) != test.want || result.HasError() {
				t.Errorf("got %+v", result)
			}
			if got := len(w.commands.sent) > 2; got != test.again {
				t.Errorf("sent again: %v", got)
			}
			if got := !w.accepts("ci", canary); got != test.ended {
				t.Errorf("the previous credential ended: %v", got)
			}
		})
	}
}

// each changes the commands that were sent.
func (w *world) each(change func(*types.Command)) {
	for i := range len(w.commands.history) {
		command := w.commands.history[i]
		change(&command)
		w.commands.history[i] = command
	}
}

// TestRefreshScript runs the script as Systems Manager does, in a folder that
// stands for /etc/ecs.
func TestRefreshScript(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Fatal(err)
	}
	const before = "# ours\nECS_CLUSTER=web\n ECS_ENGINE_AUTH_DATA={\"r\":{\"username\":\"ci\",\"password\":\"o\\\"ld\"}}\nECS_ENGINE_AUTH_TYPE=docker\n"
	after := strings.NewReplacer(`o\"ld`, canary, `"ci"`, `"ci_clone"`).Replace(before)
	const attributes = "ECS_INSTANCE_ATTRIBUTES={}\n"
	line := func(host, auth string) string {
		return "ECS_CLUSTER=web\nECS_ENGINE_AUTH_DATA={\"" + host + "\":{\"auth\" : \"" + auth + "\"}}\r\nECS_ENGINE_AUTH_TYPE=dockercfg"
	}
	type files map[string]string
	tests := map[string]struct {
		inBucket   files
		onInstance string
		undeclared bool
		fails      bool
		want       string
		restarts   bool
	}{
		"new credential":            {files{"ecs.config": after}, before, false, false, after, true},
		"same file":                 {files{"ecs.config": after}, after, false, false, after, false},
		"same credential":           {files{"ecs.config": after}, after + attributes, false, false, after + attributes, false},
		"more on the instance":      {files{"ecs.config": after}, before + attributes, false, false, after + attributes, true},
		"changed in the bucket":     {files{"ecs.config": after + attributes}, before, false, false, after, true},
		"the other shape":           {files{"ecs.config": line("r", canary)}, line("r", "b2xk"), false, false, line("r", canary) + "\n", true},
		"another registry":          {files{"ecs.config": line("q", canary)}, line("r", "b2xk"), false, true, line("r", "b2xk"), false},
		"another shape":             {files{"ecs.config": line("r", canary)}, before, false, true, before, false},
		"no credential on it":       {files{"ecs.config": after}, "ECS_CLUSTER=web\n", false, true, "ECS_CLUSTER=web\n", false},
		"no credential in the file": {files{"ecs.config": "ECS_CLUSTER=web\n"}, before, false, true, before, false},
		"no file on it":             {files{"ecs.config": after}, "", false, true, "", false},
		"file has gone":             {files{"ecs.config": ""}, before, false, true, before, false},
		"a key of many letters":     {files{"it's a $(touch x) `touch y`; é.config": after}, before, false, false, after, true},

		"one of a cluster":                      {files{"a": line("q", "x"), "b": after}, before + attributes, true, false, after + attributes, true},
		"one of a cluster, up to date":          {files{"a": after, "b": before}, before, true, false, before, false},
		"none of a cluster":                     {files{"a": line("q", "x"), "b": line("p", "y")}, before, true, true, before, false},
		"of a cluster, a line less":             {files{"a": after + attributes}, before, true, true, before, false},
		"two of a cluster, told apart by lines": {files{"a": after + attributes, "b": after}, before, true, false, after, true},
		"two of a cluster, not told apart":      {files{"a": after, "b": strings.Replace(after, canary, "other", 1)}, before, true, true, before, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			folder, bucket, programs := t.TempDir(), t.TempDir(), t.TempDir()
			onInstance := filepath.Join(folder, "ecs.config")
			var places []storedfile.Place
			for _, key := range slices.Sorted(maps.Keys(test.inBucket)) {
				places = append(places, storedfile.Place{Bucket: "acme", Key: key})
				if content := test.inBucket[key]; content != "" {
					write(t, filepath.Join(bucket, key), content, 0o640)
				}
			}
			if test.onInstance != "" {
				write(t, onInstance, test.onInstance, 0o640)
			}
			write(t, filepath.Join(programs, "aws"), "#!/bin/sh\n[ \"$AWS_DEFAULT_REGION $1 $2 $3\" = 'eu-west-1 s3 cp --only-show-errors' ] && exec cp \"$BUCKET/${4#s3://acme/}\" \"$5\"\n", 0o700)
			write(t, filepath.Join(programs, "systemctl"), "#!/bin/sh\necho \"$@\" >>\"$BUCKET/.systemctl\"\n", 0o700)
			script := strings.Join(rotation.RefreshCommands(places, !test.undeclared, folder), "\n")
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
