// Package policysimulation asks IAM's policy simulator what a role may do
// (SimulatePrincipalPolicy in the IAM API Reference). The simulator knows the
// role's policies, its boundary and the organization's policies, and no
// resource's own policy.
package policysimulation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"
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
	// MissingKeys are the context keys that the role's policies speak of, and
	// nobody told: with them the decision might differ.
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

// Answers are those about one role, by question; actions are in lower case.
type Answers map[Question]Answer

// anything stands for the resource of an action that knows none.
const anything = "*"

// apart is set once IAM has refused to be asked about "*" and about ARNs in one
// call. It is IAM's way of reading its input, whichever role is asked about, so
// that nobody asks so again.
var apart atomic.Bool

// Simulate asks all questions about a role, under one set of context keys: at
// once, or those about "*" and those about ARNs side by side, where IAM answers
// the two together with InvalidInput, "ResourceNames are not in a valid ARN
// format: *". Without a question there is no call.
func Simulate(ctx context.Context, client iam.SimulatePrincipalPolicyAPIClient, roleARN string, questions []Question, known []types.ContextEntry) (Answers, error) {
	var general, named []Question
	for _, q := range questions {
		if q.Resource == anything {
			general = append(general, q)
		} else {
			named = append(named, q)
		}
	}
	if len(general) == 0 || len(named) == 0 || !apart.Load() {
		answers, err := ask(ctx, client, roleARN, questions, known)
		if len(general) == 0 || len(named) == 0 || !isMixtureRefused(err) {
			return answers, err
		}
		apart.Store(true)
	}
	var ofAnything, ofNamed Answers
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		ofAnything, err = ask(ctx, client, roleARN, general, known)
		return err
	})
	group.Go(func() (err error) {
		ofNamed, err = ask(ctx, client, roleARN, named, known)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	// Where the latter also say something of "*", it sums up the ARNs.
	maps.Copy(ofNamed, ofAnything)
	return ofNamed, nil
}

// isMixtureRefused reports whether IAM took "*" for an ARN, which it is not.
func isMixtureRefused(err error) bool {
	refusal, ok := errors.AsType[smithy.APIError](err)
	return ok && slices.Contains([]string{"InvalidInput", "InvalidInputException"}, refusal.ErrorCode()) &&
		strings.Contains(refusal.ErrorMessage(), "ARN format: *")
}

// ask asks in one call. The API answers for every pair of an action and a
// resource.
func ask(ctx context.Context, client iam.SimulatePrincipalPolicyAPIClient, roleARN string, questions []Question, known []types.ContextEntry) (Answers, error) {
	answers := Answers{}
	if len(questions) == 0 {
		return answers, nil
	}
	input := &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: &roleARN,
		ContextEntries:  known,
		// The most of an answer; without it the API gives a hundred.
		MaxItems: aws.Int32(1000),
	}
	for _, q := range questions {
		if !slices.Contains(input.ActionNames, q.Action) {
			input.ActionNames = append(input.ActionNames, q.Action)
		}
		if !slices.Contains(input.ResourceArns, q.Resource) {
			input.ResourceArns = append(input.ResourceArns, q.Resource)
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
	return answers, nil
}

// add takes in a page of results. For several resources the API may answer with
// one result per pair, or with one per action that holds the resources' own
// (ResourceSpecificResults); the latter carry no organization's decision.
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
		resource := cmp.Or(aws.ToString(result.EvalResourceName), anything)
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

// Of answers for an action on a resource. An action that knows no resources is
// answered for "*", whatever was asked. It is an error to look for what was not
// answered.
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
