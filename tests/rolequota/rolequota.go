// Package rolequota refuses what IAM refuses of AttachRolePolicy and the
// emulator does not: policies that do not exist, and more policies than a role
// may have.
package rolequota

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
)

// PoliciesPerRole is the default quota of managed policies on one role (IAM
// User Guide, "IAM and AWS STS quotas").
const PoliciesPerRole = 10

// Policies are the emulator's; *iam.Client has them.
type Policies interface {
	GetPolicy(context.Context, *iam.GetPolicyInput, ...func(*iam.Options)) (*iam.GetPolicyOutput, error)
	ListAttachedRolePolicies(context.Context, *iam.ListAttachedRolePoliciesInput, ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error)
}

// Service reads roles and policies from the emulator.
type Service struct {
	IAM Policies
}

// Answer is the endpoint's supplement for iam:AttachRolePolicy: it refuses, or
// leaves the rest to the emulator.
func (s *Service) Answer(writer http.ResponseWriter, request *http.Request, exchange awscall.Exchange) bool {
	role, _ := exchange.Parameters["RoleName"].(string)
	policy, _ := exchange.Parameters["PolicyArn"].(string)
	if role == "" || policy == "" {
		return false
	}
	missing := (*types.NoSuchEntityException)(nil)
	if _, err := s.IAM.GetPolicy(request.Context(), &iam.GetPolicyInput{PolicyArn: &policy}); errors.As(err, &missing) {
		endpoint.WriteQueryError(writer, http.StatusNotFound, "NoSuchEntity", fmt.Sprintf("Policy %s does not exist or is not attachable.", policy))
		return true
	}
	var attached []string
	pages := iam.NewListAttachedRolePoliciesPaginator(s.IAM, &iam.ListAttachedRolePoliciesInput{RoleName: &role})
	for pages.HasMorePages() {
		page, err := pages.NextPage(request.Context())
		if err != nil {
			// The emulator says what is wrong with the role.
			return false
		}
		for _, one := range page.AttachedPolicies {
			attached = append(attached, aws.ToString(one.PolicyArn))
		}
	}
	if len(attached) < PoliciesPerRole || slices.Contains(attached, policy) {
		return false
	}
	endpoint.WriteQueryError(writer, http.StatusConflict, "LimitExceeded", fmt.Sprintf("Cannot exceed quota for PoliciesPerRole: %d", PoliciesPerRole))
	return true
}
