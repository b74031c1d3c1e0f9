package securityhub_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	client "github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/securityhub"
)

// good is a finding that is taken.
func good() types.AwsSecurityFinding {
	at := aws.String("2026-11-30T09:00:00.000Z")
	return types.AwsSecurityFinding{
		SchemaVersion: aws.String("2018-10-08"), Id: aws.String("a"), ProductArn: aws.String("arn:aws:securityhub:us-east-1:123456789012:product/123456789012/default"),
		GeneratorId: aws.String("g"), AwsAccountId: aws.String("123456789012"), CreatedAt: at, UpdatedAt: at, FirstObservedAt: at, LastObservedAt: at,
		Title: aws.String("t"), Description: aws.String("d"), RecordState: types.RecordStateActive, Types: []string{"Software and Configuration Checks/x"},
		Compliance:            &types.Compliance{Status: types.ComplianceStatusFailed},
		FindingProviderFields: &types.FindingProviderFields{Severity: &types.FindingProviderSeverity{Label: types.SeverityLabelHigh}},
		Resources:             []types.Resource{{Type: aws.String("Other"), Id: aws.String("r")}},
	}
}

// TestTakesWhatSecurityHubTakes asks by AWS's own client.
func TestTakesWhatSecurityHubTakes(t *testing.T) {
	service := &securityhub.Service{Account: "123456789012", Region: "us-east-1"}
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		operation := map[string]string{"/findings/import": "BatchImportFindings", "/findings": "GetFindings"}[request.URL.Path]
		service.Supplements()["securityhub:"+operation](writer, request, awscall.Exchange{})
	}))
	defer server.Close()
	hub := client.New(client.Options{Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})
	send := func(findings ...types.AwsSecurityFinding) (*client.BatchImportFindingsOutput, error) {
		return hub.BatchImportFindings(t.Context(), &client.BatchImportFindingsInput{Findings: findings})
	}
	if output, err := send(good()); err != nil || *output.SuccessCount != 1 {
		t.Fatalf("%+v, %v", output, err)
	}
	for name, change := range map[string]func(*types.AwsSecurityFinding){
		"title":    func(f *types.AwsSecurityFinding) { f.Title = aws.String(strings.Repeat("t", 257)) },
		"no title": func(f *types.AwsSecurityFinding) { f.Title = aws.String("") },
		"text":     func(f *types.AwsSecurityFinding) { f.Description = aws.String(strings.Repeat("t", 1025)) },
		"account":  func(f *types.AwsSecurityFinding) { f.AwsAccountId = aws.String("999999999999") },
		"product": func(f *types.AwsSecurityFinding) {
			f.ProductArn = aws.String("arn:aws:securityhub:us-east-1::product/a/b")
		},
		"time":       func(f *types.AwsSecurityFinding) { f.CreatedAt = aws.String("yesterday") },
		"older":      func(f *types.AwsSecurityFinding) { f.UpdatedAt = aws.String("2026-11-29T09:00:00.000Z") },
		"workflow":   func(f *types.AwsSecurityFinding) { f.Workflow = &types.Workflow{Status: types.WorkflowStatusResolved} },
		"namespace":  func(f *types.AwsSecurityFinding) { f.Types = []string{"Mine/x"} },
		"severity":   func(f *types.AwsSecurityFinding) { f.FindingProviderFields.Severity.Label = "BAD" },
		"resources":  func(f *types.AwsSecurityFinding) { f.Resources = []types.Resource{} },
		"resourceID": func(f *types.AwsSecurityFinding) { f.Resources[0].Id = aws.String(strings.Repeat("r", 513)) },
		"remediation": func(f *types.AwsSecurityFinding) {
			f.Remediation = &types.Remediation{Recommendation: &types.Recommendation{Text: aws.String(strings.Repeat("r", 513))}}
		},
	} {
		wrong := good()
		change(&wrong)
		if output, err := send(wrong, good()); err != nil || *output.FailedCount != 1 || len(output.FailedFindings) != 1 {
			t.Errorf("%s: %+v, %v", name, output, err)
		}
	}
	if _, err := send(make([]types.AwsSecurityFinding, 101)...); err == nil {
		t.Error("101 findings are taken in a call")
	}
	archived := good()
	archived.RecordState = types.RecordStateArchived
	if _, err := send(archived); err != nil {
		t.Fatal(err)
	}
	output, err := hub.GetFindings(t.Context(), &client.GetFindingsInput{})
	if err != nil || len(output.Findings) != 1 || output.Findings[0].RecordState != types.RecordStateArchived || output.Findings[0].Workflow.Status != types.WorkflowStatusNew {
		t.Errorf("%+v, %v", output, err)
	}
	service.Disable(true)
	if _, err := send(good()); !awserror.HasCode(err, "InvalidAccessException") {
		t.Errorf("a disabled Security Hub answers %v", err)
	}
}
