package secondemulator

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/uuid"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
	"github.com/ecs-guardrails/ecs-guardrails/tests/lambdaruntime"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// account is one emulator's, with what a scenario needs.
type account struct {
	*operator.Operator
	name, endpoint string
	programs       map[string]string
}

// configuration is that of a person's clients.
func configuration(url string) aws.Config {
	return aws.Config{
		Region: stack.Region, BaseEndpoint: &url,
		Credentials: credentials.NewStaticCredentialsProvider(stack.AccessKey, stack.SecretKey, ""), HTTPClient: endpoint.NewClient(),
	}
}

// build compiles a function as make build does, and the scan as make dist does.
func build(t *testing.T, checkout, folder string) map[string]string {
	t.Helper()
	programs := map[string]string{}
	for _, function := range []string{"validate-config", "patch-task-definition", "attach-policies"} {
		programs[function] = compile(t, checkout, filepath.Join(folder, function), "./functions/"+function, "-tags=lambda.norpc")
	}
	programs["scan"] = compile(t, checkout, filepath.Join(folder, "scan"), "./functions/sweep")
	return programs
}

func compile(t *testing.T, checkout, program, source string, flags ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-trimpath", "-o", program}, flags...), source)...)
	command.Dir, command.Env = checkout, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", source, err, output)
	}
	return program
}

// invoke hands an event to a function and describes its report: for each subject the
// status, the codes and what was done.
func (a *account) invoke(t *testing.T, function, payload string, variables ...string) []string {
	t.Helper()
	var log strings.Builder
	process, err := lambdaruntime.Start(lambdaruntime.Options{
		Binary: a.programs[function], Function: function, ARN: "arn:aws:lambda:us-east-1:" + stack.Account + ":function:" + function, Output: &log,
		Environment: append([]string{
			"AWS_ENDPOINT_URL=" + a.endpoint, "AWS_REGION=" + stack.Region, "AWS_DEFAULT_REGION=" + stack.Region, "AWS_ACCESS_KEY_ID=" + stack.AccessKey, "AWS_SECRET_ACCESS_KEY=" + stack.SecretKey,
			"PATH=/usr/bin:/bin", "MODE=enforce", "STACK_NAME=ecs-guardrails", "STACK_ID=arn:aws:cloudformation:us-east-1:123456789012:stack/ecs-guardrails/0e8f2bb4-1d52-4a0f-9e2b-1f6d1f8f1c11",
		}, variables...),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer process.Kill()
	answer, err := process.Invoke(t.Context(), uuid.New(), []byte(payload), patience.Scale(time.Minute))
	if err != nil || !answer.Succeeded() {
		return []string{fmt.Sprintf("%s failed: %v: %s\n%s", function, err, answer.Payload, log.String())}
	}
	var report struct{ Results []finding.Result }
	if err := json.Unmarshal(answer.Payload, &report); err != nil {
		t.Fatalf("%v: %s", err, answer.Payload)
	}
	return describe(report.Results)
}

func describe(results []finding.Result) []string {
	var lines []string
	for _, result := range results {
		var codes, done []string
		for _, found := range result.Findings {
			codes = append(codes, string(found.Severity)+" "+string(found.Code))
		}
		for _, action := range result.Actions {
			done = append(done, fmt.Sprintf("%s (%t)", action.Kind, action.Applied))
		}
		slices.Sort(codes)
		lines = append(lines, fmt.Sprintf("%s: %s; %s; %s", result.Subject, result.Status, strings.Join(slices.Compact(codes), ", "), strings.Join(done, ", ")))
	}
	slices.Sort(lines)
	return lines
}

// scan looks at the account from a shell.
func (a *account) scan(t *testing.T) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), a.programs["scan"], "scan", "--format", "json", "--output", "", "--fail-on", "never")
	command.Env = []string{
		"PATH=/usr/bin:/bin", "HOME=" + filepath.Dir(a.programs["scan"]), "NO_PROXY=127.0.0.1", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL=" + a.endpoint, "AWS_REGION=" + stack.Region, "AWS_ACCESS_KEY_ID=" + stack.AccessKey, "AWS_SECRET_ACCESS_KEY=" + stack.SecretKey,
	}
	var problems strings.Builder
	command.Stderr = &problems
	text, err := command.Output()
	if err != nil {
		return []string{fmt.Sprintf("scan failed: %v: %s", err, problems.String())}
	}
	var summaries []sweepreport.Summary
	if err := json.Unmarshal(text, &summaries); err != nil || len(summaries) != 1 {
		t.Fatalf("%v: %.300s", err, text)
	}
	lines := []string{fmt.Sprintf("complete: %t", summaries[0].Complete)}
	for _, kind := range summaries[0].Kinds {
		lines = append(lines, fmt.Sprintf("%d %s: %v", kind.Listed, kind.Name, kind.Statuses))
	}
	var results []finding.Result
	for _, result := range summaries[0].Results {
		results = append(results, result.Result)
	}
	return append(lines, describe(results)...)
}
