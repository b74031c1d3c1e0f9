package endtoend

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/rotationservice"
)

// setMode changes MODE of a function as a deployment would, once the function
// has nothing to do: AWS lets an invocation end with the former configuration,
// the emulator ends its process, and the message that it was at comes back only
// after the queue's visibility timeout, six minutes.
func (w *world) setMode(t *testing.T, function string, mode finding.Mode) {
	t.Helper()
	for output, behind := range queues {
		if behind == function {
			w.emptied(t, output)
		}
	}
	name := aws.String(w.FunctionARN(function))
	configuration := must(w.Lambda.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: name}))(t)
	variables := maps.Clone(configuration.Environment.Variables)
	variables["MODE"] = string(mode)
	must(w.Lambda.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: name, Environment: &lambdatypes.Environment{Variables: variables},
	}))(t)
	eventually(t, function+" has its new mode", func(ctx context.Context) (bool, error) {
		now, err := w.Lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: name})
		return err == nil && now.LastUpdateStatus != lambdatypes.LastUpdateStatusInProgress && now.Environment.Variables["MODE"] == string(mode), err
	})
}

// writes are the calls of all functions since a mark that change something;
// publishing a finding does not, nor does asking for a look and reporting.
func (w *world) writes(mark int) []awscall.Call {
	var writes []awscall.Call
	for _, call := range w.Stack.Record.Since(mark) {
		bucket, _ := call.Parameters["Bucket"].(string)
		reports := call.Service == "sqs" || call.Name() == "events:PutEvents" || call.Name() == "sns:Publish" || bucket == w.Stack.Outputs["ReportBucket"]
		if call.Caller != awscall.Person && !reading.MatchString(call.Operation) && !reports {
			writes = append(writes, call)
		}
	}
	return writes
}

func testDryRun(t *testing.T, w *world) {
	for _, function := range functions {
		w.setMode(t, function, finding.DryRun)
	}
	defer func() {
		for _, function := range functions {
			w.setMode(t, function, finding.Enforce)
		}
	}()
	mark := w.Stack.Record.Mark()

	const role, family = "ecsInstanceRole-dry", "dry"
	must(w.CreateInstanceRole(t.Context(), role))(t)
	first := must(w.register(t.Context(), family, w.executionRole, w.Stack.Registry.Image()))(t)
	object := must(w.Upload(t.Context(), w.Stack.Outputs["ConfigBucket"], "dry/ecs.config", "ECS_CLUSTR=storefront\n"))(t)
	// A secret of its own: its rotation does not end, and serves no image here.
	// Its account is another one, too: two secrets of the same accounts are an error.
	secret := must(w.CreateSecret(t.Context(), "dry/registry", `{"username":"dry","password":"`+rand.Text()+`"}`,
		"ecs-guardrails:registry", w.Stack.Registry.Host+"/dry", "ecs-guardrails:driver", "htpasswd", "ecs-guardrails:htpasswd", w.Stack.Registry.HtpasswdObject()))(t)
	before := must(w.Labelled(t.Context(), secret, "AWSCURRENT"))(t)
	must(w.Rotate(t.Context(), secret))(t)
	swept := must(w.Invoke(t.Context(), "sweep", []byte(`{"sweep":"all"}`)))(t)

	planned := func(what string, match func(operator.Result) bool, kind string) {
		t.Helper()
		told := w.published(t, what, match)
		if told.Mode != finding.DryRun || told.Status == finding.Remediated || len(told.Applied()) > 0 {
			t.Errorf("%s: published %+v", what, told)
		}
		for _, action := range told.Actions {
			if action.Kind == kind {
				return
			}
		}
		t.Errorf("%s: the plan has no %s: %+v", what, kind, told.Actions)
	}
	planned(role, ofRole(role, finding.Planned), "AttachRolePolicy")
	planned(family, ofRevision(first), "RegisterTaskDefinition")
	planned(object.String(), ofObject(object), "PutObjectTagging")
	planned("the rotation", func(result operator.Result) bool { return result.Subject == secret+"#createSecret" }, "PutSecretValue")
	if swept.FunctionError != "" || len(swept.Report.Results) != 6 {
		t.Errorf("sweep: %s%s", swept.ErrorMessage, swept.Payload)
	}
	for _, call := range w.writes(mark) {
		t.Errorf("in a dry run, %s called %s", call.Caller, call.Name())
	}
	if after := must(w.Labelled(t.Context(), secret, "AWSCURRENT"))(t); after != before {
		t.Errorf("AWSCURRENT moved from %s to %s", before, after)
	}
	// Secrets Manager tries three times; the last must not meet the other mode.
	eventually(t, "Secrets Manager has given the rotation up", func(context.Context) (bool, error) {
		return !slices.ContainsFunc(w.Stack.Rotations(), func(rotation rotationservice.Rotation) bool { return !rotation.Done }), nil
	})
}
