package rolequota

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

// policies has a role's policies, five on a page.
type policies struct{ attached int }

func arn(number int) string { return fmt.Sprintf("arn:aws:iam::111122223333:policy/p%d", number) }

func (p policies) GetPolicy(_ context.Context, input *iam.GetPolicyInput, _ ...func(*iam.Options)) (*iam.GetPolicyOutput, error) {
	if strings.HasSuffix(*input.PolicyArn, "Adminstrator") {
		return nil, &types.NoSuchEntityException{}
	}
	return &iam.GetPolicyOutput{}, nil
}

func (p policies) ListAttachedRolePolicies(_ context.Context, input *iam.ListAttachedRolePoliciesInput, _ ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error) {
	if *input.RoleName == "gone" {
		return nil, &types.NoSuchEntityException{}
	}
	start := len(aws.ToString(input.Marker))
	output := &iam.ListAttachedRolePoliciesOutput{}
	for number := start; number < min(start+5, p.attached); number++ {
		output.AttachedPolicies = append(output.AttachedPolicies, types.AttachedPolicy{PolicyArn: aws.String(arn(number))})
	}
	if start+5 < p.attached {
		output.IsTruncated, output.Marker = true, aws.String(strings.Repeat("x", start+5))
	}
	return output, nil
}

func TestWhatIsRefused(t *testing.T) {
	cases := []struct {
		name     string
		attached int
		role     string
		policy   string
		want     string
	}{
		{"there is room", 9, "r", arn(99), ""},
		{"the role is full", 10, "r", arn(99), "<Code>LimitExceeded</Code><Message>Cannot exceed quota for PoliciesPerRole: 10</Message>"},
		{"the role is full and has it", 10, "r", arn(9), ""},
		{"no such policy", 0, "r", "arn:aws:iam::aws:policy/Adminstrator", "<Code>NoSuchEntity</Code>"},
		{"no such role", 0, "gone", arn(1), ""},
		{"no policy is named", 0, "r", "", ""},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			service := &Service{IAM: policies{test.attached}}
			recorder := httptest.NewRecorder()
			refused := service.Answer(recorder, httptest.NewRequest("POST", "/", nil), awscall.Exchange{
				Parameters: map[string]any{"RoleName": test.role, "PolicyArn": test.policy},
			})
			if refused != (test.want != "") || !strings.Contains(recorder.Body.String(), test.want) {
				t.Errorf("refused: %v, %s", refused, recorder.Body)
			}
		})
	}
}
