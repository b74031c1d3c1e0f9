package documents

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/owner"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
)

// TestEventSchema holds what the functions publish against the schema that
// ships in docs/, and the schema against what they do not publish.
func TestEventSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../../docs/finding-event.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	valid := func(event map[string]any) error {
		text, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(document)
	}
	event := func(result finding.Result) map[string]any {
		result.ID = finding.Identify("validate-config", result)
		report := finding.Report{Version: version.Number, Function: "validate-config", Mode: finding.Enforce, Results: []finding.Result{result}}
		result.Redelivered = true
		report.Results[0] = result
		events, err := publish.Findings("ecs-guardrails", report)
		if err != nil || len(events) != 1 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		var detail map[string]any
		if err := json.Unmarshal(events[0].Detail, &detail); err != nil {
			t.Fatal(err)
		}
		return map[string]any{
			"version": "0", "id": "x", "source": publish.Source, "detail-type": events[0].Type, "account": "123456789012", "region": "eu-west-1",
			"time": "2026-11-30T09:00:00Z", "resources": []string{}, "detail": detail,
		}
	}

	full := finding.Result{
		Subject: "s3://acme/prod/ecs.config?versionId=3", Owner: owner.Owner{Tool: owner.CloudFormation, Stack: "acme"}, Mode: finding.DryRun, Sweep: "s.1.1",
		Findings: []finding.Finding{
			{Code: "auth-data-shape", Severity: finding.Error, Message: "m", Fix: "f", Line: 3, Column: 22, Variable: "ECS_ENGINE_AUTH_DATA", Headline: true},
			finding.NoMandate("attach a policy", "nothing allows it.", "Allow it."),
		},
		Actions: []finding.Action{
			{Kind: "PutObjectTagging", Target: "t", Summary: "s", Applied: true, Mandate: finding.Mandate{Kind: finding.ByParameter, Text: "Mode=enforce"}},
			{Kind: "PutObject", Target: "t"},
		},
	}
	for _, status := range finding.Statuses() {
		for name, result := range map[string]finding.Result{
			"full": full, "bare": {Subject: "role", Findings: []finding.Finding{}, Actions: []finding.Action{}},
		} {
			result.Status = status
			if err := valid(event(result)); err != nil {
				t.Errorf("%s, %s: %v", name, status, err)
			}
		}
	}
	for _, tool := range []owner.Tool{
		owner.CloudFormation, owner.CDK, owner.Terraform, owner.OpenTofu, owner.Pulumi, owner.Copilot, owner.Beanstalk, owner.Batch, owner.EKS,
		owner.ManagedInstances, owner.ExpressMode, owner.ECS,
	} {
		result := full
		result.Status, result.Owner = finding.Noncompliant, owner.Owner{Tool: tool}
		if err := valid(event(result)); err != nil {
			t.Errorf("owner %s: %v", tool, err)
		}
	}

	for name, spoil := range map[string]func(event, detail map[string]any){
		"another source":         func(event, _ map[string]any) { event["source"] = "aws.s3" },
		"no subject":             func(_, detail map[string]any) { delete(detail, "subject") },
		"an unknown status":      func(_, detail map[string]any) { detail["status"] = "fine" },
		"an unknown field":       func(_, detail map[string]any) { detail["password"] = "x" },
		"its own id":             func(_, detail map[string]any) { detail["id"] = "1" },
		"an unknown owner":       func(_, detail map[string]any) { detail["owner"] = map[string]any{"tool": "ansible"} },
		"a code in capitals":     func(_, detail map[string]any) { detail["findings"].([]any)[0].(map[string]any)["code"] = "AUTH" },
		"findings that are null": func(_, detail map[string]any) { detail["findings"] = nil },
		"an unknown mandate": func(_, detail map[string]any) {
			detail["actions"].([]any)[0].(map[string]any)["mandate"] = map[string]any{"kind": "tag", "text": "t"}
		},
	} {
		result := full
		result.Status = finding.Noncompliant
		spoiled := event(result)
		spoil(spoiled, spoiled["detail"].(map[string]any))
		if valid(spoiled) == nil {
			t.Errorf("the schema lets through: %s", name)
		}
	}
}
