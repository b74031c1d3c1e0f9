package policysimulation

import (
	"encoding/xml"
	"errors"
	"strings"
	"testing"
)

func TestOneResourceIsAnsweredDirectly(t *testing.T) {
	got := combine("s3:GetObject", []Result{{Action: "s3:GetObject", Resource: "arn:aws:s3:::a/b", Decision: Allowed}})
	if got.Resource != "arn:aws:s3:::a/b" || got.Decision != Allowed || got.Specific != nil {
		t.Errorf("got %+v", got)
	}
}

func TestSeveralResourcesAreAnsweredInResourceSpecificResults(t *testing.T) {
	refused := false
	got := combine("s3:GetObject", []Result{
		{Resource: "arn:aws:s3:::a/b", Decision: Allowed},
		{Resource: "arn:aws:s3:::a/c", Decision: ImplicitDeny, AllowedByBoundary: &refused, MissingContext: []string{"aws:SourceIp"}},
	})
	if got.Decision != ImplicitDeny || !strings.Contains(got.Resource, "${") {
		t.Errorf("the action's own result is %s on %s", got.Decision, got.Resource)
	}
	text, err := xml.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	const second = `<member><EvalResourceName>arn:aws:s3:::a/c</EvalResourceName><EvalResourceDecision>implicitDeny</EvalResourceDecision>` +
		`<MatchedStatements></MatchedStatements><MissingContextValues><member>aws:SourceIp</member></MissingContextValues>` +
		`<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail></member>`
	if !strings.Contains(string(text), second) {
		t.Errorf("%s\nlacks\n%s", text, second)
	}
}

func TestPages(t *testing.T) {
	evaluations := []evaluation{{Action: "a:A"}, {Action: "a:B"}, {Action: "a:C"}}
	first, err := page(evaluations, map[string]any{"MaxItems": "2"})
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Result.Evaluations.Members) != 2 || !first.Result.Truncated || first.Result.Marker == "" {
		t.Errorf("first page %+v", first.Result)
	}
	last, err := page(evaluations, map[string]any{"MaxItems": "2", "Marker": first.Result.Marker})
	if err != nil {
		t.Fatal(err)
	}
	if len(last.Result.Evaluations.Members) != 1 || last.Result.Truncated || last.Result.Evaluations.Members[0].Action != "a:C" {
		t.Errorf("last page %+v", last.Result)
	}
}

func TestInvalidRequestsAreRefused(t *testing.T) {
	service := &Service{}
	for name, parameters := range map[string]map[string]any{
		"no action":           {},
		"a wildcard":          {"ActionNames": []any{"s3:Get*"}},
		"an action alone":     {"ActionNames": []any{"GetObject"}},
		"a resource's name":   {"ActionNames": []any{"s3:GetObject"}, "ResourceArns": []any{"bucket"}},
		"a nameless key":      {"ActionNames": []any{"s3:GetObject"}, "ContextEntries": []any{map[string]any{"ContextKeyType": "string"}}},
		"no principal":        {"ActionNames": []any{"s3:GetObject"}},
		"a principal's name":  {"ActionNames": []any{"s3:GetObject"}, "PolicySourceArn": "role/x"},
		"a function for role": {"ActionNames": []any{"s3:GetObject"}, "PolicySourceArn": "arn:aws:lambda:us-east-1:1:function:x"},
	} {
		_, err := service.simulate(t.Context(), parameters)
		refused := (*apiError)(nil)
		if !errors.As(err, &refused) || refused.code != "InvalidInput" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPoliciesOfTheRequest(t *testing.T) {
	policies := Policies{Boundary: []Policy{policy(t, `{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`)}}
	err := additional(&policies, map[string]any{
		"PolicyInputList":                    []any{`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`},
		"PermissionsBoundaryPolicyInputList": []any{`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := Simulate(policies, Request{Action: "s3:GetObject", Resource: "*"}).Decision; got != Allowed {
		t.Errorf("the request's boundary did not take the place of the role's: %s", got)
	}
	if additional(&policies, map[string]any{"PolicyInputList": []any{`{`}}) == nil {
		t.Error("half a policy was taken")
	}
}
