package policysimulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
)

const clusterARN, instanceARN = "arn:aws:ecs:us-east-1:123456789012:cluster/web", "arn:aws:ecs:us-east-1:123456789012:container-instance/web/1"

// strictSimulator reads its input as IAM does: "*" stands alone. It allows each
// action on the one resource that it is about, and sums several up in one result
// that names a template or, as for actions of ec2messages, nothing.
type strictSimulator struct {
	mutex sync.Mutex
	asked []string
	err   error
}

var about = map[string]string{
	"ecs:DiscoverPollEndpoint": "*", "ec2messages:GetMessages": "*", "ecs:RegisterContainerInstance": clusterARN, "ecs:Poll": instanceARN,
}

func (s *strictSimulator) SimulatePrincipalPolicy(_ context.Context, input *iam.SimulatePrincipalPolicyInput, _ ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.asked = append(s.asked, fmt.Sprint(input.ActionNames, input.ResourceArns))
	if s.err != nil {
		return nil, s.err
	}
	if len(input.ResourceArns) > 1 && slices.Contains(input.ResourceArns, "*") {
		return nil, &smithy.GenericAPIError{Code: "InvalidInput", Message: "ResourceNames are not in a valid ARN format: *.", Fault: smithy.FaultClient}
	}
	output := &iam.SimulatePrincipalPolicyOutput{}
	for _, action := range input.ActionNames {
		result := types.EvaluationResult{EvalActionName: aws.String(action), EvalDecision: types.PolicyEvaluationDecisionTypeImplicitDeny}
		for _, resource := range input.ResourceArns {
			decision := types.PolicyEvaluationDecisionTypeImplicitDeny
			if about[action] == resource {
				decision = types.PolicyEvaluationDecisionTypeAllowed
			}
			if len(input.ResourceArns) == 1 {
				result.EvalResourceName, result.EvalDecision = aws.String(resource), decision
				continue
			}
			result.ResourceSpecificResults = append(result.ResourceSpecificResults, types.ResourceSpecificResult{EvalResourceName: aws.String(resource), EvalResourceDecision: decision})
		}
		output.EvaluationResults = append(output.EvaluationResults, result)
	}
	return output, nil
}

// TestMixtureIsRefused: what IAM does not answer together is asked apart, and
// from then on at once so.
func TestMixtureIsRefused(t *testing.T) {
	t.Cleanup(func() { apart.Store(false) })
	s := &strictSimulator{}
	var questions []Question
	for _, action := range []string{"ecs:DiscoverPollEndpoint", "ecs:RegisterContainerInstance", "ecs:Poll", "ec2messages:GetMessages"} {
		questions = append(questions, Question{action, about[action]})
	}
	// An action of either kind may also be asked about on the other.
	questions = append(questions, Question{"ec2messages:GetMessages", clusterARN})
	for look, calls := range []int{3, 2} {
		s.asked = nil
		answers, err := Simulate(t.Context(), s, "arn:aws:iam::123456789012:role/r", questions, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range questions {
			answer, err := answers.Of(q.Action, q.Resource)
			if err != nil || answer.Allowed() != (about[q.Action] == q.Resource) {
				t.Errorf("look %d: %v: got %+v, %v", look, q, answer, err)
			}
		}
		if len(s.asked) != calls {
			t.Errorf("look %d asked %q, want %d calls", look, s.asked, calls)
		}
	}
}

func TestOtherRefusalsStand(t *testing.T) {
	t.Cleanup(func() { apart.Store(false) })
	mixed := []Question{{"ecs:DiscoverPollEndpoint", "*"}, {"ecs:Poll", instanceARN}}
	for name, test := range map[string]struct {
		questions []Question
		err       error
	}{
		"another input":       {mixed, &smithy.GenericAPIError{Code: "InvalidInput", Message: "Invalid Entity Arn: x does not clearly define entity type and name."}},
		"another code":        {mixed, &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"}},
		"without any mixture": {mixed[:1], &smithy.GenericAPIError{Code: "InvalidInput", Message: "ResourceNames are not in a valid ARN format: *."}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &strictSimulator{err: test.err}
			if answers, err := Simulate(t.Context(), s, "arn:aws:iam::123456789012:role/r", test.questions, nil); !errors.Is(err, test.err) || len(s.asked) != 1 {
				t.Errorf("got %v, %v after %q", answers, err, s.asked)
			}
		})
	}
	// A call of two that fails is the look's failure.
	apart.Store(true)
	s := &strictSimulator{err: errors.New("throttled")}
	if answers, err := Simulate(t.Context(), s, "arn:aws:iam::123456789012:role/r", mixed, nil); !errors.Is(err, s.err) {
		t.Errorf("got %v, %v", answers, err)
	}
}
