package policysimulation

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
)

// Service answers iam:SimulatePrincipalPolicy from the policies that the
// emulator holds (IAM API Reference, SimulatePrincipalPolicy). The emulator's
// own answer reads one resource, no context and no boundary.
type Service struct {
	IAM *iam.Client
}

// apiError is a refusal in the API's words.
type apiError struct {
	status        int
	code, message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func invalid(format string, arguments ...any) error {
	return &apiError{http.StatusBadRequest, "InvalidInput", fmt.Sprintf(format, arguments...)}
}

// Answer is the endpoint's supplement for iam:SimulatePrincipalPolicy.
func (s *Service) Answer(writer http.ResponseWriter, request *http.Request, exchange awscall.Exchange) bool {
	response, err := s.simulate(request.Context(), exchange.Parameters)
	if err != nil {
		refusal := &apiError{http.StatusInternalServerError, "ServiceFailure", err.Error()}
		errors.As(err, &refusal)
		endpoint.WriteQueryError(writer, refusal.status, refusal.code, refusal.message)
		return true
	}
	endpoint.WriteXML(writer, response)
	return true
}

// actionName takes no wildcards ("This operation does not support using
// wildcards (*) in an action name").
var actionName = regexp.MustCompile(`^[A-Za-z0-9-]+:[A-Za-z0-9]+$`)

// defaultPage is the number of results in one answer unless MaxItems asks for
// fewer.
const defaultPage = 100

func (s *Service) simulate(ctx context.Context, parameters map[string]any) (*simulateResponse, error) {
	actions := stringList(parameters["ActionNames"])
	if len(actions) == 0 {
		return nil, invalid("ActionNames must name at least one action")
	}
	for _, action := range actions {
		if !actionName.MatchString(action) {
			return nil, invalid("Invalid Action format: %s", action)
		}
	}
	resources := stringList(parameters["ResourceArns"])
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	for _, resource := range resources {
		if resource != "*" && (!strings.HasPrefix(resource, "arn:") || strings.Count(resource, ":") < 5) {
			return nil, invalid("Invalid Resource ARN format: %s", resource)
		}
	}
	conditionContext, err := contextEntries(parameters["ContextEntries"])
	if err != nil {
		return nil, err
	}
	policies, err := s.PrincipalPolicies(ctx, textOf(parameters, "PolicySourceArn"))
	if err != nil {
		return nil, err
	}
	if err := additional(&policies, parameters); err != nil {
		return nil, err
	}

	var evaluations []evaluation
	for _, action := range actions {
		results := make([]Result, len(resources))
		for index, resource := range resources {
			results[index] = Simulate(policies, Request{Action: action, Resource: resource, Context: conditionContext})
		}
		evaluations = append(evaluations, combine(action, results))
	}
	return page(evaluations, parameters)
}

// combine makes one member of EvaluationResults. For one resource it speaks of
// that resource. For several, AWS gives one member for the action, whose
// resource is a template and whose decision is the most restrictive of all;
// the decision about each resource is in ResourceSpecificResults alone.
func combine(action string, results []Result) evaluation {
	if len(results) == 1 {
		return single(results[0])
	}
	combined := evaluation{Action: action, Resource: template(action), Decision: Allowed, Specific: &specifics{}}
	severity := []Decision{Allowed, ImplicitDeny, ExplicitDeny}
	for _, result := range results {
		if slices.Index(severity, result.Decision) > slices.Index(severity, combined.Decision) {
			combined.Decision = result.Decision
		}
		one := single(result)
		combined.Specific.Members = append(combined.Specific.Members, specific{
			Resource: result.Resource,
			Decision: result.Decision,
			Matched:  one.Matched,
			Missing:  one.Missing,
			Boundary: one.Boundary,
		})
	}
	return combined
}

// template stands for all resources of the service, as in
// "arn:${Partition}:s3:::${BucketName}/${KeyName}".
func template(action string) string {
	service, _, _ := strings.Cut(action, ":")
	return "arn:${Partition}:" + strings.ToLower(service) + ":${Region}:${Account}:${ResourceType}/${ResourceId}"
}

func single(result Result) evaluation {
	evaluated := evaluation{Action: result.Action, Resource: result.Resource, Decision: result.Decision}
	evaluated.Missing.Members = result.MissingContext
	for _, matched := range result.Matched {
		evaluated.Matched.Members = append(evaluated.Matched.Members, statementXML{
			Policy: matched.Policy.ID,
			Type:   matched.Policy.Type,
			Start:  matched.Statement.Start,
			End:    matched.Statement.End,
		})
	}
	if result.AllowedByBoundary != nil {
		evaluated.Boundary = &boundaryDetail{Allowed: *result.AllowedByBoundary}
	}
	return evaluated
}

func page(evaluations []evaluation, parameters map[string]any) (*simulateResponse, error) {
	size, err := strconv.Atoi(cmp.Or(textOf(parameters, "MaxItems"), strconv.Itoa(defaultPage)))
	if err != nil || size < 1 || size > 1000 {
		return nil, invalid("MaxItems must be a number from 1 to 1000")
	}
	start := 0
	if marker := textOf(parameters, "Marker"); marker != "" {
		if start, err = strconv.Atoi(marker); err != nil || start < 0 || start >= len(evaluations) {
			return nil, invalid("Invalid Marker: %s", marker)
		}
	}
	end := min(start+size, len(evaluations))
	response := &simulateResponse{RequestID: endpoint.RequestID}
	response.Result.Evaluations.Members = evaluations[start:end]
	if end < len(evaluations) {
		response.Result.Truncated = true
		response.Result.Marker = strconv.Itoa(end)
	}
	return response, nil
}

// additional takes the policies that the request itself carries.
func additional(policies *Policies, parameters map[string]any) error {
	for _, list := range []struct {
		parameter, id, kind string
		into                *[]Policy
	}{
		{"PolicyInputList", "PolicyInputList", "none", &policies.Identity},
		{"PermissionsBoundaryPolicyInputList", "PermissionsBoundaryPolicyInputList", "none", &policies.Boundary},
	} {
		documents := stringList(parameters[list.parameter])
		if len(documents) > 0 && list.into == &policies.Boundary {
			// "the policy passed … overrides an attached permissions boundary".
			policies.Boundary = nil
		}
		for index, text := range documents {
			document, err := ParseDocument(text)
			if err != nil {
				return invalid("Invalid policy document in %s: %v", list.parameter, err)
			}
			*list.into = append(*list.into, Policy{ID: list.id + "." + strconv.Itoa(index+1), Type: list.kind, Document: document})
		}
	}
	return nil
}

// PrincipalPolicies reads all policies that decide about a role or a user: inline
// ones, attached ones, those of a user's groups, and the permissions boundary.
func (s *Service) PrincipalPolicies(ctx context.Context, arn string) (Policies, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "iam" {
		return Policies{}, invalid("Invalid Entity Arn: %s", arn)
	}
	kind, name, _ := strings.Cut(parts[5], "/")
	name = name[strings.LastIndexByte(name, '/')+1:]
	switch kind {
	case "role":
		return s.rolePolicies(ctx, name)
	case "user":
		return s.userPolicies(ctx, name)
	default:
		return Policies{}, invalid("the local stack simulates roles and users, not %s", arn)
	}
}

func (s *Service) rolePolicies(ctx context.Context, name string) (Policies, error) {
	role, err := s.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if missing := (*types.NoSuchEntityException)(nil); errors.As(err, &missing) {
		return Policies{}, &apiError{http.StatusNotFound, "NoSuchEntity", "The role with name " + name + " cannot be found."}
	}
	if err != nil {
		return Policies{}, fmt.Errorf("reading role %s: %w", name, err)
	}
	var policies Policies
	inline := iam.NewListRolePoliciesPaginator(s.IAM, &iam.ListRolePoliciesInput{RoleName: &name})
	for inline.HasMorePages() {
		output, err := inline.NextPage(ctx)
		if err != nil {
			return Policies{}, fmt.Errorf("listing the inline policies of role %s: %w", name, err)
		}
		for _, policyName := range output.PolicyNames {
			policy, err := s.IAM.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &name, PolicyName: &policyName})
			if err != nil {
				return Policies{}, fmt.Errorf("reading policy %s of role %s: %w", policyName, name, err)
			}
			if err := policies.addInline("role", name, policyName, aws.ToString(policy.PolicyDocument)); err != nil {
				return Policies{}, err
			}
		}
	}
	attached := iam.NewListAttachedRolePoliciesPaginator(s.IAM, &iam.ListAttachedRolePoliciesInput{RoleName: &name})
	for attached.HasMorePages() {
		output, err := attached.NextPage(ctx)
		if err != nil {
			return Policies{}, fmt.Errorf("listing the policies attached to role %s: %w", name, err)
		}
		if err := s.addAttached(ctx, &policies, output.AttachedPolicies); err != nil {
			return Policies{}, err
		}
	}
	return policies, s.addBoundary(ctx, &policies, role.Role.PermissionsBoundary)
}

