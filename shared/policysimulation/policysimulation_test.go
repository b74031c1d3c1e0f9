package policysimulation_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/policysimulation"
)

const roleARN = "arn:aws:iam::123456789012:role/ecsInstanceRole"

// simulator gives its pages in turn.
type simulator struct {
	pages [][]types.EvaluationResult
	// failing is the page, from 1 on, in whose place is an error; 0 is none.
	failing int
	inputs  []iam.SimulatePrincipalPolicyInput
}

var errThrottled = errors.New("throttled")

func (s *simulator) SimulatePrincipalPolicy(_ context.Context, input *iam.SimulatePrincipalPolicyInput, _ ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error) {
	s.inputs = append(s.inputs, *input)
	page := 0
	if input.Marker != nil {
		var err error
		if page, err = strconv.Atoi(*input.Marker); err != nil {
			return nil, err
		}
	}
	if page+1 == s.failing {
		return nil, errThrottled
	}
	output := &iam.SimulatePrincipalPolicyOutput{EvaluationResults: s.pages[page]}
	if page+1 < len(s.pages) {
		output.IsTruncated, output.Marker = true, aws.String(strconv.Itoa(page+1))
	}
	return output, nil
}

const (
	allowed  = types.PolicyEvaluationDecisionTypeAllowed
	implicit = types.PolicyEvaluationDecisionTypeImplicitDeny
	explicit = types.PolicyEvaluationDecisionTypeExplicitDeny
)

func result(action, resource string, decision types.PolicyEvaluationDecisionType, change ...func(*types.EvaluationResult)) types.EvaluationResult {
	made := types.EvaluationResult{EvalActionName: &action, EvalResourceName: &resource, EvalDecision: decision}
	for _, c := range change {
		c(&made)
	}
	return made
}

func boundary(allows bool) func(*types.EvaluationResult) {
	return func(r *types.EvaluationResult) {
		r.PermissionsBoundaryDecisionDetail = &types.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: allows}
	}
}

func organization(allows bool) func(*types.EvaluationResult) {
	return func(r *types.EvaluationResult) {
		r.OrganizationsDecisionDetail = &types.OrganizationsDecisionDetail{AllowedByOrganizations: allows}
	}
}

func by(policies ...string) func(*types.EvaluationResult) {
	return func(r *types.EvaluationResult) {
		for _, policy := range policies {
			r.MatchedStatements = append(r.MatchedStatements, types.Statement{SourcePolicyId: &policy})
		}
	}
}

func without(keys ...string) func(*types.EvaluationResult) {
	return func(r *types.EvaluationResult) { r.MissingContextValues = keys }
}

func specifically(resources ...types.ResourceSpecificResult) func(*types.EvaluationResult) {
	return func(r *types.EvaluationResult) { r.ResourceSpecificResults = resources }
}

func specific(resource string, decision types.PolicyEvaluationDecisionType) types.ResourceSpecificResult {
	return types.ResourceSpecificResult{EvalResourceName: &resource, EvalResourceDecision: decision}
}

