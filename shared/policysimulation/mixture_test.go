package policysimulation_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policysimulation"
)

const clusterARN, instanceARN = "arn:aws:ecs:us-east-1:123456789012:cluster/web", "arn:aws:ecs:us-east-1:123456789012:container-instance/web/1"

// strictSimulator reads its input as IAM does: "*" stands alone. A role's policy
// names one pattern for each action. Several resources are summed up in one
// result that names a template.
type strictSimulator struct {
	patterns map[string]string
	inputs   []*iam.SimulatePrincipalPolicyInput
	err      error
}

func (s *strictSimulator) SimulatePrincipalPolicy(_ context.Context, input *iam.SimulatePrincipalPolicyInput, _ ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error) {
	s.inputs = append(s.inputs, input)
	if s.err != nil {
		return nil, s.err
	}
	if len(input.ResourceArns) > 1 && slices.Contains(input.ResourceArns, "*") {
		return nil, &smithy.GenericAPIError{Code: "InvalidInput", Message: "ResourceNames are not in a valid ARN format: *.", Fault: smithy.FaultClient}
	}
	decide := func(action, resource string) types.PolicyEvaluationDecisionType {
		if policydocument.Matches(s.patterns[action], resource) {
			return allowed
		}
		return implicit
	}
	output := &iam.SimulatePrincipalPolicyOutput{}
	for _, action := range input.ActionNames {
		summed := result(action, "arn:${Partition}:ecs:${Region}:${Account}:cluster/${ClusterName}", allowed)
		for _, resource := range input.ResourceArns {
			decision := decide(action, resource)
			if decision != allowed {
				summed.EvalDecision = decision
			}
			if len(input.ResourceArns) > 1 {
				summed.ResourceSpecificResults = append(summed.ResourceSpecificResults, specific(resource, decision))
			}
		}
		output.EvaluationResults = append(output.EvaluationResults, summed)
	}
	return output, nil
}

// TestOneCallForAllResources: actions that know no resources are asked about
// beside ARNs, in a form that IAM takes at once, and a policy for other resources
// does not allow them.
func TestOneCallForAllResources(t *testing.T) {
	s := &strictSimulator{patterns: map[string]string{
		"ecs:DiscoverPollEndpoint": "*", "ecs:CreateCluster": "arn:aws:ecs:*", "ecs:RegisterContainerInstance": clusterARN, "ecs:Poll": "*/web/*",
	}}
	want := map[policysimulation.Question]bool{
		{Action: "ecs:DiscoverPollEndpoint", Resource: "*"}: true, {Action: "ecs:CreateCluster", Resource: "*"}: false,
		{Action: "ecs:RegisterContainerInstance", Resource: clusterARN}: true, {Action: "ecs:Poll", Resource: instanceARN}: true,
		{Action: "ecs:Poll", Resource: clusterARN}: false,
	}
	var questions []policysimulation.Question
	for question := range want {
		questions = append(questions, question)
	}
	answers, err := policysimulation.Simulate(t.Context(), s, roleARN, questions, nil)
	if err != nil {
		t.Fatal(err)
	}
	for question, allowed := range want {
		if answer, err := answers.Of(question.Action, question.Resource); err != nil || answer.Allowed() != allowed {
			t.Errorf("%v: got %+v, %v", question, answer, err)
		}
	}
	if len(s.inputs) != 1 {
		t.Errorf("%d calls", len(s.inputs))
	}
}

func TestOneResourceIsAnsweredByTheSum(t *testing.T) {
	for _, resource := range []string{"*", clusterARN} {
		s := &strictSimulator{patterns: map[string]string{"ecs:RegisterContainerInstance": "*"}}
		question := policysimulation.Question{Action: "ecs:RegisterContainerInstance", Resource: resource}
		answers, err := policysimulation.Simulate(t.Context(), s, roleARN, []policysimulation.Question{question}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := answers.Of(question.Action, resource); err != nil || !answer.Allowed() {
			t.Errorf("%s: got %+v, %v", resource, answer, err)
		}
	}
}

func TestRefusalsStand(t *testing.T) {
	for _, refusal := range []error{
		&smithy.GenericAPIError{Code: "InvalidInput", Message: "ResourceNames are not in a valid ARN format: x."},
		&smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"},
	} {
		s := &strictSimulator{err: refusal}
		questions := []policysimulation.Question{{Action: "ecs:DiscoverPollEndpoint", Resource: "*"}, {Action: "ecs:Poll", Resource: instanceARN}}
		if answers, err := policysimulation.Simulate(t.Context(), s, roleARN, questions, nil); !errors.Is(err, refusal) || len(s.inputs) != 1 {
			t.Errorf("got %v, %v after %d calls", answers, err, len(s.inputs))
		}
	}
}

func TestPoliciesAreLeftOut(t *testing.T) {
	s := &strictSimulator{}
	question := policysimulation.Question{Action: "ecs:Poll", Resource: instanceARN}
	if _, err := policysimulation.Simulate(t.Context(), s, roleARN, []policysimulation.Question{question}, nil,
		policysimulation.OrganizationPolicies, &types.PolicyIdentifierMemberPolicyArn{Value: "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"}); err != nil {
		t.Fatal(err)
	}
	excluded := s.inputs[0].PolicyExclusionList
	kind, ofKind := excluded[0].(*types.PolicyIdentifierMemberPolicyType)
	arn, ofARN := excluded[1].(*types.PolicyIdentifierMemberPolicyArn)
	if !ofKind || kind.Value != "scp" || !ofARN || arn.Value != "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore" {
		t.Errorf("left out %v", excluded)
	}
}