func (s *Service) userPolicies(ctx context.Context, name string) (Policies, error) {
	user, err := s.IAM.GetUser(ctx, &iam.GetUserInput{UserName: &name})
	if missing := (*types.NoSuchEntityException)(nil); errors.As(err, &missing) {
		return Policies{}, &apiError{http.StatusNotFound, "NoSuchEntity", "The user with name " + name + " cannot be found."}
	}
	if err != nil {
		return Policies{}, fmt.Errorf("reading user %s: %w", name, err)
	}
	var policies Policies
	inline, err := s.IAM.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: &name})
	if err != nil {
		return Policies{}, fmt.Errorf("listing the inline policies of user %s: %w", name, err)
	}
	for _, policyName := range inline.PolicyNames {
		policy, err := s.IAM.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: &name, PolicyName: &policyName})
		if err != nil {
			return Policies{}, fmt.Errorf("reading policy %s of user %s: %w", policyName, name, err)
		}
		if err := policies.addInline("user", name, policyName, aws.ToString(policy.PolicyDocument)); err != nil {
			return Policies{}, err
		}
	}
	attached, err := s.IAM.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: &name})
	if err != nil {
		return Policies{}, fmt.Errorf("listing the policies attached to user %s: %w", name, err)
	}
	if err := s.addAttached(ctx, &policies, attached.AttachedPolicies); err != nil {
		return Policies{}, err
	}
	groups, err := s.IAM.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: &name})
	if err != nil {
		return Policies{}, fmt.Errorf("listing the groups of user %s: %w", name, err)
	}
	for _, group := range groups.Groups {
		if err := s.addGroup(ctx, &policies, aws.ToString(group.GroupName)); err != nil {
			return Policies{}, err
		}
	}
	return policies, s.addBoundary(ctx, &policies, user.User.PermissionsBoundary)
}