func TestAnswers(t *testing.T) {
	const bucket, object = "arn:aws:s3:::acme-config", "arn:aws:s3:::acme-config/ecs.config"
	outside := specific(object, implicit)
	outside.PermissionsBoundaryDecisionDetail = &types.PermissionsBoundaryDecisionDetail{}
	outside.MatchedStatements = []types.Statement{{SourcePolicyId: aws.String("reads")}}
	outside.MissingContextValues = []string{"aws:SourceVpce"}
	tests := map[string]struct {
		results        []types.EvaluationResult
		want           policysimulation.Answer // for s3:GetObject on the object
		allowed, final bool
		unanswered     bool
	}{
		"allowed":           {results: []types.EvaluationResult{result("s3:GetObject", object, allowed)}, want: policysimulation.Answer{Decision: allowed}, allowed: true},
		"implicitly denied": {results: []types.EvaluationResult{result("s3:GetObject", object, implicit)}, want: policysimulation.Answer{Decision: implicit}},
		"denied by a statement": {
			results: []types.EvaluationResult{result("s3:GetObject", object, explicit, by("no-buckets", "", "no-buckets", "quarantine"))},
			want:    policysimulation.Answer{Decision: explicit, Policies: []string{"no-buckets", "quarantine"}}, final: true,
		},
		"denied for want of a key": {
			results: []types.EvaluationResult{result("s3:GetObject", object, explicit, without("aws:SourceVpce"))},
			want:    policysimulation.Answer{Decision: explicit, MissingKeys: []string{"aws:SourceVpce"}}, final: true,
		},
		"within boundary and organization": {
			results: []types.EvaluationResult{result("s3:GetObject", object, allowed, boundary(true), organization(true))},
			want:    policysimulation.Answer{Decision: allowed}, allowed: true,
		},
		"outside the boundary": {
			results: []types.EvaluationResult{result("s3:GetObject", object, implicit, boundary(false))},
			want:    policysimulation.Answer{Decision: implicit, Boundary: true}, final: true,
		},
		"outside the boundary, by that alone": {
			results: []types.EvaluationResult{result("s3:GetObject", object, allowed, boundary(false))},
			want:    policysimulation.Answer{Decision: allowed, Boundary: true}, final: true,
		},
		"outside the organization": {
			results: []types.EvaluationResult{result("s3:GetObject", object, implicit, organization(false))},
			want:    policysimulation.Answer{Decision: implicit, Organization: true}, final: true,
		},
		"for all resources":           {results: []types.EvaluationResult{result("s3:GetObject", "*", allowed)}, want: policysimulation.Answer{Decision: allowed}, allowed: true},
		"without naming the resource": {results: []types.EvaluationResult{{EvalActionName: aws.String("s3:GetObject"), EvalDecision: allowed}}, want: policysimulation.Answer{Decision: allowed}, allowed: true},
		"in other letters":            {results: []types.EvaluationResult{result("S3:getobject", object, allowed)}, want: policysimulation.Answer{Decision: allowed}, allowed: true},
		"the exact one before the general": {
			results: []types.EvaluationResult{result("s3:GetObject", "*", implicit), result("s3:GetObject", object, allowed)},
			want:    policysimulation.Answer{Decision: allowed}, allowed: true,
		},
		"within the action's": {
			results: []types.EvaluationResult{result("s3:GetObject", "*", implicit, specifically(specific(bucket, implicit), specific(object, allowed)))},
			want:    policysimulation.Answer{Decision: allowed}, allowed: true,
		},
		"within the action's, which names the same resource": {
			results: []types.EvaluationResult{result("s3:GetObject", object, allowed, specifically(specific(object, explicit)))},
			want:    policysimulation.Answer{Decision: explicit}, final: true,
		},
		"within the action's, with all that is told": {
			results: []types.EvaluationResult{result("s3:GetObject", "*", implicit, specifically(outside))},
			want:    policysimulation.Answer{Decision: implicit, Boundary: true, Policies: []string{"reads"}, MissingKeys: []string{"aws:SourceVpce"}}, final: true,
		},
		"within the action's, which the organization does not allow": {
			results: []types.EvaluationResult{result("s3:GetObject", "*", implicit, organization(false), specifically(specific(object, implicit)))},
			want:    policysimulation.Answer{Decision: implicit, Organization: true}, final: true,
		},
		"within the action's, allowed where the organization does not allow all": {
			results: []types.EvaluationResult{result("s3:GetObject", "*", implicit, organization(false), specifically(specific(object, allowed)))},
			want:    policysimulation.Answer{Decision: allowed}, allowed: true,
		},
		"another action":   {results: []types.EvaluationResult{result("s3:PutObject", object, allowed)}, unanswered: true},
		"another resource": {results: []types.EvaluationResult{result("s3:GetObject", bucket, allowed)}, unanswered: true},
		"nothing":          {unanswered: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := &simulator{pages: [][]types.EvaluationResult{test.results}}
			answers, err := policysimulation.Simulate(t.Context(), s, roleARN, []policysimulation.Question{{Action: "s3:GetObject", Resource: object}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := answers.Of("s3:GetObject", object)
			if (err != nil) != test.unanswered {
				t.Fatalf("got %+v, %v", got, err)
			}
			if !reflect.DeepEqual(got, test.want) || got.Allowed() != test.allowed || got.Final() != test.final {
				t.Errorf("got %+v (allowed %v, final %v), want %+v", got, got.Allowed(), got.Final(), test.want)
			}
		})
	}
}

func TestSimulateAsksOnce(t *testing.T) {
	s := &simulator{pages: [][]types.EvaluationResult{{result("ecs:Poll", "a", allowed)}, {result("ecs:Poll", "b", implicit)}, {result("ecr:GetAuthorizationToken", roleARN, allowed)}}}
	known := policysimulation.OfRole(roleARN, "123456789012", "us-east-1", time.Now())
	answers, err := policysimulation.Simulate(t.Context(), s, roleARN, []policysimulation.Question{
		{Action: "ecs:Poll", Resource: "a"}, {Action: "ecs:Poll", Resource: "b"}, {Action: "ecr:GetAuthorizationToken", Resource: "*"},
	}, known)
	if err != nil {
		t.Fatal(err)
	}
	for question, want := range map[policysimulation.Question]bool{
		{Action: "ecs:Poll", Resource: "a"}: true, {Action: "ecs:Poll", Resource: "b"}: false, {Action: "ecr:GetAuthorizationToken", Resource: "*"}: true,
	} {
		if got, err := answers.Of(question.Action, question.Resource); err != nil || got.Allowed() != want {
			t.Errorf("%v: got %+v, %v", question, got, err)
		}
	}
	if len(s.inputs) != 3 {
		t.Fatalf("%d calls for three pages", len(s.inputs))
	}
	for _, input := range s.inputs {
		got := fmt.Sprint(*input.PolicySourceArn, input.ActionNames, input.ResourceArns, *input.MaxItems)
		if want := fmt.Sprint(roleARN, []string{"ecs:Poll", "ecr:GetAuthorizationToken"}, []string{"a", "b", roleARN}, 1000); got != want {
			t.Errorf("asked %s, want %s", got, want)
		}
		if !reflect.DeepEqual(input.ContextEntries, known) {
			t.Errorf("told %v", input.ContextEntries)
		}
	}
}

func TestSimulateWithoutQuestions(t *testing.T) {
	s := &simulator{}
	answers, err := policysimulation.Simulate(t.Context(), s, roleARN, nil, nil)
	if err != nil || answers == nil || len(answers)+len(s.inputs) != 0 {
		t.Errorf("got %v, %v after %d calls", answers, err, len(s.inputs))
	}
}

func TestSimulateFails(t *testing.T) {
	s := &simulator{pages: [][]types.EvaluationResult{{result("ecs:Poll", "a", allowed)}, nil}, failing: 2}
	if answers, err := policysimulation.Simulate(t.Context(), s, roleARN, []policysimulation.Question{{Action: "ecs:Poll", Resource: "a"}}, nil); !errors.Is(err, errThrottled) {
		t.Errorf("got %v, %v", answers, err)
	}
}

func TestContextEntries(t *testing.T) {
	at := time.Date(2025, 11, 22, 9, 10, 0, 7, time.FixedZone("JST", 9*60*60))
	entries := append(policysimulation.OfRole(roleARN, "123456789012", "eu-central-1", at),
		policysimulation.Texts("ecs:cluster", []string{"a", "b"}),
		policysimulation.ViaService("s3", "eu-central-1", "aws"),
		policysimulation.ViaService("secretsmanager", "cn-north-1", "aws-cn"))
	var got []string
	for _, entry := range entries {
		got = append(got, fmt.Sprint(*entry.ContextKeyName, " ", entry.ContextKeyType, " ", entry.ContextKeyValues))
	}
	want := []string{
		"aws:PrincipalArn string [" + roleARN + "]",
		"aws:PrincipalAccount string [123456789012]",
		"aws:PrincipalType string [AssumedRole]",
		"aws:ResourceAccount string [123456789012]",
		"s3:ResourceAccount string [123456789012]",
		"aws:RequestedRegion string [eu-central-1]",
		"aws:SecureTransport boolean [true]",
		"aws:ViaAWSService boolean [false]",
		"aws:PrincipalIsAWSService boolean [false]",
		"aws:CurrentTime date [2025-11-22T00:10:00Z]",
		"aws:TokenIssueTime date [2025-11-22T00:10:00Z]",
		"ecs:cluster stringList [a b]",
		"kms:ViaService string [s3.eu-central-1.amazonaws.com]",
		"kms:ViaService string [secretsmanager.cn-north-1.amazonaws.com.cn]",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}
