// Package policysimulation asks IAM's policy simulator what a role may do
// (SimulatePrincipalPolicy in the IAM API Reference). The simulator knows the
// role's policies, its boundary and the organization's policies, and no
// resource's own policy.
package policysimulation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// Question is whether a role may do an action on a resource, an ARN or "*".
type Question struct{ Action, Resource string }

// Answer is the simulator's.
type Answer struct {
	Decision types.PolicyEvaluationDecisionType
	// Boundary and Organization are set where one of them does not allow it.
	Boundary, Organization bool
	// Policies names those whose statements decided.
	Policies []string
	// MissingKeys are the context keys that any of the role's policies names and
	// the caller did not give. Which of them matter, Judge says.
	MissingKeys []string
}

// Allowed reports whether the role may do it.
func (a Answer) Allowed() bool {
	return a.Decision == types.PolicyEvaluationDecisionTypeAllowed && !a.Boundary && !a.Organization
}

// Final reports whether it is not allowed, and no policy that is attached can
// change that.
func (a Answer) Final() bool {
	return a.Boundary || a.Organization || a.Decision == types.PolicyEvaluationDecisionTypeExplicitDeny
}

// Answers are those about one principal, by question; actions are in lower case.
type Answers map[Question]Answer

// anything stands for the resource of an action that knows none.
const anything = "*"

// OrganizationPolicies stands for the service control policies above the
// account, for Simulate to leave out.
var OrganizationPolicies types.PolicyIdentifier = &types.PolicyIdentifierMemberPolicyType{Value: types.PolicyIdentifierPolicyTypeScp}

// Simulate asks all questions about a role, or another principal, in one call
// (and its pages), under one set of context keys, as if the policies in without
// were not there. Without a question there is no call.
//
// IAM refuses "*" beside ARNs with InvalidInput, "ResourceNames are not in a
// valid ARN format: *". So a question about "*" is asked about the principal
// itself where others name resources: an ARN of IAM's, which no pattern for
// another service's resources matches and "*" does.
func Simulate(ctx context.Context, client iam.SimulatePrincipalPolicyAPIClient, principalARN string, questions []Question, known []types.ContextEntry, without ...types.PolicyIdentifier) (Answers, error) {
	answers := Answers{}
	if len(questions) == 0 {
		return answers, nil
	}
	isNamed := func(q Question) bool { return q.Resource != anything }
	standIn := anything
	if slices.ContainsFunc(questions, isNamed) {
		standIn = principalARN
	}
	input := &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn:     &principalARN,
		ContextEntries:      known,
		PolicyExclusionList: without,
		// The most of an answer; without it the API gives a hundred.
		MaxItems: aws.Int32(1000),
	}
	for _, q := range questions {
		resource := q.Resource
		if resource == anything {
			resource = standIn
		}
		if !slices.Contains(input.ActionNames, q.Action) {
			input.ActionNames = append(input.ActionNames, q.Action)
		}
		if !slices.Contains(input.ResourceArns, resource) {
			input.ResourceArns = append(input.ResourceArns, resource)
		}
	}
	pages := iam.NewSimulatePrincipalPolicyPaginator(client, input)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		answers.add(page.EvaluationResults)
	}
	for _, q := range questions {
		action := strings.ToLower(q.Action)
		if answer, found := answers[Question{action, standIn}]; found && q.Resource == anything {
			answers[Question{action, anything}] = answer
		}
	}
	return answers, nil
}

// add takes in a page of results. The decision about a resource is in
// ResourceSpecificResults; what stands above them sums them up, for a template
// of an ARN or "*" ("EvaluationResult" in the IAM API Reference). Earlier, the
// API gave one result for each pair. The organization's decision comes with the
// sum alone.
func (a Answers) add(results []types.EvaluationResult) {
	for _, result := range results {
		action := strings.ToLower(aws.ToString(result.EvalActionName))
		whole := Answer{
			Decision:     result.EvalDecision,
			Boundary:     outsideBoundary(result.PermissionsBoundaryDecisionDetail),
			Organization: result.OrganizationsDecisionDetail != nil && !result.OrganizationsDecisionDetail.AllowedByOrganizations,
			Policies:     policiesOf(result.MatchedStatements),
			MissingKeys:  result.MissingContextValues,
		}
		for _, specific := range result.ResourceSpecificResults {
			a[Question{action, aws.ToString(specific.EvalResourceName)}] = Answer{
				Decision:     specific.EvalResourceDecision,
				Boundary:     outsideBoundary(specific.PermissionsBoundaryDecisionDetail),
				Organization: whole.Organization && specific.EvalResourceDecision != types.PolicyEvaluationDecisionTypeAllowed,
				Policies:     policiesOf(specific.MatchedStatements),
				MissingKeys:  specific.MissingContextValues,
			}
		}
		resource := aws.ToString(result.EvalResourceName)
		if resource == "" || strings.Contains(resource, "${") {
			resource = anything
		}
		if _, specific := a[Question{action, resource}]; !specific {
			a[Question{action, resource}] = whole
		}
	}
}

func outsideBoundary(detail *types.PermissionsBoundaryDecisionDetail) bool {
	return detail != nil && !detail.AllowedByPermissionsBoundary
}

func policiesOf(statements []types.Statement) []string {
	var names []string
	for _, statement := range statements {
		if name := aws.ToString(statement.SourcePolicyId); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Of answers for an action on a resource. Where the API gave only the sum over
// all resources, as for a single one, that is the answer. It is an error to look
// for what was not answered.
func (a Answers) Of(action, resource string) (Answer, error) {
	action = strings.ToLower(action)
	if exact, ok := a[Question{action, resource}]; ok {
		return exact, nil
	}
	if general, ok := a[Question{action, anything}]; ok {
		return general, nil
	}
	return Answer{}, fmt.Errorf("the simulation gave no answer for %s on %s", action, resource)
}