func (s *Service) addGroup(ctx context.Context, policies *Policies, name string) error {
	inline, err := s.IAM.ListGroupPolicies(ctx, &iam.ListGroupPoliciesInput{GroupName: &name})
	if err != nil {
		return fmt.Errorf("listing the inline policies of group %s: %w", name, err)
	}
	for _, policyName := range inline.PolicyNames {
		policy, err := s.IAM.GetGroupPolicy(ctx, &iam.GetGroupPolicyInput{GroupName: &name, PolicyName: &policyName})
		if err != nil {
			return fmt.Errorf("reading policy %s of group %s: %w", policyName, name, err)
		}
		if err := policies.addInline("group", name, policyName, aws.ToString(policy.PolicyDocument)); err != nil {
			return err
		}
	}
	attached, err := s.IAM.ListAttachedGroupPolicies(ctx, &iam.ListAttachedGroupPoliciesInput{GroupName: &name})
	if err != nil {
		return fmt.Errorf("listing the policies attached to group %s: %w", name, err)
	}
	return s.addAttached(ctx, policies, attached.AttachedPolicies)
}

// addInline adds an inline policy of a role, user or group.
func (p *Policies) addInline(kind, name, policy, encoded string) error {
	document, err := decodeDocument(encoded)
	if err != nil {
		return fmt.Errorf("policy %s of %s %s: %w", policy, kind, name, err)
	}
	p.Identity = append(p.Identity, Policy{ID: kind + "_" + name + "_" + policy, Type: kind, Document: document})
	return nil
}

func (s *Service) addAttached(ctx context.Context, policies *Policies, attachments []types.AttachedPolicy) error {
	for _, attachment := range attachments {
		policy, err := s.managedPolicy(ctx, aws.ToString(attachment.PolicyArn))
		if err != nil {
			return err
		}
		policies.Identity = append(policies.Identity, policy)
	}
	return nil
}

func (s *Service) addBoundary(ctx context.Context, policies *Policies, boundary *types.AttachedPermissionsBoundary) error {
	if boundary == nil || aws.ToString(boundary.PermissionsBoundaryArn) == "" {
		return nil
	}
	policy, err := s.managedPolicy(ctx, aws.ToString(boundary.PermissionsBoundaryArn))
	if err != nil {
		return err
	}
	policies.Boundary = []Policy{policy}
	return nil
}

func (s *Service) managedPolicy(ctx context.Context, arn string) (Policy, error) {
	policy, err := s.IAM.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
	if err != nil {
		return Policy{}, fmt.Errorf("reading policy %s: %w", arn, err)
	}
	version, err := s.IAM.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: policy.Policy.DefaultVersionId})
	if err != nil {
		return Policy{}, fmt.Errorf("reading the default version of policy %s: %w", arn, err)
	}
	document, err := decodeDocument(aws.ToString(version.PolicyVersion.Document))
	if err != nil {
		return Policy{}, fmt.Errorf("policy %s: %w", arn, err)
	}
	kind := "user-managed"
	if strings.Contains(arn, ":aws:policy/") {
		kind = "aws-managed"
	}
	return Policy{ID: aws.ToString(policy.Policy.PolicyName), Type: kind, Document: document}, nil
}

// decodeDocument undoes the URL encoding that IAM's answers carry (RFC 3986).
func decodeDocument(encoded string) (Document, error) {
	text, err := url.PathUnescape(encoded)
	if err != nil {
		return Document{}, fmt.Errorf("decoding the document: %w", err)
	}
	return ParseDocument(text)
}

func contextEntries(parameter any) (Context, error) {
	entries := map[string][]string{}
	list, _ := parameter.([]any)
	for _, item := range list {
		entry, _ := item.(map[string]any)
		key := textOf(entry, "ContextKeyName")
		if key == "" {
			return nil, invalid("a member of ContextEntries has no ContextKeyName")
		}
		entries[key] = stringList(entry["ContextKeyValues"])
	}
	return NewContext(entries), nil
}

func textOf(parameters map[string]any, name string) string {
	text, _ := parameters[name].(string)
	return text
}

func stringList(parameter any) []string {
	list, _ := parameter.([]any)
	var values []string
	for _, item := range list {
		if value, ok := item.(string); ok {
			values = append(values, value)
		}
	}
	return values
}

type simulateResponse struct {
	XMLName xml.Name `xml:"https://iam.amazonaws.com/doc/2010-05-08/ SimulatePrincipalPolicyResponse"`
	Result  struct {
		Evaluations struct {
			Members []evaluation `xml:"member"`
		} `xml:"EvaluationResults"`
		Truncated bool   `xml:"IsTruncated"`
		Marker    string `xml:"Marker,omitempty"`
	} `xml:"SimulatePrincipalPolicyResult"`
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

type evaluation struct {
	Action   string          `xml:"EvalActionName"`
	Resource string          `xml:"EvalResourceName"`
	Decision Decision        `xml:"EvalDecision"`
	Matched  statements      `xml:"MatchedStatements"`
	Missing  members         `xml:"MissingContextValues"`
	Boundary *boundaryDetail `xml:"PermissionsBoundaryDecisionDetail"`
	// Specific is absent where one resource was asked about.
	Specific *specifics `xml:"ResourceSpecificResults"`
}

type specifics struct {
	Members []specific `xml:"member"`
}

type specific struct {
	Resource string          `xml:"EvalResourceName"`
	Decision Decision        `xml:"EvalResourceDecision"`
	Matched  statements      `xml:"MatchedStatements"`
	Missing  members         `xml:"MissingContextValues"`
	Boundary *boundaryDetail `xml:"PermissionsBoundaryDecisionDetail"`
}

type statements struct {
	Members []statementXML `xml:"member"`
}

type members struct {
	Members []string `xml:"member"`
}

type statementXML struct {
	Policy string   `xml:"SourcePolicyId"`
	Type   string   `xml:"SourcePolicyType"`
	Start  Position `xml:"StartPosition"`
	End    Position `xml:"EndPosition"`
}

type boundaryDetail struct {
	Allowed bool `xml:"AllowedByPermissionsBoundary"`
}
